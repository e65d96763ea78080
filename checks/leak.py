"""What containers left behind: network namespaces without a process, virtual links to nowhere, mounts of the dead."""

from __future__ import annotations

import fnmatch
import re
import time

from checklib import limits, mounts, netlink, parameters
from checklib.errors import CannotTell, NotApplicable
from checklib.kernelfs import pids, read
from checklib.kinds import Kind, Parameter, Property
from checklib.several import some, tellable
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from checklib.contract import Item
    from checklib.node import Node

    Find = Callable[[Node, float], list[str]]

NAMESPACES = ("/run/netns", "/run/docker/netns")  # of ip-netns(8) and CNI, and of Docker
# Docker Swarm's networks live in namespaces of their own, in which no process ever is.
SWARM = ("1-*", "lb_*", "ingress_sbox")
AFTER_S = 300.0  # a pod's namespace is made before its first process
DELETED = "//deleted"  # what the kernel writes behind the source of a bind mount that was removed
LAYERS = "/var/lib/docker/image/overlay2/layerdb/mounts"
MOUNTINFO = ("/proc/1/mountinfo", "/proc/self/mountinfo")
_NAME, _MASTER, _INFO, _INFO_KIND, _CARRIER = 3, 10, 18, 1, 33  # IFLA_IFNAME …: linux/if_link.h
# The root filesystem of a container of containerd or of Docker; its id or its layer's.
_ROOT = re.compile(
    r"/io\.containerd\.runtime\.v[^/]+/[^/]+/(?P<id>[\w.-]{1,128})/rootfs$"
    r"|/overlay2/(?P<layer>[0-9a-f]{64})/merged$"
)
_ID = re.compile(r"[0-9a-f]{64}")


def parse_cgroups(text: str) -> set[str]:
    """/proc/PID/cgroup -> what may be the name of a container in it: 64 hexadecimal digits, or the last part."""
    return {*_ID.findall(text), *(line.rpartition("/")[2] for line in text.split("\n"))}


def parse_deleted(text: str) -> list[str]:
    """proc_pid_mountinfo(5) -> mount points whose source was removed, sorted. Raises CannotTell where it has none."""
    return sorted({mounts.unescape(row[4]) for row in mounts.rows_of(text) if row[3].endswith(DELETED)})


def parse_roots(text: str) -> dict[str, tuple[str, str]]:
    """proc_pid_mountinfo(5) -> mount point of a container's root filesystem -> its id and its layer, one of them ""."""
    found = {}
    for fields in mounts.rows_of(text):
        target = mounts.unescape(fields[4])[: limits.text_chars_max]
        named = _ROOT.search(target) if fields[fields.index("-", 6) + 1] == "overlay" else None
        if named:
            found[target] = (named["id"] or "", named["layer"] or "")
    return found


def _pids(node: Node) -> list[str]:
    """All processes. Raises NotApplicable without a /proc, CannotTell where others' are hidden."""
    if not node.root.exists("/proc/1"):
        if node.root.exists("/proc/self"):
            raise CannotTell("others' processes are hidden: who uses what cannot be told")
        raise NotApplicable(f"there is no /proc with the processes of a machine{node.root.whereabouts()}")
    return pids(node)


def _inhabited(node: Node) -> set[str]:
    """The namespaces that processes are in, as the kernel writes them: net:[4026531840]."""
    return {_namespace(node, pid) for pid in _pids(node)}


def _namespace(node: Node, pid: str) -> str:
    """A process's; empty where it has ended. Process 1 may hide: it is in the machine's own."""
    try:
        return node.root.readlink(f"/proc/{pid}/ns/net")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    except PermissionError as error:
        if pid == "1":
            return ""
        raise CannotTell("which network namespaces processes are in only root may see") from error


def _namespaces(node: Node, after_s: float) -> list[str]:
    """Names without a process in them, older than after_s: so it is no race with a container that is being made."""
    if not node.root.is_host:
        raise NotApplicable(f"network namespaces are this machine's: there are none{node.root.whereabouts()}")
    names = [(folder, name) for folder in NAMESPACES for name in node.root.names(folder)]
    if len(names) > limits.network_namespaces_max:
        raise CannotTell(f"there are more than {limits.network_namespaces_max} network namespaces")
    inhabited = node.once("inhabited network namespaces", lambda: _inhabited(node)) if names else set()
    before = time.time() - after_s
    leaked = []
    for folder, name in names:
        try:
            status = node.root.stat(f"{folder}/{name}")
        except FileNotFoundError:  # it has gone since
            continue
        is_docker = folder == NAMESPACES[1] and any(fnmatch.fnmatchcase(name, one) for one in SWARM)
        if f"net:[{status.st_ino}]" not in inhabited and status.st_ctime <= before and not is_docker:
            leaked.append(name)
    return leaked


def _links(node: Node, _: float) -> list[str]:
    """Virtual links whose other end is down or away, and which no bridge, bond or switch has."""
    if not node.root.is_host:
        raise NotApplicable(f"the kernel tells of this machine's links, not of those of {node.root.path}")
    leaked = []
    for _header, told in node.once("links", lambda: netlink.dump(netlink.GET_LINKS, 0)):
        info = netlink.attributes(told.get(_INFO, b""))
        if info.get(_INFO_KIND, b"").rstrip(b"\0") == b"veth" and _MASTER not in told and told.get(_CARRIER) == b"\0":
            leaked.append(told.get(_NAME, b"").rstrip(b"\0").decode("utf-8", "replace"))
    return leaked


def _mounts(node: Node, _: float) -> list[str]:
    """Mounts whose source was removed, and root filesystems of containers in which no process is."""
    path = node.root.first(*MOUNTINFO)
    text = node.root.text(path, limits.mounts_bytes_max)
    roots = parse_roots(text)
    running = _containers(node) if roots else set()
    owners = _owners(node) if any(layer for _, layer in roots.values()) else {}
    dead = [target for target, (name, layer) in roots.items() if (name or owners.get(layer, "")) not in running]
    return parse_deleted(text) + dead


def _containers(node: Node) -> set[str]:
    """What may be the name of a container that has a process."""
    return set().union(*(_of_process(node, pid) for pid in _pids(node)))


def _of_process(node: Node, pid: str) -> set[str]:
    try:
        return parse_cgroups(read(node, f"/proc/{pid}/cgroup") or "")
    except ProcessLookupError:  # it has ended since
        return set()


def _owners(node: Node) -> dict[str, str]:
    """Docker's layers -> the container of each."""
    return {read(node, f"{LAYERS}/{name}/mount-id") or "": name for name in node.root.names(LAYERS)}


LEAKS: dict[str, Find] = {"netns": _namespaces, "veth": _links, "mount": _mounts}


def observe(item: Item, node: Node) -> Observed:
    """What was left behind of one sort, without what the item passes over."""
    if item.key not in LEAKS:
        raise CannotTell(f"nothing is called {item.key[:80]!r}: known are {', '.join(LEAKS)}")
    left = LEAKS[item.key](node, parameters.number(item, "after_s", AFTER_S))
    found = parameters.without_excepted(item, left)
    return Observed({"count": len(found), "what": found}, note=some(found))


def discover(node: Node) -> Iterator[str]:
    """All sorts that can be told here."""
    return tellable(LEAKS, lambda key: LEAKS[key](node, AFTER_S))


KIND = Kind(
    "leak",
    title="what containers left behind: network namespaces, virtual links and mounts that nobody uses any more",
    chapter="containers",
    key=(
        "netns: names in /run/netns and /run/docker/netns without a process in them, or without a namespace behind "
        "them; veth: virtual links without carrier that belong to no bridge, bond or switch; mount: mounts whose "
        "source was removed, and root filesystems of containerd's and Docker's containers in which no process is left"
    ),
    keys=LEAKS,
    main="count",
    properties={
        "count": Property("number", "how many there are; the finding names some"),
        "what": Property("list", "their names, sorted; of mounts the mount points"),
    },
    parameters={
        "except": Parameter("list", "what does not count: names, or patterns such as vpn-*"),
        "after_s": Parameter("number", f"of netns: for how many seconds it has been there, {AFTER_S:.0f} if left out"),
    },
    default={"count": {"equals": 0}},
    example={"netns": {"with": {"except": ["vpn-*"]}, "equals": 0}, "veth": {"at_most": 2}, "mount": {"equals": 0}},
    outcomes=(
        "netns and veth are of this machine: na below another root; mount is na there without a /proc. Whose network "
        "namespaces there are only root may see: an error otherwise. The namespaces of Docker Swarm's networks never "
        "have a process and do not count. Zombies are told by the kind process."
    ),
    reads=[*NAMESPACES, "/proc/PID/ns/net", "/proc/PID/cgroup", *MOUNTINFO, LAYERS, "rtnetlink(7)"],
    cost="netns a link, mount with containers a small file of every process: some 10 ms a thousand",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
