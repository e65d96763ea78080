"""Why a node is in its state, and what an item is: from the report of the last sweep and the release it asked for.

Pure: report and release in, a document and its lines out.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from config_center.expectation import describe
from config_center.release import Release
from config_center.resolve import Resolver
from inspector_coord.errors import ReportError
from inspector_coord.faces.words import STATE_MEANINGS
from inspector_coord.plain import plain
from inspector_coord.verdict import State

__all__ = ["explain", "lines"]

Document = dict[str, Any]


def explain(report: Mapping[str, Any], what: str, release: Release | None) -> Document:
    """All that is known of a node or an item. `release`: the one of the report, if it is at hand.

    Raises ReportError where the report knows neither a node nor an item of that name.
    """
    nodes = [entry for entry in report["nodes"] if entry["name"] == what]
    if nodes:
        return {"kind": "node", "nodes": [_node(entry, report, release) for entry in nodes], "sweep": _sweep(report)}
    known = {group["item"] for group in report["groups"]} | set(release.items if release else ())
    if what in known:
        return {"kind": "item", **_item(what, report, release), "sweep": _sweep(report)}
    close = difflib.get_close_matches(what, [*(entry["name"] for entry in report["nodes"]), *known], 3, 0.6)
    advice = f"did you mean {' or '.join(plain(name) for name in close)}?" if close else "name a node, or an item"
    raise ReportError(f"{plain(what)!r} is in this report neither a node nor an item: {advice}")


def _sweep(report: Mapping[str, Any]) -> Document:
    return {key: report[key] for key in ("sweep", "started", "release")}


def _node(entry: Mapping[str, Any], report: Mapping[str, Any], release: Release | None) -> Document:
    return {
        **entry,
        "meaning": STATE_MEANINGS.get(entry["state"], ""),
        "because": entry["evidence"] or _because(entry),
        "findings": [_finding(finding, entry, report, release) for finding in entry["findings"]],
    }


def _because(entry: Mapping[str, Any]) -> str:
    """What its findings make of a node that has a verdict."""
    counts = {outcome: count for outcome, count in entry.get("counts", {}).items() if count}
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    return f"answered after {entry['seconds']} s, in round {entry['round']}: {told}" if told else ""


def _finding(
    finding: Mapping[str, Any], entry: Mapping[str, Any], report: Mapping[str, Any], release: Release | None
) -> Document:
    same = ("item", "outcome", "expected", "observed")
    group = next((each for each in report["groups"] if all(each[key] == finding[key] for key in same)), None)
    found: Document = {**finding, "layers": _history(finding["item"], entry, release)}
    if group is not None:
        found |= {"nodes": group["nodes"], "count": group["count"], "causes": group["causes"]}
    return found | _metadata(finding["item"], release, finding["source"])


def _history(item: str, entry: Mapping[str, Any], release: Release | None) -> list[Document]:
    """Every layer's word on an item of a node, the one that holds last."""
    if release is None or entry.get("release"):
        return []
    steps = Resolver(release).history(entry["name"], entry["tags"], item)
    return [{"source": step.source, "expected": describe(step.item.expect)} for step in steps]


def _item(item: str, report: Mapping[str, Any], release: Release | None) -> Document:
    layers = [] if release is None else [layer for layer in release.layers if item in layer.items]
    said = [
        {
            "source": f"{layer.file}:{layer.items[item].line}",
            "match": {key: list(patterns) for key, patterns in layer.match.items()},
            "expected": describe(layer.items[item].expect),
        }
        for layer in layers
    ]
    groups = [group for group in report["groups"] if group["item"] == item]
    return {"item": item, "layers": said, "groups": groups, **_metadata(item, release, "")}


def _metadata(item: str, release: Release | None, source: str) -> Document:
    """Title, rationale and so on: of the layer that `source` names, else of the last one that has the item."""
    bodies = [
        (f"{layer.file}:{layer.items[item].line}", layer.items[item])
        for layer in (release.layers if release else ())
        if item in layer.items
    ]
    body = next((body for place, body in bodies if place == source), bodies[-1][1] if bodies else None)
    if body is None:
        return {}
    words = ("title", "rationale", "remediation", "remedy", "owner", "severity")
    told: Document = {word: value for word in words if (value := getattr(body, word))}
    return told | ({"references": list(body.references)} if body.references else {})


# ---- as lines -------------------------------------------------------------------------------------------------------


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The document for a terminal; every foreign text made plain."""
    sweep = document["sweep"]
    yield f"sweep {plain(sweep['sweep'])}, {plain(sweep['started'])}, release {sweep['release']['number']}"
    if document["kind"] == "item":
        yield from _item_lines(document)
    else:
        for node in document["nodes"]:
            yield from _node_lines(node)


def _node_lines(node: Mapping[str, Any]) -> Iterator[str]:
    tags = " ".join(f"{plain(key)}={plain(value)}" for key, value in sorted(node["tags"].items()))
    yield ""
    yield f"{plain(node['name'])} ({plain(node['ring'])}, {plain(node['address'])}) {tags}".rstrip()
    yield f"  {node['state']}: {node['meaning']}" if node["meaning"] else f"  {node['state']}"
    if node["because"]:
        yield f"  {plain(node['because'])}"
    if node["state"] == State.PASS:
        yield "  every item that applies there passes"
    for finding in node["findings"]:
        yield from _finding_lines(finding)
    again = node.get("second_pass")
    if again:
        yield f"  second pass: {again['outcome']}: {plain(again.get('message', ''))}"


def _finding_lines(finding: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"  {plain(finding['item'])} {finding['outcome']} ({finding['severity']})"
    yield f"    expected  {plain(finding['expected'])}   {plain(finding['source'])}"
    yield f"    observed  {plain(finding['observed']) or '(did not fit into the answer)'}"
    if finding["message"] and finding["message"] != finding["observed"]:
        yield f"    message   {plain(finding['message'])}"
    for step in finding["layers"][:-1]:
        yield f"    overrides {plain(step['expected'])}   {plain(step['source'])}"
    if finding.get("count", 1) > 1:
        yield f"    same on   {plain(finding['nodes'], 2000)} ({finding['count']} nodes)"
    yield from _causes(finding.get("causes", ()))
    yield from _told(finding)


def _item_lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield plain(document["item"])
    yield from _told(document)
    for layer in document["layers"]:
        match = " ".join(f"{plain(key)}={plain(','.join(values))}" for key, values in sorted(layer["match"].items()))
        yield f"    expected  {plain(layer['expected'])}   {plain(layer['source'])}   {match or 'every node'}"
    if not document["groups"]:
        yield "    nobody failed it, or erred on it"
    for group in document["groups"]:
        yield f"    {group['outcome']:9} {plain(group['nodes'], 2000)} ({group['count']}): {plain(group['observed'])}"
        yield from _causes(group["causes"])


def _causes(causes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for cause in causes:
        yield (
            f"    cause     {plain(cause['tag'])}: {cause['precision']:.0%} of its nodes have it, "
            f"{cause['recall']:.0%} of those that have it are there"
        )


def _told(document: Mapping[str, Any]) -> Iterator[str]:
    for word in ("title", "rationale", "remediation", "remedy", "owner"):
        if document.get(word):
            yield f"    {word:9} {plain(document[word])}" if len(word) < 10 else f"    {word} {plain(document[word])}"
    if document.get("references"):
        yield f"    see       {plain(', '.join(document['references']))}"
