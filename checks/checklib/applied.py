"""Whether what fstab(5) configures is what is mounted, entry by entry, in words for people.

Compared are the filesystem's type, where it comes from, and of its options those that read the same on both sides: ro,
nosuid, nodev, noexec, sync, dirsync, nosymfollow, the access times, and the size of a tmpfs. What a filesystem makes of
its own options (data=, subvol=, vers=, uid= …) is written differently by each: only false alarms would come of it.
"""

from __future__ import annotations

import stat

from checklib.errors import CannotTell, NotApplicable
from checklib.mounts import fields_of, plain_path, source_of, table_of, unescape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.mounts import Mount, Table
    from checklib.node import Node

_FLAGS = ("ro", "nosuid", "nodev", "noexec", "sync", "dirsync", "nosymfollow")
_CLEARS = {
    "rw": "ro", "suid": "nosuid", "dev": "nodev", "exec": "noexec", "async": "sync", "symfollow": "nosymfollow",
}  # fmt: skip
_IMPLIES = {  # mount(8): so that nobody gains rights by what they mount
    "user": ("noexec", "nosuid", "nodev"),
    "users": ("noexec", "nosuid", "nodev"),
    "owner": ("nosuid", "nodev"),
    "group": ("nosuid", "nodev"),
}
_BY_ATIME = ("noatime", "relatime", "strictatime")
_TAGS = {"UUID": "by-uuid", "LABEL": "by-label", "PARTUUID": "by-partuuid", "PARTLABEL": "by-partlabel", "ID": "by-id"}
_OF_A_HELPER = {"fuseblk": ("ntfs", "ntfs-3g", "exfat"), "ntfs3": ("ntfs",), "smb3": ("cifs",)}
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


class Entry:
    """One line of fstab. key: its mount point, or its source where it has none, as swap; passno: the order of fsck."""

    __slots__ = ("fstype", "key", "options", "passno", "source", "target")

    def __init__(self, fields: list[str]) -> None:
        self.source, target, self.fstype = map(unescape, fields[:3])
        self.target = plain_path(target) if target.startswith("/") else ""
        self.key = self.target or self.source
        self.options = [word for word in unescape(fields[3]).split(",") if word] if len(fields) > 3 else ["defaults"]
        self.passno = int(fields[5][:9]) if len(fields) > 5 and fields[5].isdecimal() else 0

    @property
    def is_bind(self) -> bool:
        """It shows a directory at a second place."""
        return bool({"bind", "rbind"} & set(self.options))


def parse_fstab(text: str) -> list[Entry]:
    """fstab(5). A line that is none is left out, as mount(8) does."""
    rows = (fields_of(line.strip()) for line in text.split("\n"))
    return [Entry(row) for row in rows if len(row) >= 3 and not row[0].startswith("#")]


def deviations(entry: Entry, node: Node) -> list[str]:
    """How what is mounted differs from an entry; empty where it does not.

    Raises NotApplicable where the entry is only for those who ask for it (noauto) and nobody has, or where there is no
    /proc; CannotTell where it is not to be found out which device is meant.
    """
    if entry.fstype == "swap":
        return _swap(entry, node)
    table = table_of(node)
    mount = table.at(entry.target)
    if mount is None:
        if "noauto" in entry.options or entry.fstype == "ignore":
            raise NotApplicable("it is mounted only when somebody asks for it")
        return ["not mounted"]
    hider = table.hider(mount)
    if hider is not None:
        return [f"hidden by what is mounted on {hider.target}"]
    if mount.fstype == "autofs" != entry.fstype:
        return []  # it waits to be used (x-systemd.automount)
    found = [_type(entry, mount), _source(entry, mount, table, node), *_flags(entry, mount), _size(entry, mount)]
    return [one for one in found if one]


def _type(entry: Entry, mount: Mount) -> str:
    there = mount.fstype
    wanted = entry.fstype.split(",")
    known = {"auto", there, *_OF_A_HELPER.get(there, ())}
    if there.startswith("fuse."):
        known |= {"fuse", there[5:]}
    if there == "nfs4":
        known.add("nfs")  # mount.nfs takes the newest version that the server has
    return "" if entry.is_bind or known & set(wanted) else f"its type is {there}, not {entry.fstype}"


def _source(entry: Entry, mount: Mount, table: Table, node: Node) -> str:
    """Kernel filesystems (tmpfs, proc …) come from nowhere: what they are called means nothing."""
    if entry.is_bind:
        return _bind(entry, mount, table)
    wanted, there = entry.source, source_of(mount, node)
    if not _is_somewhere(entry) or _written(wanted) == _written(there) or _backing(mount, node) == wanted:
        return ""
    number = _number(wanted, node)
    if number is None and _is_told_of(wanted, node):
        return f"it comes from {there}, and there is no {wanted}"
    if number is None and _is_device(wanted):
        raise CannotTell(f"{entry.key}: which device {wanted} is cannot be found out: {there} is mounted")
    same = number is not None and number in {mount.device, _number(there, node)}
    return "" if same else f"it comes from {there}, not from {wanted}"


def _is_somewhere(entry: Entry) -> bool:
    return any(char in entry.source for char in "/:=#")


def _written(source: str) -> str:
    """host:/volume and host:volume/ are one; a program of FUSE stands before its source."""
    return source.rpartition("#")[2].replace(":/", ":").rstrip("/")


def _bind(entry: Entry, mount: Mount, table: Table) -> str:
    """By the names in the table alone: the directory itself may lie on a dead server."""
    source = plain_path(entry.source)
    holder = table.holding(source)
    if holder is None or not mount.device:
        return ""
    below = source[len(holder.target.rstrip("/")) :]
    wanted = plain_path(f"{holder.fsroot}/{below}")
    if (mount.device, mount.fsroot) == (holder.device, wanted) or entry.target == source:
        return ""
    return f"it shows {mount.fsroot} of {mount.source}, not {source}"


def _backing(mount: Mount, node: Node) -> str:
    """The file behind a loop device."""
    if not mount.source.startswith("/dev/loop"):
        return ""
    try:
        return node.root.text(f"/sys/dev/block/{mount.device}/loop/backing_file").rstrip("\n")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _number(source: str, node: Node) -> str | None:
    """major:minor of the device that a path below /dev or a tag means; None where there is no such device."""
    tag, _, value = source.partition("=")
    paths = [source]
    if tag in _TAGS:
        value = value.strip("\"'")
        paths = [f"/dev/disk/{_TAGS[tag]}/{_as_udev(name)}" for name in (value, value.lower())]
    for path in paths:
        if path.startswith("/dev/"):
            try:
                status = node.root.stat(path)
            except (FileNotFoundError, NotADirectoryError):
                continue  # written in another way, or not there at all
            if stat.S_ISBLK(status.st_mode):
                return _device(status.st_rdev)
    return None


def _is_device(source: str) -> bool:
    return source.startswith("/dev/") or source.partition("=")[0] in _TAGS


def _is_told_of(source: str, node: Node) -> bool:
    """Whether udev has written down which devices have such tags."""
    tag = source.partition("=")[0]
    return tag in _TAGS and bool(node.root.names(f"/dev/disk/{_TAGS[tag]}"))


def _device(number: int) -> str:
    import os

    return f"{os.major(number)}:{os.minor(number)}"


def _as_udev(name: str) -> str:
    """As udev writes a label into a file name."""
    return "".join(char if char.isalnum() or char in "#+-.:=@_" else f"\\x{ord(char):02x}" for char in name)


def _flags(entry: Entry, mount: Mount) -> list[str]:
    """Those configured and not in effect; and, of what has a device or a server, those in effect and not configured."""
    wanted: set[str] = set()
    atime = ""
    for word in entry.options:
        wanted |= {word, *_IMPLIES.get(word, ())} & set(_FLAGS)
        wanted -= set(_FLAGS if word == "defaults" else [_CLEARS.get(word, "")])
        atime = word if word in _BY_ATIME else atime
    there = set(mount.options)
    found = [f"without {flag}" for flag in _FLAGS if flag in wanted - there]
    whole = _is_somewhere(entry) and not entry.is_bind
    found += [f"with {flag}" for flag in _FLAGS if flag in there - wanted and (whole or flag == "ro")]
    seen = next((word for word in _BY_ATIME if word in there), "strictatime")
    return [*found, f"with {seen} instead of {atime}"] if atime and seen != atime else found


def _size(entry: Entry, mount: Mount) -> str:
    if mount.fstype != "tmpfs":
        return ""
    wanted, there = _bytes(entry.options), _bytes(mount.options)
    return f"its size is {there >> 10} KiB, not {wanted >> 10} KiB" if wanted and there and wanted != there else ""


def _bytes(options: list[str]) -> int:
    """The size among a tmpfs's options, in whole KiB; 0 where none is told in bytes."""
    size = next((word[5:].lower() for word in reversed(options) if word.startswith("size=")), "")
    digits = size.rstrip("kmgt")
    unit = _UNITS.get(size[len(digits) :], 0)
    return int(digits[:18]) * unit >> 10 << 10 if digits.isdecimal() else 0


def _swap(entry: Entry, node: Node) -> list[str]:
    try:
        lines = node.root.text("/proc/swaps").split("\n")[1:]
    except (FileNotFoundError, NotADirectoryError):
        raise NotApplicable(f"there is no /proc/swaps{node.root.whereabouts()}") from None
    used = [unescape(line.split(" ")[0].split("\t")[0]) for line in lines if line]
    if entry.source in used:
        return []
    number = _number(entry.source, node)
    if number is not None and number in {_number(path, node) for path in used}:
        return []
    if "noauto" in entry.options:
        raise NotApplicable("it is used for swapping only when somebody asks for it")
    if number is None and used and not entry.source.startswith("/"):
        raise CannotTell(f"{entry.key}: which device that is cannot be found out")
    return ["not used for swapping"]
