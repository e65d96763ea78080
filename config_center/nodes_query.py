"""CORE. Questions about nodes: `kernel < 6.1 and zone = b`.

Terms FIELD OP VALUE, all of which must hold. A field is a tag, a fact (with or without `fact.`), `name`, or `seen`: how
long ago the node told about itself (`seen > 2d`). `=` and `!=` compare texts, `~` takes a pattern as a layer's match
does, `<` `<=` `>` `>=` compare versions. A node without the field suits no term but `!=`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from operator import ge, gt, le, lt
from typing import Any, Final, NamedTuple

from config_center import limits
from config_center.errors import MatchError, QueryError
from config_center.mistakes import did_you_mean
from config_center.pattern import Pattern
from config_center.rows import NodeRow
from config_center.traits import FACT_PREFIX, traits_of
from config_center.versions import version_key

NAME: Final = "name"
SEEN: Final = "seen"

_TOKEN: Final = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|(!=|<=|>=|[=<>~])|([^\s"'=<>~!]+)|(\S))""")
_AGE: Final = re.compile(r"([0-9]{1,9})([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_ORDERS: Final[dict[str, Callable[[Any, Any], bool]]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_FORM: Final = "write FIELD OP VALUE and …, such as: kernel < 6.1 and zone = b"

_Check = Callable[[str], bool]  # of the field's value


class _Token(NamedTuple):
    """kind: "op", "word" or "text", which was quoted and is a value whatever it looks like."""

    kind: str
    text: str


class Term(NamedTuple):
    """One condition. value: as written."""

    field: str
    op: str
    value: str


def parse_query(text: str) -> tuple[Term, ...]:
    """The terms of a question; none of an empty one, which everybody suits. Raises QueryError."""
    if len(text) > limits.query_chars_max:
        raise QueryError(f"a question has at most {limits.query_chars_max} characters, this one {len(text)}")
    tokens = list(_tokens(text))
    terms = []
    for place in range(0, len(tokens), 4):
        part = tokens[place : place + 4]
        said = " ".join(token.text for token in part[:3])[:80]
        if [token.kind for token in part[:3]] not in (["word", "op", "word"], ["word", "op", "text"]):
            raise QueryError(f"{said!r} is no condition: {_FORM}")
        if len(part) == 4 and (part[3] != ("word", "and") or place + 4 == len(tokens)):
            raise QueryError(f"after {said!r} comes `and` with another condition, not {part[3].text[:40]!r}: {_FORM}")
        terms.append(Term(part[0].text, part[1].text, part[2].text))
    for term in terms:
        _check_of(term, 0.0)  # for its error
    return tuple(terms)


def select(terms: Sequence[Term], rows: Iterable[NodeRow], now: float) -> list[NodeRow]:
    """The nodes that suit all terms. now: Unix seconds. Raises QueryError for a field that no node has."""
    nodes = list(rows)
    known = fields_of(nodes)
    for term in terms:
        if nodes and term.field not in known:
            hint = did_you_mean(term.field, known)
            raise QueryError(f"no node has {term.field[:80]!r}{'; ' + hint if hint else ''}")
    checks = [(term, _check_of(term, now)) for term in terms]
    return [row for row in nodes if all(_suits(row, term, check) for term, check in checks)]


def fields_of(rows: Iterable[NodeRow]) -> frozenset[str]:
    """Every field that a question may name: facts also without their prefix."""
    tags = {tag for row in rows for tag in row.tags}
    facts = {fact for row in rows for fact in row.facts}
    return frozenset({NAME, SEEN} | tags | facts | {FACT_PREFIX + fact for fact in facts})


def value_of(row: NodeRow, field: str) -> str | None:
    """What a node has in a field; a tag goes before a fact of the same name, and `name` and `seen` before both."""
    if field == NAME:
        return row.name
    if field == SEEN:
        return row.seen
    traits: Mapping[str, str] = traits_of(row.tags, row.facts)
    return traits.get(field, row.facts.get(field))


def age_s(seen: str, now: float) -> float | None:
    """Seconds since a moment of RFC 3339; None where the text is none."""
    try:
        return now - datetime.fromisoformat(seen).timestamp()
    except ValueError:
        return None


def _tokens(text: str) -> Iterable[_Token]:
    for found in _TOKEN.finditer(text.rstrip()):
        double, single, op, word, strange = found.groups()
        if strange is not None:
            raise QueryError(f"{text[found.start(5) :][:40]!r} cannot stand there: {_FORM}; quote a value with spaces")
        if op is not None:
            yield _Token("op", op)
        elif word is not None:
            yield _Token("word", word)
        else:
            yield _Token("text", single if double is None else double)


def _suits(row: NodeRow, term: Term, check: _Check) -> bool:
    value = value_of(row, term.field)
    return term.op == "!=" if value is None else check(value)


def _check_of(term: Term, now: float) -> _Check:
    """Raises QueryError where the value does not suit the operator, or the operator the field."""
    if term.field == SEEN:
        return _age_check(term, now)
    if term.op == "=":
        return lambda value: value == term.value
    if term.op == "!=":
        return lambda value: value != term.value
    if term.op == "~":
        try:
            return Pattern(term.value).covers
        except MatchError as error:
            raise QueryError(f"{term.field} ~: {error}") from error
    bound, order = version_key(term.value), _ORDERS[term.op]
    if bound is None or term.field == NAME:
        what = f"{term.value[:80]!r} is no number or version" if term.field != NAME else "names have no order"
        raise QueryError(f"{term.field[:80]} {term.op}: {what}: take = != or ~")
    return lambda value: (key := version_key(value)) is not None and order(key, bound)


def _age_check(term: Term, now: float) -> _Check:
    found = _AGE.fullmatch(term.value)
    if term.op not in _ORDERS or not found:
        raise QueryError(f"seen takes < <= > >= and an age such as 90s, 15m, 6h, 2d or 1w, not {term.value[:40]!r}")
    most, order = int(found[1]) * _SECONDS[found[2]], _ORDERS[term.op]
    return lambda seen: (age := age_s(seen, now)) is not None and order(age, most)
