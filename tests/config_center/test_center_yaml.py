"""YAML as written: places, spellings, and everything that must not get through."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from config_center import limits
from config_center.mistakes import Notes
from config_center.yaml_lines import Mapping, Node, Scalar, Sequence, compose


def read(text: str | bytes) -> tuple[Node | None, list[str]]:
    """The tree and the mistakes, as `line:column: text`."""
    notes = Notes("f")
    root = compose(text.encode() if isinstance(text, str) else text, notes)
    return root, [str(mistake).removeprefix("f:") for mistake in notes.mistakes]


def one(text: str) -> Scalar:
    """The scalar of `x: <text>`."""
    root, mistakes = read(f"x: {text}\n")
    assert mistakes == []
    assert isinstance(root, Mapping)
    node = root.get("x")
    assert isinstance(node, Scalar)
    return node


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-7", -7), ("+7", 7), ("0", 0), ("18446744073692774399", 18446744073692774399), ("0x1F", 31),
        ("1.5", 1.5), ("1.10", 1.1), (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("-0.0", -0.0),
        ("true", True), ("False", False), ("TRUE", True), ("null", None), ("~", None), ("", None),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("Yes", "Yes"), ("y", "y"), ("n", "n"),
        ("12:30:45", "12:30:45"), ("190:20:30", "190:20:30"), ("2030-01-02", "2030-01-02"), ("1.10.2", "1.10.2"),
        ("6.1.0-18", "6.1.0-18"), ("1e", "1e"), ("0xg", "0xg"), (".", "."), ("1 2", "1 2"),
        ('"1"', "1"), ("'true'", "true"), ('"null"', "null"), ('""', ""), ("'1.10'", "1.10"), ("<<", "<<"), ("=", "="),
        ("|-\n  1", "1"), (">-\n  a\n  b", "a b"), ('"\\u00e9"', "é"), ("é", "é"), ("a#b", "a#b"), ("a # b", "a"),
    ],
)  # fmt: skip
def test_a_value_keeps_the_type_the_file_shows(text: str, value: Any) -> None:
    """YAML 1.2's core: true and false are the only booleans, colons make no numbers, quotes always make text."""
    found = one(text)
    assert found.value == value
    assert type(found.value) is type(value)
    assert found.unclear == ""


@pytest.mark.parametrize(
    "text",
    ["0644", "-012", "00", "0o17", "0b101", "1_000", "1_0.5", ".inf", "-.INF", ".nan", "1e999", "12e4567", "9" * 30,
     "18446744073709551616", "-9223372036854775809", "0x11112222333344445"],
)  # fmt: skip
def test_what_readers_of_yaml_disagree_about_is_unclear(text: str) -> None:
    """Nothing is guessed: the scalar says why, and keeps its spelling."""
    found = one(text)
    assert found.unclear.startswith(text[:40])
    assert found.value == text
    assert one(f'"{text}"').unclear == ""


def test_a_long_run_of_digits_is_text_and_quick() -> None:
    """No number is that long; and no pattern may take long over it."""
    started = time.process_time()
    for text in ("1" * 100_000, "1_" * 50_000 + "x", "0" * 100_000):
        assert one(text).value == text
    assert time.process_time() - started < 2


def test_every_node_knows_its_place() -> None:
    """Line and column from 1, in characters, for keys and values, behind wide letters and a byte order mark too."""
    root, mistakes = read('\ufeffa: 1\nlonger:\n  - x\n  - "y": [z, 0x1]\n"é ü": q\n')
    assert mistakes == []
    places = {}

    def walk(node: Node) -> None:
        if isinstance(node, Scalar):
            places[node.spelling] = (node.line, node.column)
        elif isinstance(node, Sequence):
            for element in node.elements:
                walk(element)
        else:
            for key, value in node.entries:
                walk(key)
                walk(value)

    assert root is not None
    walk(root)
    assert places == {
        "a": (1, 1), "1": (1, 4), "longer": (2, 1), "x": (3, 5), "y": (4, 5), "z": (4, 11), "0x1": (4, 14),
        "é ü": (5, 1), "q": (5, 8),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "mistakes"),
    [
        ("a: 1\nb: 2\n  \na: 3\n", ["4:1: 'a' stands twice: first on line 1; keep one of the two"]),
        ("a: {x: 1, x: 2}\n", ["1:11: 'x' stands twice: first on line 1; keep one of the two"]),
        ('a: 1\n"a": 2\n', ["2:1: 'a' stands twice: first on line 1; keep one of the two"]),
        ("a: &x 1\n", ["1:4: &x: anchors are not taken here; write each value out"]),
        ("a: &x [1]\nb: *x\n", [
            "1:4: &x: anchors are not taken here; write each value out",
            "2:4: *x: aliases are not taken here; write the value out",
        ]),
        ("a: !!str 1\n", ["1:4: tag:yaml.org,2002:str: tags are not taken here; quote a value that is text"]),
        ("a: !!python/object/apply:os.system [id]\n", [
            "1:4: tag:yaml.org,2002:python/object/apply:os.system: tags are not taken here; quote a value that is text",
        ]),
        ("[a]: 1\n", ["1:1: a list or mapping cannot be a key; quote it where it is meant as text"]),
        ("{a: 1}: 1\n", ["1:1: a list or mapping cannot be a key; quote it where it is meant as text"]),
        ("a: 1\n---\nb: 2\n", ["2:1: a second document; keep one layer a file: remove the ---"]),
        ("a: [1, 2\nb: 3\n", ["2:2: not YAML: did not find expected ',' or ']'"]),
        ("a:\n\t- b\n", ["2:1: not YAML: found character that cannot start any token"]),
        ("a: b: c\n", ["1:5: not YAML: mapping values are not allowed in this context"]),
        ("a: 'x\n", ["2:1: not YAML: found unexpected end of stream"]),
        ("a: *nowhere\n", ["1:4: *nowhere: aliases are not taken here; write the value out"]),
        (b"a: 1\nb: caf\xe9\n", ["2:7: byte 0xe9 is not UTF-8; save the file as UTF-8"]),
        (b"a: \x00\n", ['1:4: character U+0000 cannot stand in a file; in quotes write it as "\\x…"']),
        (b"a: 1\nbb: \x1b[31m\n", ['2:5: character U+001B cannot stand in a file; in quotes write it as "\\x…"']),
        (b"\xff\xfea\x00", ["1:1: byte 0xff is not UTF-8; save the file as UTF-8"]),
    ],
)  # fmt: skip
def test_what_is_refused_and_where(text: str | bytes, mistakes: list[str]) -> None:
    """Each with its place and what to do; duplicates name both lines."""
    assert read(text)[1] == mistakes


def test_nothing_is_nothing() -> None:
    """An empty file and one of comments hold no tree, and that is for the reader of layers to judge."""
    assert read("") == (None, [])
    assert read("# only\n# comments\n") == (None, [])


def _laughs(width: int, height: int) -> str:
    lines = ["l0: &l0 [lol]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * width)}]" for n in range(1, height)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("bomb", "told"),
    [
        (_laughs(9, 9), "aliases are not taken"),
        (_laughs(200, 60), "aliases are not taken"),
        ("&a [*a, *a]\n", "aliases are not taken"),
        ("[" * 100_000, "nested deeper"),
        ("{a: " * 100_000, "nested deeper"),
        ("- " * 100_000 + "x\n", "nested deeper"),
        ("".join(" " * n + "a:\n" for n in range(300)), "nested deeper"),
        ("[" + "a," * 200_000 + "]\n", "more than 100000 values"),
        ("".join(f"k{n}: 1\n" for n in range(100_000)), "more than 100000 values"),
        ("a: '" + "x" * limits.layer_bytes_max + "'\n", "bytes, at most"),
        ("? " * 50_000 + "a\n", "nested deeper"),
    ],
    ids=range(11),
)
def test_a_bomb_is_a_mistake_and_costs_little(bomb: str, told: str) -> None:
    """Growth by aliases, depth, and mere size each end in one clear mistake, in little time."""
    started = time.process_time()
    _, mistakes = read(bomb)
    assert told in "\n".join(mistakes)
    assert len(mistakes) <= limits.mistakes_max
    assert time.process_time() - started < 8  # 1 s at most here


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#%@`,? \n\t01.\\x~é"), max_size=60))
@settings(deadline=None, max_examples=600)
def test_arbitrary_text_is_a_tree_or_a_mistake(text: str) -> None:
    """Nothing else ever comes out."""
    root, mistakes = read(text)
    assert root is None or isinstance(root, Scalar | Sequence | Mapping)
    assert all(mistake[0].isdigit() for mistake in mistakes)


@given(st.binary(max_size=60))
@settings(deadline=None, max_examples=300)
def test_arbitrary_bytes_are_a_tree_or_a_mistake(raw: bytes) -> None:
    """Not even bytes that are no text."""
    root, mistakes = read(raw)
    assert root is not None or mistakes or not raw.strip() or b"#" in raw or raw.isspace() or raw.startswith(b"\xef")


# The writer follows YAML 1.1, the reader 1.2: what may be a number to one and text to the other has tests of its own.
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=10).filter(
    lambda text: re.fullmatch(r"[-+.:_0-9a-fA-FoxX]*[0-9][-+.:_0-9a-fA-FoxX]*", text) is None
)
leaves = st.one_of(texts, st.integers(-5, 10**6))
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(leaves.map(str), inner, max_size=3),
    max_leaves=8,
)


def _plain(node: Node) -> Any:
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [_plain(element) for element in node.elements]
    return {key.spelling: _plain(value) for key, value in node.entries}


@given(trees)
@settings(deadline=None, max_examples=300)
def test_what_a_yaml_writer_wrote_is_read_back(tree: Any) -> None:
    """Ordinary YAML, as a library writes it, comes back value by value."""

    class NoAliases(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
            return True

    root, mistakes = read(yaml.dump(tree, Dumper=NoAliases, allow_unicode=True))
    assert mistakes == []
    assert root is not None
    assert _plain(root) == tree
