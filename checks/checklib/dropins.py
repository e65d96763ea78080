"""Files that lie on top of others in drop-in directories, as systemd, kmod and many more read them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from checklib.root import Root


def read_in_order(root: Root, directories: Iterable[str], ending: str = ".conf") -> list[str]:
    """Their files in the order of their names, whatever their directories: what is read later counts.

    Of two with one name only that of the first directory is read; a link to /dev/null hides the others' for good.
    """
    files: dict[str, str] = {}
    for directory in directories:
        for name in root.names(directory):
            if name.endswith(ending) and not name.startswith("."):
                files.setdefault(name, f"{directory}/{name}")
    return [path for _, path in sorted(files.items()) if not _is_masked(path, root)]


def _is_masked(path: str, root: Root) -> bool:
    import errno

    try:
        return root.readlink(path) == "/dev/null"
    except OSError as error:
        if error.errno in {errno.EINVAL, errno.ENOENT}:  # no link; gone since
            return False
        raise
