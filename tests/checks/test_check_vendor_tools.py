"""Kinds that ask smartctl, ipmitool or nvidia-smi of this machine: played by programs on a PATH of their own.

Each prints what the real one's documentation or source says, ends as it ends, and writes down how it was called. The
kernel's directories are planted beside them, as nobody has a disk that sleeps, a BMC and a GPU at hand.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checklib import pci, programs
from checklib.contract import decode_request
from checklib.errors import CannotTell
from checklib.loop import run_items

from tests.support.check_cases import CASES, load, module, outcome, plant

NAMES = (
    "sata", "failing", "nvme", "sas", "sas ssd", "new sas ssd", "asleep", "sas asleep", "refused", "without", "closed",
)  # fmt: skip
TOLD = dict(zip(NAMES, (one["arguments"][0] for one in load(CASES / "drive" / "smartctl.yml")["parse"]), strict=False))
TOLD |= {"nothing": "", "garbled": "{"}

Play = Callable[..., Path]
Outcome = tuple[str, str, str]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Put a program on the PATH that prints a text and ends with a code; how it was called is in `asked`."""
    monkeypatch.setattr(programs, "PATH", (str(tmp_path / "tools"),))
    monkeypatch.setenv("PATH", "")

    def put(name: str, text: str, code: int = 0, *, complaint: str = "", when: str = "") -> Path:
        """when: words that must be among the arguments, else it complains of them and ends with 99."""
        said = f'case "$*" in *{shlex.quote(when)}*) ;; *) echo "strange: $*" >&2; exit 99 ;; esac\n' if when else ""
        lines = f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/asked\n{said}'
        lines += f"printf %s {shlex.quote(text)}\nprintf %s {shlex.quote(complaint)} >&2\nexit {code}\n"
        plant(tmp_path / "tools", {f"/{name}": {"text": lines, "mode": "0755"}})
        return tmp_path / "asked"

    return put


@pytest.fixture
def disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SATA, a SAS and an NVMe disk, as the kernel tells of them."""
    of_kernel = {
        "sda/device/vendor": "ATA     \n", "sda/device/model": "ST8000NM0055-1RM\n", "sda/device/rev": "SN04\n",
        "sdb/device/vendor": "SEAGATE \n", "sdb/device/model": "ST4000NM0025\n", "sdb/device/rev": "N004\n",
        "nvme0n1/device/model": "Micron\n", "nvme0n1/device/firmware_rev": "E2MU200\n",
    }  # fmt: skip
    machine = plant(tmp_path / "machine", {f"/sys/block/{path}": text for path, text in of_kernel.items()})
    monkeypatch.setattr(module("drive"), "SYS", f"{machine}/sys/block")


def look(check: str, *items: tuple[str, dict[str, Any]]) -> list[Outcome]:
    """Outcomes of (key, what is expected), asked together, by the file of the kind in which places were changed."""
    asked = [
        {"id": str(place), "check": check, "key": key, "expect": expect, "timeout_s": 60}
        for place, (key, expect) in enumerate(items)
    ]
    lines: list[dict[str, Any]] = []
    run_items(decode_request({"items": asked}), lambda _: module(check).KIND, lines.append)
    return [outcome(line) for line in lines if "id" in line]


def seen(check: str, key: str, **expect: Any) -> Outcome:
    """One item's outcome."""
    return look(check, (key, expect))[0]


NO_JSON = "smartctl tells no JSON: Expecting property name enclosed in double quotes"
ASLEEP_SAYS = "sda is in standby, and is not woken up to be asked"
ATA_ARGV = "smartctl -j -n standby -i -H -A /dev/sda"
PASSED, ANY = {"equals": "passed"}, {"any": True}


@pytest.mark.usefixtures("disks")
def test_smartctl_is_asked_once_a_disk_and_never_wakes_one(play: Play) -> None:
    """Of SCSI disks two more pages are asked, in which their wear and what they lost stand."""
    asked = play("smartctl", TOLD["sata"], 64)
    names = ("health", "reallocated", "firmware", "temperature")
    items = [(key, {name: ANY}) for key in ("sda", "sdb", "nvme0n1") for name in names]
    assert {one[0] for one in look("drive", *items)} == {"pass"}
    assert asked.read_text("utf-8").splitlines() == [
        ATA_ARGV,
        "smartctl -j -n standby -i -H -A -l ssd -l error /dev/sdb",
        "smartctl -j -n standby -i -H -A /dev/nvme0n1",
    ]


@pytest.mark.usefixtures("disks")
@pytest.mark.parametrize(
    ("text", "code", "key", "expect", "wanted"),
    [
        ("sata", 64, "sda", {}, ("pass", "passed", "")),  # 64: entries in its log of errors
        ("sata", 64, "sda", {"firmware": {"equals": "SN04"}}, ("pass", "firmware SN04", "")),
        ("sata", 64, "sda", {"wear": ANY}, ("na", "", "sda does not tell it")),
        ("failing", 24, "sda", {}, ("fail", "failed", "expected passed")),
        ("failing", 24, "sda", {"wear": {"at_most": 80}}, ("fail", "wear 97", "wear expected at_most 80")),
        ("nvme", 8, "nvme0n1", {"warnings": {"equals": 0}}, ("fail", "warnings 1", "warnings expected 0")),
        ("nvme", 8, "nvme0n1", {"spare": {"at_least": 10}}, ("fail", "spare 4", "spare expected at_least 10")),
        ("sas", 0, "sdb", {"media_errors": {"equals": 0}}, ("fail", "media_errors 5", "media_errors expected 0")),
        ("sas ssd", 0, "sdb", {"wear": {"at_most": 80}}, ("pass", "wear 12", "")),
        ("asleep", 2, "sda", {}, ("na", "", ASLEEP_SAYS)),
        ("asleep", 2, "sd*", {}, ("na", "", ASLEEP_SAYS)),
        ("asleep", 2, "sda", {"health": {"absent": True}}, ("na", "", ASLEEP_SAYS)),
        ("sas asleep", 2, "sdb", {}, ("na", "", "sdb is in standby by timer, and is not woken up to be asked")),
        ("refused", 4, "sda", {}, ("error", "", "sda has SMART, and did not tell it when smartctl asked")),
        ("without", 4, "sda", {}, ("na", "", "sda does not tell it")),
        ("closed", 2, "sda", {}, ("na", "", "smartctl cannot ask sda: it has no SMART, or is behind a controller")),
        ("nothing", 1, "sda", {}, ("error", "", "smartctl ended with 1: no such option")),
        ("garbled", 0, "sda", {}, ("error", "", NO_JSON)),
    ],
)  # fmt: skip
def test_what_smartctl_tells(
    play: Play, text: str, code: int, key: str, expect: dict[str, Any], wanted: Outcome
) -> None:
    """Bits of its exit code that tell of the disk are no reason not to believe it; a disk in standby is no error."""
    play("smartctl", TOLD[text], code, complaint="no such option", when="-n standby")
    found = seen("drive", key, **(expect or {"health": PASSED}))
    told = tuple(part.removeprefix("health ") for part in found)
    assert (*told[:2], told[2].partition(": line")[0]) == wanted


def test_a_short_page_is_no_identity() -> None:
    """Cut before the model ends, another page, nothing at all."""
    whole = load(CASES / "drive" / "identify.yml")["parse"][0]["arguments"][0]
    for raw in (whole[:153], b"\0\x83" + whole[2:], b""):
        with pytest.raises(CannotTell):
            module("drive").parse_identify(raw)
    assert module("drive").parse_identify(whole[:154])[1] == "HXT7904Q"


MC_INFO = """\
Device ID                 : 32
Device Revision           : 1
Firmware Revision         : 2.04
IPMI Version              : 2.0
Manufacturer ID           : 674
Manufacturer Name         : DELL Inc
Product ID                : 256 (0x0100)
Provides Device SDRs      : yes
Aux Firmware Rev Info     :
    0x00
    0x0f
"""
LAN = """\
Set in Progress         : Set Complete
IP Address Source       : Static Address
IP Address              : 10.1.2.3
Subnet Mask             : 255.255.255.0
MAC Address             : 00:11:22:33:44:55
Default Gateway IP      : 0.0.0.0
802.1q VLAN ID          : Disabled
"""
SEL = "SEL Information\nVersion          : 1.5 (v1.5, v2 compliant)\nEntries          : 41\nPercent Used     : 4%\n"
FULL = SEL.replace("4%", "unknown")


@pytest.fixture
def controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A controller of which the kernel tells nothing but that it is there."""
    monkeypatch.setattr(module("bmc"), "DEVICES", (str(tmp_path / "ipmi0"),))
    monkeypatch.setattr(module("bmc"), "PLATFORM", str(tmp_path / "platform"))
    (tmp_path / "ipmi0").touch()


@pytest.mark.usefixtures("controller")
@pytest.mark.parametrize(
    ("key", "argv", "text", "expect", "wanted"),
    [
        ("firmware", "mc info", MC_INFO, {"at_least": "2.4"}, ("pass", "2.04", "")),
        ("firmware", "mc info", MC_INFO, {"equals": "02.04.00"}, ("pass", "2.04", "")),
        ("firmware", "mc info", MC_INFO, {"at_least": "02.04.10"}, ("fail", "2.04", "expected at_least 02.04.10")),
        ("ipmi", "mc info", MC_INFO, {"equals": "2.0"}, ("pass", "2.0", "")),
        ("manufacturer", "mc info", MC_INFO, {"equals": 674}, ("pass", "674", "")),
        ("product", "mc info", MC_INFO, {"equals": 256}, ("pass", "256", "")),
        ("address", "lan print", LAN, {"equals": "10.1.2.3"}, ("pass", "10.1.2.3", "")),
        ("address_source", "lan print", LAN, {"equals": "DHCP"}, ("fail", "Static Address", "expected DHCP")),
        ("gateway", "lan print", LAN, {"absent": True}, ("pass", "absent", "")),
        ("vlan", "lan print", LAN, {"absent": True}, ("pass", "absent", "")),
        ("log_entries", "sel info", SEL, {"at_most": 40}, ("fail", "41", "expected at_most 40")),
        ("log_percent", "sel info", SEL, {"at_most": 80}, ("pass", "4", "")),
        ("log_percent", "sel info", FULL, {"at_most": 80}, ("na", "", "the BMC says 'unknown'")),
    ],
)  # fmt: skip
def test_what_ipmitool_tells(
    play: Play, key: str, argv: str, text: str, expect: dict[str, Any], wanted: Outcome
) -> None:
    """Of a controller of which the kernel tells nothing; written after ipmitool(1) 1.8.19."""
    asked = play("ipmitool", text, when=argv)
    assert seen("bmc", key, value=expect) == wanted
    assert asked.read_text("utf-8") == f"ipmitool {argv}\n"


@pytest.mark.usefixtures("controller")
def test_a_controller_that_does_not_answer_is_an_error(play: Play) -> None:
    """Nothing is absent of what could not be asked; without ipmitool it does not apply."""
    without = seen("bmc", "gateway", value={"absent": True})
    assert without == ("na", "", "the kernel does not tell it, and there is no ipmitool here")
    play("ipmitool", "", 1, complaint="Get Device ID command failed: Node busy\n")
    found = seen("bmc", "gateway", value={"absent": True})
    assert found == ("error", "", "ipmitool lan print ended with 1: Get Device ID command failed: Node busy")


SMI = {
    "A100": "00000000:3B:00.0, NVIDIA A100-PCIE-40GB, 92.00.36.00.01, 40960, 535.129.03, 2\n",
    "T4": "00000000:3B:00.0, Tesla T4, 90.04.38.00.03, 15360, 535.129.03, [N/A]\n",
    "none": "No devices were found\n",
    "garbled": "00000000:3B:00.0, A100\n",
}
QUERY = (
    "nvidia-smi --query-gpu=pci.bus_id,name,vbios_version,memory.total,driver_version,"
    "ecc.errors.uncorrected.volatile.total --format=csv,noheader,nounits\n"
)


@pytest.mark.parametrize(
    ("text", "code", "expect", "wanted"),
    [
        ("A100", 0, {"model": {"contains": "A100"}}, ("pass", "model NVIDIA A100-PCIE-40GB", "")),
        ("A100", 0, {"memory_mib": {"equals": 40960}}, ("pass", "memory_mib 40960", "")),
        ("A100", 0, {"firmware": {"equals": "92.00.36.00.01"}}, ("pass", "firmware 92.00.36.00.01", "")),
        ("A100", 0, {"ecc_errors": {"equals": 0}}, ("fail", "ecc_errors 2", "ecc_errors expected 0")),
        ("T4", 0, {"ecc_errors": {"equals": 0}}, ("na", "", "the driver of 0000:3b:00.0 does not tell it")),
        ("none", 6, {"model": ANY}, ("error", "", "nvidia-smi ended with 6: No devices were found")),
        ("garbled", 0, {"model": ANY}, ("error", "", "nvidia-smi says '00000000:3B:00.0, A100'")),
    ],
)  # fmt: skip
def test_what_nvidia_smi_tells(
    play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, code: int, expect: dict[str, Any],
    wanted: Outcome,
) -> None:  # fmt: skip
    """Asked once, by the names of its fields."""
    card = "/sys/pci/0000:3b:00.0"
    tree = {f"{card}/class": "0x030200\n", f"{card}/vendor": "0x10de\n", f"{card}/device": "0x20f1\n"}
    monkeypatch.setattr(pci, "SYS", f"{plant(tmp_path / 'machine', tree)}/sys/pci")
    monkeypatch.setattr(module("gpu"), "DRM", str(tmp_path / "drm"))
    asked = play("nvidia-smi", SMI[text], code)
    assert seen("gpu", "nvidia", **expect) == wanted
    assert asked.read_text("utf-8") == QUERY
