"""The report as JUnit XML: a test suite a ring, a test case a node.

A failing node is a failure, an erring one an error. A node without a verdict on its items is an error too: tools that
read this show skipped cases as harmless, and a node nobody has heard is not. Only a node that left is skipped. A node
that passes by a waiver passes; what is waived stands in its output.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree as ET

from inspector_coord.faces.sentences import waiver_told
from inspector_coord.faces.words import STATE_MEANINGS
from inspector_coord.plain import plain

__all__ = ["render"]

MESSAGE_CHARS = 1000


def render(report: Mapping[str, Any]) -> str:
    """The whole document, with its declaration."""
    root = ET.Element("testsuites", name="inspector sweep", time=f"{float(report['seconds']):.3f}")
    rings = list(dict.fromkeys([*(ring["name"] for ring in report.get("rings", ())), *_rings(report["nodes"])]))
    errors = {ring["name"]: ring["error"] for ring in report.get("rings", ()) if ring.get("error")}
    for ring in rings:
        nodes = [node for node in report["nodes"] if node["ring"] == ring]
        root.append(_suite(ring, nodes, errors.get(ring), report))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _rings(nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    return [node["ring"] for node in nodes]


def _suite(ring: str, nodes: Sequence[Mapping[str, Any]], error: str | None, report: Mapping[str, Any]) -> ET.Element:
    suite = ET.Element("testsuite", name=plain(ring), timestamp=plain(report["started"]))
    properties = ET.SubElement(suite, "properties")
    release = report.get("release") or {}
    canary = release.get("canary") or {}
    told = {f"release.{key}": release[key] for key in ("number", "digest") if key in release}
    told |= {f"canary.{key}": canary[key] for key in ("number", "digest", "nodes") if key in canary}
    for name, value in {"sweep": report["sweep"], **told}.items():
        ET.SubElement(properties, "property", name=plain(name), value=plain(value))
    if error:
        case = ET.SubElement(suite, "testcase", classname=plain(ring), name="(the ring itself)")
        ET.SubElement(case, "error", type="ring", message=plain(error, MESSAGE_CHARS))
    for node in nodes:
        suite.append(_case(node))
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", f"{max((float(node.get('seconds') or 0) for node in nodes), default=0.0):.3f}")
    return suite


def _case(node: Mapping[str, Any]) -> ET.Element:
    state = node["state"]
    seconds = float(node.get("seconds") or 0)
    case = ET.Element("testcase", classname=plain(node["ring"]), name=plain(node["name"]), time=f"{seconds:.3f}")
    findings = [_told(finding) for finding in node.get("findings", ()) if finding["outcome"] != "waived"]
    output = [f"waived {plain(each['item'])}: {waiver_told(each['waiver'])}" for each in _waived(node)]
    if state in ("fail", "error"):
        wrong = ET.SubElement(case, "failure" if state == "fail" else "error", type=state)
        wrong.set("message", plain(findings[0] if findings else STATE_MEANINGS[state], MESSAGE_CHARS))
        wrong.text = "\n".join(findings)
    elif state == "left":
        ET.SubElement(case, "skipped", message=_evidence(node))
    elif state != "pass":
        ET.SubElement(case, "error", type=plain(state), message=_evidence(node))
    second = node.get("second_pass")
    if second:
        told = f"second pass: {second['outcome']} {second.get('message') or ''}"
        output.append(plain(told.strip(), MESSAGE_CHARS))
    if output:
        ET.SubElement(case, "system-out").text = "\n".join(output)
    return case


def _waived(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for each in node.get("findings", ()) if each["outcome"] == "waived" and each.get("waiver")]


def _told(finding: Mapping[str, Any]) -> str:
    """One finding on one line: what, expected, observed, where it is written."""
    text = f"{finding['outcome']} {finding['item']}: expected {finding.get('expected') or '?'}"
    text += f", observed {finding['observed']}" if finding.get("observed") else ""
    text += f" [{finding['message']}]" if finding.get("message") else ""
    return plain(text + (f" ({finding['source']})" if finding.get("source") else ""), MESSAGE_CHARS)


def _evidence(node: Mapping[str, Any]) -> str:
    meaning = STATE_MEANINGS.get(node["state"], "unknown state")
    return plain(f"{node['state']}: {node.get('evidence') or meaning}", MESSAGE_CHARS)
