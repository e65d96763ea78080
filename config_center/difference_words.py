"""CORE. A difference as people read it on a screen: bounded; what has no room is counted, never left out silently."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from config_center import limits
from config_center.difference import MAIN_WORD, Delta, Difference, ItemChange, LayerChange, OtherChange, State
from config_center.node_difference import NodeDifference

Fold = Callable[[Sequence[str]], str]  # names -> one node set

_MARKS: Final[dict[State, str]] = {"added": "+", "removed": "-", "changed": "~"}


def difference_lines(difference: Difference, most: int = limits.difference_lines_max) -> list[str]:
    """What differs between two releases, layer by layer."""
    if not difference:
        return ["nothing differs"]
    lines = [line for layer in difference.layers for line in _layer(layer)]
    lines += [f"~ {_delta(delta)}" for delta in difference.order]
    lines += [_other("waiver ", waiver) for waiver in difference.waivers]
    lines += [_other("", check) for check in difference.checks]
    return _bounded(lines, most, "line")


def node_lines(difference: NodeDifference, fold: Fold, most: int = limits.difference_lines_max) -> list[str]:
    """What differs on nodes: a line a change, with the nodes it is the same for."""
    lines = [node_summary(difference)]
    shown = difference.changes[:most]
    texts = [change_text(one.change) for one in shown]
    width = min(max(map(len, texts), default=0), limits.difference_chars_max)
    lines += [
        f"  {text.ljust(width)}  {clipped(fold(one.nodes))} ({len(one.nodes)})"
        for one, text in zip(shown, texts, strict=True)
    ]
    return [*lines, *_rest(len(difference.changes) - len(shown), "  ", "change")]


def node_summary(difference: NodeDifference) -> str:
    """How many nodes are touched, in one line."""
    known = f"{difference.nodes} known node{'' if difference.nodes == 1 else 's'}"
    if not difference.nodes:
        return "no node is known here: name them with --roster FILE (`inspector nodes --json` makes one)"
    if not difference.touched and not difference.reworded:
        return f"nothing changes on any of {known}"
    words = f"; on {len(difference.reworded)} more only words change" if difference.reworded else ""
    return f"touches {len(difference.touched)} of {known}{words}:"


def change_text(change: ItemChange) -> str:
    """`~ sysctl:vm.swappiness  at_most 60 -> at_most 10`."""
    said = _deltas(change.state, change.deltas)
    return f"{_MARKS[change.state]} {printable(change.item)}  {clipped(said)}".rstrip()


def printable(text: str) -> str:
    """A text from layers or nodes, made harmless for a terminal."""
    return "".join(char if char.isprintable() else "·" for char in text)


def clipped(text: str) -> str:
    """Printable, and not longer than a screen's line bears."""
    most = limits.difference_chars_max
    return printable(text if len(text) <= most else text[: most - 1] + "…")


def _layer(layer: LayerChange) -> Iterable[str]:
    yield f"{_MARKS[layer.state]} {printable(layer.file)}  {clipped(layer.match)}"
    for delta in layer.deltas:
        yield f"    ~ {_delta(delta)}"
    for item in layer.items:
        yield f"    {change_text(item)}"


def _other(what: str, change: OtherChange) -> str:
    said = _deltas(change.state, change.deltas)
    return f"{_MARKS[change.state]} {what}{clipped(change.name)}  {clipped(said)}"


def _deltas(state: State, deltas: Sequence[Delta]) -> str:
    """What came, what went, or what became of what."""
    if state == "changed":
        return "; ".join(_delta(delta) for delta in deltas)
    said = ((delta.what, delta.after or delta.before) for delta in deltas)
    return "; ".join(clipped(text if what == MAIN_WORD else f"{what} {text}") for what, text in said)


def _delta(delta: Delta) -> str:
    name = "" if delta.what == MAIN_WORD else f"{delta.what} "
    if delta.before and delta.after:
        return f"{name}{clipped(delta.before)} -> {clipped(delta.after)}"
    if delta.after:
        return f"{name}{clipped(delta.after)}"
    return f"{name}{clipped(delta.before)} -> none"


def _bounded(lines: list[str], most: int, what: str) -> list[str]:
    return [*lines[:most], *_rest(len(lines) - most, "", what)]


def _rest(more: int, indent: str, what: str) -> list[str]:
    return [f"{indent}… and {more} more {what}{'' if more == 1 else 's'}: --json has all"] if more > 0 else []
