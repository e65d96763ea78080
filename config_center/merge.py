"""CORE. What several layers' words on one item come to: later wins, `append` adds to lists, `unset` takes away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from config_center import limits
from config_center.model import Expect, LayerItem, Operand, Parameters
from config_center.variables import filled, is_template, names_in, texts_of

_TAKES_ONE_OR_MORE: Final = frozenset({"contains", "lacks"})  # matchers to which a single value is a list of one


class Merged(msgspec.Struct, frozen=True, gc=False):
    """One item of all nodes that the same layers are for.

    body         what holds, its texts not yet filled
    asked        the names its texts ask for, as often as they do
    is_template  some text has to be filled, if only to make `$${` a `${`
    sources      `file:line` of every word, nearest first
    problem      why it cannot be checked; "" where it can
    """

    body: LayerItem
    asked: tuple[str, ...]
    is_template: bool
    sources: tuple[str, ...]
    problem: str


def merge(words: Sequence[tuple[str, LayerItem]]) -> Merged | None:
    """words: (source, word) of the layers in their order, one at least. None where the item is unset in the end."""
    body: LayerItem | None = None
    problem = ""
    for source, word in words:
        if word.action == "append" and body is not None:
            body, trouble = _appended(body, source, word)
            problem = problem or trouble
        else:
            body, problem = (None if word.action == "unset" else word), ""
    if body is None:
        return None
    sources = tuple(source for source, _ in reversed(words))
    return Merged(body, names_asked(body), any(map(is_template, _texts(body))), sources, problem)


def names_asked(body: LayerItem) -> tuple[str, ...]:
    """Every name that the texts of a sound item ask for, as often as they do."""
    return tuple(name for text in _texts(body) for name in names_in(text))


def fill(merged: Merged, values: Mapping[str, str | None]) -> tuple[Expect, Parameters, str]:
    """Expectation and parameters of one node, and what stands in the way of checking them, "" for nothing.

    values: of every name asked for, None for what the node does not have.
    """
    body = merged.body
    if not merged.is_template:
        return body.expect, body.with_, ""
    known = {name: value for name, value in values.items() if value is not None}
    missing = sorted(values.keys() - known.keys())
    if missing:
        names = ", ".join(f"${{{name}}}" for name in missing)
        return body.expect, body.with_, f"{names} {'has' if len(missing) == 1 else 'have'} no value for this node"
    if sum(len(known[name]) for name in merged.asked) > limits.growth_chars_max:
        return body.expect, body.with_, f"its variables come to more than {limits.growth_chars_max} characters"
    expect = {about: _filled(matched, known) for about, matched in body.expect.items()}
    return expect, _filled(body.with_, known), ""


def _texts(body: LayerItem) -> Iterator[str]:
    for matched in (*body.expect.values(), body.with_):
        yield from texts_of(matched.values())


def _filled(operands: Mapping[str, Operand], values: Mapping[str, str]) -> dict[str, Operand]:
    return {name: filled(operand, values) for name, operand in operands.items()}


def _appended(body: LayerItem, source: str, word: LayerItem) -> tuple[LayerItem, str]:
    """The item with the word's elements at the end of its lists, and what could not be added to."""
    expect = {about: dict(matched) for about, matched in body.expect.items()}
    trouble = ""
    for about, matched in word.expect.items():
        for matcher, more in matched.items():
            where = expect.setdefault(about, {})
            lower = where.get(matcher, [])
            if not isinstance(lower, list) and matcher in _TAKES_ONE_OR_MORE:
                lower = [lower]
            if matcher in body.from_file.get(about, {}):
                trouble = trouble or f"{source} appends to {about} {matcher}, which stands in a file of the node"
            elif not isinstance(lower, list) or not isinstance(more, list):
                trouble = trouble or f"{source} appends to {about} {matcher}, which is a single value below, no list"
            elif len(lower) + len(more) > limits.list_items_max:
                trouble = trouble or f"{source} appends beyond {limits.list_items_max} elements of {about} {matcher}"
            else:
                where[matcher] = [*lower, *more]
    kept = {about: matched for about, matched in expect.items() if matched}
    return msgspec.structs.replace(body, expect=kept, action="set"), trouble
