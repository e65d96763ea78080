"""The catalogue for people: a page of Markdown for every kind and an index, out of the definitions and nothing else."""

from __future__ import annotations

import json
import re

from checklib import matchers
from checklib.kinds import CHAPTERS
from checklib.values import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from checklib.kinds import Kind

INDEX = "README.md"
MADE_BY = "<!-- made by `python3 checks/batch.py --pages docs/checks` from the kinds' own files: change these -->"
TYPES = {
    "text": "text, which compares as a number with a number",
    "word": "text without an order: a name, a state, a hash",
    "number": "a number",
    "version": "a version, in the order of its makers",
    "mode": "permissions in octal digits, a set of bits",
    "bool": "true or false",
    "list": "a list of texts",
}

_ELSEWHERE = (
    "How items are written is in [layers.md](../layers.md), what checks do and never do in [checks.md](../checks.md), "
    "what to ask after a change in [after-a-change.md](../after-a-change.md), how each kind was verified in "
    "[verified.md](../verified.md), and how to add a kind in [adding-a-check.md](../adding-a-check.md)."
)
_LINE_CHARS_MAX = 110
# What YAML reads as the text that stands there, also after a colon or in a list, and no reader takes for anything else.
_PLAIN = re.compile(r"(?!(?:true|false|yes|no|on|off|null|y|n)$)[A-Za-z/][A-Za-z0-9_./@+-]*", re.IGNORECASE)


def pages(kinds: Iterable[Kind]) -> dict[str, str]:
    """File name -> text, of all pages."""
    known = sorted(kinds, key=lambda kind: kind.name)
    return {INDEX: index(known), **{f"{kind.name}.md": page(kind) for kind in known}}


def index(kinds: Iterable[Kind]) -> str:
    """All kinds by chapter."""
    known = list(kinds)
    parts = [
        MADE_BY,
        "# Kinds of checks",
        f"{len(known)} kinds. {_ELSEWHERE}",
    ]
    for chapter in CHAPTERS:
        rows = [
            (f"[`{kind.name}`]({kind.name}.md)", _text(kind.title), f"`{kind.main}`", _default(kind), _first(kind))
            for kind in known
            if kind.chapter == chapter
        ]
        if rows:
            head = ("kind", "what it checks", "plain value", "expected by default", "such as")
            parts += [f"## {_sentence(chapter)[:-1]}", _table(head, rows)]
    return "\n\n".join(parts) + "\n"


def page(kind: Kind) -> str:
    """All that is to be known of one kind."""
    parts = [
        MADE_BY,
        f"# {kind.name}",
        f"{_sentence(kind.title)} Chapter [{kind.chapter}](README.md#{kind.chapter.replace(' ', '-')}).",
        f"```yaml\n{_example(kind)}\n```",
        f"**Key**: {_key(kind)}",
        f"**Expected by default**: {_default(kind) or 'nothing; an item says what it expects'}.",
        _properties(kind),
        *([_parameters(kind)] if kind.parameters else []),
        _types(kind),
        f"**Outcomes**: {_text(kind.outcomes)}",
        f"**Reads**: {', '.join(map(_text, kind.reads))}.",
        f"**Costs**: {_text(kind.cost).rstrip('.')}. An item has {kind.timeout_s:g} s, unless it says `timeout`.",
    ]
    return "\n\n".join(parts) + "\n"


def _key(kind: Kind) -> str:
    more = [_text(kind.key).rstrip(".")]
    if kind.keys:
        more.append(f"one of {_codes(kind.keys)}")
    if kind.key_begins:
        more.append(f"it begins with `{kind.key_begins}`")
    return "; ".join(more) + "."


def _default(kind: Kind) -> str:
    """`status ok`, `count at_least 1`; nothing where an item has to say something."""
    expected = [
        f"{name} {' and '.join(matchers.say(matcher, operand) for matcher, operand in one.items())}"
        for name, one in (kind.default or {}).items()
    ]
    return _text(", ".join(expected))


def _properties(kind: Kind) -> str:
    rows = [
        (
            f"`{name}`" + (" (plain value)" if name == kind.main else ""),
            one.type + (f", {_text(one.unit)}" if one.unit else ""),
            _text(one.title),
        )
        for name, one in kind.properties.items()
    ]
    return _table(("property", "type, unit", "what it is"), rows)


def _parameters(kind: Kind) -> str:
    rows = [
        (f"`{name}`" + (" (needed)" if one.required else ""), one.type, _text(one.title))
        for name, one in kind.parameters.items()
    ]
    return _table(("parameter, under `with`", "type", "what it is"), rows)


def _types(kind: Kind) -> str:
    """What the types mean, and the matchers for properties of each."""
    rows = []
    for type_ in dict.fromkeys(one.type for one in kind.properties.values()):
        of = [name for name, one in kind.properties.items() if one.type == type_]
        rows.append((f"{type_}: {TYPES[type_]}", _codes(of), _codes(matchers.fitting(type_))))
    return _table(("type", "of", "matchers"), rows)


def _first(kind: Kind) -> str:
    key, body = next(iter(kind.example.items()))
    return f"`{_flow(key)}: {_flow(body)}`"


def _codes(words: Iterable[str]) -> str:
    return " ".join(f"`{word}`" for word in words)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), ["---"] * len(list(head)), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _sentence(text: str) -> str:
    plain = _text(text).rstrip(".")
    return f"{plain[:1].upper()}{plain[1:]}."


def _text(text: str) -> str:
    """Plain text, with `code` in it, as Markdown shows it."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([*<\\])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def _example(kind: Kind) -> str:
    """The kind's example as the items of a layer."""
    lines = ["items:", f"  {_flow(kind.name)}:"]
    for key, body in kind.example.items():
        line = f"    {_flow(key)}: {_flow(body)}"
        if len(line) > _LINE_CHARS_MAX and isinstance(body, dict):
            lines += [f"    {_flow(key)}:", *(f"      {_flow(name)}: {_flow(part)}" for name, part in body.items())]
        else:
            lines.append(line)
    return "\n".join(lines)


def _flow(value: Any) -> str:
    """A value as YAML's flow style writes it; text without quotes where that is safe."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(name)}: {_flow(part)}" for name, part in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False)
    return show(value)
