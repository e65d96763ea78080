"""Subjects of a second pass for tests."""

from __future__ import annotations

from typing import Any

from config_center.resolve import Item
from inspector_coord.second_pass import Subject


def expectation(name: str, expect: dict[str, dict[str, Any]], **fields: Any) -> Item:
    """One item of a baseline."""
    check, _, key = name.partition(":")
    known: dict[str, Any] = {
        "number": 0,
        "id": name,
        "check": check,
        "key": key,
        "expect": expect,
        "with_": {},
        "severity": "major",
        "timeout_s": 2.0,
        "source": "layers/00-fleet.yml:4",
    }
    return Item(**(known | fields))


SWAPPINESS = expectation("sysctl:vm.swappiness", {"value": {"at_most": 10}}, remediation="sysctl -w vm.swappiness=10")


def subject(name: str, address: str = "10.0.0.1", **fields: Any) -> Subject:
    """A node whose swappiness was 60 in the sweep, wrong in a way of its own, unless fields say otherwise."""
    known: dict[str, Any] = {
        "ring": "main",
        "name": name,
        "address": address,
        "state": "fail",
        "tags": {"rack": "a1"},
        "items": (SWAPPINESS,),
        "observed": {SWAPPINESS.id: "60"},
    }
    fields.setdefault("fingerprints", tuple((item.id, name) for item in fields.get("items", (SWAPPINESS,))))
    return Subject(**(known | fields))
