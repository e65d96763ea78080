"""CORE. `${name}` in texts: a variable of a layer, a trait of the node, or `${node}`, its name.

`$${` is a literal `${`. What is put in is put in as it is: there is no nesting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from config_center import limits
from config_center.errors import MatchError
from config_center.model import Operand, Scalar

_BEGINS: Final = "${"
_NAME: Final = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.:@-]{{0,{limits.name_chars_max - 1}}}")
_TOKEN: Final = re.compile(r"\$\$\{|\$\{([^{}]*\}|)")


def is_name(text: str) -> bool:
    """It can stand between `${` and `}`."""
    return _NAME.fullmatch(text) is not None


def is_template(text: str) -> bool:
    """It is not taken as it is."""
    return _BEGINS in text


def names_in(text: str) -> list[str]:
    """The names that a text asks for, in its order. Raises MatchError where a `${` names nothing."""
    names: list[str] = []
    if not is_template(text):
        return names
    for token in _TOKEN.finditer(text):
        word = token[1]
        if word is None:
            continue
        if not word or not is_name(word[:-1]):
            raise MatchError(f"{text[token.start() :][:80]!r} names nothing: a literal ${{ is written $${{")
        names.append(word[:-1])
    return names


def texts_of(operands: Iterable[Operand]) -> Iterator[str]:
    """Every text among operands, those in lists too."""
    for operand in operands:
        for one in operand if isinstance(operand, list) else (operand,):
            if isinstance(one, str):
                yield one


def filled(operand: Operand, values: Mapping[str, str]) -> Operand:
    """The operand with every name in its texts replaced; values: of all names it asks for."""
    if isinstance(operand, list):
        return [_filled(one, values) for one in operand]
    return _filled(operand, values)


def _filled(one: Scalar, values: Mapping[str, str]) -> Scalar:
    if not isinstance(one, str) or not is_template(one):
        return one
    return _TOKEN.sub(lambda token: _BEGINS if token[1] is None else values[token[1][:-1]], one)
