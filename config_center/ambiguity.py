"""CORE. Layers of one dimension have one rank: where two of them may be for one node, they must say the same.

What a layer says of an item is what it and its includes leave of it: the last value (or `unset`), and what is appended
to it. Two that only append agree: both are appended. All else must be equal, metadata included; so must variables.
Which of them may be for one node is told from their matches alone (config_center/companions.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from config_center.companions import companions
from config_center.expectation import describe
from config_center.mistakes import Mistake, Spot
from config_center.release import LayerItem
from config_center.written import Group, Written

_HINT: Final = "say it once, make their matches exclude each other, or move one to a later dimension"


class _Word:
    """What one group says of one item or variable. effect: comparable; last: the last of it, at file and spot."""

    __slots__ = ("effect", "file", "last", "spot")

    def __init__(self, file: str, spot: Spot, effect: tuple[Any, ...], last: LayerItem | str) -> None:
        self.file, self.spot, self.effect, self.last = file, spot, effect, last


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
    together = companions([group.head.layer.match for group in groups])
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
    here = f"{word.file}:{word.spot.line} says {_say(word.last)}"
    there = f"{other.file}:{other.spot.line} says {_say(other.last)}"
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
        yield name, _Word(member.layer.file, member.item_spots[name], _effect([step for _, step in steps]), last)
    for name, (member, value) in variables.items():
        yield (
            f"${{{name}}}",
            _Word(member.layer.file, member.variable_spots[name], ("variable", value), value),
        )


def _effect(steps: Iterable[LayerItem]) -> tuple[Any, ...]:
    """What the steps amount to, comparable. Bytes, because to Python 1 == True."""
    bare = [msgspec.structs.replace(step, line=0) for step in steps]
    if all(step.action == "append" for step in bare):
        return _APPENDS
    return (msgspec.json.encode(bare, order="deterministic"),)


def _say(item: LayerItem | str) -> str:
    """A layer's word, or a variable's value."""
    if isinstance(item, str):
        return repr(item)[:80]
    if item.action == "unset":
        return "unset"
    said = describe(item.expect, from_file=item.from_file)[:80]
    return f"append {said}" if item.action == "append" else said
