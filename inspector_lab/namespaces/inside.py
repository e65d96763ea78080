"""The first process of a node: makes its network, host name and file systems, then waits for ever.

It is a fork of the keeper, so a hundred of them share most of their memory. It dies with the keeper, and everything in
its PID namespace with it: the kernel sees to both.

The files of the machine are the node's too, and it cannot write to them. Its own are /etc and /var (the machine's, with
what this node changes on top), /root, /tmp, /run, /dev/shm, and what the lab keeps for it below its directory; all but
the last two on one small disk, which a power cut does not erase.
"""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from inspector_lab import processes
from inspector_lab.layout import NodeLayout
from inspector_lab.namespaces import kernel, limits
from inspector_lab.namespaces.programs import run_ip

NAMESPACES = kernel.CLONE_NEWNET | kernel.CLONE_NEWUTS | kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC

OVERLAID = ("/etc", "/var")
REPLACED = ("/tmp", "/root")  # noqa: S108 - mount points, not files of ours
FRESH = {"/run": limits.run_bytes, "/dev/shm": limits.shm_bytes}  # noqa: S108
KERNELS = ("/proc", "/sys", "/dev")  # no files, but the kernel itself
LAB = "lab"  # of a disk, what the lab keeps on it: the root that checks look at, the agent's cache, Ansible's files
FLAGS = {
    "nosuid": kernel.MS_NOSUID,
    "nodev": kernel.MS_NODEV,
    "noexec": kernel.MS_NOEXEC,
    "noatime": kernel.MS_NOATIME,
    "nodiratime": kernel.MS_NODIRATIME,
    "relatime": kernel.MS_RELATIME,
}
_ESCAPE = re.compile(r"\\([0-7]{3})")

# Of /proc/sys, what is a node's own: all else can be read, and not be written, since it is the whole machine's.
OWN_SYSCTLS = (
    *("net/ipv4", "net/ipv6", "net/core/somaxconn", "kernel/hostname", "kernel/domainname", "kernel/sem"),
    *("kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/shmall", "kernel/shmmax", "kernel/shmmni"),
)
# Below those again the machine's: its neighbour table is one for all.
SHARED_SYSCTLS = ("net/ipv4/neigh", "net/ipv6/neigh")


@dataclass(frozen=True)
class Frame:
    """What a node needs to come to life.

    disk     where its disk is mounted in the keeper's world, below `disks`, where all nodes' are
    visible  directories that programs of the node need, wherever they are
    links    for `ip -batch`, the program `ip`
    """

    name: str
    files: NodeLayout
    disks: Path
    visible: tuple[Path, ...]
    ip: str
    links: tuple[str, ...]
    hosts: str
    machine_id: str

    @property
    def disk(self) -> Path:
        """Its own."""
        return self.disks / self.name


def live(frame: Frame, keeper: socket.socket) -> NoReturn:
    """To be called in a fork, as the first process of a PID namespace.

    Tells the keeper `r` when it has its namespaces, hears `c` when it has a cable, tells `u` when the node is up.
    """
    processes.prctl(processes.PR_SET_PDEATHSIG, signal.SIGKILL)
    kernel.unshare(NAMESPACES)
    keeper.sendall(b"r")
    if keeper.recv(1) != b"c":  # the keeper has ended
        os._exit(1)
    socket.sethostname(frame.name)
    quiet_network()
    Path("/proc/sys/net/ipv4/ping_group_range").write_text("0 2147483647")  # as systemd has it on every machine
    run_ip(frame.ip, frame.links)
    furnish(frame)
    own_proc()
    keeper.sendall(b"u")
    os.closerange(0, keeper.fileno() + 1)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel collects orphans that end
    while True:
        signal.pause()


def quiet_network() -> None:
    """No IPv6 where the lab has none: a hundred interfaces would look for routers, and fill the neighbour table."""
    for which in ("all", "default"):
        switch = Path(f"/proc/sys/net/ipv6/conf/{which}/disable_ipv6")
        if switch.exists():
            switch.write_text("1")


# --- file systems -----------------------------------------------------------------------------------------------------


def furnish(frame: Frame) -> None:
    """Put the node's own directories in place of the machine's, and make the rest read-only."""
    at = frame.files.disk
    kernel.bind(str(frame.disk), str(at))
    kernel.detach(str(frame.disks))  # the other nodes' disks
    for place, kept in writable_mounts():
        if place != str(at):
            kernel.read_only(place, kept)
    disk = os.open(at, os.O_PATH | os.O_CLOEXEC)
    kept_open = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in covered(frame.visible)}
    for place in OVERLAID:
        own = f"/proc/self/fd/{disk}{place}"
        kernel.mount("overlay", place, "overlay", data=f"lowerdir={place},upperdir={own}/upper,workdir={own}/work")
    for place in REPLACED:
        kernel.bind(f"/proc/self/fd/{disk}{place}", place)
    for place, size in FRESH.items():
        if Path(place).is_dir():
            kernel.mount(place, place, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, f"size={size},mode=1777")
    for path, handle in kept_open.items():
        path.mkdir(parents=True, exist_ok=True)
        kernel.bind(f"/proc/self/fd/{handle}", str(path))
    kernel.bind(f"/proc/self/fd/{disk}", str(at))
    for own_folder in (frame.files.root, frame.files.cache, frame.files.scratch):
        kernel.bind(str(at / LAB / own_folder.name), str(own_folder))
    Path("/run/sshd").mkdir(mode=0o755)
    Path("/run/lock").mkdir(mode=0o1777)
    Path("/etc/hostname").write_text(f"{frame.name}\n")
    Path("/etc/hosts").write_text(frame.hosts)
    Path("/etc/machine-id").write_text(f"{frame.machine_id}\n")


def covered(paths: Sequence[Path]) -> list[Path]:
    """Those that the node's own directories would hide, each once, outer ones first."""
    places = [Path(place) for place in (*OVERLAID, *REPLACED, *FRESH)]
    return sorted({path for path in paths if any(path != place and path.is_relative_to(place) for place in places)})


def writable_mounts() -> Iterator[tuple[str, int]]:
    """(mount point, flags to keep) of the machine's file systems that we see and could write to."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        words = line.split()
        options = words[5].split(",")
        place = _ESCAPE.sub(lambda found: chr(int(found[1], 8)), words[4])
        # A mount point that cannot be reached is one that somebody else has removed, or covered.
        if "rw" in options and not place.startswith(KERNELS) and os.path.lexists(place):
            yield place, sum(FLAGS.get(option, 0) for option in options)


def own_proc() -> None:
    """/proc of this PID namespace, /proc/sys to be read but for what is this node's own; /sys of this network."""
    secure = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    for machines in ("/sys", "/proc"):
        kernel.detach(machines)
    kernel.mount("proc", "/proc", "proc", secure)
    kernel.mount("sysfs", "/sys", "sysfs", secure | kernel.MS_RDONLY)
    kernel.bind("/proc/sys", "/proc/sys")
    for names, shut in ((OWN_SYSCTLS, False), (SHARED_SYSCTLS, True)):
        for path in [f"/proc/sys/{name}" for name in names]:
            if Path(path).exists():
                kernel.bind(path, path)
                if shut:
                    kernel.read_only(path, secure)
    kernel.read_only("/proc/sys", secure)
