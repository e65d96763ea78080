"""CORE. Which nodes a layer is for: patterns over a node's name and tags.

One pattern language for names and tag values: `*` any run of characters, `?` one character, `[001-010,15]` the numbers
of a range. Padding counts: `[001-010]` stands for three digits, so `n[001-010]` is n001 but not n1; `[8-12]` stands for
numbers without leading zeros. Everything else is literal. Matching walks all readings at once (the set of positions a
prefix of the pattern can end at), so no pattern is slow: at most parts × characters × digits steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from config_center import limits
from config_center.errors import MatchError

NODE: Final = "node"  # the key of a `match` that means the name; every other key is a tag

_PARTS: Final = re.compile(r"\*+|\?|\[[^\]]*\]?|\]|[^*?\[\]]+")
_SPAN: Final = re.compile(rf"([0-9]{{1,{limits.range_digits_max}}})(?:-([0-9]{{1,{limits.range_digits_max}}}))?")


class _Range(NamedTuple):
    """Numbers as they are written in a name. spans: (low, high, width); width 0 means no leading zeros."""

    spans: tuple[tuple[int, int, int], ...]
    digits_max: int

    def holds(self, digits: str) -> bool:
        number, padded = int(digits), len(digits) > 1 and digits[0] == "0"
        return any(
            low <= number <= high and (len(digits) == width if width else not padded) for low, high, width in self.spans
        )


_ANY_RUN: Final = "*"
_ANY_ONE: Final = "?"
_Part = str | _Range  # "*" and "?" are the wildcards: neither can be a literal


class Pattern:
    """One compiled pattern. Raises MatchError where it cannot be read."""

    __slots__ = ("_parts", "text")

    def __init__(self, text: str) -> None:
        if not text:
            raise MatchError("an empty pattern matches nothing: leave it out, or write * for anything")
        if len(text) > limits.pattern_chars_max:
            raise MatchError(f"a pattern has at most {limits.pattern_chars_max} characters, this one {len(text)}")
        self.text = text
        parts = _PARTS.findall(text)
        if len(parts) > limits.pattern_parts_max:
            raise MatchError(f"{text!r} has {len(parts)} parts, at most {limits.pattern_parts_max} are taken")
        self._parts: tuple[_Part, ...] = tuple(_part(part, text) for part in parts)

    @property
    def is_literal(self) -> bool:
        """It has neither wildcard nor range: it matches only itself."""
        return len(self._parts) == 1 and self._parts[0] == self.text and self.text not in {_ANY_ONE, _ANY_RUN}

    def covers(self, value: str) -> bool:
        """The whole value is matched."""
        ends = {0}
        for part in self._parts:
            ends = _advance(part, value, ends)
            if not ends:
                return False
        return len(value) in ends


def _advance(part: _Part, value: str, starts: set[int]) -> set[int]:
    """Where a part can end in the value, beginning at any of the starts."""
    if isinstance(part, _Range):
        return {end for start in starts for end in _range_ends(part, value, start)}
    if part == _ANY_RUN:
        return set(range(min(starts), len(value) + 1))
    if part == _ANY_ONE:
        return {start + 1 for start in starts if start < len(value)}
    return {start + len(part) for start in starts if value.startswith(part, start)}


def _range_ends(part: _Range, value: str, start: int) -> Iterable[int]:
    for end in range(start + 1, min(len(value), start + part.digits_max) + 1):
        if not "0" <= value[end - 1] <= "9":
            return
        if part.holds(value[start:end]):
            yield end


def _part(part: str, text: str) -> _Part:
    if part[0] == "*":
        return _ANY_RUN
    if part[0] == "[":
        if part[-1] != "]" or len(part) == 1:
            raise MatchError(f"{text!r}: a [ without its ]")
        return _range(part[1:-1], text)
    if part == "]":
        raise MatchError(f"{text!r}: a ] without its [")
    return part


def _range(body: str, text: str) -> _Range:
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
    return _Range(tuple(spans), max(width or len(str(high)) for _, high, width in spans))


class Match:
    """A compiled `match`: every key must match, each by any of its patterns. Without keys it covers every node."""

    __slots__ = ("node", "tags")

    def __init__(self, tags: Mapping[str, Iterable[str]], node: Iterable[str] = ()) -> None:
        """Compile. tags: tag -> patterns; node: patterns of names, none for any name. Raises MatchError."""
        self.tags = {tag: tuple(Pattern(text) for text in patterns) for tag, patterns in tags.items()}
        self.node = tuple(Pattern(text) for text in node)
        for tag, patterns in self.tags.items():
            if not patterns:
                raise MatchError(f"{tag} has no values: nothing would match")

    @classmethod
    def of(cls, match: Mapping[str, Iterable[str]]) -> Match:
        """Compile the `match` of a release's layer: {"zone": ["b"], "node": ["n[001-010]"]}. Raises MatchError."""
        names = tuple(match[NODE]) if NODE in match else ()
        if NODE in match and not names:
            raise MatchError(f"{NODE} has no names: nothing would match")
        return cls({key: patterns for key, patterns in match.items() if key != NODE}, names)

    def covers(self, name: str, tags: Mapping[str, str]) -> bool:
        """The node of this name and these tags is meant."""
        if self.node and not any(pattern.covers(name) for pattern in self.node):
            return False
        return all(
            tag in tags and any(pattern.covers(tags[tag]) for pattern in patterns)
            for tag, patterns in self.tags.items()
        )
