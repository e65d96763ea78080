"""Every `parse_*` of the checks, fed with anything: it parses, or says that it cannot. Never another exception.

Anything is what case files hold, cut up and put together again, what only looks like it, and plain garbage.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from types import FrameType, ModuleType
from typing import Any

import checklib
import pytest
from checklib.errors import CannotTell, NotApplicable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.check_cases import CASES, kind_module, load, module

# An eighth of what is read of a file at most: whoever takes its square for it takes half a minute for this already.
LARGE_CHARS = 128 * 1024
PATIENCE_S = 5.0  # of processor time, for what should take far less than one

GARBLED = [
    *("", "\n", " ", "\t", "\0", "=", ":", "#", "\\", '"', "'", "[", "]", "{", "}", "(", ")", "-", "/", "0", "9" * 40),
    *("-1", "1e999", "0x", "ü", "\ud7ff", "\x1b[31m", "%", "*", "@", ",", ";", "|", "!", "~", "\r\n", "\\\n", "\u2028"),
]
HATED = (" ", "\t=", "a", "[", "{", "(", '"', "\\", "a b ", "x:\n", "-" * 80 + "\n", "a,", "a=b;", "0")


def modules() -> Iterator[ModuleType]:
    """The files of all kinds, and the library's."""
    yield from map(kind_module, module("batch").names())
    yield from (import_module(f"checklib.{one.name}") for one in pkgutil.iter_modules(checklib.__path__))


def parsers() -> dict[str, tuple[Callable[..., Any], str]]:
    """Name -> function, and the type of the one argument it needs: all that parse one text or some bytes."""
    found = {}
    for one in modules():
        for name, function in vars(one).items():
            if not name.startswith("parse_") or getattr(function, "__module__", "") != one.__name__:
                continue
            needed = [
                parameter
                for parameter in inspect.signature(function).parameters.values()
                if parameter.default is parameter.empty
            ]
            if len(needed) == 1 and needed[0].annotation in {"str", "bytes"}:
                found[f"{one.__name__.removeprefix('checks_under_test_')}.{name}"] = (function, needed[0].annotation)
    return found


@cache
def seeds() -> dict[str, list[str]]:
    """Name of a function -> what case files have it parse; and, under "", all texts of all trees."""
    told: dict[str, list[str]] = {"": []}
    for path in sorted(CASES.glob("*/*.yml")):
        case = load(path)
        for one in case.get("parse", []):
            told.setdefault(one["function"], []).extend(text for text in one["arguments"] if isinstance(text, str))
        tree = [entry.get("text", "") if isinstance(entry, dict) else entry for entry in case.get("tree", {}).values()]
        told[""] += [text for text in tree if isinstance(text, str) and text and len(text) < 20_000]
    return told


PARSERS = parsers()


@cache
def anything(name: str) -> st.SearchStrategy[str]:
    """Texts that may be nearly right: own ones with something else in the place of a piece, and mixtures of all."""
    own = seeds().get(name.rpartition(".")[2], [])
    texts = own + seeds()[""]
    pieces = [line for text in texts for line in text.splitlines(keepends=True)] or ["x"]
    words = [word for text in texts for word in text.split()] or ["x"]
    part = st.sampled_from(pieces) | st.sampled_from(words) | st.sampled_from(GARBLED) | st.text(max_size=8)
    mixture = st.lists(part, max_size=25).map("".join)
    place = st.floats(0, 1)
    broken = st.builds(_break, st.sampled_from(own or texts or [""]), place, st.integers(0, 12), part)
    return broken | broken | mixture | st.text(max_size=200)


def _break(text: str, place: float, length: int, part: str) -> str:
    """The text with a part in the place of some characters."""
    begin = int(place * len(text))
    return text[:begin] + part + text[begin + length :]


@contextmanager
def patience(name: str) -> Iterator[None]:
    """Ends what has used PATIENCE_S of processor time."""

    def give_up(_number: int, _frame: FrameType | None) -> None:
        pytest.fail(f"{name} is still busy after {PATIENCE_S:g} s of processor time: it is not bounded")

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, PATIENCE_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def feed(name: str, text: str) -> None:
    """Parse it; only what is meant for people may be raised."""
    function, wants = PARSERS[name]
    with suppress(CannotTell, NotApplicable):
        function(text.encode("utf-8", "surrogatepass") if wants == "bytes" else text)


def test_there_are_parsers() -> None:
    """Found by their names, those of kinds and of the library."""
    assert {"service.parse_show", "process.parse_cmdline", "checklib.units.parse_install"} <= PARSERS.keys()


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_text_is_parsed_or_cannot_be(name: str, data: st.DataObject) -> None:
    """Whatever a file or a tool says."""
    feed(name, data.draw(anything(name)))


@pytest.mark.parametrize("name", PARSERS)
def test_a_wrong_word_is_parsed_or_said(name: str) -> None:
    """Every word and number of what case files have it parse, one after the other, is another one or none."""
    for text in seeds().get(name.rpartition(".")[2], [])[:5]:
        for word in list(re.finditer(r"\w+", text))[:60]:
            for other in ("", "x", "-1", "9" * 40):
                feed(name, text[: word.start()] + other + text[word.end() :])


@pytest.mark.parametrize("name", PARSERS)
def test_a_large_text_takes_bounded_time(name: str) -> None:
    """As much as may be read: of what is right, and of what regular expressions and recursion are known to hate."""
    own = seeds().get(name.rpartition(".")[2], []) or seeds()[""][:3] or ["x = 1\n"]
    for text in (*own[:3], *HATED):
        with patience(name):
            feed(name, (text * (LARGE_CHARS // max(1, len(text)) + 1))[:LARGE_CHARS])
