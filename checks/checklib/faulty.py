"""By what one knows the kernel's messages about faults: names of faults, and for each the words that only it has. Pure.

Own words, after the kernel's sources; the rules of node-problem-detector, which a test holds these against, know some.
"""

from __future__ import annotations

import re

from checklib import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from checklib.klog import Log


class Sign:
    """One way to say a fault.

    words    what a message must hold
    pattern  what it must match too, if any; its group `what` is the thing that it is about
    """

    __slots__ = ("pattern", "words")

    def __init__(self, words: str, pattern: str = "") -> None:
        self.words = words
        self.pattern = re.compile(pattern) if pattern else None


_DEVICE = r"dev(?:ice)? (?P<what>[\w!.-]{1,64})"
SIGNS: dict[str, list[Sign]] = {
    "oom": [Sign("Killed process ", r"Killed process \d{1,10} \((?P<what>[^)]{1,64})\)")],
    "hung_task": [Sign(" blocked for more than ", r"task (?P<what>.{1,64}?):\d{1,10} blocked for more than ")],
    "lockup": [
        Sign("soft lockup"),
        Sign("hard LOCKUP"),
        Sign("detected stall", r"\brcu\w{0,20}.{0,40} (?:self-)?detected stall"),
    ],
    # One of them has many lines; the number of the death stands in exactly one.
    "oops": [Sign("[#", r"\[#\d{1,6}\]"), Sign("Kernel panic - not syncing")],
    "crash": [
        Sign(" segfault at ", r"(?:^|: )(?P<what>[^:]{1,32})\[\d{1,10}\]: segfault at "),
        Sign("traps: ", r"^traps: (?P<what>[^:]{1,32})\[\d{1,10}\] "),
    ],
    "machine_check": [Sign("Machine check events logged"), Sign("Machine Check: "), Sign("CPU context corrupt")],
    "ecc_corrected": [Sign("CE memory "), Sign(" CE ", r"EDAC MC\d{1,4}: \d{1,9} CE ")],
    "ecc_uncorrected": [Sign("UE memory "), Sign(" UE ", r"EDAC MC\d{1,4}: \d{1,9} UE ")],
    "hardware_corrected": [Sign("event severity: corrected")],
    "hardware_recoverable": [Sign("event severity: recoverable")],
    "hardware_fatal": [Sign("event severity: fatal")],
    "pcie": [Sign("AER: ", r"AER: .{0,40}(?:Uncorrect|[Cc]orrected|Fatal|Multiple).{0,40}error")],
    "gpu": [Sign("NVRM: Xid")],
    "thermal": [Sign("emperature above threshold"), Sign("ritical temperature reached")],
    "disk": [
        Sign("I/O error", rf"(?<!Buffer )I/O error,? (?:on )?{_DEVICE}"),
        Sign("medium error", rf"medium error, {_DEVICE}"),
        Sign("Buffer I/O error", rf"Buffer I/O error on {_DEVICE}"),
        Sign("controller is down", r"^nvme (?P<what>nvme\d{1,6}): controller is down"),
        Sign(": failed command: ", r"^(?P<what>ata[\d.]{1,10}): failed command"),
    ],
    "filesystem": [
        Sign("-fs error", r"EXT[234]-fs error \(device (?P<what>[^)]{1,64})\)"),
        Sign("emounting filesystem read-only", r"(?:\((?P<what>[^)]{1,64})\): )?Remounting filesystem read-only"),
        Sign("hutting down filesystem", r"^XFS \((?P<what>[^)]{1,64})\): .*[Ss]hutting down filesystem"),
        Sign("XFS (", r"^XFS \((?P<what>[^)]{1,64})\): (?:Metadata corruption|Corruption|metadata I/O error)"),
        Sign("BTRFS ", r"^BTRFS (?:error|critical) \(device (?P<what>[^)]{1,64})\)"),
    ],
    "filesystem_warning": [Sign("-fs warning", r"EXT[234]-fs warning \(device (?P<what>[^)]{1,64})\)")],
    "nic": [
        Sign("NETDEV WATCHDOG: ", r"NETDEV WATCHDOG: (?P<what>\S{1,32})(?: \(.{0,64}\))?: "),
        Sign("eset adapter", r"(?:(?P<what>[^\s:]{1,32}): )?Reset adapter"),
        Sign("Hardware Unit Hang", r"(?:(?P<what>[^\s:]{1,32}): )?Detected (?:Tx |Hardware )Unit Hang"),
        Sign("Adapter reset"),
        Sign("ardware became unavailable"),
    ],
    "netdev": [Sign("unregister_netdevice: waiting for ", r"waiting for (?P<what>\S{1,32}) to become free")],
    "conntrack": [Sign("nf_conntrack: table full")],
    "pids": [Sign("fork rejected by pids controller")],
    "files": [Sign("file-max limit ")],
    # Said by dockerd, and not by the kernel.
    "docker": [
        Sign("failed to register layer: rename ", r"directory not empty"),
        Sign("readlink /var/lib/docker/overlay2", r"invalid argument"),
        Sign("container process is already dead"),
    ],
}
_LONG = re.compile(r"0x[0-9a-f]{4,}|(?<![A-Za-z])[0-9a-f]{0,16}\d{3,}[0-9a-f]{0,16}")


class Said:
    """What the log says of one fault. what: the things it is about, sorted; newest: the last message, or empty."""

    __slots__ = ("count", "newest", "what")

    def __init__(self, count: int, what: list[str], newest: str) -> None:
        self.count = count
        self.what = what
        self.newest = newest


def said(fault: str, log: Log, after: int) -> Said:
    """Messages about a fault. after: those up to this order are known already; -1: none is."""
    signs = [sign for sign in SIGNS[fault] if log.holds(sign.words)]
    found = []
    what: set[str] = set()
    for record in log.records if signs else ():
        told = _told(signs, record.text)
        if told is not None and (record.order is None or record.order > after):
            found.append(record.text)
            what.update([told] if told and len(what) < limits.fault_things_max else [])
    return Said(len(found), sorted(what), masked(found[-1]) if found else "")


def _told(signs: Iterable[Sign], text: str) -> str | None:
    """The thing a message is about, or empty; None where it is about no such fault."""
    cut = text[: limits.kernel_message_chars_max]
    for sign in signs:
        if sign.words in cut:
            found = sign.pattern.search(cut) if sign.pattern else None
            if found or not sign.pattern:
                return (found.groupdict().get("what") or "") if found else ""
    return None


def masked(text: str) -> str:
    """A message without what differs from node to node: long numbers and addresses."""
    return _LONG.sub("#", text[: limits.kernel_message_chars_max])
