"""CORE. What an item expects, as written: matchers of the kind's main property, and `expect` with those of others."""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from config_center.catalogue import Kind, Matcher, Property
from config_center.mistakes import Notes, did_you_mean
from config_center.operands import read_operand
from config_center.release import Expect, Operand
from config_center.secrecy import FROM_FILE, is_from_file, read_path
from config_center.uses import Uses
from config_center.yaml_lines import Mapping, Node, Scalar

EXPECT: Final = "expect"
EQUALS: Final = "equals"  # what a plain value means
ABSENT: Final = "absent"  # beside any other matcher it could never hold
LISTS: Final = frozenset({EQUALS, "one_of", "contains", "lacks"})  # matchers whose operand is a list, or may be one


class _Wanted(NamedTuple):
    """One matcher as written. place: where its word stands, or the plain value itself."""

    place: Node
    matcher: str
    operand: Node


@dataclass(frozen=True, slots=True)
class ExpectationReader:
    """Reads the expectation of one item. name: its kind's; matchers: the catalogue's.

    places    where each property's operands stand, for what is only found once the whole item is read
    from_file property -> matcher -> path on the node
    """

    name: str
    kind: Kind
    matchers: Table[str, Matcher]
    uses: Uses
    notes: Notes
    places: dict[str, Node] = field(default_factory=dict)
    from_file: dict[str, dict[str, str]] = field(default_factory=dict)

    def plain(self, value: Node) -> Expect:
        """A plain value: the main property equals it."""
        return self._of_main([_Wanted(value, EQUALS, value)])

    def body(self, body: Mapping) -> Expect:
        """Matchers at the top of the body, for the main property, and its `expect`."""
        top = [_Wanted(name, name.spelling, node) for name, node in body.entries if name.spelling in self.matchers]
        expect = self._of_main(top) if top else {}
        section = body.get(EXPECT)
        if section is None:
            return expect
        for name, matched in self._section(section).items():
            if name in expect:
                self.notes.at(section, f"{name} is expected here and beside `{EXPECT}` too", "keep one of the two")
            expect[name] = matched
        return expect

    def appended(self, section: Node) -> Expect:
        """What `append` adds: lists only, of the main property or by property."""
        if not isinstance(section, Mapping) or not section.entries:
            self.notes.at(section, "append takes a mapping of lists", "write append: {contains: [a, b]}")
            return {}
        expect = self._section(section)
        for name, matched in expect.items():
            for matcher, operand in matched.items():
                if matcher not in LISTS or not isinstance(operand, list):
                    hint = f"lists of {', '.join(sorted(LISTS))} only: write append: {{contains: [a, b]}}"
                    self.notes.at(self.places[name], f"{matcher} has no list that could be appended to", hint)
        if self.from_file:
            self.notes.at(section, f"append takes no {FROM_FILE}", "write the elements out")
        return expect

    def _section(self, section: Node) -> Expect:
        """The `expect` of a body: by property, or of the main property alone."""
        if _is_null(section) or (isinstance(section, Mapping) and not section.entries):
            self.notes.at(section, f"`{EXPECT}` is empty", "leave it out, or say what is expected")
            return {}
        if not isinstance(section, Mapping):
            return self.plain(section)
        names = {name.spelling for name, _ in section.entries}
        if names & set(self.matchers) and not names & set(self.kind.properties):
            return self._of_main([_Wanted(name, name.spelling, node) for name, node in section.entries])
        found = {name.spelling: self._property(name, node) for name, node in section.entries}
        return {name: matched for name, matched in found.items() if matched}

    def _of_main(self, wanted: list[_Wanted]) -> Expect:
        main = self.kind.main
        if main is None:
            known = ", ".join(sorted(self.kind.properties))
            self.notes.at(wanted[0].place, f"{self.name} has no main property", f"name one under `{EXPECT}`: {known}")
            return {}
        matched = self._matchers(main, wanted)
        return {main: matched} if matched else {}

    def _property(self, name: Scalar, node: Node) -> dict[str, Operand]:
        word = name.spelling
        if self.kind.property(word) is None:
            hint = did_you_mean(word, self.kind.properties)
            self.notes.at(name, f"{self.name} has no property {word[:80]!r}", hint)
            return {}
        if not isinstance(node, Mapping):
            return self._matchers(word, [_Wanted(node, EQUALS, node)])
        if not node.entries:
            self.notes.at(node, f"{word} has no matcher", f"known: {', '.join(sorted(self.matchers))}")
        return self._matchers(word, [_Wanted(matcher, matcher.spelling, operand) for matcher, operand in node.entries])

    def _matchers(self, name: str, wanted: list[_Wanted]) -> dict[str, Operand]:
        """The matchers of one property, which the kind has."""
        about = self.kind.property(name)
        matched: dict[str, Operand] = {}
        for place, word, node in wanted:
            matcher = self.matchers.get(word)
            if matcher is None or about is None:
                hint = f"write {EQUALS}: {{{FROM_FILE}: …}}" if word == FROM_FILE else did_you_mean(word, self.matchers)
                self.notes.at(place, f"unknown matcher {word[:80]!r}", hint)
                continue
            if word == ABSENT and len(wanted) > 1:
                self.notes.at(place, f"{word} beside another matcher can never hold", f"keep {word}, or the others")
            self.places.setdefault(name, node)
            if is_from_file(node):
                self._named(name, word, about, node)
                continue
            operand = read_operand(node, word, matcher.operand, about.type, self.notes, about.unit)
            if operand is not None:
                self.uses.look(node)
                matched[word] = operand
        return matched

    def _named(self, name: str, matcher: str, about: Property, node: Node) -> None:
        """An operand that is read on the node."""
        path = read_path(node, matcher, about.type, self.notes)
        if path is not None:
            self.from_file.setdefault(name, {})[matcher] = path


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None
