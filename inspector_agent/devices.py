"""What drives a node's devices, and which firmware is in them: as far as /sys tells it to anybody, without a program.

Devices are those whose driver matters to a fleet: network, storage, GPUs and other accelerators. A driver that comes
with the kernel has no version of its own: its version is the kernel's.
"""

from __future__ import annotations

from collections.abc import Iterator

from inspector_agent import below, limits
from inspector_agent.findings import printable

PCI = "sys/bus/pci/devices"
# Classes of PCI devices by how their number begins: storage, network (with InfiniBand), display, Fibre Channel,
# co-processors, accelerators.
PCI_CLASSES = ("0x01", "0x02", "0x03", "0x0c04", "0x0b40", "0x12")
# Of classes of the kernel: devices behind another bus than PCI (virtio, USB, platform).
CLASSES = ("net", "drm", "nvme", "infiniband")
# Disks: only those of a driver of their own, for `sd` drives whatever there is behind a controller.
DISKS = "block"
DISK_LAYERS = frozenset({"sd", "sr", "st"})

# Where a device tells the firmware in it: class -> file below the device, best one first.
FIRMWARE = {
    "nvme": ("firmware_rev",),
    "infiniband": ("fw_ver",),
    "scsi_host": ("version_fw", "fw_version", "firmware_revision"),
    "fc_host": ("firmware_version",),
    "mei": ("fw_ver",),
    "drm": ("device/vbios_version",),
}


def drivers(root: str, kernel: str) -> dict[str, str]:
    """The bound drivers of those devices, by name, each with its version; `kernel` is that of the kernel."""
    found: dict[str, str] = {}
    for device in _devices(root):
        name = below.link(root, f"{device}/driver").rpartition("/")[2]
        if not name or name in DISK_LAYERS or name in found:
            continue
        own = _read(root, f"{device}/driver/module/version") or _read(
            root, f"sys/module/{name.replace('-', '_')}/version"
        )
        found[printable(name, limits.fact_name_chars_max)] = own or kernel or "unknown"
        if len(found) == limits.fact_drivers_max:
            break
    return dict(sorted(found.items()))


def _devices(root: str) -> Iterator[str]:
    """Directories of devices below the root, each with its `driver`, if one is bound."""
    for name in _names(root, PCI):
        if _read(root, f"{PCI}/{name}/class").startswith(PCI_CLASSES):
            yield f"{PCI}/{name}"
    for kind in (*CLASSES, DISKS):
        for name in _names(root, f"sys/class/{kind}"):
            yield f"sys/class/{kind}/{name}/device"


def firmware(root: str, cpuinfo: str) -> dict[str, str]:
    """The firmware in devices: `{"nvme0": "1B2QEXP7", "mlx5_0": "28.39.1002", "microcode": "0xd0003b9"}`."""
    found: dict[str, str] = {}
    if revision := microcode(cpuinfo):
        found["microcode"] = revision
    for kind, files in FIRMWARE.items():
        for name in _names(root, f"sys/class/{kind}"):
            told = (_read(root, f"sys/class/{kind}/{name}/{file}") for file in files)
            version = next((text for text in told if text), "")
            if version and len(found) < limits.fact_firmware_max:
                found[printable(name, limits.fact_name_chars_max)] = version
    return dict(sorted(found.items()))


def microcode(cpuinfo: str) -> str:
    """The microcode revision of the first processor, as /proc/cpuinfo writes it; "" where it tells none."""
    for line in cpuinfo.splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip() == "microcode":
            return printable(value.strip(), limits.fact_chars_max)
    return ""


def _names(root: str, path: str) -> list[str]:
    try:
        return sorted(below.names(root, path, limits.fact_devices_max))
    except OSError:
        return []


def _read(root: str, path: str) -> str:
    """The first line of a small file of /sys; "" where there is none."""
    try:
        text = below.read(root, path, limits.fact_file_bytes_max).decode("utf-8", "replace")
    except OSError:
        return ""
    return printable(next(iter(text.strip("\0 \t\r\n").splitlines()), "").strip(), limits.fact_chars_max)
