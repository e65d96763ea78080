"""What the files alone say of a unit of systemd, below any root: whether it is enabled, as
`systemctl --root=… is-enabled` tells it, and what is set in it and in its drop-ins, as `systemctl cat` shows them.
"""

from __future__ import annotations

import errno

from checklib import limits
from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from checklib.root import Root

# systemd.unit(5), in order: the first that has the unit counts.
ADMIN, RUNTIME = "/etc/systemd/system", "/run/systemd/system"
DIRECTORIES = (ADMIN, RUNTIME, "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
# The same with all that is made at run time, as `systemctl set-property`, systemd-run and generators leave it.
_LOADED_FROM = (
    "/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient",
    "/run/systemd/generator.early", ADMIN, RUNTIME, "/run/systemd/generator", *DIRECTORIES[2:],
    "/run/systemd/generator.late",
)  # fmt: skip
_LINKED_BY = (".wants", ".requires", ".upholds")
_INSTALLING = ("WantedBy", "RequiredBy", "UpheldBy", "Alias")


Settings = dict[str, list[str]]  # `Section.Name` -> what it is set to, in order


def parse_unit(text: str) -> list[tuple[str, str]]:
    """A unit file: (`Section.Name`, value) of each line that sets something, as systemd.syntax(7) has it."""
    found = []
    section, begun = "", ""
    for raw in text.split("\n"):
        line = raw.strip()
        if line[:1] in {"#", ";"}:
            continue
        if raw.endswith("\\"):
            begun += f"{line[:-1].rstrip()} "
            continue
        line, begun = begun + line, ""
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif section and "=" in line:
            name, _, value = line.partition("=")
            found.append((f"{section}.{name.strip()}", value.strip()))
    return found


def parse_install(text: str) -> Settings:
    """The [Install] section of a unit file: its keys and all their words."""
    found: Settings = {}
    for name, value in parse_unit(text):
        if name.startswith("Install."):
            found.setdefault(name[8:], []).extend(value.split())
    return found


def assignments(unit: str, root: Root) -> list[tuple[str, str]] | None:
    """What a unit's file and its drop-ins set, in order: nothing of a masked one. None where there is no such unit."""
    path = _fragment(unit, root)
    if path is None:
        return None
    if _link_target(path, root) == "/dev/null":
        return []
    return [line for file in (path, *_drop_ins(unit, root)) for line in parse_unit(root.written(file))]


def settings(unit: str, root: Root) -> Settings | None:
    """The same by name. An empty value takes back what was set before; where only one can count, it is the last."""
    lines = assignments(unit, root)
    if lines is None:
        return None
    found: Settings = {}
    for name, value in lines:
        found.setdefault(name, []).append(value)
        if not value:
            found[name] = []
    return found


def mount_unit(target: str) -> str:
    """The unit that mounts something there, by systemd.unit(5)'s rules for paths: /srv/a-b -> srv-a\\x2db.mount."""
    parts = [part for part in target.split("/") if part]
    raw = "/".join(parts).encode("utf-8", "replace")
    plain = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_."
    words = [
        "-" if char == ord("/") else chr(char) if char in plain and (place or char != ord(".")) else f"\\x{char:02x}"
        for place, char in enumerate(raw)
    ]
    return f"{''.join(words) or '-'}.mount"


def unit_files(suffix: str, root: Root) -> list[str]:
    """All units of one type that have a file and are no template, sorted."""
    names = {name for directory in _LOADED_FROM for name in root.names(directory)}
    return sorted(name for name in names if name.endswith(suffix) and "@." not in name)[: limits.units_max]


def _fragment(unit: str, root: Root) -> str | None:
    """The file that counts: the first of the unit's own name, or else of its template's."""
    for name in dict.fromkeys((unit, _template_of(unit))):
        for directory in _LOADED_FROM:
            path = f"{directory}/{name}"
            if root.exists(path) or _link_target(path, root) is not None:
                return path
    return None


def _drop_ins(unit: str, root: Root) -> list[str]:
    """Files of `unit.d` and of what the unit is a case of, by name; of two with one name the first directory's."""
    files: dict[str, str] = {}
    for owner in _owners(unit):
        for directory in _LOADED_FROM:
            folder = f"{directory}/{owner}.d"
            for name in root.names(folder):
                if name.endswith(".conf"):
                    files.setdefault(name, f"{folder}/{name}")
    chosen = [files[name] for name in sorted(files)]
    return [path for path in chosen if _link_target(path, root) != "/dev/null"]


def _owners(unit: str) -> Iterator[str]:
    """Whose drop-ins count, nearest first: a-b@c.service, a-b@.service, a-.service, service."""
    yield unit
    if _template_of(unit) != unit:
        yield _template_of(unit)
    stem, _, suffix = unit.rpartition(".")
    while "-" in stem:
        stem = stem.rstrip("-").rpartition("-")[0]
        if stem:
            yield f"{stem}-.{suffix}"
    yield suffix


def enabled_state(unit: str, root: Root) -> str | None:
    """enabled, enabled-runtime, disabled, masked, masked-runtime, static, indirect or alias; None: no such unit."""
    template = _template_of(unit)
    for directory in DIRECTORIES:
        for name in dict.fromkeys((unit, template)):
            path = f"{directory}/{name}"
            target = _link_target(path, root)
            if target == "/dev/null":
                return "masked-runtime" if directory == RUNTIME else "masked"
            if target is not None and target.rpartition("/")[2] not in {unit, template}:
                return "alias"
            if root.exists(path):
                return _state_of(unit, template, path, root)
    return None


def has_units(root: Root) -> bool:
    """Whether there is a systemd below the root, with the units it brings itself: all others may be elsewhere too."""
    return any(root.names(directory) for directory in DIRECTORIES[-2:])


def _state_of(unit: str, template: str, path: str, root: Root) -> str:
    text = root.written(path)
    if not text.strip():
        return "masked"
    install = parse_install(text)
    aliases = [alias for alias in install.get("Alias", []) if "/" not in alias]
    for directory, state in ((ADMIN, "enabled"), (RUNTIME, "enabled-runtime")):
        if _is_linked(unit, template, directory, aliases, root):
            return state
    if any(install.get(key) for key in _INSTALLING):
        return "disabled"
    return "indirect" if install.get("Also") else "static"


def _is_linked(unit: str, template: str, directory: str, aliases: list[str], root: Root) -> bool:
    """Another unit wants it, by a link of the administrator's, or one of its aliases is such a link."""
    for name in root.names(directory):
        if name.endswith(_LINKED_BY):
            for wanted in root.names(f"{directory}/{name}"):
                if wanted == unit or (unit == template and "@" in unit and _template_of(wanted) == template):
                    return True
    return any(_link_target(f"{directory}/{alias}", root) is not None for alias in aliases if alias != unit)


def _template_of(unit: str) -> str:
    """getty@tty1.service -> getty@.service; any other unit is its own."""
    name, at, rest = unit.partition("@")
    return f"{name}@.{rest.rpartition('.')[2]}" if at else unit


def _link_target(path: str, root: Root) -> str | None:
    """Where a link points; None where there is nothing, or no link."""
    try:
        return root.readlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.EINVAL:  # it is there, and no link
            return None
        raise CannotTell(f"{path}: {error.strerror}") from error
