"""The benchmark of all kinds: its items are of as many kinds as there are, and every one of them is told."""

from __future__ import annotations

from typing import Any

from bench.check_cost import by_kind, resolved, taken
from inspector_agent.findings import Finding

LISTED: dict[str, dict[str, Any]] = {
    "sysctl": {f"vm.parameter_{number}": {"any": True} for number in range(5)},
    "kernel": {"release": {"any": True}},
    "module": {},
    "command": {"x": {"with": {"argv": ["true"]}}},
    "limit": {"1": {"expect": {"soft": {"any": True}}}},
}


def test_kinds_take_turns() -> None:
    """So that the one of which there is most does not crowd out the others."""
    chosen = taken(LISTED, 5)
    assert {kind: len(items) for kind, items in chosen.items()} == {"sysctl": 2, "kernel": 1, "command": 1, "limit": 1}
    assert sum(len(items) for items in taken(LISTED, 500).values()) == 8


def test_items_are_as_a_baseline_has_them() -> None:
    """With defaults put in, and numbers."""
    items = resolved({kind: body for kind, body in taken(LISTED, 5).items() if kind != "limit"})
    assert [item.number for item in items] == [0, 1, 2, 3]
    assert {item.id: item.expect for item in items}["command:x"] == {"exit": {"equals": 0}}


def test_the_slowest_kinds_are_told_and_the_others_together() -> None:
    """With what became of their items."""
    items = resolved({"sysctl": LISTED["sysctl"], "kernel": LISTED["kernel"]})
    found = {item.id: Finding(item.number, item.id, "pass", ms=2.0) for item in items}
    found["kernel:release"] = Finding(0, "kernel:release", "na", ms=20.0)
    assert by_kind(items, found).splitlines()[-3:] == [
        "| kernel | 1 na | 20.0 |",
        "| sysctl | 5 pass | 10.0 |",
        "| 0 others | | 0.0 |",
    ]
