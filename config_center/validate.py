"""One layer file: from its bytes to a layer, with every mistake in it."""

from __future__ import annotations

import re
from typing import Final

from config_center import limits
from config_center.catalogue import Catalogue
from config_center.errors import MatchError
from config_center.items import ItemReader
from config_center.match import NODE, Pattern
from config_center.mistakes import START, Notes, did_you_mean
from config_center.operands import kind_of, read_elements, spelled
from config_center.release import Layer, LayerItem, is_key
from config_center.yaml_lines import Mapping, Node, Scalar, Sequence, compose

MATCH: Final = "match"
ITEMS: Final = "items"

_TAG: Final = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{limits.name_chars_max - 1}}}")


def read_layer(raw: bytes, name: str, catalogue: Catalogue, notes: Notes) -> Layer | None:
    """Read one file. Mistakes go to the notes; what is returned is only good where there are none."""
    before = len(notes.mistakes)
    root = compose(raw, notes)
    if root is None:
        if len(notes.mistakes) == before:
            notes.at(START, "empty layer: it holds nothing", "write match: and items:, or remove the file")
        return None
    if not isinstance(root, Mapping):
        notes.at(root, f"a layer is a mapping of match: and items:, not a {kind_of(root)}")
        return None
    for key, _ in root.entries:
        if key.spelling not in {MATCH, ITEMS}:
            notes.at(key, f"unknown key {key.spelling[:80]!r}", did_you_mean(key.spelling, (MATCH, ITEMS)))
    match = _match(root.get(MATCH), notes)
    items = root.get(ITEMS)
    if items is None:
        notes.at(root, "empty layer: it has no items", "write items:, or remove the file")
        return None
    return Layer(name=name, file=notes.file, match=match, items=_items(items, catalogue, notes))


def _match(node: Node | None, notes: Notes) -> dict[str, tuple[str, ...]]:
    if node is None:
        return {}
    if not isinstance(node, Mapping) or not node.entries:
        what = "empty" if isinstance(node, Mapping) or _is_null(node) else f"a {kind_of(node)}, not a mapping"
        notes.at(node, f"match is {what}", "write match: {tag: value}, or leave it out for every node")
        return {}
    match = {}
    for key, value in node.entries:
        word = key.spelling
        if word != NODE and not _TAG.fullmatch(word):
            notes.at(key, f"{word[:80]!r} cannot name a tag", "letters, digits, . _ and - only")
        match[word] = _patterns(word, value, notes)
    return match


def _patterns(word: str, node: Node, notes: Notes) -> tuple[str, ...]:
    nodes = read_elements(node, word, notes) if isinstance(node, Sequence) else (node,)
    patterns = []
    for one in nodes or ():
        text = spelled(one, word, notes)
        if text is None:
            continue
        try:
            patterns.append(Pattern(text).text)
        except MatchError as error:
            notes.at(one, f"{word}: {error}")
    return tuple(patterns)


def _items(node: Node, catalogue: Catalogue, notes: Notes) -> dict[str, LayerItem]:
    if not isinstance(node, Mapping) or not node.entries:
        what = "empty" if isinstance(node, Mapping) or _is_null(node) else f"a {kind_of(node)}, not a mapping"
        notes.at(node, f"empty layer: items is {what}", "write items: {check: {key: expectation}}")
        return {}
    items = {}
    for check, section in node.entries:
        kind = catalogue.kinds.get(check.spelling)
        if kind is None:
            hint = did_you_mean(check.spelling, catalogue.kinds)
            notes.at(check, f"unknown check {check.spelling[:80]!r}", hint)
            continue
        if not isinstance(section, Mapping) or not section.entries:
            notes.at(section, f"no items under {check.spelling}", f"write {check.spelling}: {{key: expectation}}")
            continue
        reader = ItemReader(check.spelling, kind, catalogue.matchers, notes)
        for key, body in section.entries:
            if _is_good_key(key, notes):
                items[f"{check.spelling}:{key.spelling}"] = reader.read(key, body)
    return items


def _is_good_key(key: Scalar, notes: Notes) -> bool:
    if is_key(key.spelling):
        return True
    most = limits.key_chars_max
    what = (
        f"has {len(key.spelling)} characters" if len(key.spelling) > most else "is empty, or not printable throughout"
    )
    notes.at(key, f"this key {what}", f"an item's key has 1 to {most} printable characters")
    return False


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None
