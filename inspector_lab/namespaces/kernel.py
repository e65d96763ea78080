"""The few system calls that Python 3.11 has no name for: namespaces and mounts. Each raises OSError that says what of.

Standard library only: the keeper stays small. pyroute2 knows namespaces too, but is 20 MB of it, and knows no mounts.
"""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUTS = 0x0400_0000
CLONE_NEWIPC = 0x0800_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_NOATIME, MS_NODIRATIME, MS_BIND = 32, 1024, 2048, 4096
MS_REC, MS_PRIVATE, MS_RELATIME = 16_384, 1 << 18, 1 << 21
MNT_DETACH = 2

PR_CAPBSET_DROP = 24
# What a node's root may not do: load code into the machine's kernel, reach its hardware, set its clock.
CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_TIME, CAP_MKNOD = 16, 17, 25, 27

_libc = ctypes.CDLL(None, use_errno=True)


def _must(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Have namespaces of our own from now on; a PID namespace is the next child's."""
    _must(_libc.unshare(flags), "unshare")


def enter(path: str, kind: int) -> None:
    """Be in the namespace that a path of /proc/PID/ns leads to; a PID namespace is the children's."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _must(_libc.setns(handle, kind), f"setns {path}")
    finally:
        os.close(handle)


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    words = (os.fsencode(source), os.fsencode(target), kind.encode() or None, ctypes.c_ulong(flags), data.encode())
    _must(_libc.mount(*words), f"mount {kind or source} on {target}")


def bind(source: str, target: str) -> None:
    """Show at `target` what is at `source`, without what is mounted below it."""
    mount(source, target, flags=MS_BIND)


def read_only(target: str, kept: int = 0) -> None:
    """Let nobody write through this mount. `kept`: flags it has and is to keep."""
    mount("none", target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def detach(target: str) -> None:
    """Unmount what is at `target`, with everything below it, whoever still uses it."""
    _must(_libc.umount2(os.fsencode(target), MNT_DETACH), f"umount {target}")


def give_up(capability: int) -> None:
    """Programs that are executed from now on can never have this capability."""
    _must(_libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "prctl PR_CAPBSET_DROP")
