"""Every case file below tests/cases/: a tree of files or a captured output, and what the check must make of it.

A new case is a file, no code. `origin` is `captured` (source: where, and from which version) or `written` (source: the
documentation it was written from). {root} in an item stands for the tree's own place.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.check_cases import CASES, kind_module, load, look, module, outcome, plant

FILES = sorted(CASES.glob("*/*.yml"))
FIELDS = {"about", "origin", "source", "tree", "items", "parse"}


def plain(value: object) -> object:
    """As YAML can write it; what does not apply to a thing is left out."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items() if not isinstance(part, Exception)}
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_case(path: Path, tmp_path: Path) -> None:
    """What the case says is found is found."""
    case = load(path)
    assert case["about"]
    assert case["source"]
    assert case["origin"] in {"captured", "written"}
    assert set(case) <= FIELDS
    check = path.parent.name
    for number, wanted in enumerate(case.get("parse", [])):
        parsed = getattr(kind_module(check), wanted["function"])(*wanted["arguments"])
        assert plain(parsed) == wanted["result"], f"{wanted['function']} {number}"
    if "items" in case:
        root = plant(tmp_path / "root", case.get("tree", {})) if "tree" in case else Path("/")
        root.mkdir(exist_ok=True)
        check_items(check, case["items"], root)


def check_items(check: str, items: list[dict[str, Any]], root: Path) -> None:
    """All items at once, as an agent asks them; the differing ones are shown together."""
    items = json.loads(json.dumps(items).replace("{root}", str(root)))
    asked = [{"check": check, **{name: part for name, part in item.items() if name != "finding"}} for item in items]
    expected, found = [], []
    for item, finding in zip(items, look(asked, root), strict=True):
        wanted = item["finding"]
        expected.append((item["key"], wanted["outcome"], wanted.get("observed", ""), wanted.get("message", "")))
        found.append((item["key"], *outcome(finding)))
    assert found == expected


def test_every_kind_has_cases() -> None:
    """A kind without captured or documented reality is not tested."""
    assert {path.parent.name for path in FILES} == set(module("batch").names())


def test_no_case_is_empty() -> None:
    """A file that expects nothing would pass for ever."""
    assert [
        str(path) for path in FILES if not re.search(r"^(items|parse):", path.read_text("utf-8"), re.MULTILINE)
    ] == []
