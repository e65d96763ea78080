"""fleet.yml: dimensions as folders, known tags and values; and what a match may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from config_center.layers import Fleet, load_fleet
from config_center.match import Term
from tests.support.center import small_catalogue
from tests.support.layers import write_files

GOOD = "items: {sysctl: {a: 1}}\n"


def load(directory: Path, files: dict[str, str]) -> Fleet:
    """A fleet of these files."""
    return load_fleet(write_files(directory, files), small_catalogue())


def mistakes(directory: Path, files: dict[str, str]) -> list[str]:
    """What is wrong with these files."""
    return [str(mistake) for mistake in load(directory, files).mistakes]


def test_dimensions_give_the_order(tmp_path: Path) -> None:
    """Folder by folder as fleet.yml lists them, and by name in each, whatever the alphabet says of the folders."""
    fleet = load(tmp_path, {
        "fleet.yml": "dimensions: [whole, role, a]\ntags: {zone: [x], rack: []}\n",
        "layers/a/1.yml": GOOD, "layers/role/db.yml": GOOD, "layers/role/app.yml": GOOD, "layers/whole/all.yml": GOOD,
    }).sound()  # fmt: skip
    assert [(layer.name, layer.file, layer.dimension) for layer in fleet.layers] == [
        ("whole/all", "layers/whole/all.yml", "whole"),
        ("role/app", "layers/role/app.yml", "role"),
        ("role/db", "layers/role/db.yml", "role"),
        ("a/1", "layers/a/1.yml", "a"),
    ]
    assert fleet.dimensions == ("whole", "role", "a")
    assert fleet.tags == {"zone": ("x",), "rack": ()}
    assert fleet.warnings == ()


def test_what_belongs_to_no_dimension_is_a_mistake(tmp_path: Path) -> None:
    """A layer beside the folders, a folder that fleet.yml does not name, a file that is no layer."""
    found = mistakes(tmp_path, {
        "fleet.yml": "dimensions: [zone, role]\n", "layers/x.yml": GOOD, "layers/rolle/x.yml": GOOD,
        "layers/role/readme.md": "", "layers/zone/b.yml": GOOD, "layers/zone/more/c.yml": GOOD,
    })  # fmt: skip
    assert found == [
        "layers/role/readme.md:1:1: this file is not read; a layer is a file named *.yml",
        "layers/rolle:1:1: fleet.yml names no dimension rolle; did you mean role?",
        "layers/x.yml:1:1: this file is not read: it is in no dimension; move it to layers/<dimension>/: zone, role",
        "layers/zone/more:1:1: a folder is not read here; a layer is a file named *.yml",
    ]


def test_dimensions_without_any_layer_are_a_mistake(tmp_path: Path) -> None:
    """Publishing them would uncover every node."""
    (tmp_path / "layers").mkdir()
    assert mistakes(tmp_path, {"fleet.yml": "dimensions: [zone]\n"}) == [
        "layers:1:1: no layer: there is no *.yml file; write one in layers/<dimension>/"
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("dimensions: [a, b, a]", ["1:20: dimension a stands twice; the order is told by one place: keep that"]),
        ("dimensions: a", ["1:13: dimensions takes a list, not a single value; write [a, b]"]),
        ("dimensions: []", ["1:13: dimensions has an empty list"]),
        ("dimensions: [../x]", [
            "1:14: '../x' cannot name a dimension; it is a folder: letters, digits, _ and - only",
        ]),
        ("dimension: [a]", ["1:1: unknown key 'dimension'; did you mean dimensions?"]),
        ("- a", ["1:1: fleet.yml is a mapping of dimensions: and tags:, not a list"]),
        ("tags: [zone]", ["1:7: tags takes a mapping, not a list; write tags: {zone: [a, b], rack: []}"]),
        ("tags: {zone: a}", ["1:14: zone takes a list, not a single value; write [a, b], or [] for any value"]),
        ("tags: {zone: ['b[']}", ["1:15: zone: 'b[': a [ without its ]"]),
        ("tags: {node: []}", [
            "1:8: 'node' cannot name a tag; node and fact.… are known anyway; else letters, digits, . _ and - only",
        ]),
        ("tags: {zone: [a], zone: [b]}", ["1:19: 'zone' stands twice: first on line 1; keep one of the two"]),
    ],
)  # fmt: skip
def test_mistakes_of_fleet_yml(tmp_path: Path, text: str, found: list[str]) -> None:
    """Each at its place, as in layers."""
    assert mistakes(tmp_path, {"fleet.yml": text, "layers/x.yml": GOOD})[: len(found)] == [
        f"fleet.yml:{one}" for one in found
    ]


def test_an_empty_fleet_yml_says_nothing(tmp_path: Path) -> None:
    """Layers then lie flat, as without one."""
    assert load(tmp_path, {"fleet.yml": "# later\n", "layers/x.yml": GOOD}).sound().dimensions == ()


@pytest.mark.parametrize(("name", "meant"), [("fleet.yaml", "fleet.yml"), ("waiver.yml", "waivers.yml")])
def test_a_file_under_another_name_is_not_passed_over(tmp_path: Path, name: str, meant: str) -> None:
    """Dimensions or waivers that nobody reads are worse than a mistake."""
    found = mistakes(tmp_path, {name: "", "layers/x.yml": GOOD})
    assert found == [f"{name}:1:1: this is not read; did you mean {meant}?"]


def test_a_match_may_say_all_that_a_term_can(tmp_path: Path) -> None:
    """Patterns, lists, `not`, bounds of versions, facts and node sets; values are taken as they are spelled."""
    text = """\
match:
  node: ["n[001-010]", x*]
  zone: 1.10
  role: {any: [web, db], not: db-test}
  rack: {not: [b1, b2]}
  fact.kernel: {at_least: 6.10, below: 7}
  fact.driver.mlx5_core: {at_most: 5.10}
  fact.model: "PowerEdge R6*"
items: {sysctl: {a: 1}}
"""
    assert load(tmp_path, {"layers/x.yml": text}).sound().layers[0].match == {
        "node": Term(any=("n[001-010]", "x*")),
        "zone": Term(any=("1.10",)),
        "role": Term(any=("web", "db"), none=("db-test",)),
        "rack": Term(none=("b1", "b2")),
        "fact.kernel": Term(at_least="6.10", below="7"),
        "fact.driver.mlx5_core": Term(at_most="5.10"),
        "fact.model": Term(any=("PowerEdge R6*",)),
    }


@pytest.mark.parametrize(
    ("match", "found"),
    [
        ("{role: {nott: db}}", "1:16: unknown condition 'nott'; did you mean not?"),
        ("{role: {}}", "1:15: role has no condition; known: any, not, at_least, at_most, below"),
        ("{role: {not: []}}", "1:21: role: not has an empty list"),
        ("{role: {at_least: new}}", "1:26: role: at_least takes a number or a version, not 'new'"),
        ("{role: {at_least: [1]}}", "1:26: role: at_least takes one value, not a list"),
        ("{node: {at_least: 3}}", "1:16: at_least cannot be used here: names have no order; use any, not or a pattern"),
        ("{role: {any: a, not: a}}",
         "1:15: role can never match: its conditions exclude each other; loosen one of them"),
        ("{fact.cpus: {at_least: 8, below: 8}}",
         "1:20: fact.cpus can never match: its conditions exclude each other; loosen one of them"),
        ("{fact.: x}", ("1:9: 'fact.' cannot name a fact; known: arch, bios_date, bios_version, cpus, kernel, "
         "memory_mib, model, os, os_name, os_version, vendor, virtualization")),
    ],
)  # fmt: skip
def test_mistakes_of_a_match(tmp_path: Path, match: str, found: str) -> None:
    """Each at its place, with what to do."""
    text = f"match: {match}\nitems: {{sysctl: {{a: 1}}}}\n"
    assert mistakes(tmp_path, {"layers/x.yml": text}) == [f"layers/x.yml:{found}"]


def test_misspelt_tags_and_values_are_mistakes_where_fleet_yml_knows_them(tmp_path: Path) -> None:
    """Patterns too, where no known value suits them; `not` as well; without fleet.yml any tag will do."""
    layer = """\
match:
  zoen: a
  zone: [a, bb, "c*"]
  rack: {not: ["b[04-05]", "b[06-07]"]}
  any: thing
  fact.modle: x
items: {sysctl: {a: 1}}
"""
    known = 'tags: {zone: [a, b], rack: ["b[01-04]"], any: []}\n'
    fleet = load(tmp_path, {"fleet.yml": known, "layers/x.yml": layer})
    assert [str(mistake) for mistake in fleet.mistakes] == [
        "layers/x.yml:2:3: unknown tag 'zoen'; did you mean zone?",
        "layers/x.yml:3:13: zone is never 'bb'; did you mean b?",
        "layers/x.yml:3:17: zone is never 'c*'; known: a, b",
        "layers/x.yml:4:28: rack is never 'b[06-07]'; did you mean b[01-04]?",
    ]
    assert [str(warning) for warning in fleet.warnings] == [
        "layers/x.yml:6:3: no agent tells fact.modle; did you mean model?"
    ]
    (tmp_path / "fleet.yml").unlink()
    assert load_fleet(tmp_path, small_catalogue()).mistakes == ()
