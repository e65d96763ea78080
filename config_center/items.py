"""One item of a layer: its body as written, normalised to what a release carries.

A scalar or list is the plain value of the kind's main property. A mapping holds matchers of the main property, `expect`
(property -> value or matchers), `with` (parameters) and metadata, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from config_center import limits
from config_center.catalogue import Kind, Matcher
from config_center.metadata import METADATA, read_metadata
from config_center.mistakes import Notes, did_you_mean
from config_center.operands import kind_of, read_operand, read_parameter
from config_center.release import SEVERITY_DEFAULT, Expect, LayerItem, Operand, Parameters
from config_center.yaml_lines import Mapping, Node, Scalar

EXPECT: Final = "expect"
WITH: Final = "with"
EQUALS: Final = "equals"  # what a plain value means
ABSENT: Final = "absent"  # beside any other matcher it could never hold


class _Wanted(NamedTuple):
    """One matcher as written. place: where its word stands, or the plain value itself."""

    place: Node
    matcher: str
    operand: Node


@dataclass(frozen=True, slots=True)
class ItemReader:
    """Reads the items of one kind in one file. name: the kind's; matchers: the catalogue's."""

    name: str
    kind: Kind
    matchers: Table[str, Matcher]
    notes: Notes

    def read(self, key: Scalar, body: Node) -> LayerItem:
        """Normalise one item. Mistakes go to the notes; what is returned is only good where there are none."""
        self._name_something(key)
        metadata: dict[str, Any] = {}
        given: Parameters = {}
        parameters = None
        if isinstance(body, Mapping):
            silent = self._words(body)
            expect = self._expectation(body)
            parameters = body.get(WITH)
            given = self._parameters(parameters)
            metadata = read_metadata(body, self.notes)
        else:
            silent = _is_null(body)
            expect = {} if silent else self._of_main([_Wanted(body, EQUALS, body)])
        self._require(key, parameters)
        if silent:
            expect = self._default(key)
        return LayerItem(
            line=key.line,
            expect=expect,
            with_=given,
            severity=metadata.pop("severity", SEVERITY_DEFAULT),
            timeout_s=metadata.pop("timeout", limits.timeout_s_default),
            **metadata,
        )

    def _name_something(self, key: Scalar) -> None:
        """A key that no node can make anything of would be an error on every one of them."""
        kind, word = self.kind, key.spelling
        if kind.keys and word not in kind.keys:
            self.notes.at(key, f"{self.name} has no key {word[:80]!r}", did_you_mean(word, kind.keys))
        elif not word.startswith(kind.key_begins):
            hint = f"write {kind.key_begins}{word[:80]}"
            self.notes.at(key, f"a key of {self.name} begins with {kind.key_begins}, not so {word[:80]!r}", hint)

    def _words(self, body: Mapping) -> bool:
        """Look at the keys of a body; returns that none of them expects anything."""
        silent = True
        for name, _ in body.entries:
            word = name.spelling
            if word == EXPECT or word in self.matchers:
                silent = False
            elif word != WITH and word not in METADATA:
                silent = False  # most likely a misspelt expectation: one mistake is enough
                self.notes.at(name, f"unknown key {word[:80]!r}", self._hint(word))
        return silent

    def _hint(self, word: str) -> str:
        if word in self.kind.properties:
            return f"it is a property: write expect: {{{word}: …}}"
        if word in self.kind.parameters:
            return f"it is a parameter: write with: {{{word}: …}}"
        return did_you_mean(word, (EXPECT, WITH, *METADATA, *self.matchers))

    def _default(self, key: Scalar) -> Expect:
        if self.kind.default is not None:
            return self.kind.default
        hint = "write a value or a matcher" if self.kind.main else f"say under `{EXPECT}` what"
        self.notes.at(key, f"{self.name}:{key.spelling[:80]} expects nothing", hint)
        return {}

    def _expectation(self, body: Mapping) -> Expect:
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

    def _section(self, section: Node) -> Expect:
        """The `expect` of a body: by property, or of the main property alone."""
        if _is_null(section) or (isinstance(section, Mapping) and not section.entries):
            self.notes.at(section, f"`{EXPECT}` is empty", "leave it out, or say what is expected")
            return {}
        if not isinstance(section, Mapping):
            return self._of_main([_Wanted(section, EQUALS, section)])
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
                self.notes.at(place, f"unknown matcher {word[:80]!r}", did_you_mean(word, self.matchers))
                continue
            if word == ABSENT and len(wanted) > 1:
                self.notes.at(place, f"{word} beside another matcher can never hold", f"keep {word}, or the others")
            operand = read_operand(node, word, matcher.operand, about.type, self.notes)
            if operand is not None:
                matched[word] = operand
        return matched

    def _parameters(self, section: Node | None) -> Parameters:
        if section is None:
            return {}
        if not isinstance(section, Mapping):
            self.notes.at(section, f"`{WITH}` takes a mapping of parameters, not a {kind_of(section)}")
            return {}
        given: Parameters = {}
        for name, node in section.entries:
            word = name.spelling
            parameter = self.kind.parameter(word)
            if parameter is None:
                hint = did_you_mean(word, self.kind.parameters) or f"{self.name} takes no parameters"
                self.notes.at(name, f"{self.name} has no parameter {word[:80]!r}", hint)
                continue
            value = read_parameter(node, word, parameter.type, self.notes)
            if value is not None:
                given[word] = value
        return given

    def _require(self, key: Scalar, section: Node | None) -> None:
        """Every parameter the kind cannot do without is written. A `with` that cannot be read is a mistake already."""
        if section is not None and not isinstance(section, Mapping):
            return
        written = {name.spelling for name, _ in section.entries} if section else set()
        for name, parameter in self.kind.parameters.items():
            if parameter.required and name not in written:
                hint = f"write with: {{{name}: …}}"
                self.notes.at(key, f"{self.name}:{key.spelling[:80]} lacks the parameter {name}", hint)


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None
