"""Why a node is in its state, and what an item is: from the report of the last sweep and the release it asked for.

Pure: report and release in, a document and its lines out.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from config_center.match import Terms, in_words
from config_center.release import LayerItem, Release
from config_center.resolve import Item, Resolver
from config_center.traits import FACT_PREFIX, traits_of
from inspector_coord.errors import ReportError
from inspector_coord.faces.sentences import waiver_told
from inspector_coord.faces.words import STATE_MEANINGS
from inspector_coord.plain import plain
from inspector_coord.verdict import WAIVED, State
from inspector_coord.waived import told
from inspector_coord.wanted import expected

__all__ = ["explain", "lines"]

Document = dict[str, Any]


def explain(report: Mapping[str, Any], what: str, release: Release | None, canary: Release | None = None) -> Document:
    """All that is known of a node or an item. `release`, `canary`: those of the report, if they are at hand.

    Where rings share names, a name alone is all nodes of this name, `ring:name` is one.
    Raises ReportError where the report knows neither a node nor an item of that name.
    """
    nodes = [entry for entry in report["nodes"] if what in (entry["name"], f"{entry['ring']}:{entry['name']}")]
    if nodes:
        told = [_Told(report, canary if entry.get("canary") else release).node(entry) for entry in nodes]
        return {"kind": "node", "nodes": told, "sweep": _sweep(report)}
    groups = {group["item"] for group in report["groups"]}
    known = groups.union(*(each.items for each in (release, canary) if each is not None))
    if what in known:
        return {"kind": "item", **_item(what, report, release, canary), "sweep": _sweep(report)}
    close = difflib.get_close_matches(what, [*(entry["name"] for entry in report["nodes"]), *known], 3, 0.6)
    advice = f"did you mean {' or '.join(plain(name) for name in close)}?" if close else "name a node, or an item"
    raise ReportError(f"{plain(what)!r} is in this report neither a node nor an item: {advice}")


def _sweep(report: Mapping[str, Any]) -> Document:
    return {key: report[key] for key in ("sweep", "started", "release")}


class _Told:
    """What is to be said of one node, by the release that it is judged by."""

    def __init__(self, report: Mapping[str, Any], release: Release | None) -> None:
        self._report = report
        self._resolver = None if release is None else Resolver(release)

    def node(self, entry: Mapping[str, Any]) -> Document:
        """The whole entry, and why."""
        return {
            **entry,
            "meaning": STATE_MEANINGS.get(entry["state"], ""),
            "because": entry["evidence"] or _because(entry),
            "findings": [self._finding(finding, entry) for finding in entry["findings"]],
        }

    def _finding(self, finding: Mapping[str, Any], entry: Mapping[str, Any]) -> Document:
        same = ("item", "outcome", "expected", "observed")
        groups = self._report["groups"]
        group = next((each for each in groups if all(each[key] == finding[key] for key in same)), None)
        found: Document = {**finding, "layers": []}
        if group is not None:
            found |= {"nodes": group["nodes"], "count": group["count"], "causes": group["causes"]}
        if self._resolver is None or entry.get("release"):
            return found
        traits = traits_of(entry["tags"], entry.get("facts"))
        steps = self._resolver.history(entry["name"], traits, finding["item"])
        found["layers"] = [{"source": step.source, "expected": expected(step.item)} for step in steps]
        items = self._resolver.baseline(entry["name"], traits).items
        own = next((item for item in items if item.id == finding["item"]), None)
        return found if own is None else found | _metadata(own)


def _because(entry: Mapping[str, Any]) -> str:
    """What its findings make of a node that has a verdict."""
    counts = {outcome: count for outcome, count in entry.get("counts", {}).items() if count}
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    return f"answered after {entry['seconds']} s, in round {entry['round']}: {told}" if told else ""


def _item(item: str, report: Mapping[str, Any], release: Release | None, canary: Release | None) -> Document:
    """What both releases say of an item; of the canary's layers only what is another word than everybody's."""
    layers = _layers(release, item)
    waivers = [waiver for each in (release, canary) for waiver in _waivers(each, item)]
    releases = [each for each in (release, canary) if each is not None]
    words = [layer.items[item] for each in releases for layer in each.layers if item in layer.items]
    bodies = [word for word in words if word.action == "set"]
    return {
        "item": item,
        "layers": layers,
        "canary_layers": [layer for layer in _layers(canary, item) if layer not in layers],
        "waivers": [waiver for index, waiver in enumerate(waivers) if waiver not in waivers[:index]],
        "groups": [group for group in report["groups"] if group["item"] == item],
        **(_metadata(bodies[-1]) if bodies else {}),
    }


def _layers(release: Release | None, item: str) -> list[Document]:
    """Every layer's word on an item."""
    return [
        {
            "source": f"{layer.file}:{layer.items[item].line}",
            "match": _in_words(layer.match),
            "expected": expected(layer.items[item]),
        }
        for layer in (release.layers if release is not None else ())
        if item in layer.items
    ]


def _waivers(release: Release | None, item: str) -> list[Document]:
    """The waivers that may excuse an item."""
    return [
        {**told(waiver), "match": _in_words(waiver.match)}
        for waiver in (release.waivers if release is not None else ())
        if any(fnmatchcase(item, pattern) for pattern in waiver.items)
    ]


def _in_words(match: Terms) -> dict[str, str]:
    return {key: in_words(term) for key, term in match.items()}


def _metadata(body: Item | LayerItem) -> Document:
    """Title, rationale and so on, as far as there are any."""
    words = ("title", "rationale", "remediation", "remedy", "owner", "severity", "secret")
    told: Document = {word: value for word in words if (value := getattr(body, word))}
    return told | ({"references": list(body.references)} if body.references else {})


# ---- as lines -------------------------------------------------------------------------------------------------------


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The document for a terminal; every foreign text made plain."""
    sweep = document["sweep"]
    release = f"release {plain(sweep['release']['number'])}"
    if sweep["release"].get("canary"):
        release += f", canary {plain(sweep['release']['canary']['number'])}"
    yield f"sweep {plain(sweep['sweep'])}, {plain(sweep['started'])}, {release}"
    if document["kind"] == "item":
        yield from _item_lines(document)
    else:
        for node in document["nodes"]:
            yield from _node_lines(node)


def _node_lines(node: Mapping[str, Any]) -> Iterator[str]:
    traits = node["tags"] | {f"{FACT_PREFIX}{key}": value for key, value in node.get("facts", {}).items()}
    told = " ".join(f"{plain(key)}={plain(value)}" for key, value in sorted(traits.items()))
    yield ""
    yield f"{plain(node['name'])} ({plain(node['ring'])}, {plain(node['address'])}) {told}".rstrip()
    if node.get("canary"):
        yield "  judged by the canary"
    yield f"  {node['state']}: {node['meaning']}" if node["meaning"] else f"  {node['state']}"
    if node["because"]:
        yield f"  {plain(node['because'])}"
    if node["state"] == State.PASS:
        waived = any(finding["outcome"] == WAIVED for finding in node["findings"])
        yield "  nothing is wrong there but what is waived" if waived else "  every item that applies there passes"
    for finding in node["findings"]:
        yield from _finding_lines(finding)
    again = node.get("second_pass")
    if again:
        yield f"  second pass: {again['outcome']}: {plain(again.get('message', ''))}"


def _finding_lines(finding: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield f"  {plain(finding['item'])} {finding['outcome']} ({finding['severity']})"
    yield f"    expected  {plain(finding['expected'])}   {plain(finding['source'])}"
    waiver = finding.get("waiver")
    if waiver:
        yield f"    waiver    {waiver_told(waiver)}   {plain(waiver['source'])}"
    if finding["outcome"] != WAIVED:
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
        yield f"    expected  {plain(layer['expected'])}   {plain(layer['source'])}   {_nodes_told(layer['match'])}"
    for layer in document["canary_layers"]:
        yield f"    canary    {plain(layer['expected'])}   {plain(layer['source'])}   {_nodes_told(layer['match'])}"
    for waiver in document["waivers"]:
        named = f"{waiver_told(waiver)}   {plain(waiver['source'])}"
        yield f"    waiver    {named}   {_nodes_told(waiver['match'])}"
    if not document["groups"]:
        yield "    nobody failed it, or erred on it"
    for group in document["groups"]:
        yield f"    {group['outcome']:9} {plain(group['nodes'], 2000)} ({group['count']}): {plain(group['observed'])}"
        yield from _causes(group["causes"])


def _nodes_told(match: Mapping[str, str]) -> str:
    """For which nodes a layer or a waiver is: `zone=b fact.kernel >=6.1`."""
    return " ".join(plain(f"{key}{words}") for key, words in sorted(match.items())) or "every node"


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
    if document.get("secret"):
        yield "    secret    what is observed never leaves the node in clear"
    if document.get("references"):
        yield f"    see       {plain(', '.join(document['references']))}"
