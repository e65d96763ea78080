"""CORE. One item of a layer: its body as written, normalised to what a release carries.

A scalar or list is the plain value of the kind's main property. A mapping holds matchers of the main property, `expect`
(property -> value or matchers), `with` (parameters) and metadata; or `append` alone; or `unset: true` alone.
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

from config_center import limits
from config_center.catalogue import Kind, Matcher
from config_center.matchers import EXPECT, ExpectationReader
from config_center.metadata import METADATA, read_metadata
from config_center.mistakes import Notes, did_you_mean
from config_center.operands import kind_of, read_parameter
from config_center.release import SEVERITY_DEFAULT, Expect, LayerItem, Parameters
from config_center.secrecy import FROM_FILE, SECRET, tells
from config_center.uses import Uses
from config_center.yaml_lines import Mapping, Node, Scalar

WITH: Final = "with"
APPEND: Final = "append"
UNSET: Final = "unset"


@dataclass(frozen=True, slots=True)
class ItemReader:
    """Reads the items of one kind in one file. name: the kind's; matchers: the catalogue's; uses: gathers `${name}`."""

    name: str
    kind: Kind
    matchers: Table[str, Matcher]
    uses: Uses
    notes: Notes

    def read(self, key: Scalar, body: Node) -> LayerItem:
        """Normalise one item. Mistakes go to the notes; what is returned is only good where there are none."""
        self._name_something(key)
        reader = ExpectationReader(self.name, self.kind, self.matchers, self.uses, self.notes)
        if not isinstance(body, Mapping):
            expect = self._default(key) if _is_null(body) else reader.plain(body)
            self._require(key, None)
            return self._item(key, expect, {}, {})
        for word, action in _ACTIONS.items():
            value = body.get(word)
            if value is not None:
                return self._act(key, body, action, value, reader)
        return self._whole(key, body, reader)

    def _whole(self, key: Scalar, body: Mapping, reader: ExpectationReader) -> LayerItem:
        """An item that says all of itself."""
        silent = self._words(body)
        expect = reader.body(body)
        parameters = body.get(WITH)
        given = self._parameters(parameters)
        metadata = read_metadata(body, self.notes)
        self._require(key, parameters)
        if silent:
            expect = self._default(key)
        if reader.from_file:
            metadata[SECRET] = True
        if metadata.get(SECRET):
            self._conceal(expect, reader)
        return self._item(key, expect, given, {**metadata, "from_file": reader.from_file})

    def _act(
        self, key: Scalar, body: Mapping, action: Literal["append", "unset"], value: Node, reader: ExpectationReader
    ) -> LayerItem:
        """An item that changes what layers below say of it, and says nothing else."""
        for name, _ in body.entries:
            if name.spelling != action:
                self.notes.at(name, f"{name.spelling[:80]} beside {action} is not taken", f"{action} stands alone")
        if action == UNSET:
            if not isinstance(value, Scalar) or value.value is not True:
                self.notes.at(value, f"{UNSET} takes only true", "leave the item out where it is not meant")
            return self._item(key, {}, {}, {"action": UNSET})
        return self._item(key, reader.appended(value), {}, {"action": APPEND})

    def _item(self, key: Scalar, expect: Expect, given: Parameters, more: dict[str, Any]) -> LayerItem:
        """more: metadata and the rest, by the names of a LayerItem."""
        severity = more.pop("severity", SEVERITY_DEFAULT)
        timeout_s = more.pop("timeout", self.kind.timeout_s or limits.timeout_s_default)
        return LayerItem(line=key.line, expect=expect, with_=given, severity=severity, timeout_s=timeout_s, **more)

    def _conceal(self, expect: Expect, reader: ExpectationReader) -> None:
        """What a secret is must not stand where everybody reads it."""
        for name, matched in expect.items():
            about = self.kind.property(name)
            telling = tells(name, about.type, matched) if about else None
            if telling is not None and name in reader.places:
                hint = f"name a file of the node: {telling}: {{{FROM_FILE}: /path}}"
                self.notes.at(reader.places[name], "a secret must not stand in a layer", hint)

    def _name_something(self, key: Scalar) -> None:
        """A key that no node can make anything of would be an error on every one of them."""
        kind, word = self.kind, key.spelling
        if kind.keys and not any(fnmatchcase(word, known) for known in kind.keys):
            self.notes.at(key, f"{self.name} has no key {word[:80]!r}", did_you_mean(word, kind.keys))
        elif not word.startswith(kind.key_begins):
            hint = f"write {kind.key_begins}{word[:80]}" if kind.key_begins == "/" else ""
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
        if word == FROM_FILE:
            return f"write equals: {{{FROM_FILE}: …}}"
        if word in self.kind.properties:
            return f"it is a property: write expect: {{{word}: …}}"
        if word in self.kind.parameters:
            return f"it is a parameter: write with: {{{word}: …}}"
        return did_you_mean(word, (EXPECT, WITH, APPEND, UNSET, *METADATA, *self.matchers))

    def _default(self, key: Scalar) -> Expect:
        if self.kind.default is not None:
            return self.kind.default
        hint = "write a value or a matcher, such as any: true" if self.kind.main else f"say under `{EXPECT}` what"
        self.notes.at(key, f"{self.name}:{key.spelling[:80]} expects nothing", hint)
        return {}

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
                self.uses.look(node)
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


_ACTIONS: Final[dict[str, Literal["append", "unset"]]] = {APPEND: "append", UNSET: "unset"}


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None
