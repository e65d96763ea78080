"""CORE. What happened to nodes, as two sweeps tell: reboots, other kernels and drivers, moves, comings and goings.

What the config center knows of a node tells `kernel`, `driver` (drivers and firmware), `package` (of the operating
system) and `rebuilt`: another machine, or another system, answers by the same name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from inspector_coord.history import limits
from inspector_coord.history.model import NO_MEMBER, Happening, Key, Seen

__all__ = ["came_and_went", "facts_happenings", "moved", "rebooted"]

_IDENTITY: Final = frozenset({"machine", "vendor", "model", "arch", "os"})
_KINDS_OF_FACTS: Final = {"kernel": "kernel", "os_version": "package", "os_name": "package", "bios_version": "driver"}


def came_and_went(key: Key, before: str, after: str, at: float) -> list[Happening]:
    """A node that has gone, or has come back. before, after: its states."""
    if after in NO_MEMBER and before not in NO_MEMBER:
        text = "left the ring" if after == "left" else "is no member any more"
        return [Happening(at, "left", key, text)]
    if before in NO_MEMBER and after not in NO_MEMBER:
        return [Happening(at, "joined", key, "is a member again")]
    return []


def moved(key: Key, before: str, after: str, at: float) -> Happening:
    """Other tags: `rack: b1 -> b2`."""
    old, new = json.loads(before), json.loads(after)
    parts = [
        f"{tag}: {old.get(tag, 'none')} -> {new.get(tag, 'none')}"
        for tag in sorted({*old, *new})
        if old.get(tag) != new.get(tag)
    ]
    return Happening(at, "moved", key, ", ".join(parts)[: limits.text_chars_max])


def facts_happenings(key: Key, before: Mapping[str, str], after: Mapping[str, str], at: float) -> list[Happening]:
    """Facts that are others than before; one told for the first time is no change."""
    differ = {fact for fact, text in after.items() if fact in before and before[fact] != text}
    by_kind: dict[str, list[str]] = {}
    for fact in sorted(differ):
        kind = "rebuilt" if fact in _IDENTITY else _KINDS_OF_FACTS.get(fact, "")
        if fact.startswith(("driver.", "firmware.")):
            kind = "driver"
        if kind:
            by_kind.setdefault(kind, []).append(f"{fact}: {before[fact]} -> {after[fact]}")
    return [Happening(at, kind, key, ", ".join(parts)[: limits.text_chars_max]) for kind, parts in by_kind.items()]


def rebooted(seen: Seen, booted: float | None, clock_s: float | None, at: float) -> tuple[list[Happening], bool]:
    """(the reboot, if there was one; whether what is kept of its boot is to be replaced).

    A clock that is set moves the boot time, too: the node's own that by its clock, the coordinator's that by ours. Only
    a reboot moves both.
    """
    if seen.booted is None:
        return [], False
    if booted is None or clock_s is None:
        return [], True
    by_its_clock = seen.booted - booted
    by_ours = by_its_clock - (seen.clock_s - clock_s)
    least = limits.reboot_s_min
    if by_its_clock > least and by_ours > least:
        when = min(at, seen.booted - seen.clock_s)
        return [Happening(when, "reboot", seen.key, "")], True
    return [], abs(by_its_clock) > least or abs(seen.clock_s - clock_s) > least
