"""Hardware held against dmidecode, ethtool, lsblk and what the kernel has of this machine, and against captured trees.

This machine has no DMI: tables are written here, and dmidecode reads the same bytes from a dump.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.captures import captures, trees
from tests.support.check_cases import look_at, module, plant
from tests.support.others import told

ANY = {"any": True}
TABLES = "sys/firmware/dmi/tables/DMI"


def observed(check: str, key: str, property_: str = "value", root: Path | str = "/") -> str:
    """What is seen of one property; the outcome's name where it does not pass."""
    found = look_at(check, key, {property_: ANY}, root)
    text: str = found["observed"].removeprefix(f"{property_} ")
    return text if found["outcome"] == "pass" else str(found["outcome"])


def structure(kind: int, handle: int, body: bytes, *texts: str) -> bytes:
    """One structure of SMBIOS, with its header."""
    strings = b"".join(text.encode("ascii") + b"\0" for text in texts) or b"\0"
    return bytes([kind, 4 + len(body)]) + handle.to_bytes(2, "little") + body + strings + b"\0"


def word(number: int, size: int = 2) -> bytes:
    """A number as SMBIOS has it."""
    return number.to_bytes(size, "little")


def module_in(handle: int, size: int, *texts: str, type_: int = 26, speed: int = 3200, extended: int = 0) -> bytes:
    """A memory slot of SMBIOS 2.8: locator and bank, then maker, serial number, asset tag and part of the module."""
    body = word(0x1000) + word(0xFFFE) + word(72) + word(64) + word(size) + bytes([9, 0, 1, 2, type_]) + word(0x80)
    body += word(speed) + bytes([3, 4, 5, 6, 2]) + word(extended, 4) + word(2933) + word(1200) * 3
    return structure(17, handle, body, *texts)


def machine(*more: bytes, chassis: int = 0x17) -> bytes:
    """Tables of a whole machine."""
    bios = bytes([1, 2, 0, 0, 3, 0xFF]) + bytes(10) + bytes([2, 10, 6, 10]) + word(32)
    system = bytes([1, 2, 3, 4]) + bytes(range(16)) + bytes([6, 5, 6])
    return b"".join([
        structure(0, 0, bios, "Dell Inc.", "2.10.2", "11/23/2022"),
        structure(1, 1, system, "Dell Inc.", "PowerEdge R6515", "A 1", "SERIAL", "SKU=1", "PowerEdge"),
        structure(2, 2, bytes([1, 2, 3, 4]), "Dell Inc.", "07PXPY", "A01", "SERIAL"),
        structure(3, 3, bytes([1, chassis, 2, 3, 4]) + bytes(4), "Dell Inc.", "V2", "SERIAL", "TAG"),
        structure(16, 0x1000, bytes([3, 3, 6]) + word(0x1000000, 4) + word(0xFFFE) + word(4)),
        *more,
        structure(127, 0x7F00, b""),
    ])  # fmt: skip


def root_of(place: Path, tables: bytes) -> Path:
    """A machine of which nothing is known but its tables, and the same as a dump of dmidecode."""
    path = place / TABLES
    path.parent.mkdir(parents=True)
    path.write_bytes(tables)
    entry = b"_SM3_\0\x18\x03\x02\0\x01\0" + word(len(tables), 4) + word(32, 8)
    entry = entry[:5] + bytes([-sum(entry) & 0xFF]) + entry[6:]
    (place / "dump").write_bytes(entry.ljust(32, b"\0") + tables)
    return place


DMIDECODE = {
    "bios_vendor": "bios-vendor",
    "bios_version": "bios-version",
    "bios_release": "bios-revision",
    "ec_release": "firmware-revision",
    "vendor": "system-manufacturer",
    "product": "system-product-name",
    "product_version": "system-version",
    "sku": "system-sku-number",
    "family": "system-family",
    "board_vendor": "baseboard-manufacturer",
    "board": "baseboard-product-name",
    "board_version": "baseboard-version",
    "chassis_vendor": "chassis-manufacturer",
    "chassis_version": "chassis-version",
}


def test_the_machine_is_what_dmidecode_says(tmp_path: Path) -> None:
    """Every key, out of the same bytes."""
    root = root_of(tmp_path, machine())
    dump = str(tmp_path / "dump")
    theirs = {key: told("dmidecode", "--from-dump", dump, "-s", name).strip() for key, name in DMIDECODE.items()}
    assert {key: observed("bios", key, root=root) for key in DMIDECODE} == theirs
    month, day, year = told("dmidecode", "--from-dump", dump, "-s", "bios-release-date").strip().split("/")
    assert observed("bios", "bios_date", root=root) == f"{year}-{month}-{day}"


@pytest.mark.parametrize("form", [1, 3, 17, 23, 25, 28, 29, 36])
def test_the_chassis_is_what_dmidecode_says(form: int, tmp_path: Path) -> None:
    """With the bit that says it is locked."""
    root = root_of(tmp_path, machine(chassis=form | 0x80))
    theirs = told("dmidecode", "--from-dump", str(tmp_path / "dump"), "-s", "chassis-type").strip()
    assert observed("bios", "chassis", root=root) == theirs.lower()


def test_memory_modules_are_what_dmidecode_says(tmp_path: Path) -> None:
    """Sizes in MiB, in KiB and beyond 16 bits; an empty slot; every kind of memory."""
    maker = ("Bank 0", "Samsung", "SERIAL", "TAG", "M393A4K40DB3-CWE  ")
    modules = [
        module_in(0x1100, 0x7FFF, "DIMM_A1", *maker, extended=65536),
        module_in(0x1101, 0x4000, "DIMM_A2", *maker, speed=2666),
        module_in(0x1102, 0, "DIMM_B1", "Bank 1", "NO DIMM", "NO DIMM", "NO DIMM", "NO DIMM", type_=2, speed=0),
        *(
            module_in(0x1200 + kind, 0x2000, f"T{kind}", *maker, type_=kind)
            for kind in module("dimm").TYPES
            if kind < 36
        ),
    ]
    root = root_of(tmp_path, machine(*modules))
    text = told("dmidecode", "--from-dump", str(tmp_path / "dump"), "-t", "17")
    blocks = [dict(re.findall(r"^\t([^:\t]+): (.*)$", block, re.MULTILINE)) for block in text.split("Handle ")[1:]]
    assert len(blocks) == len(modules)
    total = 0
    for block in blocks:
        name = block["Locator"]
        if block["Size"] == "No Module Installed":
            assert look_at("dimm", name, {"size_mib": {"absent": True}}, root)["outcome"] == "pass"
            continue
        number, unit = block["Size"].split()
        total += int(number) * {"MB": 1, "GB": 1024}[unit]
        ours = {part: observed("dimm", name, part, root) for part in ("size_mib", "type", "speed", "part", "rank")}
        assert ours == {
            "size_mib": str(int(number) * {"MB": 1, "GB": 1024}[unit]),
            "type": block["Type"],
            "speed": block["Speed"].removesuffix(" MT/s"),
            "part": block["Part Number"].strip(),
            "rank": block["Rank"],
        }
        assert observed("dimm", name, "manufacturer", root) == block["Manufacturer"]
        assert observed("dimm", name, "configured_speed", root) == block["Configured Memory Speed"].removesuffix(
            " MT/s"
        )
    assert observed("dimm", "all", "size_mib", root) == str(total)
    assert observed("dimm", "all", "filled", root) == str(len(modules) - 1)
    corrected = re.search(r"Error Correction Type: (.*)", told("dmidecode", "--from-dump", f"{root}/dump", "-t", "16"))
    assert corrected
    assert observed("dimm", "all", "ecc", root) == corrected[1].removesuffix(" ECC").lower()


def test_broken_tables_are_said(tmp_path: Path) -> None:
    """Not one structure; what is cut in the middle is told as far as it goes."""
    assert observed("bios", "bios_version", root=root_of(tmp_path / "none", b"\xff" * 64)) == "error"
    whole = machine()
    assert observed("bios", "product", root=root_of(tmp_path / "cut", whole[:-40])) == "PowerEdge R6515"


def test_cards_are_what_ethtool_says() -> None:
    """All of this machine that a device stands behind; lo is none."""
    parts = {"driver": "driver", "version": "version", "firmware": "firmware-version", "bus": "bus-info"}
    names = [path.parent.name for path in Path("/sys/class/net").glob("*/device")]
    for name in names:
        theirs = dict(re.findall(r"^(\S+): ?(.*)$", told("ethtool", "-i", name), re.MULTILINE))
        ours = {part: observed("nic", name, part) for part in parts}
        assert ours == {part: theirs[field] or "na" for part, field in parts.items()}
        rings = told("ethtool", "-g", name, codes=range(256)).partition("Current hardware settings:")
        for part, field, text in (
            ("rx_ring_max", "RX", rings[0]),
            ("rx_ring", "RX", rings[2]),
            ("tx_ring", "TX", rings[2]),
        ):
            found = re.search(rf"^{field}:\s*(\d+)", text, re.MULTILINE)
            assert observed("nic", name, part) == (found[1] if found else "fail")
        combined = re.findall(r"Combined:\s*(\d+)", told("ethtool", "-l", name, codes=range(256)))
        if combined:
            assert observed("nic", name, "channels") == combined[-1]
    assert observed("nic", "lo", "driver") == "fail"


def test_disks_are_what_lsblk_says() -> None:
    """Size, blocks, scheduler, model; the disks themselves."""
    columns = "NAME,SIZE,ROTA,RM,RO,LOG-SEC,PHY-SEC,SCHED,TYPE,MODEL"
    listed = json.loads(told("lsblk", "-J", "-b", "-d", "-o", columns))["blockdevices"]
    listed = [one for one in listed if one["type"] == "disk" and not one["name"].startswith(("zram", "ram", "nbd"))]
    assert {one["name"] for one in listed} <= set(module("drive").disks(node()))
    for one in listed:
        ours = {
            part: observed("drive", one["name"], part)
            for part in (
                "size_gb",
                "rotational",
                "removable",
                "read_only",
                "block_size",
                "physical_block_size",
                "scheduler",
            )
        }
        assert ours == {
            "size_gb": str(int(one["size"]) // 10**9),
            "rotational": str(one["rota"]).lower(),
            "removable": str(one["rm"]).lower(),
            "read_only": str(one["ro"]).lower(),
            "block_size": str(one["log-sec"]),
            "physical_block_size": str(one["phy-sec"]),
            "scheduler": one["sched"],
        }
        if one["model"] is None:
            assert observed("drive", one["name"], "model") == "na"


def node() -> object:
    """This machine."""
    from checklib.contract import decode_request
    from checklib.node import Node

    return Node(decode_request({"root": "/", "items": []}))


def test_devices_on_the_bus_are_what_the_kernel_says() -> None:
    """Vendor, device and driver, held against the list in /proc that lspci can read too."""
    lines = [line.split() for line in Path("/proc/bus/pci/devices").read_text("ascii").splitlines()]
    for words in lines:
        slot, ids = int(words[0], 16), words[1]
        address = f"0000:{slot >> 8:02x}:{slot >> 3 & 31:02x}.{slot & 7}"
        assert observed("pci", address, "vendor") == ids[:4]
        assert observed("pci", address, "device") == ids[4:]
        assert int(observed("pci", f"{ids[:4]}:{ids[4:]}", "count")) == sum(line[1] == ids for line in lines)
        assert observed("pci", address, "driver") == (words[17] if len(words) > 17 else "fail")


def test_what_is_not_here_is_said() -> None:
    """No controller, no array: each with its reason."""
    for check, key, there in (("bmc", "firmware", Path("/dev/ipmi0")), ("md", "md*", Path("/proc/mdstat"))):
        if not there.exists():
            assert look_at(check, key, {"value" if check == "bmc" else "state": ANY})["message"].startswith(
                "there is no"
            )


STAND_IN = {
    "/proc/mdstat": "Personalities : [raid1]\nmd1 : active raid1 sdb[1](F) sda[0]\n      8 blocks [2/1] [U_]\n\n",
    "/sys/block/md5/md/array_state": "clean\n",
    "/sys/block/md5/md/degraded": "1\n",
    "/sys/class/dmi/id/bios_version": "2.2.4\n",
    "/sys/class/net/eth0/device/uevent": "DRIVER=e1000e\n",
    "/sys/class/drm/card0/device/mem_info_vram_total": "4294967296\n",
}


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The captured trees, and the one that stands in."""
    place = tmp_path_factory.mktemp("trees")
    return [plant(place / "hardware", STAND_IN), *trees(place)]


def test_hardware_of_other_machines_is_told_as_its_files_stand(roots: list[Path]) -> None:
    """DMI, arrays, GPUs and cards of captured trees."""
    seen = set()
    for root in roots:
        for path in root.glob("sys/class/dmi/id/bios_version"):
            assert observed("bios", "bios_version", root=root) == path.read_text("ascii").strip()
            seen.add("bios")
        for path in root.glob("sys/block/md*/md/degraded"):
            assert observed("md", path.parent.parent.name, "missing", root) == path.read_text("ascii").strip()
            seen.add("md")
        for path in root.glob("sys/class/drm/card?/device/mem_info_vram_total"):
            mib = int(path.read_text("ascii")) >> 20
            assert observed("gpu", path.parent.parent.name, "memory_mib", root) == str(mib)
            seen.add("gpu")
        for path in root.glob("sys/class/net/eth0/device/uevent"):
            driver = re.search(r"DRIVER=(\S+)", path.read_text("ascii"))
            assert observed("nic", "eth0", "driver", root) == (driver[1] if driver else "fail")
            seen.add("nic")
    assert seen == {"bios", "md", "gpu", "nic"}


def test_lists_of_arrays_of_other_machines_are_read() -> None:
    """Every array that has brackets with counts lacks as many as there are `_` behind them."""
    folder = captures()
    text = (folder / "node_exporter/proc/mdstat").read_text("ascii") if folder else STAND_IN["/proc/mdstat"]
    arrays = module("md").parse_mdstat(text)
    blocks = re.split(r"\n(?=md)", text)[1:]
    assert len(arrays) == len(blocks)
    for block in blocks:
        array = arrays[block.split(" ", 1)[0]]
        marks = re.search(r"\[([U_]+)\]", block)
        assert array.missing == (marks[1].count("_") if marks else None if not array.level or not array.running else 0)
        assert len(array.faulty) == block.count("(F)")
        assert array.running == (" : active" in block)
