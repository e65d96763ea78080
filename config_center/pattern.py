"""CORE. Patterns over a node's name and the values of its traits.

`*` any run of characters, `?` one character, `[001-010,15]` the numbers of a range. Padding counts: `[001-010]` stands
for three digits, so `n[001-010]` is n001 but not n1; `[8-12]` stands for numbers without leading zeros. Everything else
is literal. Matching walks all readings at once (the set of positions a prefix of the pattern can end at), so no pattern
is slow: at most parts × characters × digits steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from config_center import limits
from config_center.errors import MatchError

_PARTS: Final = re.compile(r"\*+|\?|\[[^\]]*\]?|\]|[^*?\[\]]+")
_SPAN: Final = re.compile(rf"([0-9]{{1,{limits.range_digits_max}}})(?:-([0-9]{{1,{limits.range_digits_max}}}))?")


class Range(NamedTuple):
    """Numbers as they are written in a name. spans: (low, high, width); width 0 means no leading zeros."""

    spans: tuple[tuple[int, int, int], ...]
    digits_max: int

    def holds(self, digits: str) -> bool:
        """The digits are a number of the range, written as wide as the range says."""
        number, padded = int(digits), len(digits) > 1 and digits[0] == "0"
        return any(
            low <= number <= high and (len(digits) == width if width else not padded) for low, high, width in self.spans
        )


ANY_RUN: Final = "*"
ANY_ONE: Final = "?"
Part = str | Range  # "*" and "?" are the wildcards: neither can be a literal


class Pattern:
    """One compiled pattern. Raises MatchError where it cannot be read."""

    __slots__ = ("_framed", "parts", "text")

    def __init__(self, text: str) -> None:
        if not text:
            raise MatchError("an empty pattern matches nothing: leave it out, or write * for anything")
        if len(text) > limits.pattern_chars_max:
            raise MatchError(f"a pattern has at most {limits.pattern_chars_max} characters, this one {len(text)}")
        self.text = text
        parts = _PARTS.findall(text)
        if len(parts) > limits.pattern_parts_max:
            raise MatchError(f"{text!r} has {len(parts)} parts, at most {limits.pattern_parts_max} are taken")
        self.parts: tuple[Part, ...] = tuple(_part(part, text) for part in parts)
        self._framed = _framed(self.parts)

    @property
    def is_literal(self) -> bool:
        """It has neither wildcard nor range: it matches only itself."""
        return len(self.parts) == 1 and self.parts[0] == self.text and self.text not in {ANY_ONE, ANY_RUN}

    def covers(self, value: str) -> bool:
        """The whole value is matched."""
        if self._framed is not None:
            return _is_within(value, *self._framed)
        ends = {0}
        for part in self.parts:
            ends = _advance(part, value, ends)
            if not ends:
                return False
        return len(value) in ends


def _framed(parts: tuple[Part, ...]) -> tuple[str, Range, str] | None:
    """A pattern that is one range, with literals around it at most: it has one reading, and most ranges are in such."""
    before, rest = (parts[0], parts[1:]) if isinstance(parts[0], str) else ("", parts)
    if not rest or not isinstance(rest[0], Range) or len(rest) > 2:
        return None
    after = rest[1] if len(rest) == 2 else ""
    if isinstance(after, Range) or {before, after} & {ANY_RUN, ANY_ONE}:
        return None
    return before, rest[0], after


def _is_within(value: str, before: str, numbers: Range, after: str) -> bool:
    digits = value[len(before) : len(value) - len(after)]
    return (
        0 < len(digits) <= numbers.digits_max
        and value.startswith(before)
        and value.endswith(after)
        and digits.isascii()
        and digits.isdigit()
        and numbers.holds(digits)
    )


def _advance(part: Part, value: str, starts: set[int]) -> set[int]:
    """Where a part can end in the value, beginning at any of the starts."""
    if isinstance(part, Range):
        return {end for start in starts for end in _range_ends(part, value, start)}
    if part == ANY_RUN:
        return set(range(min(starts), len(value) + 1))
    if part == ANY_ONE:
        return {start + 1 for start in starts if start < len(value)}
    return {start + len(part) for start in starts if value.startswith(part, start)}


def _range_ends(part: Range, value: str, start: int) -> Iterable[int]:
    for end in range(start + 1, min(len(value), start + part.digits_max) + 1):
        if not "0" <= value[end - 1] <= "9":
            return
        if part.holds(value[start:end]):
            yield end


def _part(part: str, text: str) -> Part:
    if part[0] == "*":
        return ANY_RUN
    if part[0] == "[":
        if part[-1] != "]" or len(part) == 1:
            raise MatchError(f"{text!r}: a [ without its ]")
        return _range(part[1:-1], text)
    if part == "]":
        raise MatchError(f"{text!r}: a ] without its [")
    return part


def _range(body: str, text: str) -> Range:
    spans = []
    for piece in body.split(","):
        found = _SPAN.fullmatch(piece.strip())
        if not found:
            raise MatchError(
                f"{text!r}: [{body}] is no range of numbers such as [001-010,15]; for other choices write a list"
            )
        first, last = found[1], found[2] or found[1]
        padded = any(len(end) > 1 and end[0] == "0" for end in (first, last))
        if padded and len(first) != len(last):
            raise MatchError(f"{text!r}: {piece} mixes widths: write both ends with as many digits")
        if int(first) > int(last):
            raise MatchError(f"{text!r}: {piece} runs backwards: write {last}-{first}")
        spans.append((int(first), int(last), len(first) if padded else 0))
    return Range(tuple(spans), max(width or len(str(high)) for _, high, width in spans))
