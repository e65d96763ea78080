"""YAML as written: a tree in which every node knows its line and column, and every scalar its spelling.

Strict on purpose. One document; mappings with text keys, each once; no anchors, aliases or tags (so nothing can grow,
and every value stands where its line says); bounded in bytes, nodes and depth. Scalars follow the YAML 1.2 core schema,
and where YAML 1.1 and 1.2 read a number differently, neither is guessed: the scalar is `unclear` until it is quoted.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import yaml

from config_center import limits
from config_center.mistakes import START, Notes, Spot

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where PyYAML was built with it: 10 times faster

_BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LEADING_ZERO: Final = re.compile(r"[-+]?0[0-9]+")
_OLD_NUMBER: Final = re.compile(r"[-+]?0[ob][0-7_]+|[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?")
_NOT_FINITE: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_NUMBER_STARTS: Final = frozenset("+-.0123456789")
_NUMBER_CHARS_MAX: Final = 200  # longer ones are text: no number is written so, and the patterns above stay quick
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Scalar:
    """One scalar. spelling: its text as written, quotes resolved; plain: it stands without quotes."""

    spelling: str
    plain: bool
    line: int
    column: int

    @cached_property
    def value(self) -> str | int | float | bool | None:
        """What YAML 1.2 makes of it; where that is `unclear`, the spelling."""
        text = self.spelling
        if not self.plain or self.unclear:
            return text
        if text in _NULLS:
            return None
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if not self.may_be_number:
            return text
        if _INTEGER.fullmatch(text):
            return int(text)
        if _HEXADECIMAL.fullmatch(text):
            return int(text, 16)
        return float(text) if _FLOAT.fullmatch(text) else text

    @property
    def may_be_number(self) -> bool:
        """It is worth a closer look."""
        text = self.spelling
        return self.plain and text[:1] in _NUMBER_STARTS and len(text) <= _NUMBER_CHARS_MAX

    @cached_property
    def unclear(self) -> str:
        """Why the spelling does not tell a value; empty where it does."""
        text = self.spelling
        if not self.may_be_number:
            return ""
        if _LEADING_ZERO.fullmatch(text):
            return f"{text} is an octal number to one YAML reader and a decimal one to the next"
        if _OLD_NUMBER.fullmatch(text):
            return f"{text} is a number to one YAML reader and text to the next"
        if _NOT_FINITE.fullmatch(text):
            return f"{text} is no number that can be compared"
        return _unclear_size(text)


def _unclear_size(text: str) -> str:
    if _INTEGER.fullmatch(text):
        fits = len(text) <= 21 and limits.integer_min <= int(text) <= limits.integer_max
    elif _HEXADECIMAL.fullmatch(text):
        fits = len(text) <= 18
    elif _FLOAT.fullmatch(text):
        fits = math.isfinite(float(text))
    else:
        return ""
    return "" if fits else f"{text[:40]} is a number too big to be kept exactly"


@dataclass(frozen=True, slots=True)
class Sequence:
    """One list."""

    elements: tuple[Node, ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """One mapping: its entries in order, each key once."""

    entries: tuple[tuple[Scalar, Node], ...]
    line: int
    column: int

    def get(self, key: str) -> Node | None:
        """The value of a key; None where there is none."""
        return next((value for name, value in self.entries if name.spelling == key), None)


Node = Scalar | Sequence | Mapping


class _Stop(Exception):  # noqa: N818 - it ends the reading of one file, whose mistake is noted already
    """The rest of the file cannot be read."""


def compose(raw: bytes, notes: Notes) -> Node | None:
    """Read one file. What is wrong goes to the notes; None where nothing can be made of it, or it is empty."""
    text = _text(raw, notes)
    if text is None:
        return None
    composer = _Composer(notes)
    try:
        return composer.document(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = Spot(mark.line + 1, mark.column + 1) if mark else START
        notes.at(where, f"not YAML: {error.problem or error.context}")
    except yaml.YAMLError as error:
        notes.at(START, f"not YAML: {error}")
    except _Stop:
        return None
    return None


def _text(raw: bytes, notes: Notes) -> str | None:
    if len(raw) > limits.layer_bytes_max:
        notes.at(START, f"the file has {len(raw)} bytes, at most {limits.layer_bytes_max} are read", "split it")
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        notes.at(_spot(before), f"byte 0x{raw[error.start]:02x} is not UTF-8", "save the file as UTF-8")
        return None
    forbidden = _FORBIDDEN.search(text)
    if forbidden:
        where = _spot(text[: forbidden.start()])
        notes.at(where, f"character U+{ord(forbidden[0]):04X} cannot stand in a file", 'in quotes write it as "\\x…"')
        return None
    return text


def _spot(before: str) -> Spot:
    """The place just after this text."""
    return Spot(before.count("\n") + 1, len(before) - before.rfind("\n"))


class _Composer:
    """Builds the tree from the parser's events."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._count = 0
        self._events: Any = None

    def document(self, text: str) -> Node | None:
        """The one document of a file."""
        self._events = yaml.parse(text, Loader=_LOADER)
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._notes.at(_place(event), "a second document", "keep one layer a file: remove the ---")
                    raise _Stop
                root = self._node(next(self._events), 1)
        return root

    def _node(self, event: Any, depth: int) -> Node:
        """One value. Places are made where they are needed: a file has tens of thousands of values."""
        self._count += 1
        if self._count > limits.yaml_nodes_max:
            self._notes.at(_place(event), f"the file holds more than {limits.yaml_nodes_max} values", "split it")
            raise _Stop
        if depth > limits.yaml_depth_max:
            self._notes.at(_place(event), f"nested deeper than {limits.yaml_depth_max} levels")
            raise _Stop
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None or event.tag is not None:
            self._refuse_sharing(event, _place(event))
        mark = event.start_mark
        if isinstance(event, yaml.ScalarEvent):
            return Scalar(event.value, event.implicit[0], mark.line + 1, mark.column + 1)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(_place(event), depth)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(_place(event), depth)
        return Scalar("", plain=False, line=mark.line + 1, column=mark.column + 1)  # an alias, refused above

    def _refuse_sharing(self, event: Any, place: Spot) -> None:
        """Note anchors, aliases and tags: reading goes on, so that what else is wrong is reported too."""
        if isinstance(event, yaml.AliasEvent):
            self._notes.spoil(place, f"*{event.anchor}: aliases are not taken here", "write the value out")
        elif event.anchor is not None:
            self._notes.at(place, f"&{event.anchor}: anchors are not taken here", "write each value out")
        else:
            self._notes.at(place, f"{event.tag}: tags are not taken here", "quote a value that is text")

    def _sequence(self, place: Spot, depth: int) -> Sequence:
        elements = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            elements.append(self._node(event, depth + 1))
        return Sequence(tuple(elements), place.line, place.column)

    def _mapping(self, place: Spot, depth: int) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, Scalar):
                self._notes.at(key, "a list or mapping cannot be a key", "quote it where it is meant as text")
            elif key.spelling in entries:
                first = entries[key.spelling][0]
                self._notes.at(
                    key, f"{key.spelling[:80]!r} stands twice: first on line {first.line}", "keep one of the two"
                )
            else:
                entries[key.spelling] = (key, value)
        return Mapping(tuple(entries.values()), place.line, place.column)


def _place(event: Any) -> Spot:
    return Spot(event.start_mark.line + 1, event.start_mark.column + 1)
