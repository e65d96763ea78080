"""CORE. What is wanted of one property, as nodes of an item's body, and how several wants become one.

A want is matcher -> operand, all of which must hold. Every node made here stands where the Goss file's own stood, so
that whatever is said of it later points there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from config_center.mistakes import Place
from config_center.yaml_lines import Mapping, Node, Scalar
from config_center.yaml_lines import Sequence as List

Wanted = dict[str, Node]

_LISTS: Final = frozenset({"contains", "lacks"})
_UNMARKED: Final = frozenset("-/ :;,@%&=_<>!'\"~`#")  # re.escape would only make these hard to read


def scalar(place: Place, value: str | float) -> Scalar:
    """A value made up at a place: texts as if quoted, numbers and booleans plain."""
    if isinstance(value, str):
        return Scalar(value, plain=False, line=place.line, column=place.column)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return Scalar(text, plain=True, line=place.line, column=place.column)


def sequence(place: Place, elements: Iterable[Node]) -> List:
    """A list made up at a place."""
    return List(tuple(elements), place.line, place.column)


def mapping(place: Place, entries: Iterable[tuple[str, Node]]) -> Mapping:
    """A mapping made up at a place; each key stands where its value does."""
    return Mapping(tuple((scalar(node, name), node) for name, node in entries), place.line, place.column)


def quoted(text: str) -> str:
    """A regular expression for this text and no other."""
    return "".join(char if char in _UNMARKED else re.escape(char) for char in text)


def nowhere(pattern: str) -> str:
    """A regular expression for the texts in which this one finds nothing."""
    return rf"\A(?![\s\S]*?(?:{pattern}))"


def all_of(parts: Sequence[Wanted]) -> Wanted | None:
    """What all of these want; None where it cannot be said."""
    together: Wanted = {}
    for part in parts:
        for matcher, operand in part.items():
            both = _both(matcher, together[matcher], operand) if matcher in together else operand
            if both is None:
                return None
            together[matcher] = both
    return together


def any_of(place: Place, parts: Sequence[Wanted]) -> Wanted | None:
    """What at least one of these wants; None where it cannot be said."""
    if len(parts) == 1:
        return parts[0]
    values = [part.get("equals") for part in parts if len(part) == 1]
    if len(values) == len(parts) and all(isinstance(value, Scalar) for value in values):
        return {"one_of": sequence(place, [value for value in values if value])}
    patterns = [expression(part) for part in parts]
    if None in patterns:
        return None
    return {"matches": scalar(place, "|".join(f"(?:{pattern})" for pattern in patterns))}


def expression(part: Wanted) -> str | None:
    """The regular expression that wants the same of a text; None where there is none."""
    if len(part) != 1:
        return None
    ((matcher, operand),) = part.items()
    if isinstance(operand, List) and len(operand.elements) == 1:
        operand = operand.elements[0]
    if not isinstance(operand, Scalar):
        return None
    text = operand.spelling
    forms = {
        "equals": rf"\A{quoted(text)}\Z",
        "contains": quoted(text),
        "lacks": nowhere(quoted(text)),
        "matches": text,
    }
    return forms.get(matcher)


def _both(matcher: str, first: Node, second: Node) -> Node | None:
    """One operand that wants both; None where there is none."""
    if matcher in _LISTS and isinstance(first, List) and isinstance(second, List):
        return sequence(first, (*first.elements, *second.elements))
    if not isinstance(first, Scalar) or not isinstance(second, Scalar):
        return None
    if first.spelling == second.spelling:
        return first
    if matcher == "matches":
        return scalar(first, rf"{_ahead(first.spelling)}(?=[\s\S]*?(?:{second.spelling}))")
    if matcher not in {"at_least", "at_most"}:
        return None
    low, high = sorted((first, second), key=lambda end: int(end.spelling))
    return high if matcher == "at_least" else low


def _ahead(pattern: str) -> str:
    """A pattern that looks ahead from the beginning already is only continued."""
    return pattern if pattern.startswith(r"\A(?=") else rf"\A(?=[\s\S]*?(?:{pattern}))"
