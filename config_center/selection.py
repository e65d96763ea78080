"""CORE. Which of many matches suit a node, one bit each: fast for many nodes, because equal values are asked once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from config_center.match import Match
from config_center.terms import NODE, Compiled


class Selection:
    """Many matches at once. keys: of the traits they look at, the name not among them."""

    def __init__(self, matches: Sequence[Match]) -> None:
        self._all = (1 << len(matches)) - 1
        keys = sorted({key for match in matches for key in match.terms})
        self._choices = {key: Choice([match.terms.get(key) for match in matches]) for key in keys}
        self.keys = frozenset(keys) - {NODE}

    def mask(self, name: str, traits: Mapping[str, str]) -> int:
        """The matches that suit a node: bit 0 for the first."""
        mask = self._all
        for key, choice in self._choices.items():
            mask &= choice.mask(name if key == NODE else traits.get(key))
        return mask


class Choice:
    """For one key: which terms suit a value. terms: None does not ask."""

    def __init__(self, terms: Sequence[Compiled | None]) -> None:
        self._indifferent = 0
        self._literal: dict[str, int] = {}
        self._others: list[tuple[Compiled, int]] = []
        for index, term in enumerate(terms):
            bit = 1 << index
            if term is None:
                self._indifferent |= bit
            elif term.literals is None or term.none or term.is_bounded:
                self._others.append((term, bit))
            else:
                for value in term.literals:
                    self._literal[value] = self._literal.get(value, 0) | bit
        self._known: dict[str | None, int] = {}

    def mask(self, value: str | None) -> int:
        """The terms that a value suits; None: the node has no such trait."""
        mask = self._known.get(value)
        if mask is None:
            mask = self._indifferent | (0 if value is None else self._literal.get(value, 0))
            for term, bit in self._others:
                if term.covers(value):
                    mask |= bit
            self._known[value] = mask
        return mask


def bits_of(mask: int) -> Iterator[int]:
    """The numbers of its bits, lowest first."""
    while mask:
        yield (mask & -mask).bit_length() - 1
        mask &= mask - 1
