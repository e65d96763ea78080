"""Hardware, drivers and firmware: told by /sys alone, below any root, bounded whatever is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inspector_agent import below, devices, facts, limits

SERVER = {
    "proc/sys/kernel/osrelease": "6.1.0-37-amd64\n",
    "proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu vme\nmicrocode\t: 0xd0003b9\n\nprocessor\t: 1\nmicrocode\t: 0x1\n",
    "sys/class/dmi/id/sys_vendor": "Dell Inc.\n",
    "sys/class/dmi/id/product_name": "PowerEdge  R640\n",
    "sys/class/dmi/id/bios_version": "2.19.1\n",
    "sys/class/dmi/id/bios_date": "06/04/2023\n",
    "sys/bus/pci/devices/0000:3b:00.0/class": "0x020000\n",
    "sys/bus/pci/devices/0000:5e:00.0/class": "0x030200\n",
    "sys/bus/pci/devices/0000:5f:00.0/class": "0x010802\n",
    "sys/bus/pci/devices/0000:00:1f.3/class": "0x040300\n",
    "sys/bus/pci/devices/0000:00:14.0/class": "0x0c0330\n",
    "sys/bus/pci/drivers/ice/module/version": "1.13.7\n",
    "sys/module/nvidia/version": "535.183.01\n",
    "sys/class/nvme/nvme0/firmware_rev": "1B2QEXP7\n",
    "sys/class/infiniband/mlx5_0/fw_ver": "28.39.1002\n",
    "sys/class/infiniband/mlx5_1/fw_ver": "\n",
    "sys/class/mei/mei0/fw_ver": "0:18.0.5.2098\n0:18.0.5.2098\n",
}
LINKS = {
    "sys/bus/pci/devices/0000:3b:00.0/driver": "../../drivers/ice",
    "sys/bus/pci/devices/0000:5e:00.0/driver": "../../../../bus/pci/drivers/nvidia",
    "sys/bus/pci/devices/0000:5f:00.0/driver": "../../../../bus/pci/drivers/nvme",
    "sys/bus/pci/devices/0000:00:1f.3/driver": "../../../../bus/pci/drivers/snd_hda_intel",
    "sys/class/block/vda/device/driver": "../../../../bus/virtio/drivers/virtio_blk",
    "sys/class/block/sda/device/driver": "../../../../bus/scsi/drivers/sd",
}


def tree(root: Path, files: dict[str, str], links: dict[str, str] | None = None) -> str:
    """A root directory with these files and links."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    for path, target in (links or {}).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(target)
    return str(root)


def test_a_server_tells_its_hardware(tmp_path: Path) -> None:
    """Vendor, model and BIOS by DMI; the drivers of what matters, each with its own version or the kernel's."""
    found = facts.flat_facts(tree(tmp_path, SERVER, LINKS))
    assert found == {
        "kernel": "6.1.0-37-amd64",
        "vendor": "Dell Inc.",
        "model": "PowerEdge R640",
        "cpus": "2",
        "virtualization": "none",
        "bios_version": "2.19.1",
        "bios_date": "2023-06-04",
        "driver.ice": "1.13.7",
        "driver.nvidia": "535.183.01",
        "driver.nvme": "6.1.0-37-amd64",
        "driver.virtio_blk": "6.1.0-37-amd64",
        "firmware.mei0": "0:18.0.5.2098",
        "firmware.microcode": "0xd0003b9",
        "firmware.mlx5_0": "28.39.1002",
        "firmware.nvme0": "1B2QEXP7",
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("PowerEdge R640\n", "PowerEdge R640"),
        ("Raspberry Pi 4 Model B Rev 1.4\0", "Raspberry Pi 4 Model B Rev 1.4"),
        ("To Be Filled By O.E.M.\n", None),
        ("Default string", None),
        ("System Product Name\n", None),
        (" \n", None),
        ("evil\x1b[2Jname", "evil [2Jname"),
        ("x" * 500, "x" * (limits.fact_chars_max - 1) + "…"),
    ],
)
def test_a_vendor_who_wrote_nothing_told_nothing(text: str, name: str | None) -> None:
    """A placeholder is no model; and no model steers a terminal."""
    assert facts.tell_name(text) == name


@pytest.mark.parametrize(
    ("text", "date"),
    [("04/12/2021\n", "2021-04-12"), ("1/2/2020", "2020-01-02"), ("2021-04-12", "2021-04-12"), ("", None)],
)
def test_dates_sort(text: str, date: str | None) -> None:
    """DMI writes the month first; a date that can be compared begins with the year."""
    assert facts.parse_date(text) == date


def test_a_board_without_dmi_has_a_device_tree(tmp_path: Path) -> None:
    """ARM machines have no DMI table."""
    root = tree(tmp_path, {"sys/firmware/devicetree/base/model": "Raspberry Pi 4 Model B Rev 1.4\0"})
    assert facts.flat_facts(root) == {"model": "Raspberry Pi 4 Model B Rev 1.4"}


def test_any_number_of_devices_makes_a_bounded_number_of_facts(tmp_path: Path) -> None:
    """A switch of a thousand ports, or somebody's joke below another root."""
    files = {f"sys/class/nvme/nvme{index}/firmware_rev": "x" * 9000 for index in range(limits.fact_firmware_max + 9)}
    files |= {f"sys/bus/pci/devices/{index:04x}/class": "0x020000" for index in range(limits.fact_drivers_max + 9)}
    links = {f"sys/bus/pci/devices/{index:04x}/driver": f"../d{index}" for index in range(limits.fact_drivers_max + 9)}
    root = tree(tmp_path, files, links)
    assert len(devices.drivers(root, "6.1")) == limits.fact_drivers_max
    assert len(devices.firmware(root, "")) == limits.fact_firmware_max
    assert max(map(len, devices.firmware(root, "").values())) <= limits.fact_chars_max
    assert len(below.names(root, "sys/class/nvme", 5)) == 5


def test_links_of_devices_are_text(tmp_path: Path) -> None:
    """The name of a driver is the end of a link that nobody follows out of the root."""
    outside = tmp_path / "outside"
    tree(outside, {"module/version": "leaked"})
    root = tree(
        tmp_path / "root",
        {"sys/class/net/lo/address": "x"},
        {"sys/class/net/eth0/device/driver": str(outside), "sys/class/net/eth1/device": str(outside)},
    )
    assert devices.drivers(root, "6.1") == {"outside": "6.1"}
    assert below.link(root, "sys/class/net/eth9/device/driver") == ""


def machines(place: Path) -> list[Path]:
    """Root directories: of captured machines where INSPECTOR_CAPTURES names some, else the one of this file."""
    captures = os.environ.get("INSPECTOR_CAPTURES")
    if not captures:
        return [Path(tree(place / "server", SERVER, LINKS))]
    found = []
    for archive in sorted(Path(captures).rglob("*.ttar")):
        unpack = [sys.executable, str(Path(captures, "unpack")), str(archive), str(place / archive.stem)]
        subprocess.run(unpack, check=True, capture_output=True)
        found += [path.parent for path in (place / archive.stem).rglob("sys") if (path / "class").is_dir()]
    for release in sorted(Path(captures, "facter").glob("os_release_*")):
        text = release.read_text(encoding="utf-8")
        if "\nID=" in text:
            found.append(Path(tree(place / release.name, {"etc/os-release": text})))
    return found


def test_whatever_a_machine_is_its_facts_are_a_small_map_of_texts(tmp_path: Path) -> None:
    """Every fact is one printable line under a name that a layer can write."""
    roots = machines(tmp_path)
    assert roots
    for root in roots:
        found = facts.flat_facts(str(root))
        assert found, root
        assert all(text.isprintable() and 0 < len(text) <= limits.fact_chars_max for text in found.values())
        assert all(name.isprintable() and " " not in name for name in found)
        assert len(found) < limits.fact_drivers_max + limits.fact_firmware_max + 20
