"""CORE. What the page's charts draw, as JSON that may stand inside an HTML page. Times are milliseconds since 1970."""

from __future__ import annotations

from typing import Any

import msgspec

from inspector_coord.drift.document import Document, Group
from inspector_coord.drift.figures import Heat, Point
from inspector_coord.drift.page import limits
from inspector_coord.drift.page.moments import milliseconds
from inspector_coord.plain import plain

__all__ = ["chart_data", "embedded"]

EVENT_NODES_CHARS = 100  # of what a mark says when it is pointed at


def embedded(document: Document) -> str:
    """JSON of `chart_data` that ends no element and no line of a script, whatever the texts in it are."""
    text = msgspec.json.encode(chart_data(document)).decode()
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def chart_data(document: Document) -> dict[str, Any]:
    """compliance: [ms, nodes, judged, pass, items judged, items pass]; lanes, events: [lane, ms, text, nodes, who];
    groups: [number, item, class, origin, count, [[opened, confirmed, closed | null, count]]]; map: Heat, made plain;
    its cells follow each other in one list, five numbers each, the time in minutes before the end (12,000 of them)."""
    happenings = document.happenings
    lanes = list(dict.fromkeys(plain(each.kind) for each in happenings))
    return {
        "since": milliseconds(document.since),
        "until": milliseconds(document.until),
        "compliance": [_point(each) for each in document.compliance],
        "lanes": lanes,
        "events": [
            [
                lanes.index(plain(each.kind)),
                milliseconds(each.at),
                plain(each.text),
                plain(each.nodes, EVENT_NODES_CHARS) if each.nodes else "all nodes",
                plain(each.who),
            ]
            for each in happenings
        ],
        "groups": [_group(number, each) for number, each in enumerate(document.groups[: limits.timelines_max])],
        "map": _map(document.heat, milliseconds(document.until) or 0),
    }


def _point(point: Point) -> list[int | None]:
    return [
        milliseconds(point.at), point.nodes, point.nodes_judged, point.nodes_pass, point.items_judged, point.items_pass,
    ]  # fmt: skip


def _group(number: int, group: Group) -> list[Any]:
    spans = [
        [milliseconds(span.opened), milliseconds(span.confirmed), milliseconds(span.closed), span.count]
        for span in group.spans
    ]
    return [number, plain(group.item), group.class_, group.origin, group.count, spans, group.unknown_count]


def _map(heat: Heat, until_ms: int) -> dict[str, Any]:
    shown = [
        number
        for node, item, state, group, opened in heat.cells
        for number in (node, item, state, group if group < limits.groups_max else -1, (until_ms // 1000 - opened) // 60)
    ]
    return {
        "nodes": [plain(name) for name in heat.nodes],
        "items": [plain(name) for name in heat.items],
        "states": [plain(state) for state in heat.states],
        "cells": shown,
        "unknown": [[node, plain(state), milliseconds(since)] for node, state, since in heat.unknown],
    }
