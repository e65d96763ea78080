"""CORE. Layers of one dimension have one rank: where two of them may be for one node, they must say the same.

What a layer says of an item is what it and its includes leave of it: the last value (or `unset`), and what is appended
to it. Two that only append agree: both are appended. All else must be equal, metadata included; so must variables.

"May be for one node" is told from the two matches alone, key by key, since all keys must hold: a key that both ask for,
and whose terms no value suits, keeps them apart. Terms are compared once however many layers share them, and those
that name only literal values are compared by looking these up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from config_center import limits
from config_center.expectation import describe
from config_center.match import Term, may_both_match
from config_center.mistakes import Mistake, Spot
from config_center.release import LayerItem
from config_center.written import Group, Written

_HINT: Final = "say it once, make their matches exclude each other, or move one to a later dimension"


class _Word:
    """What one group says of one item or variable. file, spot: where the last of it stands; effect: comparable."""

    __slots__ = ("effect", "file", "spot", "text")

    def __init__(self, file: str, spot: Spot, effect: tuple[Any, ...], text: str) -> None:
        self.file, self.spot, self.effect, self.text = file, spot, effect, text


_APPENDS: Final = ("append",)  # the effect of any number of appends: they agree with each other


def disagreements(groups: Sequence[Group], dimension: str) -> Iterator[Mistake]:
    """The mistakes of one dimension's layers, each at the later of two layers, naming the earlier one."""
    spoken: dict[str, dict[int, _Word]] = {}
    for index, group in enumerate(groups):
        for name, word in _words(group):
            spoken.setdefault(name, {})[index] = word
    disputed = {name: words for name, words in spoken.items() if len({word.effect for word in words.values()}) > 1}
    if not disputed:
        return
    together = _together([group.head.layer.match for group in groups])
    if together is None:
        what = f"the matches of dimension {dimension} have too many patterns to be compared with each other"
        yield Mistake(f"layers/{dimension}", 1, 1, what, "split the dimension, or write ranges instead of long lists")
        return
    for name in sorted(disputed):
        yield from _disputes(name, disputed[name], together, dimension)


def _disputes(name: str, words: Mapping[int, _Word], together: Sequence[int], dimension: str) -> Iterator[Mistake]:
    same: dict[tuple[Any, ...], int] = {}
    for index, word in words.items():
        same[word.effect] = same.get(word.effect, 0) | 1 << index
    before = 0
    for index, word in words.items():
        against = before & together[index] & ~same[word.effect]
        before |= 1 << index
        if against:
            other = words[(against & -against).bit_length() - 1]
            yield Mistake(word.file, word.spot.line, word.spot.column, _tell(name, word, other, dimension), _HINT)


def _tell(name: str, word: _Word, other: _Word, dimension: str) -> str:
    here = f"{word.file}:{word.spot.line} says {word.text}"
    there = f"{other.file}:{other.spot.line} says {other.text}"
    return f"{name} is ambiguous: {there}, {here}, and a node may match both (dimension {dimension})"


def _words(group: Group) -> Iterator[tuple[str, _Word]]:
    """Each item and variable of a group with what the group as a whole says of it."""
    items: dict[str, list[tuple[Written, LayerItem]]] = {}
    variables: dict[str, tuple[Written, str]] = {}
    for member in group.members:
        for name, item in member.layer.items.items():
            steps = items.setdefault(name, [])
            if item.action != "append":
                steps.clear()
            steps.append((member, item))
        for name, variable in member.layer.variables.items():
            variables[name] = (member, variable.value)
    for name, steps in items.items():
        member, last = steps[-1]
        yield name, _Word(member.layer.file, member.item_spots[name], _effect([step for _, step in steps]), _say(last))
    for name, (member, value) in variables.items():
        yield (
            f"${{{name}}}",
            _Word(member.layer.file, member.variable_spots[name], ("variable", value), repr(value)[:80]),
        )


def _effect(steps: Iterable[LayerItem]) -> tuple[Any, ...]:
    """What the steps amount to, comparable. Bytes, because to Python 1 == True."""
    bare = [msgspec.structs.replace(step, line=0) for step in steps]
    if all(step.action == "append" for step in bare):
        return _APPENDS
    return (msgspec.json.encode(bare, order="deterministic"),)


def _say(item: LayerItem) -> str:
    if item.action == "unset":
        return "unset"
    said = describe(item.expect)[:80] or "a secret"
    return f"append {said}" if item.action == "append" else said


def _together(matches: Sequence[Mapping[str, Term]]) -> list[int] | None:
    """For each match the others that may cover a node with it, one bit each; None where that takes too long."""
    everybody = (1 << len(matches)) - 1
    masks = [everybody] * len(matches)
    steps = 0
    for key in sorted({key for match in matches for key in match}):
        holders: dict[Term, int] = {}
        for index, match in enumerate(matches):
            if key in match:
                holders[match[key]] = holders.get(match[key], 0) | 1 << index
        asking = _union(holders.values())
        apart = _Terms(key, holders)
        for term, mask in holders.items():
            suits, taken = apart.with_term(term)
            steps += taken
            if steps > limits.ambiguity_steps_max:
                return None
            for index in _bits(mask):
                masks[index] &= suits | everybody & ~asking
    return masks


class _Terms:
    """All terms of one key, and which layers hold each."""

    def __init__(self, key: str, holders: Mapping[Term, int]) -> None:
        self._key = key
        self._holders = holders
        self._literal: dict[str, int] = {}  # value -> holders of the terms that are literals only, and name it
        self._others: list[Term] = []
        for term, mask in holders.items():
            values = literal_values(term)
            if values is None:
                self._others.append(term)
            for value in values or ():
                self._literal[value] = self._literal.get(value, 0) | mask

    def with_term(self, term: Term) -> tuple[int, int]:
        """The layers whose term some value suits together with this one, and how many steps it took to tell."""
        values = literal_values(term)
        among = self._holders if values is None else self._others
        mask = _union(self._literal.get(value, 0) for value in values or ())
        steps = 1
        for other in among:
            steps += _size(term) * _size(other)
            if steps > limits.ambiguity_steps_max:
                break
            if may_both_match({self._key: term}, {self._key: other}):
                mask |= self._holders[other]
        return mask, steps


def literal_values(term: Term) -> tuple[str, ...] | None:
    """The only values that suit a term, where it names literals and nothing else."""
    plain = not (term.none or term.at_least or term.at_most or term.below)
    return term.any if plain and term.any and not any(set("*?[]") & set(value) for value in term.any) else None


def _size(term: Term) -> int:
    return len(term.any) + len(term.none) + 1


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
