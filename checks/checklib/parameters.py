"""What an item says under `with`, once it has been held to its kind: lists of texts, numbers, what does not count."""

from __future__ import annotations

from checklib import limits
from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from checklib.contract import Item


def words(item: Item, name: str) -> list[str]:
    """A list of texts; empty where the item names none."""
    given = item.parameters.get(name, [])
    return [str(word) for word in given] if isinstance(given, list) else []


def number(item: Item, name: str, usual: float) -> float:
    """A number; `usual` where the item names none."""
    given = item.parameters.get(name, usual)
    return given if isinstance(given, (int, float)) else usual


def within_s(item: Item, usual_h: float) -> float:
    """Its `within_h` in seconds. Raises CannotTell where that is longer than anything is remembered."""
    hours = number(item, "within_h", usual_h)
    if not 0 < hours <= limits.within_h_max:
        raise CannotTell(f"within_h is a number of hours, at most {limits.within_h_max}")
    return 3600.0 * hours


def without_excepted(item: Item, names: Iterable[str]) -> list[str]:
    """The names, sorted and each once, but for those that are or match one of its `except`."""
    from fnmatch import fnmatchcase  # seldom needed

    patterns = words(item, "except")
    return sorted({name for name in names if not any(fnmatchcase(name, pattern) for pattern in patterns)})
