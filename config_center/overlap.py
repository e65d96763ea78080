"""CORE. Whether one node may suit two matches, told from the matches alone.

Keys are independent, so two matches exclude each other exactly where the terms of one key do. Terms that name their
values are tried value by value; version bounds are compared; patterns are read side by side, character by character,
until a value is found that suits all of them, or there is none. That is exact for patterns, also negated; where
patterns and bounds stand together, and where patterns are too entangled to follow, an overlap is assumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from config_center import limits
from config_center.pattern import ANY_ONE, ANY_RUN, Pattern, Range
from config_center.terms import NODE, Compiled, Term, compiled

_KNOWN_MAX: Final = 4_096
_DIGITS: Final = "0123456789"

# Where reading of a pattern stands: part, offset in a literal, and within a range (span, whether all digits so far are
# those of its low end, of its high end).
_Place = tuple[int, int, int, bool, bool]
_Places = frozenset[tuple[int, _Place]]  # of all patterns at once, each by its index
_START: Final[_Place] = (0, 0, -1, True, True)


def may_both_match(one: Mapping[str, Term], other: Mapping[str, Term]) -> bool:
    """Some node may suit both. False is certain. Raises MatchError where a term cannot be read."""
    return all(
        _possible(tuple(terms[key] for terms in (one, other) if key in terms), key == NODE)
        for key in one.keys() | other.keys()
    )


@lru_cache(maxsize=_KNOWN_MAX)
def _possible(terms: tuple[Term, ...], always_there: bool) -> bool:  # noqa: FBT001 - lru_cache is fast by position
    """Some value, or the lack of one, suits all terms."""
    asked = [compiled(term) for term in terms]
    if not always_there and all(term.covers(None) for term in asked):
        return True
    listed = [term.literals for term in asked if term.literals is not None]
    if listed:
        return any(all(term.covers(value) for term in asked) for value in min(listed, key=len))
    return _bounds_meet(asked) and _patterns_meet(asked)


def _bounds_meet(asked: Sequence[Compiled]) -> bool:
    lowest = max((term.at_least for term in asked if term.at_least is not None), default=None)
    highest = min((term.at_most for term in asked if term.at_most is not None), default=None)
    below = min((term.below for term in asked if term.below is not None), default=None)
    return lowest is None or ((highest is None or lowest <= highest) and (below is None or lowest < below))


def _patterns_meet(asked: Sequence[Compiled]) -> bool:
    """Some text suits one of `any` of each term, and none of `none`."""
    groups = [term.any for term in asked if term.any] + [tuple(pattern for term in asked for pattern in term.none)]
    reading = _Reading([pattern for group in groups for pattern in group])
    wanted, first = [], 0
    for group in groups[:-1]:
        wanted.append(frozenset(range(first, first + len(group))))
        first += len(group)
    states = [reading.start]
    known = set(states)
    steps = 0
    while states and steps <= limits.overlap_steps_max:
        places = states.pop()
        over = reading.ended(places)
        if all(over & group for group in wanted) and all(index < first for index in over):
            return True
        alive = {index for index, _ in places}
        if all(alive & group for group in wanted):
            chars = list(reading.chars(places))
            steps += len(places) * len(chars)
            fresh = {reading.after(places, char) for char in chars} - known
            known |= fresh
            states += fresh
    return bool(states)


class _Reading:
    """Patterns read side by side. A character that no pattern names stands for all those: None."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._parts = [pattern.parts for pattern in patterns]
        self.start: _Places = frozenset(
            (index, place) for index in range(len(patterns)) for place in self._onward(index, _START)
        )

    def ended(self, places: _Places) -> frozenset[int]:
        """The patterns that what was read so far suits as a whole."""
        return frozenset(index for index, place in places if place[0] == len(self._parts[index]))

    def chars(self, places: _Places) -> Iterator[str | None]:
        """Characters that make a difference from here."""
        named: set[str] = set()
        for index, (at, offset, *_) in places:
            part = self._parts[index][at] if at < len(self._parts[index]) else ANY_RUN
            if isinstance(part, Range):
                named.update(_DIGITS)
            elif part not in {ANY_RUN, ANY_ONE}:
                named.add(part[offset])
        yield from sorted(named)
        yield None

    def after(self, places: _Places, char: str | None) -> _Places:
        """Where one more character leads."""
        return frozenset(
            (index, onward)
            for index, place in places
            if place[0] < len(self._parts[index])
            for then in self._step(index, place, char)
            for onward in self._onward(index, then)
        )

    def _onward(self, index: int, place: _Place) -> Iterator[_Place]:
        """The place, and those beyond a run of any characters, which may be empty."""
        yield place
        parts, at = self._parts[index], place[0]
        while at < len(parts) and parts[at] == ANY_RUN:
            at += 1
            yield (at, *_START[1:])

    def _step(self, index: int, place: _Place, char: str | None) -> Iterable[_Place]:
        at, offset, *_ = place
        part = self._parts[index][at]
        beyond: _Place = (at + 1, *_START[1:])
        if isinstance(part, Range):
            return () if char is None or char not in _DIGITS else _in_range(part, place, char, beyond)
        if part == ANY_RUN:
            return (place,)
        if part == ANY_ONE:
            return (beyond,)
        if char != part[offset]:
            return ()
        return (beyond,) if offset + 1 == len(part) else ((at, offset + 1, *_START[2:]),)


def _in_range(part: Range, place: _Place, digit: str, beyond: _Place) -> Iterator[_Place]:
    """Where a digit leads within a range, or past its end."""
    at, offset, inside, is_low, is_high = place
    ends = _written_out(part)
    for span in range(len(ends)) if inside < 0 else (inside,):
        low, high = ends[span]
        if (is_low and digit < low[offset]) or (is_high and digit > high[offset]):
            continue
        if offset + 1 == len(low):
            yield beyond
        else:
            yield (at, offset + 1, span, is_low and digit == low[offset], is_high and digit == high[offset])


@lru_cache(maxsize=_KNOWN_MAX)
def _written_out(part: Range) -> tuple[tuple[str, str], ...]:
    """The spans of a range as first and last number of equally many digits: [8-120] is 8-9, 10-99, 100-120."""
    found = []
    for low, high, width in part.spans:
        if width:
            found.append((f"{low:0{width}d}", f"{high:0{width}d}"))
            continue
        for digits in range(len(str(low)), len(str(high)) + 1):
            least = 10 ** (digits - 1) if digits > 1 else 0
            found.append((str(max(low, least)), str(min(high, 10**digits - 1))))
    return tuple(found)
