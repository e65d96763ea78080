"""CORE. fleet.yml: the dimensions of a fleet in their order, and the tags and values its nodes may have.

dimensions: [fleet, zone, role, node]        # later wins; each is a folder layers/<dimension>/
tags: {zone: [a, b], rack: ["b[01-20]"], owner: []}   # an empty list: any value
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from typing import Final

from config_center import limits
from config_center.match import NODE
from config_center.mistakes import Notes, did_you_mean
from config_center.operands import kind_of, patterns_of, read_elements, spelled
from config_center.traits import FACT_PREFIX
from config_center.yaml_lines import Mapping, Node, Sequence, compose

DIMENSIONS: Final = "dimensions"
TAGS: Final = "tags"

_DIMENSION: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{limits.name_chars_max - 1}}}")
_TAG: Final = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{limits.name_chars_max - 1}}}")


@dataclass(frozen=True, slots=True)
class FleetFile:
    """What fleet.yml says. dimensions: in order, later wins; none: layers lie flat and are ordered by their names.

    tags: every known tag with the patterns of its values; without patterns any value will do. None declared: any tag.
    """

    dimensions: tuple[str, ...] = ()
    tags: Table[str, tuple[str, ...]] = field(default_factory=dict)

    def is_known(self, tag: str) -> bool:
        """A node may have this tag."""
        return not self.tags or tag in self.tags


NOTHING_KNOWN: Final = FleetFile()
"""Of a fleet without fleet.yml."""


def is_tag(word: str) -> bool:
    """It can name a tag."""
    return _TAG.fullmatch(word) is not None and word != NODE and not word.startswith(FACT_PREFIX)


def read_fleet_file(raw: bytes, notes: Notes) -> FleetFile:
    """Read fleet.yml. Mistakes go to the notes; what is returned is only good where there are none."""
    root = compose(raw, notes)
    if root is None:
        return FleetFile()
    if not isinstance(root, Mapping):
        notes.at(root, f"fleet.yml is a mapping of dimensions: and tags:, not a {kind_of(root)}")
        return FleetFile()
    for key, _ in root.entries:
        if key.spelling not in {DIMENSIONS, TAGS}:
            notes.at(key, f"unknown key {key.spelling[:80]!r}", did_you_mean(key.spelling, (DIMENSIONS, TAGS)))
    return FleetFile(_dimensions(root.get(DIMENSIONS), notes), _tags(root.get(TAGS), notes))


def _dimensions(node: Node | None, notes: Notes) -> tuple[str, ...]:
    if node is None:
        return ()
    elements = read_elements(node, DIMENSIONS, notes) or ()
    if len(elements) > limits.dimensions_max:
        notes.at(node, f"{len(elements)} dimensions, at most {limits.dimensions_max} are taken")
    found: list[str] = []
    for element in elements[: limits.dimensions_max]:
        word = spelled(element, DIMENSIONS, notes)
        if word is None:
            continue
        if not _DIMENSION.fullmatch(word):
            notes.at(element, f"{word[:80]!r} cannot name a dimension", "it is a folder: letters, digits, _ and - only")
        elif word in found:
            notes.at(element, f"dimension {word} stands twice", "the order is told by one place: keep that")
        else:
            found.append(word)
    return tuple(found)


def _tags(node: Node | None, notes: Notes) -> dict[str, tuple[str, ...]]:
    if node is None:
        return {}
    if not isinstance(node, Mapping):
        notes.at(node, f"{TAGS} takes a mapping, not a {kind_of(node)}", "write tags: {zone: [a, b], rack: []}")
        return {}
    tags = {}
    for key, values in node.entries:
        word = key.spelling
        if is_tag(word):
            tags[word] = _values(word, values, notes)
        else:
            hint = f"{NODE} and {FACT_PREFIX}… are known anyway; else letters, digits, . _ and - only"
            notes.at(key, f"{word[:80]!r} cannot name a tag", hint)
    return tags


def _values(tag: str, node: Node, notes: Notes) -> tuple[str, ...]:
    """The patterns of a tag's values; none for any value."""
    if isinstance(node, Sequence) and not node.elements:
        return ()
    nodes = read_elements(node, tag, notes, hint="write [a, b], or [] for any value")
    return patterns_of(nodes or (), tag, notes)
