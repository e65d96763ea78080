"""CORE. Of many matches, which ones may cover a node together.

All keys of a match must hold, so they are looked at one by one: a key that two matches ask for, and whose terms no
value suits, keeps them apart. Terms are compared once however many matches share them. Most need no close look: terms
that name only literal values are looked up, patterns that begin or end differently are apart, and so are ranges such as
n[001-100] and n[101-200]. The rest is left to `may_both_match`, within limits.ambiguity_steps_max.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from config_center import limits
from config_center.match import Term
from config_center.overlap import may_both_match
from config_center.pattern import Pattern, Range
from config_center.terms import compiled


class _TooMuch(Exception):  # noqa: N818 - it ends the comparison, and is told as a mistake by who asked for it
    """The budget of steps is used up."""


def companions(matches: Sequence[Mapping[str, Term]]) -> list[int] | None:
    """For each match the ones that may cover a node with it, itself too, one bit each; None where that takes too long.

    Each match can hold by itself.
    """
    everybody = (1 << len(matches)) - 1
    masks = [everybody] * len(matches)
    room = [limits.ambiguity_steps_max]
    for key in sorted({key for match in matches for key in match}):
        holders: dict[Term, int] = {}
        for index, match in enumerate(matches):
            if key in match:
                holders[match[key]] = holders.get(match[key], 0) | 1 << index
        indifferent = everybody & ~_union(holders.values())
        try:
            suits = _Key(key, holders, room).companions()
        except _TooMuch:
            return None
        for term, mask in holders.items():
            for index in _bits(mask):
                masks[index] &= suits[term] | indifferent
    return masks


class _Key:
    """All terms of one key. holders: which matches have each; room: the steps that are left, shared by all keys."""

    def __init__(self, key: str, holders: Mapping[Term, int], room: list[int]) -> None:
        self._key = key
        self._holders = holders
        self._room = room

    def companions(self) -> dict[Term, int]:
        """For each term the matches whose term some value suits together with it."""
        listed = {term: values for term in self._holders if (values := _literal_values(term)) is not None}
        others = [term for term in self._holders if term not in listed]
        by_value: dict[str, int] = {}
        for term, values in listed.items():
            for value in values:
                by_value[value] = by_value.get(value, 0) | self._holders[term]
        found = dict(self._holders)
        for term, values in listed.items():
            found[term] |= _union(by_value[value] for value in values)
        known = [(term, compiled(term).any) for term in (*others, *listed)]
        weight = sum(len(patterns) + 1 for _, patterns in known)
        for place, (term, patterns) in enumerate(known[: len(others)]):
            self._spend(weight * (len(patterns) + 1) // 40)  # most pairs are told apart at a glance
            for other, other_patterns in known[place + 1 :]:
                if patterns and other_patterns and _all_apart(patterns, other_patterns):
                    continue
                if self._meet(term, other):
                    found[term] |= self._holders[other]
                    found[other] |= self._holders[term]
        return found

    def _meet(self, one: Term, other: Term) -> bool:
        lists = [values for values in (compiled(one).literals, compiled(other).literals) if values is not None]
        self._spend(len(min(lists, key=len)) if lists else _chars(one) * _chars(other))
        return may_both_match({self._key: one}, {self._key: other})

    def _spend(self, steps: int) -> None:
        self._room[0] -= steps
        if self._room[0] < 0:
            raise _TooMuch


def _literal_values(term: Term) -> tuple[str, ...] | None:
    """The values that suit a term, where it names literals and nothing else."""
    return None if term.none or term.at_least or term.at_most or term.below else compiled(term).literals


def _all_apart(some: Sequence[Pattern], others: Sequence[Pattern]) -> bool:
    return all(_are_apart(one, other) for one in some for other in others)


def _are_apart(one: Pattern, other: Pattern) -> bool:
    """No value suits both: told by how they begin and end, or by their only range. False where that does not tell."""
    head, tail, span, is_literal = _outline(one)
    other_head, other_tail, other_span, other_is_literal = _outline(other)
    if not (head.startswith(other_head) or other_head.startswith(head)):
        return True
    if not (tail.endswith(other_tail) or other_tail.endswith(tail)):
        return True
    if is_literal or other_is_literal:
        return not (other.covers(one.text) if is_literal else one.covers(other.text))
    if span is None or other_span is None or head != other_head or tail != other_tail:
        return False
    return not _ranges_meet(span, other_span)


@lru_cache(maxsize=4_096)
def _outline(pattern: Pattern) -> tuple[str, str, Range | None, bool]:
    """The literal text it begins and ends with; its range, where it holds one and no other wildcard; it is literal."""
    ranges = [part for part in pattern.parts if isinstance(part, Range)]
    rest = [part for part in pattern.parts if not isinstance(part, Range)]
    span = ranges[0] if len(ranges) == 1 and all(map(_literal, rest)) else None
    return _literal(pattern.parts[0]), _literal(pattern.parts[-1]), span, pattern.is_literal


def _literal(part: str | Range) -> str:
    return "" if isinstance(part, Range) or part in {"*", "?"} else part


def _ranges_meet(one: Range, other: Range) -> bool:
    """Some number is in both, however it is padded."""
    return any(
        low <= other_high and other_low <= high and (width == other_width or not width or not other_width)
        for low, high, width in one.spans
        for other_low, other_high, other_width in other.spans
    )


def _chars(term: Term) -> int:
    return 1 + sum(len(text) for text in (*term.any, *term.none))


def _union(masks: Iterable[int]) -> int:
    union = 0
    for mask in masks:
        union |= mask
    return union


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
