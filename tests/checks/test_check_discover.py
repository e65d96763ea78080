"""What a kind lists as being there is there: every key is observed, on this machine and on the trees of many others."""

from __future__ import annotations

import math
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from checklib.contract import decode_request
from checklib.errors import NotApplicable
from checklib.node import Node

from tests.support.captures import trees
from tests.support.check_cases import look, module, plant

KINDS = list(module("batch").kinds())
# Of thousands of packages or processes, these many are looked at, spread over all.
KEYS_MAX = 150


@pytest.fixture(params=[kind for kind in KINDS if kind.discover], ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Any:
    """Every kind that can list what is there."""
    return request.param


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The trees of other machines."""
    return trees(tmp_path_factory.mktemp("trees"))


def keys_of(kind: Any, root: Path | str) -> list[str]:
    """What it lists; nothing where it says that it does not apply. Anything else it raises is a mistake of the kind."""
    with closing(Node(decode_request({"root": str(root), "items": []}))) as node:
        try:
            keys = list(kind.discover(node))
        except NotApplicable:
            return []
    assert all(isinstance(key, str) and key for key in keys)
    assert len(set(keys)) == len(keys)
    return keys[:: math.ceil(len(keys) / KEYS_MAX) or 1]


def hold(kind: Any, root: Path | str, keys: list[str]) -> list[dict[str, Any]]:
    """Look at all of it, whole; the findings about the main property alone."""
    given = {name: ["true"] if one.type == "argv" else "x" for name, one in kind.parameters.items() if one.required}
    assert not given, "what needs a parameter cannot be listed"
    whole = {"expect": {name: {"any": True} for name in kind.properties}}
    plain = {"expect": {kind.main: {"any": True}}}
    findings = look([{"check": kind.name, "key": key, **part} for key in keys for part in (plain, whole)], root)
    assert [found["message"] for found in findings if "unexpected" in found["message"]] == []
    return findings[::2]


def test_what_is_listed_here_is_observed_without_an_error(kind: Any) -> None:
    """On this machine. What has ended since is a fail, and no mistake of the kind."""
    keys = keys_of(kind, "/")
    told = zip(keys, hold(kind, "/", keys), strict=True)
    assert [(key, found) for key, found in told if found["outcome"] == "error"] == []


def test_what_is_listed_elsewhere_is_there(kind: Any, roots: list[Path]) -> None:
    """Other machines' trees stand still: each passes, or says why it does not apply. Only a list may be empty."""
    may_be = {"pass", "na"} | ({"fail"} if kind.properties[kind.main].type == "list" else set())
    for root in roots:
        keys = keys_of(kind, root)
        told = zip(keys, hold(kind, root, keys), strict=True)
        assert [(str(root), key, found) for key, found in told if found["outcome"] not in may_be] == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_root_with_nothing_in_it_is_no_mistake(kind: Any, tmp_path: Path) -> None:
    """Where nothing is, nothing is listed but what is always asked for; every example is told, with a reason."""
    root = plant(tmp_path, {})
    if kind.discover:
        hold(kind, root, keys_of(kind, root))
    items = [
        {"check": kind.name, "key": key, "expect": {name: {"any": True} for name in kind.properties},
         "with": body.get("with", {}) if isinstance(body, dict) else {}}
        for key, body in kind.example.items()
    ]  # fmt: skip
    for found in look(items, root):
        assert "unexpected" not in found["message"]
        assert found["message"] or found["outcome"] == "pass"
