"""What is mounted, as the kernel tells it: mountinfo, or the mounts file of old. No filesystem is ever touched.

A statfs(2) or stat(2) of a mount whose server is dead may hang for ever; its line in /proc does not.
"""

from __future__ import annotations

import re

from checklib import limits
from checklib.errors import CannotTell, NotApplicable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from checklib.node import Node

# As process 1 sees it: an agent in a mount namespace of its own (systemd's PrivateTmp= and ProtectSystem= make one)
# sees more, and more read-only, than the machine has. `self` is for those who may not see process 1.
_FILES = ("/proc/1/mountinfo", "/proc/self/mountinfo", "/proc/1/mounts", "/proc/mounts")
_NO_ID = -1
_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")


class Mount:
    """One mount.

    id, parent   numbers of this mount and of the one it is on; -1 where they are not known
    device       major:minor of the filesystem, "" where it is not known
    fsroot       the part of the filesystem that is seen: / unless it is a bind mount or a subvolume
    target       the mount point
    options      those of the mount, then those of its filesystem; `ro` where either is
    propagation  shared or private, then ,slave and ,unbindable, as findmnt(8) says it; "" where it is not known
    """

    __slots__ = ("device", "fsroot", "fstype", "id", "options", "parent", "propagation", "source", "target")

    def __init__(self, target: str, source: str, fstype: str, options: list[str]) -> None:
        self.id = self.parent = _NO_ID
        self.device = self.propagation = ""
        self.fsroot = "/"
        self.target = target
        self.source = source
        self.fstype = fstype
        self.options = options


class Table:
    """All mounts of one mount namespace."""

    def __init__(self, mounts: Iterable[Mount]) -> None:
        self._at: dict[str, list[Mount]] = {}
        self._by_id: dict[int, Mount] = {}
        for mount in mounts:
            self._at.setdefault(mount.target, []).append(mount)
            self._by_id[mount.id] = mount

    def targets(self) -> list[str]:
        """All mount points."""
        return list(self._at)

    def at(self, target: str) -> Mount | None:
        """What is mounted there: of several on top of each other the one that is seen."""
        stack = self._at.get(target)
        if not stack:
            return None
        covered = {mount.parent for mount in stack if mount.parent != mount.id}
        return ([mount for mount in stack if mount.id not in covered] or stack)[-1]

    def holding(self, path: str) -> Mount | None:
        """The mount that a path lies in, judged by names alone."""
        return next((mount for above in _upwards(path) if (mount := self.at(above))), None)

    def hider(self, mount: Mount) -> Mount | None:
        """Another one that was mounted later on a directory above, so that no path leads to this one any more."""
        seen = {_NO_ID}
        while mount.id not in seen:
            seen.add(mount.id)
            for above in _upwards(mount.target):
                for other in self._at.get(above, ()):
                    if above != mount.target and other.parent == mount.parent != other.id:
                        return other
            mount = self._by_id.get(mount.parent, mount)
        return None


def table_of(node: Node) -> Table:
    """The mounts below the node's root. Raises NotApplicable where there is no /proc to tell of them."""
    return node.once("mounts", lambda: _read(node))


def source_of(mount: Mount, node: Node) -> str:
    """Where it comes from. A kernel without an initramfs calls its first filesystem /dev/root: the real name then."""
    if mount.source != "/dev/root" or not mount.device:
        return mount.source
    try:
        return "/dev/" + node.root.readlink(f"/sys/dev/block/{mount.device}").rpartition("/")[2]
    except OSError:  # no /sys, or a device of no disk: then that name is all there is
        return mount.source


def _read(node: Node) -> Table:
    for path in _FILES:
        try:
            text = node.root.text(path, limits.mounts_bytes_max)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue  # an older kernel, a tree without process 1, or hidepid: the next one may tell
        table = parse_mountinfo(text) if path.endswith("info") else parse_mounts(text)
        if not table.targets():  # every machine has a mount at /
            raise CannotTell(f"{path} has not a single mount: it is no table of the kernel's")
        return table
    raise NotApplicable(f"there is no /proc with the mounts of a machine{node.root.whereabouts()}")


def parse_mountinfo(text: str) -> Table:
    """proc_pid_mountinfo(5). What is no line of it is left out."""
    return Table(mount for line in text.split("\n") if (mount := _mount(line)))


def rows_of(text: str) -> list[list[str]]:
    """The fields of each line of proc_pid_mountinfo(5). Raises CannotTell where there is not a single one."""
    found = [fields for fields in map(fields_of, text.split("\n")) if "-" in fields[6:-1]]
    if not found:  # every machine has a mount at /
        raise CannotTell("mountinfo has not a single mount: it is no table of the kernel's")
    return found


def _mount(line: str) -> Mount | None:
    fields = fields_of(line)
    if "-" not in fields[6:-1] or not (fields[0].isdecimal() and fields[1].isdecimal()):
        return None
    dash = fields.index("-", 6)
    fstype, options = fields[dash + 1], fields[-1] if len(fields) > dash + 2 else ""
    source = unescape(fields[dash + 2]) if len(fields) > dash + 3 else ""  # it may have been mounted with an empty one
    mount = Mount(unescape(fields[4]), source, fstype, merge_options(fields[5], options))
    mount.id, mount.parent, mount.device = int(fields[0][:18]), int(fields[1][:18]), fields[2]
    mount.fsroot = unescape(fields[3])
    tags = {tag.partition(":")[0] for tag in fields[6:dash]}
    words = ["shared" if "shared" in tags else "private", "slave" if "master" in tags else "", "unbindable"]
    mount.propagation = ",".join(filter(None, words if "unbindable" in tags else words[:2]))
    return mount


def parse_mounts(text: str) -> Table:
    """fstab(5) as /proc/mounts has it."""
    rows = map(fields_of, text.split("\n"))
    return Table(
        Mount(unescape(row[1]), unescape(row[0]), row[2], merge_options(row[3], "")) for row in rows if len(row) >= 4
    )


def merge_options(of_the_mount: str, of_the_filesystem: str) -> list[str]:
    """Both together, as mount(8) lists them: first `ro` where either has it, else `rw`; none twice."""
    words = [word for word in f"{of_the_mount},{of_the_filesystem}".split(",") if word]
    return list(dict.fromkeys(["ro" if "ro" in words else "rw", *(word for word in words if word not in {"ro", "rw"})]))


def fields_of(line: str) -> list[str]:
    """What stands between spaces and tabs; any other white space is part of a name."""
    return [field for field in line.replace("\t", " ").split(" ") if field]


def unescape(text: str) -> str:
    r"""As getmntent(3): \040 is a space; tab, newline, backslash and # are written so too."""
    if "\\" not in text:
        return text
    raw = _OCTAL.sub(lambda found: bytes([int(found[1], 8)]), text.encode("utf-8", "replace"))
    return raw.decode("utf-8", "replace")


def plain_path(path: str) -> str:
    """An absolute path without double or trailing slashes."""
    return "/" + "/".join(part for part in path.split("/") if part)


def _upwards(path: str) -> Iterator[str]:
    """The path, and every directory above it: /a/b, /a, /."""
    while path not in {"", "/"}:
        yield path
        path = path.rpartition("/")[0]
    yield "/"
