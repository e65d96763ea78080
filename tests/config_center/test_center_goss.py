"""Goss files: what each resource and attribute becomes, where it stands, and what has no counterpart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from config_center.catalogue import Catalogue
from config_center.describe import bundled_checks, catalogue_of
from config_center.goss import items_of
from config_center.goss_resources import RESOURCES, Attribute, Presence
from config_center.layers import Fleet, load_fleet
from config_center.mistakes import Notes
from tests.support.layers import write_files

LAYER = "goss: [goss.yaml]\n"
REPOSITORY = Path(__file__).parent.parent.parent
CASES = yaml.safe_load((Path(__file__).parent / "goss_cases.yml").read_text(encoding="utf-8"))


@cache
def catalogue() -> Catalogue:
    """Of the bundled checks."""
    return catalogue_of(bundled_checks())


def load(directory: Path, goss: str) -> Fleet:
    """A fleet with one layer that names one Goss file."""
    return load_fleet(write_files(directory, {"layers/base.yml": LAYER, "layers/goss.yaml": goss}), catalogue())


def items(directory: Path, goss: str) -> dict[str, tuple[Any, Any]]:
    """Item id -> what is expected of it, and its parameters."""
    layer = load(directory, goss).sound().layers[0]
    assert (layer.name, layer.file) == ("layers/goss", "layers/goss.yaml")
    return {name: (item.expect, item.with_) for name, item in layer.items.items()}


@pytest.mark.parametrize("case", CASES["resources"], ids=lambda case: case["item"])
def test_a_resource_becomes_an_item(case: dict[str, Any], tmp_path: Path) -> None:
    """Of the kind, with the expectations and parameters that say the same."""
    expect, given = items(tmp_path, case["goss"])[case["item"]]
    told = {name: {word: _sorted(word, one) for word, one in body.items()} for name, body in expect.items()}
    assert (told, given) == (case["expect"], case.get("with", {}))


def _sorted(matcher: str, operand: Any) -> Any:
    return sorted(operand) if matcher == "one_of" else operand


def test_every_attribute_of_the_tables_is_tried() -> None:
    """A table's row that no case reads may say anything."""
    tried = {(word, name) for case in CASES["resources"] for word, name in _attributes(yaml.safe_load(case["goss"]))}
    assert {(word, name) for word, about in RESOURCES.items() for name in (*about.attributes, *about.options)} <= tried


def _attributes(goss: dict[str, dict[str, dict[str, Any]]]) -> Iterator[tuple[str, str]]:
    for word, resources in goss.items():
        yield from ((word, name) for body in resources.values() for name in body)


@pytest.mark.parametrize("case", CASES["matchers"], ids=lambda case: f"{case['attribute']} {case['goss']}")
def test_a_matcher_becomes_ours(case: dict[str, Any], tmp_path: Path) -> None:
    """Of a text, a number and a list."""
    goss = f"user: {{a: {{exists: true, {case['attribute']}: {case['goss']}}}}}"
    expect, _ = items(tmp_path, goss)["user:a"]
    assert expect[case["attribute"]] == case["becomes"]


@pytest.mark.parametrize("case", CASES["patterns"], ids=lambda case: case["goss"])
def test_patterns_are_searched_line_by_line(case: dict[str, Any], tmp_path: Path) -> None:
    """Of a file's content."""
    expect, _ = items(tmp_path, f"file: {{/a: {{exists: true, contents: {case['goss']}}}}}")["file:/a"]
    assert expect["content"] == case["becomes"]


@pytest.mark.parametrize("case", CASES["mistakes"], ids=lambda case: case["goss"][:50])
def test_what_cannot_be_said_is_a_mistake_where_it_stands(case: dict[str, str], tmp_path: Path) -> None:
    """One, with what to do; the Goss file is named."""
    assert [str(one) for one in load(tmp_path, case["goss"]).mistakes] == [f"layers/goss.yaml:{case['mistake']}"]


def test_what_is_passed_over_is_a_warning(tmp_path: Path) -> None:
    """What is skipped, tried again or empty."""
    fleet = load(
        tmp_path,
        "package:\n  a: {installed: true, retry_count: 2, retry_delay: 5}\n  b: {skip: true, installed: {wrong: 1}}\n"
        "file: {/a: {exists: true, contents: [], meta: {severity: 5}}}\n",
    ).sound()
    assert list(fleet.layers[0].items) == ["package:a", "file:/a"]
    assert [str(one).removeprefix("layers/goss.yaml:") for one in fleet.warnings] == [
        "2:24: retry_count is passed over: nothing is tried twice here; the next sweep looks again",
        "2:40: retry_delay is passed over: nothing is tried twice here; the next sweep looks again",
        "3:3: package 'b' is not checked: it says skip: true; remove it",
        '4:37: file.contents: an empty list expects nothing; remove it; for "nothing" write ""',
    ]


def test_title_and_times_are_kept_and_dollars_are_no_variables(tmp_path: Path) -> None:
    """Goss's milliseconds, its own usual times, and texts as they are."""
    layer = load(
        tmp_path,
        "command:\n  long: {exec: \"printf '${x}'\", title: It prints, exit-status: 0, timeout: 30000, "
        "stdout: ['${x}']}\n  usual: {exec: 'true', exit-status: 0, timeout: 0}\nhttp: {'http://a': {status: 200}}\n",
    ).sound().layers[0]  # fmt: skip
    long, usual, http = layer.items.values()
    assert (long.line, long.title, long.timeout_s, usual.timeout_s, http.timeout_s) == (2, "It prints", 30.0, 10.0, 5.0)
    assert (long.with_, long.expect["stdout"]) == ({"argv": ["printf", "$${x}"]}, {"contains": ["$${x}"]})


def test_the_layer_wins_over_its_goss_files_and_these_have_its_match(tmp_path: Path) -> None:
    """They stand right before it, in the order it names them, as includes do; an include may name some, too."""
    fleet = load_fleet(write_files(tmp_path, {
        "fleet.yml": "dimensions: [role]\n",
        "goss/a.yaml": "user: {a: {exists: true}}\n",
        "goss/b.json": '{"user": {"a": {"exists": false}}}\n',
        "include/i.yml": "goss: ../goss/a.yaml\n",
        "layers/role/web.yml": "match: {role: web}\ninclude: i.yml\n"
                               "goss: [../../goss/b.json, sub/c.yaml, ../top.yaml]\n",
        "layers/role/sub/c.yaml": "group: {c: {exists: true}}\n",
        "layers/top.yaml": "group: {d: {exists: true}}\n",
        "layers/role/zz.yml": "match: {role: zz}\ngoss: ../../goss/a.yaml\n",
    }), catalogue()).sound()  # fmt: skip
    assert [(layer.name, layer.file, list(layer.match["role"].any), list(layer.items)) for layer in fleet.layers] == [
        ("goss/a", "goss/a.yaml", ["web"], ["user:a"]),
        ("include/i", "include/i.yml", ["web"], []),
        ("goss/b", "goss/b.json", ["web"], ["user:a"]),
        ("layers/role/sub/c", "layers/role/sub/c.yaml", ["web"], ["group:c"]),
        ("layers/top", "layers/top.yaml", ["web"], ["group:d"]),
        ("role/web", "layers/role/web.yml", ["web"], []),
        ("goss/a", "goss/a.yaml", ["zz"], ["user:a"]),
        ("role/zz", "layers/role/zz.yml", ["zz"], []),
    ]
    assert fleet.warnings == ()


def test_paths_stay_in_the_fleet_and_other_files_stay_mistakes(tmp_path: Path) -> None:
    """Out of it, not there, a link that leads out, a file nobody names, a layer that names none."""
    (tmp_path / "outside.yaml").write_text("user: {a: {exists: true}}\n", encoding="utf-8")
    directory = tmp_path / "fleet"
    write_files(directory, {
        "layers/a.yml": "goss: [../../outside.yaml, /etc/passwd, gone.yaml, link.yaml, twice.yaml, twice.yaml]\n",
        "layers/b.yml": "goss: {}\n",
        "layers/named-nowhere.yaml": "user: {a: {exists: true}}\n",
        "layers/twice.yaml": "user: {a: {exists: true}}\n",
    })  # fmt: skip
    (directory / "layers" / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    begins = "a path begins at this file's own folder"
    assert [str(one) for one in load_fleet(directory, catalogue()).mistakes] == [
        f"layers/a.yml:1:8: goss: ../../outside.yaml is not in the fleet's directory; put the file there; {begins}",
        f"layers/a.yml:1:28: goss: /etc/passwd is not in the fleet's directory; put the file there; {begins}",
        f"layers/a.yml:1:41: goss: there is no file gone.yaml; {begins}",
        "layers/a.yml:1:75: twice.yaml is named twice; first on line 1: keep one of the two",
        "layers/b.yml:1:7: goss takes a list, not a mapping; write [a, b]",
        "layers/link.yaml:1:1: a link that leads out of the fleet's directory; put the file itself here",
        "layers/named-nowhere.yaml:1:1: this file is not read; a layer is a file named *.yml",
    ]


def test_every_kind_property_and_parameter_of_the_tables_is_there() -> None:
    """What the tables name is held to the catalogue."""
    for name, resource in RESOURCES.items():
        kind = catalogue().kinds[resource.kind]
        assert {option.parameter for option in resource.options.values()} <= set(kind.parameters), name
        for attribute in resource.attributes.values():
            other = attribute.elsewhere if isinstance(attribute, Attribute) else ""
            about = (catalogue().kinds[other] if other else kind).properties[attribute.property]
            if isinstance(attribute, Presence):
                continue
            types = {"flag": {"bool"}, "number": {"number"}, "list": {"list"}, "one": {"version"}}
            assert about.type in types.get(attribute.shape, {"text", "word", "mode"}), (name, attribute)


def test_the_page_has_every_attribute_and_its_counterpart() -> None:
    """docs/goss.md and the tables say the same."""
    page = (REPOSITORY / "docs" / "goss.md").read_text(encoding="utf-8").partition("## Matchers")[0]
    told: dict[tuple[str, str], str] = {}
    word = ""
    for row in re.findall(r"^\|([^|]*)\| `([^|]*)` \|([^|]*)\|", page, re.MULTILINE):
        word = row[0].strip("` ") or word
        told[word, row[1]] = row[2].replace("`", "").strip()
    wanted = {}
    for name, about in RESOURCES.items():
        wanted[name, about.name] = f"key of {about.kind}"
        for one, attribute in about.attributes.items():
            elsewhere = attribute.elsewhere if isinstance(attribute, Attribute) else ""
            wanted[name, one] = f"{elsewhere or about.kind} {attribute.property}"
        wanted |= {(name, one): f"with {option.parameter}" for one, option in about.options.items()}
        wanted |= {(name, one): "a mistake" for one in about.refused}
    assert told == wanted


WORDS = ["not", "and", "or", "equal", "contain-element", "consist-of", "gt", "have-prefix", "match-regexp"]
TREE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["a", "/re/", "!x", "${y}", "a | b", "tcp:1", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=2),
    max_leaves=8,
)


@given(data=st.data())
def test_whatever_a_goss_file_holds_ends_in_items_or_mistakes(data: st.DataObject) -> None:
    """Any values below any attribute of any resource: nothing else is raised, and nothing is passed over in silence."""
    word = data.draw(st.sampled_from(sorted(RESOURCES)))
    about = RESOURCES[word]
    names = st.sampled_from([*about.attributes, *about.options, about.name, "timeout", "title", "skip"])
    body = data.draw(st.dictionaries(names, TREE, min_size=1, max_size=4))
    notes = Notes("goss.yaml")
    found = items_of(json.dumps({word: {"/a": body}}).encode(), notes)
    assert (found is not None and found.entries) or notes.mistakes or notes.warnings
