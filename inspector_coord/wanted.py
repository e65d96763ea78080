"""CORE. What an item, or one layer's word on it, expects, as people read it."""

from __future__ import annotations

from config_center.expectation import describe
from config_center.release import LayerItem
from config_center.resolve import Item

__all__ = ["expected"]


def expected(item: Item | LayerItem) -> str:
    """In one line. Of an operand that is read on the node: the file that holds it."""
    if isinstance(item, LayerItem) and item.action == "unset":
        return "unset"
    whole: dict[str, dict[str, object]] = {name: dict(matchers) for name, matchers in item.expect.items()}
    for name, matchers in item.from_file.items():
        whole.setdefault(name, {}).update((matcher, f"(content of {path})") for matcher, path in matchers.items())
    told = describe(whole)
    return f"append {told}" if isinstance(item, LayerItem) and item.action == "append" else told
