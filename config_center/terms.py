"""CORE. What a match says about one trait: patterns that must or must not suit its value, and bounds of versions."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec

from config_center import limits
from config_center.errors import MatchError
from config_center.pattern import Pattern
from config_center.versions import VersionKey, version_key

NODE: Final = "node"  # the key of a match that means the name; every other key is a trait

_KNOWN_MAX: Final = 1_024  # compiled terms kept; a fleet's layers share most of theirs


class Term(msgspec.Struct, frozen=True, omit_defaults=True):
    """All that is given must hold of a trait's value.

    any       one of these patterns suits it
    none      none of these patterns does
    at_least, at_most, below  it is a version within these bounds, "" for none
    A node without the trait suits a term that has `none` and nothing else.
    """

    any: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    at_least: str = ""
    at_most: str = ""
    below: str = ""


Terms = dict[str, Term]  # by `node`, by the name of a tag, or by `fact.<name>`


class Compiled:
    """A term that can be asked. Raises MatchError where a pattern or bound of it cannot be read, or it is empty."""

    __slots__ = ("any", "at_least", "at_most", "below", "none")

    def __init__(self, term: Term) -> None:
        if max(len(term.any), len(term.none)) > limits.list_items_max:
            raise MatchError(f"more than {limits.list_items_max} patterns")
        self.any = tuple(Pattern(text) for text in term.any)
        self.none = tuple(Pattern(text) for text in term.none)
        self.at_least = _bound(term.at_least)
        self.at_most = _bound(term.at_most)
        self.below = _bound(term.below)
        if not self.any and not self.none and not self.is_bounded:
            raise MatchError("no values: nothing would match")

    @property
    def is_bounded(self) -> bool:
        """It compares versions."""
        return not (self.at_least is None and self.at_most is None and self.below is None)

    @property
    def literals(self) -> tuple[str, ...] | None:
        """The only values it can suit, where it names them one by one; None where they cannot be listed."""
        if not self.any or not all(pattern.is_literal for pattern in self.any):
            return None
        return tuple(pattern.text for pattern in self.any)

    def covers(self, value: str | None) -> bool:
        """It suits the value; None: the node has no such trait."""
        if value is None:
            return not self.any and not self.is_bounded
        if self.any and not any(pattern.covers(value) for pattern in self.any):
            return False
        return self._within(value) and not any(pattern.covers(value) for pattern in self.none)

    def _within(self, value: str) -> bool:
        if not self.is_bounded:
            return True
        key = version_key(value)
        return (
            key is not None
            and (self.at_least is None or key >= self.at_least)
            and (self.at_most is None or key <= self.at_most)
            and (self.below is None or key < self.below)
        )


@lru_cache(maxsize=_KNOWN_MAX)
def compiled(term: Term) -> Compiled:
    """The term, compiled once however many layers share it. Raises MatchError as Compiled does."""
    return Compiled(term)


def in_words(term: Term) -> str:
    """For people, after the trait's name: `=b`, `=a,b not b1`, ` >=6.1 <6.6`."""
    parts = ["=" + ",".join(term.any)] if term.any else [""]
    parts += ["not " + ",".join(term.none)] if term.none else []
    bounds = ((">=", term.at_least), ("<=", term.at_most), ("<", term.below))
    return " ".join([*parts, *(sign + bound for sign, bound in bounds if bound)])


def _bound(text: str) -> VersionKey | None:
    if not text:
        return None
    key = version_key(text)
    if key is None:
        raise MatchError(f"{text[:80]!r} is no number or version to compare with: it has to begin with a number")
    return key
