"""What happened, as a person reads it at night."""

from __future__ import annotations

import time
from typing import Any

import pytest

from inspector_coord.watch.conclusions import Action, Happening, Kind
from inspector_coord.watch.noticing import changed_name, dropped
from inspector_coord.watch.watch_lines import line, open_line, states

UNIX = 1_800_000_187.0


def stamp(unix: float) -> str:
    """The same everywhere."""
    return time.strftime("%H:%M:%S", time.gmtime(unix))


def happening(**fields: Any) -> Happening:
    """n007 down for two seconds, with some fields replaced."""
    ordinary: dict[str, Any] = {
        "number": 3, "action": Action.OPENED, "kind": Kind.DOWN, "nodes": ("n007",), "domain": "", "of": 0,
        "since": 98.0, "at": 100.0, "evidence": "reached by none of 6 witnesses (zone=a, zone=c)",
    }  # fmt: skip
    return Happening(**(ordinary | fields))


RACK = {"nodes": tuple(f"n{n:03}" for n in range(41, 79)), "domain": "rack=b2", "of": 40}
NONE = "reached by none of 6 witnesses (zone=a, zone=c)"

CASES = [
    (happening(), f"08:03:07 n007: down since 08:03:05: {NONE}"),
    (happening(**RACK), f"08:03:07 rack b2: 38 of 40 down since 08:03:05 (n[041-078]): {NONE}"),
    (
        happening(nodes=("n001", "n002"), action=Action.CHANGED),
        f"08:03:07 n[001-002]: now 2 nodes down since 08:03:05: {NONE}",
    ),
    (
        happening(**RACK | {"of": 38}, action=Action.CHANGED),
        f"08:03:07 rack b2: now all 38 down since 08:03:05 (n[041-078]): {NONE}",
    ),
    (
        happening(action=Action.CLOSED, evidence="back after 6 min 12 s", **RACK),
        "08:03:07 rack b2: back after 6 min 12 s (n[041-078])",
    ),
    (
        happening(action=Action.CLOSED, evidence="goes on as incident 7", closed_by=7),
        "08:03:07 n007: down goes on as incident 7",
    ),
    (
        happening(
            kind=Kind.CUT_OFF, nodes=("n001", "n002", "n003"), domain="zone=c", of=3, parted=("zone=a", "zone=c"),
            direction="cannot send", evidence="why",
        ),
        "08:03:07 zone c: all 3 cut off from zone a, cannot send since 08:03:05 (n[001-003]): why",
    ),
    (
        happening(kind=Kind.FLAPPING, count=30, evidence="n007: 30 times gone or back within 5 min"),
        "08:03:07 n007: flapping (30 times) since 08:03:05: n007: 30 times gone or back within 5 min",
    ),
    (
        happening(kind=Kind.ISOLATED, nodes=(), evidence="n001 hears 12%; nobody is accused"),
        "08:03:07 this watcher sees too little of the ring since 08:03:05: n001 hears 12%; nobody is accused",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("told", "expected"), CASES)
def test_a_line_says_who_what_since_when_and_why(told: Happening, expected: str) -> None:
    assert line("", told, UNIX, stamp) == expected


def test_several_rings_are_told_apart() -> None:
    assert line("west", happening(), UNIX, stamp).startswith("08:03:07 west: n007: down")


def test_what_is_open_is_told_with_how_long() -> None:
    assert open_line("", happening(), 158.0, UNIX, stamp) == f"n007: down since 08:02:07, for 1 min: {NONE}"


def test_a_hostile_name_is_one_harmless_line() -> None:
    """A member chooses its own name; it neither moves the cursor nor forges a second event."""
    told = line("", happening(nodes=("a\n12:00:00 all is well\x1b[2J",)), UNIX, stamp)
    assert "\n" not in told
    assert "\x1b" not in told


def test_every_node_is_counted_once() -> None:
    """By its incident; who failed a moment ago is a suspect, who left is no member and counted all the same."""
    roster = {"n001": "alive", "n002": "failed", "n003": "failed", "n004": "alive", "n005": "leaving"}
    opened = [
        happening(nodes=("n002",)),
        happening(kind=Kind.GRAY, nodes=("n004",)),
        happening(kind=Kind.LEFT, nodes=("n009",)),
    ]
    assert states(roster, opened) == {"up": 2, "down": 1, "suspect": 1, "gray": 1, "left": 1}


def test_serfs_log_names_who_has_changed() -> None:
    """Lines as Serf 0.8 and later write them; other lines say nothing."""
    head = "    2026/11/22 00:13:08 "
    assert changed_name(f"{head}[INFO] serf: EventMemberFailed: n005 127.1.0.5\n") == "n005"
    assert changed_name(f"{head}[INFO] serf: EventMemberJoin: a name 127.1.0.5") == "a name"
    assert changed_name(f"{head}[INFO] serf: EventMemberUpdate: n005") is None
    assert changed_name(f"{head}[INFO] memberlist: Suspect n005 has failed, no acks received") is None
    assert dropped(f"{head}[WARN] agent: Dropping event to 127.0.0.1:4711")
    assert not dropped(f"{head}[INFO] agent: Received event: member-failed")
