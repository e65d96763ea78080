"""CORE. Which nodes a layer, a waiver or a canary is for: terms over a node's name, its tags and its facts."""

from __future__ import annotations

from collections.abc import Mapping

from config_center import limits
from config_center.errors import MatchError
from config_center.pattern import Pattern
from config_center.terms import NODE, Compiled, Term, Terms, compiled, in_words

__all__ = ["NODE", "Match", "Pattern", "Term", "Terms", "in_words"]


class Match:
    """A compiled match: the term of every key must suit. Without keys it covers every node."""

    __slots__ = ("terms",)

    def __init__(self, terms: Mapping[str, Term]) -> None:
        """Compile. terms: by NODE, or by the trait that each looks at. Raises MatchError, which names the key."""
        if len(terms) > limits.match_keys_max:
            raise MatchError(f"a match has at most {limits.match_keys_max} keys, this one {len(terms)}")
        self.terms: dict[str, Compiled] = {}
        for key, term in terms.items():
            try:
                self.terms[key] = compiled(term)
            except MatchError as error:
                raise MatchError(f"{key[: limits.name_chars_max]}: {error}") from error

    @classmethod
    def of(cls, terms: Mapping[str, Term]) -> Match:
        """Compile the match of a release's layer: {"zone": Term(any=("b",))}. Raises MatchError."""
        return cls(terms)

    def covers(self, name: str, traits: Mapping[str, str]) -> bool:
        """The node of this name and these traits is meant."""
        return all(term.covers(name if key == NODE else traits.get(key)) for key, term in self.terms.items())
