"""The catalogue that validates layers is the one that the checks themselves go by."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from checklib.kinds import CHAPTERS, PARAMETER_TYPES, PROPERTY_TYPES, describe

from config_center.catalogue import Catalogue, decode_catalogue
from config_center.layers import load_fleet
from tests.support.check_cases import REPOSITORY, look, module, script

KINDS = list(module("batch").kinds())


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    """As the config center gets it: printed by the program."""
    done = script("batch.py", "", "--describe")
    assert done.stderr == b""
    return decode_catalogue(done.stdout)


def test_the_program_prints_what_the_kinds_are(catalogue: Catalogue) -> None:
    """Nothing is lost in between, and every file is there."""
    assert json.loads(script("batch.py", "", "--describe").stdout) == json.loads(json.dumps(describe(KINDS)))
    assert sorted(catalogue.kinds) == module("batch").names()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_is_said_whole(kind: Any) -> None:
    """Types are known ones, every word has an explanation, the main property is one of its own."""
    assert kind.title
    assert kind.chapter in CHAPTERS
    assert kind.outcomes
    assert kind.reads
    assert kind.key
    assert kind.cost
    assert kind.main in kind.properties
    assert all(one.type in PROPERTY_TYPES and one.title for one in kind.properties.values())
    assert all(one.type in PARAMETER_TYPES and one.title for one in kind.parameters.values())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_example_is_a_valid_layer_and_a_valid_item(kind: Any, catalogue: Catalogue, tmp_path: Path) -> None:
    """It goes through the config center as it stands, and the check has nothing to say against it."""
    layers = tmp_path / "layers"
    layers.mkdir()
    layer = {"items": {kind.name: kind.example}}
    (layers / "10-example.yml").write_text(yaml.safe_dump(layer, sort_keys=False), encoding="utf-8")
    fleet = load_fleet(tmp_path, catalogue)
    assert fleet.mistakes == ()
    items = fleet.layers[0].items
    assert len(items) == len(kind.example)
    for found in look(
        {"check": kind.name, "key": item_id.partition(":")[2], "expect": item.expect, "with": item.with_}
        for item_id, item in items.items()
    ):
        assert not any(word in found["message"] for word in ("there is no property", "parameter", "matcher")), found


def test_every_kind_has_a_file_of_its_own() -> None:
    """One file a kind and nothing else in the folder but the batch; none hides a module of Python's own."""
    files = {path.stem for path in (REPOSITORY / "checks").glob("*.py")} - {"batch"}
    assert files == {f"{kind.name}_" if kind.name in sys.stdlib_module_names else kind.name for kind in KINDS}


def test_an_unknown_property_is_named_before_anything_is_looked_at() -> None:
    """For every kind alike."""
    items = [
        {
            "check": kind.name,
            "key": "x",
            "expect": {"no_such": {"any": True}},
            "with": {"argv": ["true"]} if "argv" in kind.parameters else {},
        }
        for kind in KINDS
    ]
    for kind, found in zip(KINDS, look(items), strict=True):
        known = ", ".join(kind.properties)
        assert (found["outcome"], found["message"]) == ("error", f"there is no property 'no_such': known are {known}")
