"""Counters since boot, as faults are counted: how much they rose since the last look, and within the last hours.

A rise counts from the moment it was seen, for as long as is asked: it does not vanish because another sweep has seen it
first. What lies between boot and the first look counts as seen then. Where nobody has kept a last look (a node that has
booted since, `inspector-agent check`, the second pass), all since boot counts, and the note says so.
"""

from __future__ import annotations

import json
import time

from checklib import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from checklib.contract import Item, Last
    from checklib.node import Node

    Sample = list[int]  # Unix time in seconds, and how much the counter had risen by then since boot
    Kept = tuple[int, list[Sample]]  # what the counter itself said, and when it was seen to have risen

SINCE_BOOT = "counted since boot: no earlier look is known"


class Risen:
    """How much counters rose, by their names.

    recent      what was seen within the time that was asked for; of rises longer ago up to an eighth of it more
    since_last  since the last finished look; since boot where there was none
    note        for Observed: SINCE_BOOT where that is so, else empty
    keep        for Observed
    """

    __slots__ = ("keep", "note", "recent", "since_last")

    def __init__(self, recent: dict[str, int], since_last: dict[str, int], note: str, keep: Any) -> None:
        self.recent = recent
        self.since_last = since_last
        self.note = note
        self.keep = keep


def risen(item: Item, node: Node, counts: Mapping[str, int], within_s: float) -> Risen:
    """The rises of an item's counters. counts: what they say now; some ten with short names fit into what is kept."""
    return rises(counts, node.last(item), node.once("boot id", lambda: _boot_id(node)), time.time(), within_s)


def rises(counts: Mapping[str, int], last: Last | None, boot: str, now: float, within_s: float) -> Risen:
    """The same of what was kept. boot: any text that changes with each boot. Pure."""
    before = _kept(last, boot)
    at = int(now)
    after: dict[str, Kept] = {}
    recent: dict[str, int] = {}
    since_last: dict[str, int] = {}
    for name, count in counts.items():
        said, samples = (before or {}).get(name, (0, []))
        rise = count - said if count >= said else count  # a driver that is loaded anew counts from 0 again
        seen = [[min(when, at), total] for when, total in samples]  # the clock may have been set back
        total = (seen[-1][1] if seen else 0) + rise
        if rise:
            width = max(1, int(within_s / limits.counter_samples))
            if seen and seen[-1][0] // width == at // width:
                seen.pop()
            seen.append([at, total])
        old = [sample for sample in seen if sample[0] <= at - within_s]
        recent[name] = total - (old[-1][1] if old else 0)
        since_last[name] = rise
        after[name] = (count, seen[max(0, len(old) - 1) :])
    return Risen(recent, since_last, "" if before is not None else SINCE_BOOT, _fitting(boot, after))


def _boot_id(node: Node) -> str:
    try:
        return node.root.text("/proc/sys/kernel/random/boot_id").strip()[:13]
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _kept(last: Last | None, boot: str) -> dict[str, Kept] | None:
    """What was kept, if it is of this boot, and of this form: a release may have had another check of that name."""
    value = last["value"] if last is not None else None
    if not isinstance(value, dict) or value.get("boot") != boot or not isinstance(value.get("counts"), dict):
        return None
    kept: dict[str, Kept] = {}
    for name, pair in value["counts"].items():
        if not _is_kept(pair):
            return None
        kept[name] = (pair[0], pair[1])
    return kept


def _is_kept(pair: object) -> bool:
    if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], int) or not isinstance(pair[1], list):
        return False
    return all(isinstance(one, list) and len(one) == 2 and all(isinstance(n, int) for n in one) for one in pair[1])


def _fitting(boot: str, kept: dict[str, Kept]) -> Any:
    """What is to be kept, within the bound: a rise whose own time finds no room counts as seen with the next one.

    None where there are too many counters to keep anything of them.
    """
    while True:
        value = {"boot": boot, "counts": {name: [said, samples] for name, (said, samples) in kept.items()}}
        if len(json.dumps(value, separators=(",", ":"))) <= limits.keep_bytes_max:
            return value
        longest = max(kept, key=lambda name: len(kept[name][1]))
        said, samples = kept[longest]
        if len(samples) < 3:
            return None
        kept[longest] = (said, [samples[0], *samples[2:]])  # the first may be what the rises since count from
