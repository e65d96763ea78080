"""What smartctl tells of a disk as JSON, of ATA, NVMe and SCSI alike."""

from __future__ import annotations

import json
import re

from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COMMAND_LINE, OPEN_FAILED = 1, 2  # bits of smartctl's exit code; those above tell of the disk
ASLEEP, NOT_READ = "asleep", "not_read"
_COMMAND_FAILED = 4
_SLEEPING = re.compile(r"Device is in ([A-Z][A-Z_ ]{0,40}) mode, exit\(")
_REALLOCATED, _PENDING, _UNCORRECTABLE = 5, 197, 198
_WEAR_LEFT = frozenset(  # as smartctl's own list of disks calls what SATA SSDs count down from 100
    {
        "Media_Wearout_Indicator",
        "Percent_Life_Remaining",
        "Percent_Lifetime_Remain",
        "Remaining_Lifetime_Perc",
        "SSD_Life_Left",
        "Wear_Leveling_Count",
    }
)
# From 7.0, 7.3 (so written by mistake) and 7.4 on.
_SCSI_WEAR = ("scsi_percentage_used_endurance_indicator", "scsi_Percentage used endurance indicator")


def parse_smart(text: str) -> dict[str, Any]:
    """`smartctl -j …` -> property -> value; what it does not tell is left out. Raises CannotTell for no JSON.

    ASLEEP: the mode it sleeps in, of a disk that -n has left alone; NOT_READ: it has SMART, and refused a command.
    """
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CannotTell(f"smartctl tells no JSON: {error}") from None
    if not isinstance(told, dict):
        raise CannotTell("smartctl tells no JSON object")
    found: dict[str, Any] = {}
    messages = _at(told, "smartctl", "messages")
    for message in messages if isinstance(messages, list) else []:
        sleeping = _SLEEPING.match(str(_at(message, "string")))
        if sleeping:
            found[ASLEEP] = sleeping[1].lower()
    status = _at(told, "smartctl", "exit_status")
    if isinstance(status, int) and status & _COMMAND_FAILED and _at(told, "smart_support", "available") is True:
        found[NOT_READ] = True
    passed = _at(told, "smart_status", "passed")
    if isinstance(passed, bool):
        found["health"] = "passed" if passed else "failed"
    _keep(found, "temperature", _at(told, "temperature", "current"))
    nvme = "nvme_smart_health_information_log"
    _keep(found, "wear", _at(told, nvme, "percentage_used"))
    _keep(found, "spare", _at(told, nvme, "available_spare"))
    _keep(found, "media_errors", _at(told, nvme, "media_errors"))
    _keep(found, "warnings", _at(told, nvme, "critical_warning"))
    for name in _SCSI_WEAR:
        _keep(found, "wear", _at(told, name))
    _keep(found, "reallocated", _at(told, "scsi_grown_defect_list"))
    counters = _at(told, "scsi_error_counter_log")
    told_of = counters.values() if isinstance(counters, dict) else ()
    lost = [_at(counter, "total_uncorrected_errors") for counter in told_of]
    numbers = [one for one in lost if isinstance(one, int)]
    _keep(found, "media_errors", sum(numbers) if numbers else None)
    _attributes(found, _at(told, "ata_smart_attributes", "table"))
    firmware = _at(told, "firmware_version")
    if isinstance(firmware, str):
        found["firmware"] = firmware
    return found


def _attributes(found: dict[str, Any], table: object) -> None:
    """Of an ATA disk: attributes by number where all makers mean the same, else by smartctl's name."""
    for row in table if isinstance(table, list) else []:
        number, count = _at(row, "id"), _at(row, "raw", "value")
        for wanted, name in ((_REALLOCATED, "reallocated"), (_PENDING, "pending"), (_UNCORRECTABLE, "media_errors")):
            if number == wanted:
                _keep(found, name, count)
        left, called = _at(row, "value"), _at(row, "name")
        if isinstance(called, str) and called in _WEAR_LEFT and isinstance(left, int) and 0 <= left <= 100:
            _keep(found, "wear", 100 - left)


def _at(told: object, *names: str) -> object:
    for name in names:
        told = told.get(name) if isinstance(told, dict) else None
    return told


def _keep(found: dict[str, Any], name: str, value: object) -> None:
    """A number, where there is none yet."""
    if isinstance(value, int) and not isinstance(value, bool):
        found.setdefault(name, value)
