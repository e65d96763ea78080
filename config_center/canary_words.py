"""CORE. Whom a canary is for, from the words of a command line: `rack=b1`, `node=n[001-010]`, `fact.kernel>=6.1`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from config_center.errors import MatchError
from config_center.match import NODE, Match, Term, Terms
from config_center.mistakes import did_you_mean
from config_center.overlap import may_both_match
from config_center.traits import FACT_PREFIX

_WORD: Final = re.compile(r"([^=!<>\s]+)\s*(!=|>=|<=|=|<)\s*(\S(?:.*\S)?)\s*")
_BOUNDS: Final = {">=": "at_least", "<=": "at_most", "<": "below"}


def read_canary(words: Sequence[str]) -> Terms:
    """The match that the words make: different keys must all hold, a key given twice by `=` takes any of its values.

    Raises MatchError, which names the word.
    """
    terms: Terms = {}
    for word in words:
        found = _WORD.fullmatch(word)
        if not found:
            raise MatchError(f"--canary {word!r}: write tag=pattern, node=pattern or fact.name>=version")
        key, sign, value = found.groups()
        try:
            terms[key] = _with(terms.get(key, Term()), sign, value)
            Match(terms)
        except MatchError as error:
            raise MatchError(f"--canary {word!r}: {error}") from error
    return terms


def hold_to_tags(terms: Terms, tags: Mapping[str, Sequence[str]]) -> None:
    """Hold a canary to the tags of fleet.yml and their values, as layers are; none named: any. Raises MatchError."""
    for key, term in terms.items() if tags else ():
        if key == NODE or key.startswith(FACT_PREFIX):
            continue
        if key not in tags:
            raise MatchError(_said(f"--canary: fleet.yml names no tag {key}", did_you_mean(key, (*tags, NODE))))
        for value in (*term.any, *term.none) if tags[key] else ():
            if not may_both_match({key: Term(any=(value,))}, {key: Term(any=tuple(tags[key]))}):
                raise MatchError(_said(f"--canary: {key} is never {value}", did_you_mean(value, tags[key])))


def _said(what: str, hint: str) -> str:
    return f"{what}; {hint}" if hint else what


def _with(term: Term, sign: str, value: str) -> Term:
    if sign == "=":
        return msgspec.structs.replace(term, any=(*term.any, value))
    if sign == "!=":
        return msgspec.structs.replace(term, none=(*term.none, value))
    if getattr(term, _BOUNDS[sign]):
        raise MatchError(f"{sign} is given twice")
    return msgspec.structs.replace(term, **{_BOUNDS[sign]: value})
