"""What a node sent back in the second pass, read with suspicion (core: no I/O).

`read_look` reads the output of playbooks/look.sh, `read_recheck` the JSON lines of playbooks/recheck.py. Both take any
text and never raise: what is not understood is left out, what is too long is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from inspector_agent.findings import Garbage, Reported, parse_line
from inspector_coord.plain import plain
from inspector_coord.second_pass import limits
from inspector_coord.second_pass.model import Look, Process

__all__ = ["Recheck", "read_look", "read_recheck"]


class Note(msgspec.Struct, frozen=True):
    """Why an item was not looked at on the node."""

    note: str
    why: str


class Recheck(msgspec.Struct, frozen=True):
    """What the checks say now, and why some say nothing; both by item id."""

    findings: Mapping[str, Reported] = {}
    notes: Mapping[str, str] = {}


def read_recheck(output: str, asked: frozenset[str]) -> Recheck:
    """Findings and notes for the items asked about; the first word on an item counts, strangers are dropped.

    A finding is read by the agent's own reader, so that equal observations are equal texts.
    """
    findings: dict[str, Reported] = {}
    notes: dict[str, str] = {}
    for line in output[: limits.recheck_bytes_max].encode("utf-8", "replace").split(b"\n"):
        told = parse_line(line)
        if isinstance(told, Reported):
            if told.id in asked:
                findings.setdefault(told.id, told)
        elif isinstance(told, Garbage) and (note := _note(line)) is not None and note.note in asked:
            notes.setdefault(note.note, plain(note.why, limits.observed_chars_max))
    return Recheck(findings, notes)


def _note(line: bytes) -> Note | None:
    try:
        return msgspec.json.decode(line, type=Note)
    except (msgspec.DecodeError, RecursionError):
        return None


def read_look(output: str) -> Look:
    """What the host said of itself; fields it did not tell, or told in another form, keep their defaults."""
    told: dict[str, Any] = {}
    processes: dict[str, list[Process]] = {"serf": [], "agent": []}
    log: list[str] = []
    for line in output[: limits.look_bytes_max].splitlines():
        key, _, rest = line.strip().partition(" ")
        if key in READERS:
            value = _attempt(READERS[key], rest)
            if isinstance(value, dict):
                told.update(value)
        elif key in processes:
            value = _attempt(_process, rest)
            processes[key] += [value] if value else []
        elif key == "log" and len(log) < limits.log_lines_max:
            log.append(plain(rest, limits.observed_chars_max))
    return Look(serf=tuple(processes["serf"]), agent=tuple(processes["agent"]), log=tuple(log), **told)


def _attempt(reader: Callable[[str], Any], text: str) -> Any:
    try:
        return reader(text)
    except (ValueError, IndexError):
        return None


def _process(text: str) -> Process | None:
    pid, state = text.split()
    return Process(int(pid), state) if len(state) == 1 and state.isalpha() and 0 < int(pid) < 2**32 else None


def _load(text: str) -> dict[str, Any]:
    one, five, fifteen = (float(part) for part in text.split()[:3])
    return {"load": (one, five, fifteen)}


def _memory(text: str) -> dict[str, Any]:
    total, available = (int(part) for part in text.split()[:2])
    return {"memory_total_kb": total, "memory_available_kb": available}


def _disk(text: str) -> dict[str, Any]:
    used, available = text.split()[:2]
    return {"disk_used_percent": int(used.removesuffix("%")), "disk_available_kb": int(available)}


READERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "uptime": lambda text: {"uptime_s": float(text.split()[0])},
    "load": _load,
    "cpus": lambda text: {"cpus": int(text)},
    "memory": _memory,
    "disk": _disk,
    "sees_processes": lambda text: {"sees_processes": text == "yes"},
    "end": lambda _text: {"complete": True},
}
