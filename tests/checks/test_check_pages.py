"""The pages of the catalogue are the kinds' own definitions, and these are enough for whoever has only a page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from checklib.kinds import PROPERTY_TYPES
from checklib.matchers import OPERANDS, fitting
from checklib.pages import TYPES, pages

from config_center.catalogue import decode_catalogue
from config_center.layers import load_fleet
from tests.support.check_cases import REPOSITORY, module, script

PAGES = REPOSITORY / "docs" / "checks"
KINDS = list(module("batch").kinds())

# A number has a unit, or it says in plain words what it counts, or what one of its values stands for.
COUNTS = re.compile(r"\b(how many|how often|number|count|code|index|ratio|stratum|level|priority|\d+)\b", re.IGNORECASE)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Any:
    """Every kind."""
    return request.param


def test_the_pages_are_those_of_the_kinds(tmp_path: Path) -> None:
    """Run `python3 checks/batch.py --pages docs/checks` where this fails; remove pages of kinds that are no more."""
    assert script("batch.py", "", "--pages", str(tmp_path / "new")).returncode == 0
    made = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "new").iterdir()}
    there = {path.name: path.read_text(encoding="utf-8") for path in PAGES.iterdir()}
    assert sorted(there) == sorted(made)
    assert [name for name in made if there[name] != made[name]] == []


def test_pages_go_nowhere_else(tmp_path: Path) -> None:
    """A folder that cannot be written, none at all, and a kind's own program: said, and nothing is written."""
    (tmp_path / "file").touch()
    done = script("batch.py", "", "--pages", str(tmp_path / "file"))
    assert (done.returncode, done.stderr.decode()) == (2, f"{tmp_path}/file: File exists\n")
    assert script("batch.py", "", "--pages").returncode == 2
    assert script("sysctl.py", "", "--pages", str(tmp_path / "new")).returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_every_word_of_a_kind_is_explained(kind: Any) -> None:
    """Also the unit of every number that does not count, and why an item may be na or an error."""
    told = {f"property {name}": one for name, one in kind.properties.items()}
    told |= {f"parameter {name}": one for name, one in kind.parameters.items()}
    assert [name for name, one in told.items() if len(one.title.split()) < 2 and "|" not in one.title] == []
    numbers = {name: one for name, one in kind.properties.items() if one.type == "number"}
    assert [name for name, one in numbers.items() if not (one.unit or COUNTS.search(one.title))] == []
    assert [name for name, one in kind.properties.items() if one.unit and one.type != "number"] == []
    assert re.search(r"\b(na|error)\b", kind.outcomes), kind.outcomes


def test_a_page_says_all_of_it(kind: Any) -> None:
    """Every property with its type and the matchers that fit, every parameter, the default, time and cost."""
    text = pages([kind])[f"{kind.name}.md"]
    for name, one in kind.properties.items():
        assert re.search(rf"^\| `{re.escape(name)}`.* \| {one.type}\b", text, re.MULTILINE)
        (row,) = [line for line in text.splitlines() if line.startswith(f"| {one.type}: ")]
        assert f"`{name}`" in row
        assert all(f"`{matcher}`" in row for matcher in fitting(one.type))
    for name in kind.parameters:
        assert re.search(rf"^\| `{name}`", text, re.MULTILINE)
    assert f"{kind.timeout_s:g} s" in text
    for name in kind.keys:
        assert f"`{name}`" in text


def test_the_example_on_a_page_is_the_kinds_own(kind: Any) -> None:
    """Read as the YAML it is."""
    (block,) = re.findall(r"^```yaml\n(.*?)^```", pages([kind])[f"{kind.name}.md"], re.MULTILINE | re.DOTALL)
    assert yaml.safe_load(block) == {"items": {kind.name: kind.example}}
    assert max(map(len, block.splitlines())) <= 160


@pytest.mark.parametrize("type_", PROPERTY_TYPES)
def test_a_layer_is_held_to_the_matchers_of_a_page(type_: str, tmp_path: Path) -> None:
    """What a page says fits is taken by the config center, and what it leaves out is a mistake there."""
    assert TYPES.keys() == set(PROPERTY_TYPES)
    described = {
        "contract": 1,
        "matchers": {name: {"operand": operand} for name, operand in OPERANDS.items()},
        "kinds": {"thing": {"main": "it", "properties": {"it": {"type": type_}}}},
    }
    operand = {"number": "1", "bool": "true", "mode": '"0644"', "version": '"1.2"'}.get(type_, '"1"')
    written = {"pair": f"[{operand}, {operand}]", "list": f"[{operand}]", "regex": '"1"', "true": "true"}
    equals = f"[{operand}]" if type_ == "list" else operand
    taken = []
    for matcher, takes in OPERANDS.items():
        (tmp_path / "layers").mkdir(exist_ok=True)
        body = f"{{{matcher}: {equals if matcher == 'equals' else written.get(takes, operand)}}}"
        (tmp_path / "layers" / "a.yml").write_text(f"items: {{thing: {{x: {body}}}}}\n", encoding="utf-8")
        if not load_fleet(tmp_path, decode_catalogue(json.dumps(described).encode())).mistakes:
            taken.append(matcher)
    assert taken == fitting(type_)
