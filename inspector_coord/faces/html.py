"""The report as one HTML page that needs nothing from anywhere else: no font, no script, no picture of another host.

Every text passes `plain` and is escaped by the template; data never enters the style sheet or the script.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import jinja2
import msgspec

from inspector_coord.faces.sentences import waiver_told
from inspector_coord.faces.view import view
from inspector_coord.faces.words import LEDGER_STATES, SECOND_ORDER, SEVERITIES, STATE_MEANINGS
from inspector_coord.plain import plain

__all__ = ["render"]

PASSING_SHOWN = 1000
"""Rows for passing nodes: the page must open at once for a fleet of 10,000. The others are counted under the table."""


STYLED = {*LEDGER_STATES, *SEVERITIES, *SECOND_ORDER, "na", "waived"}


class Row(msgspec.Struct, frozen=True):
    """One node of the table."""

    name: str
    ring: str
    address: str
    tags: tuple[str, ...]
    state: str
    via: str
    seconds: str
    evidence: str
    findings: tuple[dict[str, str], ...]
    second: str
    second_message: str
    second_host: str


def render(report: Mapping[str, Any]) -> str:
    """The whole page."""
    nodes = report["nodes"]
    shown = _shown(nodes)
    seen = view(report)
    return _template().render(
        seen=seen,
        states=[state.name for state in seen.states],
        rows=[_row(node) for node in shown],
        hidden=len(nodes) - len(shown),
        several_rings=len({node["ring"] for node in nodes}) > 1,
        meanings=STATE_MEANINGS,
    )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("inspector_coord.faces", "page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["known"] = _known
    return environment.get_template("page.html.j2")


def _known(word: str) -> str:
    """For class names: one of our own words, or `other`."""
    return word if word in STYLED else "other"


def _shown(nodes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Who needs attention first, in the order of names; then passing nodes, as many as the page bears."""
    worst = {state: index for index, state in enumerate(reversed(LEDGER_STATES))}
    passing = [node for node in nodes if node["state"] == "pass"]
    others = [node for node in nodes if node["state"] != "pass"]
    others.sort(key=lambda node: (worst.get(node["state"], len(worst)), node["name"]))
    return [*others, *passing[:PASSING_SHOWN]]


def _row(node: Mapping[str, Any]) -> Row:
    second = node.get("second_pass") or {}
    seconds = node.get("seconds")
    return Row(
        name=plain(node["name"]),
        ring=plain(node["ring"]),
        address=plain(node.get("address") or ""),
        tags=tuple(f"{plain(key)}={plain(value)}" for key, value in sorted((node.get("tags") or {}).items())),
        state=plain(node["state"]),
        via=plain(node.get("via") or ""),
        seconds=f"{float(seconds):.2f} s" if seconds is not None else "",
        evidence=plain(node.get("evidence") or ""),
        findings=tuple(_finding(finding) for finding in node.get("findings", ())),
        second=plain(second.get("outcome") or ""),
        second_message=plain(second.get("message") or ""),
        second_host=", ".join(_host(second.get("host") or {})),
    )


def _finding(finding: Mapping[str, Any]) -> dict[str, str]:
    told = {
        key: plain(finding.get(key) or "") for key in ("item", "outcome", "expected", "observed", "source", "message")
    }
    waiver = finding.get("waiver")
    return told | {"message": waiver_told(waiver)} if waiver and finding["outcome"] == "waived" else told


def _host(host: Mapping[str, Any]) -> Iterator[str]:
    """What the host said of itself in the second pass, in words."""
    if host.get("uptime_s") is not None:
        days, rest = divmod(float(host["uptime_s"]), 86_400)
        yield f"up {days:.0f} d {rest / 3600:.0f} h" if days else f"up {rest / 3600:.1f} h"
    if host.get("load"):
        yield f"load {float(host['load'][0]):g}" + (f" on {int(host['cpus'])} cpus" if host.get("cpus") else "")
    if host.get("memory_total_kb") and host.get("memory_available_kb") is not None:
        yield f"{int(host['memory_available_kb']) * 100 // int(host['memory_total_kb'])} % of memory available"
    if host.get("disk_used_percent") is not None:
        yield f"disk {int(host['disk_used_percent'])} % full"
