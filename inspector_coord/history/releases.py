"""CORE. What a release changed of its items, line by line: that may be what happened before a deviation."""

from __future__ import annotations

from typing import NamedTuple

from config_center.difference import MAIN_WORD, WORDS_ONLY, Delta, LayerChange, compare
from config_center.release import Release

__all__ = ["ItemChanged", "release_changes"]


class ItemChanged(NamedTuple):
    """One layer line. before, after: what it said, None where it was not there; source: `file:line`, or the file."""

    item: str
    before: str | None
    after: str | None
    source: str


def release_changes(before: Release, after: Release) -> list[ItemChanged]:
    """All layer lines by which two releases differ, but for words that only people read.

    A layer that is now for other nodes changes all its items: before and after are then whom it is for.
    """
    lines: dict[tuple[str, str], int] = {}
    for release in (before, after):
        lines |= {(layer.file, item): word.line for layer in release.layers for item, word in layer.items.items()}
    found = []
    for layer in compare(before, after).layers:
        for change in layer.items:
            if not change.is_words_only:
                source = f"{layer.file}:{lines[layer.file, change.item]}"
                old = None if change.state == "added" else _text(change.deltas, "before")
                new = None if change.state == "removed" else _text(change.deltas, "after")
                found.append(ItemChanged(change.item, old, new, source))
        found += _for_others(layer, after)
    return found


def _for_others(layer: LayerChange, release: Release) -> list[ItemChanged]:
    """The items that a layer already had, where it is now for other nodes."""
    match = next((delta for delta in layer.deltas if delta.what == "match"), None)
    if match is None or layer.state != "changed":
        return []
    told = {change.item for change in layer.items}
    items = {item for one in release.layers if one.file == layer.file for item in one.items} - told
    return [ItemChanged(item, f"for {match.before}", f"for {match.after}", layer.file) for item in sorted(items)]


def _text(deltas: tuple[Delta, ...], side: str) -> str:
    said = [
        text if delta.what == MAIN_WORD else f"{delta.what}: {text}"
        for delta in deltas
        if delta.what not in WORDS_ONLY and (text := getattr(delta, side))
    ]
    return ", ".join(said)
