"""What this node is, in outline: operating system, kernel, hardware. Read below a root, parsed by pure functions.

A fact that cannot be told is None, never a guess; nothing outside the root tells one.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass

from inspector_agent import below

FILE_BYTES_MAX = 1 << 20
NUMBER_DIGITS_MAX = 19  # of anything that the kernel counts

# Where a machine says that it is a virtual one: a part of its vendor or product name -> what it is called.
HYPERVISORS = {
    "qemu": "kvm",
    "kvm": "kvm",
    "openstack": "kvm",
    "amazon ec2": "amazon",
    "google": "google",
    "vmware": "vmware",
    "virtualbox": "virtualbox",
    "virtual machine": "hyperv",
    "xen": "xen",
    "bochs": "bochs",
    "parallels": "parallels",
    "apple virtualization": "apple",
    "bhyve": "bhyve",
}


@dataclass(frozen=True)
class Facts:
    """The node in outline.

    Attributes:
        os: id as in os-release, e.g. "debian".
        os_name: for people, e.g. "Debian GNU/Linux 12 (bookworm)".
        kernel: release, as `uname -r` prints it.
        arch: machine, as `uname -m` prints it.
        cpus: processors that are online.
        memory_mib: main memory that the kernel manages, in MiB.
        virtualization: "none", a container ("docker", "lxc", …), a hypervisor ("kvm", …), or "vm" without a name.
    """

    os: str | None
    os_version: str | None
    os_name: str | None
    kernel: str | None
    arch: str | None
    cpus: int | None
    memory_mib: int | None
    virtualization: str | None

    def as_dict(self) -> dict[str, str | int | None]:
        """For JSON."""
        return asdict(self)


def gather(root: str = "/") -> Facts:
    """The facts of the machine, or of what lies below another root directory. Raises nothing."""
    release = parse_os_release(_read(root, "etc/os-release") or _read(root, "usr/lib/os-release"))
    cpuinfo = _read(root, "proc/cpuinfo")
    return Facts(
        os=release.get("ID"),
        os_version=release.get("VERSION_ID"),
        os_name=release.get("PRETTY_NAME"),
        kernel=_read(root, "proc/sys/kernel/osrelease").strip() or None,
        arch=_read(root, "proc/sys/kernel/arch").strip() or (os.uname().machine if root == "/" else None),
        cpus=count_cpus(_read(root, "sys/devices/system/cpu/online"), cpuinfo),
        memory_mib=parse_memory(_read(root, "proc/meminfo")),
        virtualization=tell_virtualization(
            container=_container(root),
            vendor=_read(root, "sys/class/dmi/id/sys_vendor"),
            product=_read(root, "sys/class/dmi/id/product_name"),
            hypervisor=_read(root, "sys/hypervisor/type"),
            cpuinfo=cpuinfo,
        ),
    )


def flat_facts(root: str = "/") -> dict[str, str]:
    """The known facts as texts, for matches and variables: `{"os": "debian", "cpus": "8", …}`. Raises nothing."""
    return {name: str(value) for name, value in gather(root).as_dict().items() if value is not None}


def parse_os_release(text: str) -> dict[str, str]:
    """NAME=value lines with the quoting of a shell, as os-release(5) describes; what is malformed is left out."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and name.isidentifier():
            with suppress(ValueError):
                found[name] = "".join(shlex.split(value))
    return found


def parse_memory(meminfo: str) -> int | None:
    """MemTotal of /proc/meminfo in MiB."""
    for line in meminfo.splitlines():
        words = line.split()
        if len(words) >= 2 and words[0] == "MemTotal:":
            with suppress(ValueError):
                return _number(words[1]) // 1024
    return None


def count_cpus(online: str, cpuinfo: str) -> int | None:
    """How many processors: of a list like "0-3,8", else of /proc/cpuinfo's entries."""
    with suppress(ValueError):
        total = 0
        for part in online.strip().split(","):
            first, _, last = part.partition("-")
            total += _number(last or first) - _number(first) + 1
        return total if total > 0 else None
    return sum(line.startswith("processor") for line in cpuinfo.splitlines()) or None


def _number(text: str) -> int:
    """Raises ValueError for what is no number, or one of more digits than any that is meant."""
    if not text.isdecimal() or len(text) > NUMBER_DIGITS_MAX:
        raise ValueError("no number")
    return int(text)


def tell_virtualization(*, container: str, vendor: str, product: str, hypervisor: str, cpuinfo: str) -> str | None:
    """What the machine runs in. A container goes before the hypervisor below it; without any evidence it is None."""
    if container:
        return container
    name = f"{vendor} {product} {hypervisor}".lower()
    for part, called in HYPERVISORS.items():
        if part in name:
            return called
    flags = next((line for line in cpuinfo.splitlines() if line.startswith("flags")), "")
    if "hypervisor" in flags.split():
        return "vm"
    return "none" if vendor.strip() or flags else None


def _container(root: str) -> str:
    """The container manager that this root directory was made by, or ""."""
    if named := _read(root, "run/systemd/container").strip():
        return named
    markers: Mapping[str, str] = {".dockerenv": "docker", "run/.containerenv": "podman"}
    return next((name for marker, name in markers.items() if below.exists(root, marker)), "")


def _read(root: str, path: str) -> str:
    """A file's text, at most 1 MiB of it; "" where it cannot be read."""
    with suppress(OSError):
        return below.read(root, path, FILE_BYTES_MAX).decode("utf-8", "replace")
    return ""
