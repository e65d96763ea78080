"""CORE. waivers.yml: deviations that somebody answers for, for a while.

waivers:
  - items: ["sysctl:vm.*"]
    match: {rack: b1}
    owner: storage-team
    reason: the old controller needs it
    ticket: OPS-1234
    expires: 2031-01-31      # the last day on which it holds, UTC
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from typing import Final

from config_center import limits
from config_center.errors import MatchError
from config_center.fleet_file import FleetFile
from config_center.match import NODE, Pattern, Terms
from config_center.mistakes import Notes, did_you_mean
from config_center.operands import kind_of, read_elements, spelled
from config_center.read_match import MATCH, read_match
from config_center.release import Waiver
from config_center.yaml_lines import Mapping, Node, Sequence, compose

WAIVERS: Final = "waivers"
ITEMS: Final = "items"
TEXTS: Final = ("owner", "reason", "ticket")
EXPIRES: Final = "expires"
_KEYS: Final = (ITEMS, MATCH, *TEXTS, EXPIRES)
_FOR_ALL: Final = f"for every node write {{{NODE}: '*'}}"  # a waiver for all is written in so many words
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_waivers(raw: bytes, items: Collection[str], known: FleetFile, today: date, notes: Notes) -> tuple[Waiver, ...]:
    """Read waivers.yml. items: ids that the layers know; today: in UTC. Mistakes and warnings go to the notes."""
    root = compose(raw, notes)
    if root is None:
        return ()
    if not isinstance(root, Mapping):
        notes.at(root, f"{WAIVERS}.yml is a mapping of {WAIVERS}:, not a {kind_of(root)}")
        return ()
    for key, _ in root.entries:
        if key.spelling != WAIVERS:
            notes.at(key, f"unknown key {key.spelling[:80]!r}", did_you_mean(key.spelling, (WAIVERS,)))
    section = root.get(WAIVERS)
    if section is None or (isinstance(section, Sequence) and not section.elements):
        return ()
    if not isinstance(section, Sequence):
        notes.at(section, f"{WAIVERS} takes a list, not a {kind_of(section)}", "write a waiver after each -")
        return ()
    if len(section.elements) > limits.waivers_max:
        notes.at(section, f"{len(section.elements)} waivers, at most {limits.waivers_max} are taken")
    if sum(len(patterns) for patterns in map(_many, section.elements)) > limits.waiver_patterns_max:
        notes.at(section, f"more than {limits.waiver_patterns_max} items in all waivers", "write patterns")
        return ()
    found = [_waiver(node, items, known, today, notes) for node in section.elements[: limits.waivers_max]]
    return tuple(waiver for waiver in found if waiver is not None)


def _waiver(node: Node, items: Collection[str], known: FleetFile, today: date, notes: Notes) -> Waiver | None:
    if not isinstance(node, Mapping):
        notes.at(node, f"a waiver is a mapping of {', '.join(_KEYS)}, not a {kind_of(node)}")
        return None
    given = {key.spelling: value for key, value in node.entries}
    for key, _ in node.entries:
        if key.spelling not in _KEYS:
            notes.at(key, f"unknown key {key.spelling[:80]!r}", did_you_mean(key.spelling, _KEYS))
    missing = [word for word in _KEYS if word not in given]
    if missing:
        hint = f"for every node write {MATCH}: {{{NODE}: '*'}}" if MATCH in missing else "each is asked for one day"
        notes.at(node, f"this waiver does not say {', '.join(missing)}", hint)
    texts = {word: _text(given[word], word, notes) for word in TEXTS if word in given}
    patterns = _patterns(given[ITEMS], items, notes) if ITEMS in given else ()
    match: Terms = read_match(given.get(MATCH), known, notes, f"; {_FOR_ALL}")
    expires = _expires(given[EXPIRES], today, notes) if EXPIRES in given else ""
    if missing:
        return None
    return Waiver(source=f"{notes.file}:{node.line}", items=patterns, match=match, expires=expires, **texts)


def _many(waiver: Node) -> tuple[Node, ...]:
    """The elements of its items, where that is a list."""
    items = waiver.get(ITEMS) if isinstance(waiver, Mapping) else None
    return items.elements if isinstance(items, Sequence) else ()


def _text(node: Node, word: str, notes: Notes) -> str:
    text = spelled(node, word, notes)
    if text is not None and not text.strip():
        notes.at(node, f"{word} is empty", "say it in a few words")
    return text or ""


def _patterns(node: Node, items: Collection[str], notes: Notes) -> tuple[str, ...]:
    """Patterns of item ids. One that suits no item is a warning: the item may have left the layers before it."""
    nodes = read_elements(node, ITEMS, notes) if isinstance(node, Sequence) else (node,)
    patterns = []
    for one in nodes or ():
        text = spelled(one, ITEMS, notes)
        if text is None:
            continue
        try:
            pattern = Pattern(text)
        except MatchError as error:
            notes.at(one, f"{ITEMS}: {error}")
            continue
        patterns.append(text)
        if not (text in items if pattern.is_literal else any(pattern.covers(item) for item in items)):
            near = did_you_mean(text, items)
            notes.warn(one, f"no layer expects {text[:80]}: nothing is waived", near if near.startswith("did") else "")
    return tuple(patterns)


def _expires(node: Node, today: date, notes: Notes) -> str:
    """The last day, as it is written."""
    text = spelled(node, EXPIRES, notes)
    if text is None:
        return ""
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        notes.at(node, f"{EXPIRES} takes a date, not {text[:80]!r}", "write year-month-day, such as 2031-01-31")
    elif day < today:
        notes.warn(node, f"this waiver ended on {text}: its items fail again", "put them right, or remove it")
    elif (left := (day - today).days) <= limits.waiver_soon_days:
        when = {0: "today", 1: "tomorrow"}.get(left, f"in {left} days")
        notes.warn(node, f"this waiver ends {when}, with {text}: then its items fail again", "put them right before")
    return text
