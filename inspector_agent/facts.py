"""What a node is: operating system, kernel, hardware, drivers, firmware. Read below a root, parsed by pure functions.

A fact that cannot be told is None, never a guess; nothing outside the root tells one. No program is run, and nothing is
read that only root may read: serial numbers stay on the node.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field

from inspector_agent import below, limits
from inspector_agent.devices import drivers, firmware
from inspector_agent.findings import printable

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


# What vendors leave in the place of a name.
PLACEHOLDERS = frozenset(
    {
        "", "none", "n/a", "unknown", "not specified", "not applicable", "default string", "to be filled by o.e.m.",
        "system manufacturer", "system product name", "system version", "o.e.m.", "oem",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Facts:
    """What the node is.

    Attributes:
        os: id as in os-release, e.g. "debian".
        os_name: for people, e.g. "Debian GNU/Linux 12 (bookworm)".
        kernel: release, as `uname -r` prints it.
        arch: machine, as `uname -m` prints it.
        vendor: of the machine, e.g. "Dell Inc."
        model: of the machine, e.g. "PowerEdge R640", or what a device tree says.
        cpus: processors that are online.
        memory_mib: main memory that the kernel manages, in MiB.
        virtualization: "none", a container ("docker", "lxc", …), a hypervisor ("kvm", …), or "vm" without a name.
        bios_version: of the machine's firmware; bios_date as YYYY-MM-DD.
        drivers: versions by driver, of network, storage and graphics devices (`devices.drivers`).
        firmware: versions by device (`devices.firmware`).
    """

    os: str | None
    os_version: str | None
    os_name: str | None
    kernel: str | None
    arch: str | None
    vendor: str | None
    model: str | None
    cpus: int | None
    memory_mib: int | None
    virtualization: str | None
    bios_version: str | None
    bios_date: str | None
    drivers: Mapping[str, str] = field(default_factory=dict)
    firmware: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, str | int | None]:
        """By the names that layers match on, less their `fact.`: those of drivers are `driver.<name>`."""
        found = {name: value for name, value in asdict(self).items() if name not in {"drivers", "firmware"}}
        found |= {f"driver.{name}": version for name, version in self.drivers.items()}
        found |= {f"firmware.{name}": version for name, version in self.firmware.items()}
        return found


def gather(root: str = "/") -> Facts:
    """The facts of the machine, or of what lies below another root directory. Raises nothing."""
    release = parse_os_release(_read(root, "etc/os-release") or _read(root, "usr/lib/os-release"))
    cpuinfo = _read(root, "proc/cpuinfo")
    kernel = _read(root, "proc/sys/kernel/osrelease").strip()
    dmi = {name: _read(root, f"sys/class/dmi/id/{name}") for name in ("sys_vendor", "product_name")}
    return Facts(
        os=_text(release.get("ID", "")),
        os_version=_text(release.get("VERSION_ID", "")),
        os_name=_text(release.get("PRETTY_NAME", "")),
        kernel=_text(kernel),
        arch=_text(_read(root, "proc/sys/kernel/arch")) or (os.uname().machine if root == "/" else None),
        vendor=tell_name(dmi["sys_vendor"]),
        model=tell_name(dmi["product_name"]) or tell_name(_read(root, "sys/firmware/devicetree/base/model")),
        cpus=count_cpus(_read(root, "sys/devices/system/cpu/online"), cpuinfo),
        memory_mib=parse_memory(_read(root, "proc/meminfo")),
        virtualization=tell_virtualization(
            container=_container(root),
            vendor=dmi["sys_vendor"],
            product=dmi["product_name"],
            hypervisor=_read(root, "sys/hypervisor/type"),
            cpuinfo=cpuinfo,
        ),
        bios_version=tell_name(_read(root, "sys/class/dmi/id/bios_version")),
        bios_date=parse_date(_read(root, "sys/class/dmi/id/bios_date")),
        drivers=drivers(root, kernel),
        firmware=firmware(root, cpuinfo),
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


def tell_name(text: str) -> str | None:
    """What a vendor wrote; None for nothing, and for what stands where a vendor forgot to write."""
    name = " ".join(text.strip("\0 \t\r\n").split())
    return None if name.lower() in PLACEHOLDERS else _text(name)


def parse_date(text: str) -> str | None:
    """A date of DMI, MM/DD/YYYY, as YYYY-MM-DD; the text itself where it is written otherwise."""
    month, _, rest = text.strip().partition("/")
    day, _, year = rest.partition("/")
    if all(part.isascii() and part.isdecimal() for part in (month, day, year)) and len(year) == 4:
        return f"{year}-{month:0>2.2}-{day:0>2.2}"
    return tell_name(text)


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


def _text(text: str) -> str | None:
    """One printable line of bounded length; None for nothing."""
    return printable(text.strip(), limits.fact_chars_max) or None


def _container(root: str) -> str:
    """The container manager that this root directory was made by, or ""."""
    if named := _text(_read(root, "run/systemd/container")):
        return named
    markers: Mapping[str, str] = {".dockerenv": "docker", "run/.containerenv": "podman"}
    return next((name for marker, name in markers.items() if below.exists(root, marker)), "")


def _read(root: str, path: str) -> str:
    """A file's text, at most 1 MiB of it; "" where it cannot be read."""
    with suppress(OSError):
        return below.read(root, path, FILE_BYTES_MAX).decode("utf-8", "replace")
    return ""
