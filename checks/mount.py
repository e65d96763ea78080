"""What is mounted where, from what and how: the kernel's own table, so that no dead server can make it hang."""

from __future__ import annotations

from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Property
from checklib.mounts import plain_path, source_of, table_of
from checklib.values import Observation, Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.node import Node

_UNKNOWN = "an older kernel tells only of /proc/mounts, which does not have it"


def observe(item: Item, node: Node) -> Observed:
    """What is seen at the mount point."""
    if not item.key.startswith("/"):
        raise CannotTell(f"{item.key[:80]!r} is no absolute path")
    table = table_of(node)
    mount = table.at(plain_path(item.key))
    if mount is None:
        return Observed({"mounted": False}, exists=False, shown={"mounted": lambda: "absent"})
    hider = table.hider(mount)
    values: dict[str, Observation] = {
        "mounted": hider is None,
        "source": source_of(mount, node),
        "fstype": mount.fstype,
        "options": mount.options,
        "fsroot": mount.fsroot if mount.device else NotApplicable(_UNKNOWN),
        "propagation": mount.propagation or NotApplicable(_UNKNOWN),
    }
    return Observed(values, note=f"hidden by what is mounted on {hider.target}" if hider else "")


def discover(node: Node) -> list[str]:
    """All mount points that can be reached."""
    table = table_of(node)
    seen = ((target, table.at(target)) for target in table.targets() if target.startswith("/"))
    return [target for target, mount in seen if mount and not table.hider(mount)]


KIND = Kind(
    "mount",
    title="a mounted filesystem",
    chapter="files",
    key="the mount point, as the kernel names it: without symbolic links",
    key_begins="/",
    main="mounted",
    properties={
        "mounted": Property("bool", "whether it is mounted there, and not hidden by a later mount above it"),
        "source": Property("word", "device, server:/export, or what it was called; /dev/root by its real name"),
        "fstype": Property("word", "ext4, xfs, nfs4, overlay, tmpfs …"),
        "options": Property(
            "list", "in effect: of the mount, then of its filesystem, as findmnt tells them; rw, or ro where either is"
        ),
        "fsroot": Property("word", "what part of the filesystem is seen: / unless a bind mount or a subvolume"),
        "propagation": Property("word", "shared or private, then ,slave and ,unbindable"),
    },
    example={"/srv": {"expect": {"fstype": "xfs", "options": {"contains": ["nodev", "nosuid"]}}}},
    outcomes=(
        "A path where nothing is mounted is absent; na where there is no /proc. What process 1 sees counts, whoever "
        "mounted it: what is to be there after a boot the kind fstab tells, and service of a .mount unit. Any root "
        "with a /proc of its machine can be looked at."
    ),
    reads=["/proc/1/mountinfo", "/proc/self/mountinfo", "/proc/mounts"],
    cost="one read of the mount table for all items together; the filesystems themselves are not touched",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
