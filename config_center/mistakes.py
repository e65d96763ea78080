"""A mistake in a fleet's files as its author should see it, and the collector that gathers all of them.

A warning has the same shape: the files say something that can be used, and that their author should look at.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from config_center import limits


@dataclass(frozen=True, order=True, slots=True)
class Mistake:
    """One mistake. file: relative to the fleet's directory; line, column: from 1; hint: what to do, may be empty."""

    file: str
    line: int
    column: int
    what: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.text}"

    @property
    def text(self) -> str:
        """What is wrong and what to do, without the place."""
        return f"{self.what}; {self.hint}" if self.hint else self.what


class Place(Protocol):
    """Whatever knows where it stands in its file, from 1."""

    @property
    def line(self) -> int: ...  # noqa: D102
    @property
    def column(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Spot:
    """A place by its numbers."""

    line: int
    column: int


START = Spot(1, 1)


@dataclass(slots=True)
class Notes:
    """The mistakes and warnings of one file. Bounded: past limits.mistakes_max the rest is only counted."""

    file: str
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)
    more: int = 0
    _spoilt: set[tuple[int, int]] = field(default_factory=set)

    def at(self, place: Place, what: str, hint: str = "") -> None:
        """Note a mistake."""
        if (place.line, place.column) in self._spoilt:
            return
        if len(self.mistakes) < limits.mistakes_max:
            self.mistakes.append(Mistake(self.file, place.line, place.column, what, hint))
        else:
            self.more += 1

    def warn(self, place: Place, what: str, hint: str = "") -> None:
        """Note a warning."""
        if len(self.warnings) < limits.mistakes_max:
            self.warnings.append(Mistake(self.file, place.line, place.column, what, hint))

    def spoil(self, place: Place, what: str, hint: str = "") -> None:
        """Note a mistake that leaves nothing to judge at its place: what is found wrong there later only follows."""
        self.at(place, what, hint)
        self._spoilt.add((place.line, place.column))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint for a misspelt word: the nearest known one, else all of them where they are few, else nothing."""
    choices = sorted(known)
    folded = {choice.lower(): choice for choice in choices}
    near = difflib.get_close_matches(word.lower()[: limits.name_chars_max], folded, n=1, cutoff=0.6)
    if near:
        return f"did you mean {folded[near[0]]}?"
    return f"known: {', '.join(choices)}" if 0 < len(choices) <= 20 else ""
