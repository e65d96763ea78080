"""The report as one JSON object a line, for pipes: first the sweep, then every group, waiver and node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from inspector_coord.plain import json_line

__all__ = ["lines"]

LISTS = ("groups", "waivers", "nodes")


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """Lines without their newline; each object has a `type`: sweep, group, waiver or node.

    The sweep's line is the report without these lists, so that no fact is told twice.
    """
    yield _line("sweep", {key: value for key, value in report.items() if key not in LISTS})
    for group in report["groups"]:
        yield _line("group", group)
    for waiver in report.get("waivers", ()):
        yield _line("waiver", waiver)
    for node in report["nodes"]:
        yield _line("node", node)


def _line(kind: str, content: Mapping[str, Any]) -> str:
    return json_line({"type": kind, **content})
