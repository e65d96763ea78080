"""Includes, variables, appends, unsets and secrets: what they become, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from config_center import limits
from config_center.layers import Fleet, load_fleet
from config_center.match import Term
from config_center.release import Variable
from tests.support.center import small_catalogue
from tests.support.layers import write_files

USE = "include: a.yml\nitems: {sysctl: {x: 1}}\n"


def load(directory: Path, files: dict[str, str]) -> Fleet:
    """A fleet of these files."""
    return load_fleet(write_files(directory, files), small_catalogue())


def mistakes(directory: Path, files: dict[str, str]) -> list[str]:
    """What is wrong with these files."""
    return [str(mistake) for mistake in load(directory, files).mistakes]


def test_an_include_is_a_layer_right_before_its_includer(tmp_path: Path) -> None:
    """With the includer's match and dimension; its own includes before it; each once, where it is reached first."""
    fleet = load(tmp_path, {
        "fleet.yml": "dimensions: [role]\n",
        "include/a.yml": "include: [c.yml]\nitems: {sysctl: {a: 1}}\n",
        "include/b.yml": "include: c.yml\nvariables: {v: 1.10}\nitems: {sysctl: {b: '${v}'}}\n",
        "include/c.yml": "items: {sysctl: {c: 1}}\n",
        "layers/role/web.yml": "match: {role: web}\ninclude: [a.yml, b.yml]\nitems: {sysctl: {x: 1}}\n",
        "layers/role/zz.yml": "match: {role: zz}\ninclude: c.yml\n",
    }).sound()  # fmt: skip
    web = {"role": Term(any=("web",))}
    assert [(layer.name, layer.file, layer.match, layer.dimension) for layer in fleet.layers] == [
        ("include/c", "include/c.yml", web, "role"),
        ("include/a", "include/a.yml", web, "role"),
        ("include/b", "include/b.yml", web, "role"),
        ("role/web", "layers/role/web.yml", web, "role"),
        ("include/c", "include/c.yml", {"role": Term(any=("zz",))}, "role"),
        ("role/zz", "layers/role/zz.yml", {"role": Term(any=("zz",))}, "role"),
    ]
    assert fleet.layers[2].variables == {"v": Variable(line=2, value="1.10")}
    assert fleet.warnings == ()


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"include/a.yml": "include: a.yml\n"},
         ["include/a.yml:1:10: includes go in a circle: a.yml -> a.yml; take one of them out"]),
        ({"include/a.yml": "include: b.yml\n", "include/b.yml": "include: [c.yml]\n",
          "include/c.yml": "include: b.yml\n"},
         ["include/c.yml:1:10: includes go in a circle: b.yml -> c.yml -> b.yml; take one of them out"]),
        ({"include/aa.yml": "items: {sysctl: {x: 1}}\n"},
         ["layers/x.yml:1:10: include/a.yml is not there; did you mean aa.yml?"]),
        ({}, ["layers/x.yml:1:10: include/a.yml is not there; there is no file in include/"]),
        ({"include/a.yml": "match: {zone: a}\nitems: {sysctl: {x: 1}}\n"},
         ["include/a.yml:1:1: an include has no match; it is for the nodes of the layers that include it"]),
        ({"include/a.yml": ""},
         ["include/a.yml:1:1: empty include: it holds nothing; write items:, or remove the file"]),
        ({"include/a.yml": "items: {sysctl: {x: {at_mots: 1}}}\n"},
         ["include/a.yml:1:22: unknown key 'at_mots'; did you mean at_most?"]),
        ({"include/a.yml": "items: {sysctl: {x: 1}}\n", "include/b.txt": ""},
         ["include/b.txt:1:1: this file is not read; an include is a file named *.yml"]),
    ],
)  # fmt: skip
def test_mistakes_of_includes(tmp_path: Path, files: dict[str, str], found: list[str]) -> None:
    """A circle with its whole chain, once however often it is reached; the rest as in layers."""
    assert mistakes(tmp_path, {"layers/x.yml": USE, "layers/y.yml": USE, **files})[: len(found)] == found


@pytest.mark.parametrize(
    "name", ["../layers/x.yml", "/etc/passwd", "sub/a.yml", "..", "'.'", "''", "a.yml/", "./a.yml"]
)
def test_an_include_with_a_path_is_refused(tmp_path: Path, name: str) -> None:
    """Only names in include/, so that nothing outside is ever read."""
    text = f"include: {name}\nitems: {{sysctl: {{x: 1}}}}\n"
    found = mistakes(tmp_path, {"include/a.yml": "items: {sysctl: {a: 1}}\n", "layers/x.yml": text})
    bare = name.strip("'")
    assert found == [
        f"layers/x.yml:1:10: {bare!r} is no name of a file in include/; no path: only files there are read"
    ]


def test_a_long_chain_and_a_wide_fan_end(tmp_path: Path) -> None:
    """Too deep is a mistake, once; includes that include each other twofold do not double the layers."""
    files = {
        f"include/{n:02}.yml": f"include: [{n + 1:02}.yml, {n + 2:02}.yml]\nitems: {{sysctl: {{x: 1}}}}\n"
        for n in range(60)
    }
    last = {f"include/{n}.yml": "items: {sysctl: {x: 1}}\n" for n in (60, 61)}
    fleet = load(tmp_path, {**files, **last, "layers/x.yml": "include: 00.yml\n"})
    assert [mistake.what for mistake in fleet.mistakes] == [
        f"more than {limits.include_depth_max} includes stand one in another"
    ]
    assert len(fleet.layers) == 63


def test_includes_do_not_multiply_without_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither layers nor items: each include counts wherever it is included."""
    monkeypatch.setattr(limits, "layers_max", 4)
    monkeypatch.setattr(limits, "written_items_max", 7)
    files = {f"layers/{n}.yml": USE for n in range(4)}
    found = mistakes(tmp_path, {**files, "include/a.yml": "items: {sysctl: {a: 1, b: 1}}\n"})
    assert found == [
        "layers:1:1: 8 layers with their includes, at most 4 are taken; include less often, or merge layers",
        (
            "layers:1:1: 12 items with those of includes, at most 7 are taken; "
            "include less often, or say in one layer what several say"
        ),
    ]


def test_what_nobody_uses_is_a_warning(tmp_path: Path) -> None:
    """An include that no layer reaches, a variable that no text asks for, an unset of nothing."""
    fleet = load(tmp_path, {
        "include/lost.yml": "variables: {v: x}\nitems: {sysctl: {a: '${v} ${zone}'}}\n",
        "layers/x.yml": "variables: {w: x}\nitems: {sysctl: {abc: {unset: true}}}\n",
        "layers/y.yml": "items: {sysctl: {a: '$${v}', b: 1}}\n",
        "layers/z.yml": "match: {zone: a}\nitems: {sysctl: {bb: {unset: true}, a: {unset: true}}}\n",
    })  # fmt: skip
    assert fleet.mistakes == ()
    assert [str(warning) for warning in fleet.warnings] == [
        "include/lost.yml:1:1: no layer includes this file; include it, or remove it",
        "layers/x.yml:1:13: no text asks for ${w}; remove the variable",
        "layers/x.yml:2:18: nothing to unset: no layer before this one expects sysctl:abc; remove it",
        "layers/z.yml:2:18: nothing to unset: no layer before this one expects sysctl:bb; did you mean sysctl:b?",
    ]


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ("{node: x}", "1:13: 'node' cannot name a variable; "),
        ("{fact.os: x}", "1:13: 'fact.os' cannot name a variable; "),
        ("{a b: x}", "1:13: 'a b' cannot name a variable; "),
        ("{a: [x]}", "1:16: a takes one value, not a list"),
        ("{a: }", '1:16: a has no value; write "" for empty text'),
        ("{a: '${b}'}", "1:16: a asks for another variable; a variable holds plain text"),
        ("[a]", "1:12: variables is a list, not a mapping; write variables: {name: text}, or leave it out"),
        ("", "1:11: variables is empty; write variables: {name: text}, or leave it out"),
    ],
)
def test_mistakes_of_variables(tmp_path: Path, variables: str, found: str) -> None:
    """A variable is a name and plain text."""
    text = f"variables: {variables}\nitems: {{sysctl: {{x: '${{a}}'}}}}\n"
    assert mistakes(tmp_path, {"layers/x.yml": text})[0].startswith(f"layers/x.yml:{found}")


def test_values_of_variables_are_taken_as_spelled(tmp_path: Path) -> None:
    """A version stays what it is, and so does what other readers take for numbers and booleans."""
    text = "variables: {a: 1.10, b: yes, c: 010, d: 12:30}\nitems: {sysctl: {x: '${a} ${b} ${c} ${d}'}}\n"
    layer = load(tmp_path, {"layers/x.yml": text}).sound().layers[0]
    assert {name: variable.value for name, variable in layer.variables.items()} == {
        "a": "1.10", "b": "yes", "c": "010", "d": "12:30",
    }  # fmt: skip


def test_names_without_a_value_are_found(tmp_path: Path) -> None:
    """A mistake where fleet.yml knows the tags, a warning where it does not; in operands and parameters alike."""
    layer = """\
items:
  sysctl:
    a: ["${zoen}", "${node} ${zone} ${ntp} ${fact.model} ${fact.modl}"]
    b: "${1 2}"
    c: "${open"
    d: "$${anything}"
  command: {x: {with: {argv: [ping, "${npt}"]}}}
"""
    files = {"fleet.yml": "tags: {zone: []}\n", "layers/x.yml": layer, "layers/y.yml": "variables: {ntp: x}\n"}
    fleet = load(tmp_path, files)
    unknown = "is no variable of any layer, and no tag of fleet.yml"
    assert [str(mistake) for mistake in fleet.mistakes] == [
        f"layers/x.yml:3:9: ${{zoen}} {unknown}; did you mean zone?",
        "layers/x.yml:4:8: '${1 2}' names nothing: a literal ${ is written $${",
        "layers/x.yml:5:8: '${open' names nothing: a literal ${ is written $${",
        f"layers/x.yml:7:37: ${{npt}} {unknown}; did you mean ntp?",
    ]
    assert [str(warning) for warning in fleet.warnings] == [
        "layers/x.yml:3:20: no agent tells ${fact.modl}; did you mean model?"
    ]
    (tmp_path / "fleet.yml").write_text("")
    assert [str(warning) for warning in load_fleet(tmp_path, small_catalogue()).warnings][1:] == [
        "layers/x.yml:3:20: ${zone} is no variable of any layer; if it is a tag, name it under tags: in fleet.yml",
        "layers/x.yml:3:20: no agent tells ${fact.modl}; did you mean model?",
        "layers/x.yml:7:37: ${npt} is no variable of any layer; did you mean ntp?",
    ]
