"""Containers and pods of a node: how many run, against a limit; how full the disks of their images and logs are."""

from __future__ import annotations

import json

from checklib import limits
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Property
from checklib.several import tellable
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.values import Observation

# Where runc and crun keep what they know of each container: a folder with state.json (runc) or status (crun).
RUNTIMES = ("/run/runc", "/run/crun", "/run/user/0/crun")
# The same, one folder a namespace of containerd's or Docker's.
NAMESPACED = ("/run/containerd/runc", "/run/docker/runtime-runc")
STATES = ("state.json", "status")
PODS = "/var/lib/kubelet/pods"
FOLDERS = {  # key -> where the first that is there decides
    "images": ("/var/lib/containerd", "/var/lib/docker", "/var/lib/containers/storage"),
    "logs": ("/var/log/pods", "/var/lib/docker/containers", "/var/log/containers", "/var/log"),
}
COUNTED = ("running", "pods")
OF_FOLDERS = ("used", "inodes_used", "path")


def parse_pid(text: str) -> int | None:
    """The first process of a container, of runc's state.json or crun's status; None where it has none any more.

    Raises CannotTell where the text is neither.
    """
    try:
        state = json.loads(text)
    except (ValueError, RecursionError):
        raise CannotTell("a container's state is no JSON") from None
    pid = state.get("init_process_pid", state.get("pid")) if isinstance(state, dict) else None
    if pid is None:
        raise CannotTell("a container's state names no process")
    return pid if isinstance(pid, int) and not isinstance(pid, bool) and pid > 0 else None


def parse_usage(figures: os.statvfs_result) -> dict[str, Observation]:
    """What statvfs(3) tells -> shares in percent, rounded up as df(1) does; absent where it counts none."""
    used, files = figures.f_blocks - figures.f_bfree, figures.f_files - figures.f_ffree
    return {"used": _share(used, used + figures.f_bavail), "inodes_used": _share(files, files + figures.f_favail)}


def _share(used: int, total: int) -> int | None:
    return -(-100 * used // total) if total else None


def _states(node: Node) -> Iterator[str]:
    """The state files of all containers."""
    folders = [*RUNTIMES]
    for parent in NAMESPACED:
        folders += [f"{parent}/{name}" for name in node.root.names(parent)]
    for folder in dict.fromkeys(folders):
        for name in node.root.names(folder):
            yield from (path for path in (f"{folder}/{name}/{state}" for state in STATES) if node.root.exists(path))


def _running(node: Node) -> int:
    """Containers whose first process is there; pods have one of their own, that of their sandbox."""
    if not any(map(node.root.exists, (*RUNTIMES, *NAMESPACED))):
        raise NotApplicable(f"neither runc nor crun has run a container: no {RUNTIMES[0]}{node.root.whereabouts()}")
    if not node.root.names("/proc"):
        raise NotApplicable(f"there is no /proc with the processes of a machine{node.root.whereabouts()}")
    count = 0
    for place, path in enumerate(_states(node)):
        if place >= limits.containers_max:
            raise CannotTell(f"there are more than {limits.containers_max} containers")
        count += _is_alive(node, path)
    return count


def _is_alive(node: Node, path: str) -> bool:
    try:
        pid = parse_pid(node.root.text(path))
    except FileNotFoundError:  # it has ended since
        return False
    except CannotTell as error:
        raise CannotTell(f"{path}: {error}") from error
    return pid is not None and node.root.exists(f"/proc/{pid}")


def _pods(node: Node) -> int:
    if not node.root.exists(PODS):
        raise NotApplicable(f"no kubelet keeps pods here: there is no {PODS}{node.root.whereabouts()}")
    return len(node.root.names(PODS))


def observe(item: Item, node: Node) -> Observed:
    """A count, or a disk."""
    if item.key in COUNTED:
        count: Observation = _running(node) if item.key == "running" else _pods(node)
        na = NotApplicable("only images and logs lie on a disk")
        return Observed({**dict.fromkeys(OF_FOLDERS, na), "count": count})
    if item.key not in FOLDERS:
        raise CannotTell(f"nothing is called {item.key[:80]!r}: known are {', '.join((*COUNTED, *FOLDERS))}")
    path = node.root.first(*FOLDERS[item.key])
    if not node.root.is_host:
        raise NotApplicable(f"how full a disk is says nothing of {node.root.path}")
    return Observed({**parse_usage(node.root.statvfs(path)), "path": path, "count": len(node.root.names(path))})


def discover(node: Node) -> Iterator[str]:
    """All that there is here."""
    yield from tellable(COUNTED, lambda key: _running(node) if key == "running" else _pods(node))
    for key, folders in FOLDERS.items():
        if node.root.is_host and any(map(node.root.exists, folders)):
            yield key


KIND = Kind(
    "container",
    title="containers and pods of the node: how many there are, and how full the disks of images and logs are",
    chapter="containers",
    key=(
        "running: containers with a process, of runc and crun, and so of containerd, Docker and CRI-O; pods: those "
        "that the kubelet keeps; images and logs: the filesystem that holds the images, or the containers' logs"
    ),
    keys=(*COUNTED, *FOLDERS),
    main="count",
    properties={
        "count": Property("number", "how many there are; of images and logs: entries of the folder itself"),
        "used": Property("number", "of images and logs: how full the filesystem is, as df has it", unit="percent"),
        "inodes_used": Property("number", "of images and logs: how many of its inodes are used", unit="percent"),
        "path": Property("text", "of images and logs: the folder that decides, the first that is there"),
    },
    example={
        "running": {"at_most": 250},
        "pods": {"at_most": 110},
        "images": {"expect": {"used": {"at_most": 85}, "inodes_used": {"at_most": 90}, "path": "/var/lib/containerd"}},
    },
    outcomes=(
        "na where no container has run since boot, where no kubelet keeps pods, and for images where there is no "
        "folder of them. A pod counts once in pods, and in running with its sandbox beside its containers. Any root "
        "with a /run can be looked at; of it images and logs are na. An error where only root may look. Where an "
        "engine keeps its data elsewhere (data_root of the kind docker), or logs go to the journal (logging_driver "
        "journald: /var/log/journal), the kind disk tells of that folder; path says which was looked at here."
    ),
    reads=[*RUNTIMES, *NAMESPACED, PODS, *(path for paths in FOLDERS.values() for path in paths)],
    cost="running reads a file of some 20 KiB a container",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
