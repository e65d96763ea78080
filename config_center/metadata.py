"""CORE. What an item says besides its expectation: severity, texts for people, references, timeout."""

from __future__ import annotations

from typing import Any, Final

from config_center import limits
from config_center.mistakes import Notes, did_you_mean
from config_center.operands import kind_of, read_elements, read_value
from config_center.release import SEVERITIES
from config_center.secrecy import SECRET
from config_center.yaml_lines import Mapping, Node, Scalar, Sequence

TEXTS: Final = ("title", "rationale", "remediation", "remedy", "owner")
METADATA: Final = ("severity", *TEXTS, "references", "timeout", SECRET)


def read_metadata(body: Mapping, notes: Notes) -> dict[str, Any]:
    """What is given of METADATA, by its name, each held to its type."""
    found: dict[str, Any] = {}
    for name, node in body.entries:
        word = name.spelling
        if word == "severity":
            value: Any = _severity(node, notes)
        elif word == "timeout":
            value = _timeout(node, notes)
        elif word == "references":
            value = _references(node, notes)
        elif word == SECRET:
            value = read_value(node, word, "bool", notes)
        elif word in TEXTS:
            value = _words(node, word, notes)
        else:
            continue
        if value is not None:
            found[word] = value
    return found


def _severity(node: Node, notes: Notes) -> str | None:
    word = node.spelling if isinstance(node, Scalar) else kind_of(node)
    if word in SEVERITIES:
        return word
    notes.at(node, f"unknown severity {word[:80]!r}", did_you_mean(word, SEVERITIES))
    return None


def _timeout(node: Node, notes: Notes) -> float | None:
    value = read_value(node, "timeout", "number", notes)
    if value is None:
        return None
    if not limits.timeout_s_min <= float(value) <= limits.timeout_s_max:
        bounds = f"{limits.timeout_s_min:g} to {limits.timeout_s_max:g} seconds"
        notes.at(node, f"timeout of {value} seconds is out of bounds", f"take {bounds}")
        return None
    return float(value)


def _references(node: Node, notes: Notes) -> tuple[str, ...]:
    nodes = read_elements(node, "references", notes) if isinstance(node, Sequence) else (node,)
    words = [_words(one, "references", notes) for one in nodes or ()]
    return tuple(word for word in words if word is not None)


def _words(node: Node, what: str, notes: Notes) -> str | None:
    """Text for people: a number is taken too, where it stays as it is spelled."""
    value = read_value(node, what, "text", notes)
    return None if value is None else str(value)
