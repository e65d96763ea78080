"""CORE. One layer, include or Goss file: from its bytes to what it says, with every mistake in it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

from config_center import limits
from config_center.catalogue import Catalogue
from config_center.fleet_file import NOTHING_KNOWN, FleetFile
from config_center.goss import GOSS, items_of
from config_center.goss_words import mapping
from config_center.includes import INCLUDES, read_references
from config_center.items import ItemReader
from config_center.match import NODE
from config_center.mistakes import START, Notes, Spot, did_you_mean
from config_center.operands import kind_of, spelled
from config_center.read_match import MATCH, read_match
from config_center.release import Layer, LayerItem, Variable, is_key
from config_center.traits import FACT_PREFIX
from config_center.uses import Uses
from config_center.variables import is_name
from config_center.written import Written
from config_center.yaml_lines import Mapping, Node, Scalar, compose

ITEMS: Final = "items"
VARIABLES: Final = "variables"
_OF_LAYER: Final = (MATCH, INCLUDES, GOSS, VARIABLES, ITEMS)
_OF_INCLUDE: Final = (INCLUDES, GOSS, VARIABLES, ITEMS)


def read_layer(
    raw: bytes, name: str, catalogue: Catalogue, notes: Notes, known: FleetFile = NOTHING_KNOWN, dimension: str = ""
) -> Written | None:
    """Read a layer. Mistakes go to the notes; what is returned is only good where there are none."""
    root = _root(raw, "layer", _OF_LAYER, notes)
    if root is None:
        return None
    match = read_match(root.get(MATCH), known, notes)
    written = _Body(root, catalogue, notes).read(name)
    layer = Layer(
        name=name,
        file=notes.file,
        match=match,
        items=written.layer.items,
        variables=written.layer.variables,
        dimension=dimension,
    )
    return dataclasses.replace(written, layer=layer)


def read_include(raw: bytes, name: str, catalogue: Catalogue, notes: Notes) -> Written | None:
    """Read an include: as a layer, but that it has no match of its own."""
    root = _root(raw, INCLUDES, _OF_INCLUDE, notes)
    return None if root is None else _Body(root, catalogue, notes).read(name)


def read_goss(raw: bytes, name: str, catalogue: Catalogue, notes: Notes) -> Written | None:
    """Read a Goss file: as an include that says the same."""
    items = items_of(raw, notes)
    return _Body(mapping(items, [(ITEMS, items)]), catalogue, notes).read(name) if items and items.entries else None


def _root(raw: bytes, what: str, keys: tuple[str, ...], notes: Notes) -> Mapping | None:
    """The mapping that a file is. Other keys than these are mistakes, and so is one that says nothing."""
    before = len(notes.mistakes)
    root = compose(raw, notes)
    if root is None:
        if len(notes.mistakes) == before:
            notes.at(START, f"empty {what}: it holds nothing", f"write {_said(keys)}, or remove the file")
        return None
    if not isinstance(root, Mapping):
        notes.at(root, f"a {what} is a mapping of {_said(keys)}, not a {kind_of(root)}")
        return None
    for key, _ in root.entries:
        if key.spelling == MATCH and MATCH not in keys:
            notes.at(key, "an include has no match", "it is for the nodes of the layers that include it")
        elif key.spelling not in keys:
            notes.at(key, f"unknown key {key.spelling[:80]!r}", did_you_mean(key.spelling, keys))
    if not any(root.get(key) for key in (ITEMS, VARIABLES, INCLUDES, GOSS)):
        notes.at(root, f"empty {what}: it has no items", "write items:, or remove the file")
    return root


def _said(keys: tuple[str, ...]) -> str:
    return " and ".join(f"{key}:" for key in keys if key in {MATCH, ITEMS})


@dataclass(frozen=True, slots=True)
class _Body:
    """What layers and includes have in common."""

    root: Mapping
    catalogue: Catalogue
    notes: Notes

    def read(self, name: str) -> Written:
        uses = Uses(self.notes)
        items_at: dict[str, Spot] = {}
        variables_at: dict[str, Spot] = {}
        includes = read_references(self.root.get(INCLUDES), INCLUDES, self.notes)
        goss = read_references(self.root.get(GOSS), GOSS, self.notes)
        variables = self._variables(variables_at)
        items = self._items(uses, items_at)
        layer = Layer(name=name, file=self.notes.file, match={}, items=items, variables=variables)
        return Written(layer, items_at, variables_at, includes, tuple(uses.found.values()), goss)

    def _variables(self, places: dict[str, Spot]) -> dict[str, Variable]:
        node = self.root.get(VARIABLES)
        if node is None:
            return {}
        if not isinstance(node, Mapping) or not node.entries:
            what = "empty" if isinstance(node, Mapping) or _is_null(node) else f"a {kind_of(node)}, not a mapping"
            self.notes.at(node, f"{VARIABLES} is {what}", f"write {VARIABLES}: {{name: text}}, or leave it out")
            return {}
        if len(node.entries) > limits.variables_max:
            self.notes.at(node, f"{len(node.entries)} variables, at most {limits.variables_max} are taken")
        variables = {}
        for key, value in node.entries[: limits.variables_max]:
            word = key.spelling
            if not is_name(word) or word == NODE or word.startswith(FACT_PREFIX):
                hint = f"letters, digits, . _ and - only; {NODE} and {FACT_PREFIX}… have their values from the node"
                self.notes.at(key, f"{word[:80]!r} cannot name a variable", hint)
                continue
            text = spelled(value, word, self.notes)
            if text is not None:
                if "${" in text:
                    self.notes.at(value, f"{word} asks for another variable", "a variable holds plain text")
                elif len(text) > limits.variable_chars_max:
                    most = limits.variable_chars_max
                    self.notes.at(value, f"{word} has {len(text)} characters, at most {most} are taken")
                variables[word] = Variable(line=key.line, value=text)
                places[word] = Spot(key.line, key.column)
        return variables

    def _items(self, uses: Uses, places: dict[str, Spot]) -> dict[str, LayerItem]:
        node = self.root.get(ITEMS)
        if node is None:
            return {}
        if not isinstance(node, Mapping) or not node.entries:
            what = "empty" if isinstance(node, Mapping) or _is_null(node) else f"a {kind_of(node)}, not a mapping"
            self.notes.at(node, f"empty layer: items is {what}", "write items: {check: {key: expectation}}")
            return {}
        items = {}
        for check, section in node.entries:
            kind = self.catalogue.kinds.get(check.spelling)
            if kind is None:
                hint = did_you_mean(check.spelling, self.catalogue.kinds)
                self.notes.at(check, f"unknown check {check.spelling[:80]!r}", hint)
                continue
            if not isinstance(section, Mapping) or not section.entries:
                hint = f"write {check.spelling}: {{key: expectation}}"
                self.notes.at(section, f"no items under {check.spelling}", hint)
                continue
            reader = ItemReader(check.spelling, kind, self.catalogue.matchers, uses, self.notes)
            for key, body in section.entries:
                if _is_good_key(key, self.notes):
                    name = f"{check.spelling}:{key.spelling}"
                    items[name] = reader.read(key, body)
                    places[name] = Spot(key.line, key.column)
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
