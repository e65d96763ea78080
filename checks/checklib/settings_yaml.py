"""YAML as plain tables, lists and values, from the parser's events: nothing is constructed by what a tag says.

Scalars are those of YAML 1.2's core schema, so that `no` is a text (matchers take it for a boolean all the same).
"""

from __future__ import annotations

import re

from checklib import limits
from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS_OF_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")  # 0644 is an octal to some and no number to others: a text
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,3})?")
_FLOAT_CHARS_MAX = 40
_MERGE = "<<"


def parse_yaml(text: str) -> Any:
    """The document of a YAML file; of a file with several a list of them. Raises CannotTell where it cannot be read.

    An alias means the very node it names, so that a file of aliases of aliases costs no more than its lines; merged
    keys (<<) count as often as they are merged.
    """
    try:
        import yaml
    except ImportError:
        raise CannotTell("this Python has no PyYAML, so that it cannot read YAML") from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        documents = _Composer().compose(yaml.parse(text, Loader=loader))
    except yaml.YAMLError as error:
        raise CannotTell(f"no YAML: {' '.join(str(error).split())}") from error
    except (ValueError, OverflowError) as error:  # PyYAML lets escapes through that mean no character
        raise CannotTell(f"no YAML: {error}") from error
    return documents[0] if len(documents) == 1 else documents or None


class _Composer:
    """From events to one tree a document."""

    def __init__(self) -> None:
        self._documents: list[Any] = []
        self._anchors: dict[str, Any] = {}
        self._open: list[Any] = []  # tables and lists that have not ended yet, the innermost last
        self._keys: list[Any] = []  # of each of these, the key whose value comes next; _NO_KEY
        self._nodes = 0

    def compose(self, events: Iterable[Any]) -> list[Any]:
        """All documents."""
        for event in events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                self._anchors = {}
            elif kind in {"MappingStartEvent", "SequenceStartEvent"}:
                self._begin({} if kind == "MappingStartEvent" else [], event.anchor)
            elif kind in {"MappingEndEvent", "SequenceEndEvent"}:
                self._end()
            elif kind == "ScalarEvent":
                value = _scalar(event)
                self._remember(event.anchor, value)
                is_key = bool(self._open) and isinstance(self._open[-1], dict) and self._keys[-1] is _NO_KEY
                merges = is_key and event.value == _MERGE and event.implicit[0]
                self._put(_MERGING if merges else event.value if is_key else value)
            elif kind == "AliasEvent":
                if event.anchor not in self._anchors:
                    raise CannotTell(f"no YAML: there is no anchor {event.anchor[:80]!r}")
                self._put(self._anchors[event.anchor])
        return self._documents

    def _begin(self, made: Any, anchor: str | None) -> None:
        if len(self._open) >= limits.settings_depth_max:
            raise too_deep()
        self._remember(anchor, made)
        self._put(made)
        self._open.append(made)
        self._keys.append(_NO_KEY)

    def _end(self) -> None:
        """What a table says itself counts more than what it merges, wherever it says so."""
        self._keys.pop()
        ended = self._open.pop()
        merged = ended.pop(_MERGING, None) if isinstance(ended, dict) else None
        for one in merged if isinstance(merged, list) else [merged]:
            pairs = list(one.items()) if isinstance(one, dict) else []
            self._count(len(pairs))
            for key, value in pairs:
                ended.setdefault(key, value)

    def _remember(self, anchor: str | None, value: Any) -> None:
        if anchor is not None:
            self._anchors[anchor] = value

    def _put(self, value: Any) -> None:
        self._count(1)
        if not self._open:
            self._documents.append(value)
            return
        inner = self._open[-1]
        if isinstance(inner, list):
            inner.append(value)
        elif self._keys[-1] is _NO_KEY:
            if value is not _MERGING and not isinstance(value, str):
                raise CannotTell("a key that is no plain text: not looked into")
            self._keys[-1] = value
        else:
            key, self._keys[-1] = self._keys[-1], _NO_KEY
            inner[key] = value

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > limits.settings_nodes_max:
            raise too_much()


def too_deep() -> CannotTell:
    """Said of every format."""
    return CannotTell(f"more than {limits.settings_depth_max} levels deep: not looked into")


def too_much() -> CannotTell:
    """The same."""
    return CannotTell(f"more than {limits.settings_nodes_max} values: too much to be looked into")


_NO_KEY = object()
_MERGING = object()


def _scalar(event: Any) -> Any:
    text: str = event.value
    if not event.implicit[0]:
        return text  # quoted, or with a tag
    if text in _WORDS:
        return None
    if text in _WORDS_OF_TRUTH:
        return _WORDS_OF_TRUTH[text]
    if _INT.fullmatch(text):
        return int(text)
    if len(text) <= _FLOAT_CHARS_MAX and not _starts_with_zeros(text) and _FLOAT.fullmatch(text):
        return float(text)
    return text


def _starts_with_zeros(text: str) -> bool:
    digits = text.lstrip("+-")
    return digits[:1] == "0" and digits[1:2].isdigit()
