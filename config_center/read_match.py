"""CORE. A `match` as written: node, tags and facts, each a pattern, a list of them, or a mapping of conditions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from config_center import limits
from config_center.fleet_file import FleetFile, is_tag
from config_center.match import NODE, Term, Terms
from config_center.mistakes import Notes, did_you_mean
from config_center.operands import kind_of, patterns_of, read_elements, spelled
from config_center.overlap import may_both_match
from config_center.traits import FACT_PREFIX
from config_center.versions import version_key
from config_center.yaml_lines import Mapping, Node, Scalar, Sequence

MATCH: Final = "match"
ANY: Final = "any"
NOT: Final = "not"
BOUNDS: Final = ("at_least", "at_most", "below")
CONDITIONS: Final = (ANY, NOT, *BOUNDS)

# What agents tell of a node; and the families of names.
FACTS: Final = (
    "os", "os_version", "os_name", "kernel", "arch", "cpus", "memory_mib", "virtualization",
    "vendor", "model", "bios_version", "bios_date",
)  # fmt: skip
FACT_FAMILIES: Final = ("driver.", "firmware.")

_FACT: Final = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.:@-]{{0,{limits.name_chars_max - 1}}}")


FOR_ALL: Final = ", or leave it out for every node"


def read_match(node: Node | None, known: FleetFile, notes: Notes, for_all: str = FOR_ALL) -> Terms:
    """The terms of a match; without one it is for every node. Mistakes go to the notes.

    for_all: how a hint says what is written for every node.
    """
    if node is None:
        return {}
    if not isinstance(node, Mapping) or not node.entries:
        is_empty = isinstance(node, Mapping) or (isinstance(node, Scalar) and node.value is None)
        what = "empty" if is_empty else f"a {kind_of(node)}, not a mapping"
        notes.at(node, f"{MATCH} is {what}", f"write {MATCH}: {{tag: value}}{for_all}")
        return {}
    if len(node.entries) > limits.match_keys_max:
        notes.at(node, f"{MATCH} has {len(node.entries)} keys, at most {limits.match_keys_max} are taken")
        return {}
    terms = {}
    for key, value in node.entries:
        word, before = key.spelling, len(notes.mistakes)
        if not _is_known(key, known, notes):
            continue
        term = _term(word, value, notes)
        if term is None or len(notes.mistakes) > before:
            continue  # what is half read is not to be judged
        terms[word] = term
        if may_both_match({word: term}, {word: term}):
            _hold_to(known.tags.get(word, ()), word, value, notes)
        else:
            notes.at(value, f"{word} can never match: its conditions exclude each other", "loosen one of them")
    return terms


def _is_known(key: Scalar, known: FleetFile, notes: Notes) -> bool:
    """It is the name, a fact, or a tag that nodes may have."""
    word = key.spelling
    if word == NODE:
        return True
    if word.startswith(FACT_PREFIX):
        fact = word.removeprefix(FACT_PREFIX)
        if not _FACT.fullmatch(fact):
            notes.at(key, f"{word[:80]!r} cannot name a fact", did_you_mean(fact, FACTS))
            return False
        hint = fact_hint(word)
        if hint is not None:
            notes.warn(key, f"no agent tells {word}", hint)
        return True
    if not is_tag(word):
        notes.at(key, f"{word[:80]!r} cannot name a tag", "letters, digits, . _ and - only")
        return False
    if not known.is_known(word):
        hint = did_you_mean(word, (*known.tags, NODE)) or "name it under tags: in fleet.yml"
        notes.at(key, f"unknown tag {word!r}", hint)
        return False
    return True


def fact_hint(word: str) -> str | None:
    """None where agents tell a fact of that name, `fact.` at its head; else what may be meant."""
    fact = word.removeprefix(FACT_PREFIX)
    if fact in FACTS or fact.startswith(FACT_FAMILIES):
        return None
    return did_you_mean(fact, (*FACTS, *(f"{family}NAME" for family in FACT_FAMILIES)))


def _term(word: str, node: Node, notes: Notes) -> Term | None:
    if not isinstance(node, Mapping):
        return Term(any=_patterns(word, node, notes))
    if not node.entries:
        notes.at(node, f"{word} has no condition", f"known: {', '.join(CONDITIONS)}")
        return None
    given: dict[str, Any] = {}
    for name, value in node.entries:
        condition = name.spelling
        if condition == ANY:
            given["any"] = _patterns(f"{word}: {ANY}", value, notes)
        elif condition == NOT:
            given["none"] = _patterns(f"{word}: {NOT}", value, notes)
        elif condition not in BOUNDS:
            notes.at(name, f"unknown condition {condition[:80]!r}", did_you_mean(condition, CONDITIONS))
        elif word == NODE:
            notes.at(name, f"{condition} cannot be used here: names have no order", f"use {ANY}, {NOT} or a pattern")
        else:
            given[condition] = _bound(f"{word}: {condition}", value, notes)
    return Term(**given)


def _patterns(what: str, node: Node, notes: Notes) -> tuple[str, ...]:
    nodes = read_elements(node, what, notes) if isinstance(node, Sequence) else (node,)
    return patterns_of(nodes or (), what, notes)


def _bound(what: str, node: Node, notes: Notes) -> str:
    """A number or version as it is spelled: 6.10 stays 6.10."""
    text = spelled(node, what, notes)
    if text is not None and version_key(text) is None:
        notes.at(node, f"{what} takes a number or a version, not {text[:80]!r}")
    return text or ""


def _hold_to(values: tuple[str, ...], word: str, node: Node, notes: Notes) -> None:
    """Each pattern suits one of the values that fleet.yml knows of the tag. values: none for any."""
    if not values:
        return
    for pattern in _scalars(node):
        if not may_both_match({word: Term(any=(pattern.spelling,))}, {word: Term(any=values)}):
            notes.at(pattern, f"{word} is never {pattern.spelling[:80]!r}", did_you_mean(pattern.spelling, values))


def _scalars(node: Node) -> Iterable[Scalar]:
    """Every pattern of a term."""
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Sequence):
        for element in node.elements:
            yield from _scalars(element)
    else:
        for name, value in node.entries:
            if name.spelling in {ANY, NOT}:
                yield from _scalars(value)
