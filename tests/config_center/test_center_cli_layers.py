"""init, validate and render, as people and pipelines use them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from config_center import example
from config_center.database import Database
from config_center.errors import CenterError
from config_center.rows import NodeRow
from tests.support.center import write_checks
from tests.support.layers import Run, write_files

FLEET = {
    "fleet.yml": "dimensions: [fleet, zone, node]\ntags: {zone: [a, b]}\n",
    "include/words.yml": "items: {kernel: {k: {expect: {cmdline: {contains: [quiet]}}}}}\n",
    "layers/fleet/all.yml": "include: words.yml\nvariables: {ntp: far}\nitems:\n  sysctl:\n    a: '${ntp}'\n    b: 1\n"
    "    c: {equals: {from_file: /etc/c}}\n    d: '${fact.model}'\n",
    "layers/zone/b.yml": "match: {zone: b}\nvariables: {ntp: near}\nitems:\n"
    "  kernel: {k: {append: {cmdline: {contains: ['zone=${zone}', 'name=${node}']}}}}\n  sysctl: {b: {unset: true}}\n",
    "layers/node/old.yml": "match: {fact.kernel: {below: 6.10}}\nitems: {sysctl: {b: 2}}\n",
    "waivers.yml": "waivers:\n  - {items: 'sysctl:a', match: {zone: b}, owner: o, reason: r, ticket: t,"
    " expires: 2130-01-01}\n",
}


Command = Callable[..., Run]


@pytest.fixture
def center(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path / "fleet", FLEET)
    checks = str(write_checks(tmp_path / "described"))

    def run(command: str, *arguments: str) -> Run:
        """Run one command in the folder above the fleet's, with the small catalogue."""
        extra = () if command == "init" else ("--checks", checks)
        return Run(capsys, monkeypatch, command, *arguments, *extra)

    return run


def test_warnings_are_marked_and_change_no_exit_code(center: Command) -> None:
    """They stand below the mistakes, and are counted by themselves."""
    write_files(Path("fleet"), {"include/lost.yml": "items: {sysctl: {x: 1}}\n"})
    run = center("validate", "fleet")
    assert (run.code, run.out) == (
        0,
        "fleet/include/lost.yml:1:1: warning: no layer includes this file; include it, or remove it\n",
    )
    assert run.err == "no mistakes: 4 layers, 5 items, 0 checks of the site; 1 warning\n"
    write_files(Path("fleet"), {"include/lost.yml": "items: {sysctl: {x: {y: 1}}}\n"})
    run = center("validate", "fleet")
    assert (run.code, run.err) == (1, "1 mistake in 1 file; 1 warning\n")
    assert "warning" not in run.out.splitlines()[0]


def test_warnings_as_json(center: Command) -> None:
    """As mistakes are; --json and --format json are the same."""
    write_files(Path("fleet"), {"include/lost.yml": "items: {sysctl: {x: 1}}\n"})
    run = center("validate", "fleet", "--format", "json")
    assert run.json["mistakes"] == []
    assert run.json["waivers"] == 1
    assert run.json["warnings"] == [
        {
            "file": "include/lost.yml",
            "line": 1,
            "column": 1,
            "what": "no layer includes this file",
            "hint": "include it, or remove it",
        }
    ]
    assert center("validate", "fleet", "--json").out == run.out


def test_mistakes_as_annotations_of_github(center: Command) -> None:
    """One line each, whatever stands in the file or its name: commas, colons, percent signs and line ends."""
    write_files(Path("fleet"), {
        "layers/zone/a,b:50%.yml": 'match: {zone: a}\nitems:\n  sysctl: {x: {"50%\\n::error::": 1}}\n',
        "include/lost.yml": "items: {sysctl: {x: 1}}\n",
    })  # fmt: skip
    run = center("validate", "fleet", "--format", "github")
    assert run.code == 1
    assert run.out.splitlines() == [
        "::error file=fleet/layers/zone/a%2Cb%3A50%25.yml,line=3,col=16::unknown key '50%25\\n::error::'",
        "::warning file=fleet/include/lost.yml,line=1,col=1::no layer includes this file; include it, or remove it",
    ]


def test_an_annotation_has_no_line_ends(center: Command) -> None:
    """They would begin a command of the author's own."""
    Path("fleet").rename("fl\n::b::eet")
    write_files(Path("fl\n::b::eet"), {"include/lost.yml": "items: {sysctl: {x: 1}}\n"})
    assert center("validate", "fl\n::b::eet", "--format", "github").out.splitlines() == [
        (
            "::warning file=fl%0A%3A%3Ab%3A%3Aeet/include/lost.yml,line=1,col=1::"
            "no layer includes this file; include it, or remove it"
        )
    ]


def test_render_fills_in_and_tells_all_that_is_said_of_an_item(center: Command) -> None:
    """Variables, appends, unsets, secrets, waivers, and what cannot be checked."""
    run = center("render", "n1", "--tag", "zone=b", "--dir", "fleet")
    assert run.err == "n1: 4 items\n"
    assert [" ".join(line.split()) for line in run.out.splitlines()] == [
        "kernel:k cmdline contains [quiet, zone=b, name=n1] major layers/zone/b.yml:4 over include/words.yml:1",
        "sysctl:a near major layers/fleet/all.yml:5 waived until 2130-01-01 (waivers.yml:2)",
        "sysctl:c the text in /etc/c major layers/fleet/all.yml:7 secret",
        (
            "sysctl:d ${fact.model} major layers/fleet/all.yml:8 "
            "cannot be checked: ${fact.model} has no value for this node"
        ),
    ]
    run = center("render", "n1", "--fact", "model=X 1", "--fact", "kernel=6.9", "--dir", "fleet", "--json")
    assert run.json["facts"] == {"model": "X 1", "kernel": "6.9"}
    assert {item["id"]: item["expect"] for item in run.json["items"]}["sysctl:d"] == {"value": {"equals": "X 1"}}
    assert {item["id"]: item["source"] for item in run.json["items"]}["sysctl:b"] == "layers/node/old.yml:2"


@pytest.mark.parametrize(
    ("item", "lines"),
    [
        ("kernel:k", [
            "layers/zone/b.yml:4  append cmdline contains [zone=${zone}, name=${node}]",
            "include/words.yml:1  cmdline contains [quiet]",
            "  ${zone} = b  (a tag of the node)",
            "  ${node} = n1  (the node's name)",
            "  comes to: cmdline contains [quiet, zone=b, name=n1]",
            "  severity: major",
        ]),
        ("sysctl:a", [
            "layers/fleet/all.yml:5  ${ntp}  <- this one holds",
            "  ${ntp} = near  (layers/zone/b.yml:2, over layers/fleet/all.yml:2)",
            "  comes to: near",
            "  severity: major",
            "  timeout_s: 2.0",
            "  waiver: waivers.yml:2",
            "  waived_until: 2130-01-01",
        ]),
        ("sysctl:b", [
            "layers/zone/b.yml:5  unset",
            "layers/fleet/all.yml:6  1",
            "  unset: n1 has no such item",
        ]),
        ("sysctl:d", [
            "layers/fleet/all.yml:8  ${fact.model}  <- this one holds",
            "  ${fact.model} has no value: neither a variable of its layers, nor a tag or a fact of the node",
        ]),
    ],
)  # fmt: skip
def test_why_tells_every_step_and_every_value(center: Command, item: str, lines: list[str]) -> None:
    """And where the value of each variable was found."""
    run = center("render", "n1", "--tag", "zone=b", "--dir", "fleet", "--why", item)
    assert run.out.splitlines()[: len(lines)] == lines


def test_why_as_json(center: Command) -> None:
    """Steps, values and what they come to; null where the item is unset."""
    found = center("render", "n1", "--tag", "zone=b", "--dir", "fleet", "--why", "sysctl:a", "--json").json
    assert found["variables"] == {
        "ntp": {"value": "near", "source": "layers/zone/b.yml:2", "overrides": ["layers/fleet/all.yml:2"]}
    }
    assert found["result"]["expect"] == {"value": {"equals": "near"}}
    found = center("render", "n1", "--tag", "zone=b", "--dir", "fleet", "--why", "sysctl:b", "--json").json
    assert (found["result"], found["steps"][0]["action"]) == (None, "unset")


def test_render_takes_what_the_node_told_the_store(center: Command) -> None:
    """Where neither tags nor facts are given; a node that told nothing is an error."""
    database = Database("sqlite:///center.db")
    database.migrate()
    database.put_node(NodeRow(name="n7", tags={"zone": "b"}, facts={"model": "M"}, seen="2030-01-01T00:00:00Z", sent=1))
    database.close()
    run = center("render", "n7", "--dir", "fleet", "--store", "center.db")
    assert run.err.startswith("n7: tags and facts as it told them at 2030-01-01T00:00:00Z\n")
    assert "name=n7" in run.out
    assert "cannot be checked" not in run.out
    assert "name=n7" not in center("render", "n7", "--tag", "zone=a", "--dir", "fleet", "--store", "center.db").out
    run = center("render", "n8", "--dir", "fleet", "--store", "center.db")
    assert (run.code, run.err) == (
        2,
        "config-center: n8 never told center.db about itself; say --tag and --fact\n",
    )


@pytest.mark.parametrize("fact", ["kernel", "=6", ""])
def test_a_bad_fact_exits_2(center: Command, fact: str) -> None:
    """It says how a fact is given."""
    run = center("render", "n1", "--fact", fact, "--dir", "fleet")
    assert (run.code, run.err) == (2, f"config-center: --fact {fact}: a fact is given as key=value\n")


def test_init_writes_the_example_and_says_what_to_do_next(center: Command) -> None:
    """Into a folder that need not be there; beside what else is there."""
    write_files(Path("new"), {".git/config": "", "notes.txt": "mine"})
    run = center("init", "new")
    assert (run.code, run.out) == (0, "")
    folder = example.example_folder()
    wanted = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {path.relative_to("new"): path.read_bytes() for path in Path("new").rglob("*") if path.is_file()} == {
        **wanted,
        Path(".git/config"): b"",
        Path("notes.txt"): b"mine",
    }
    steps = run.err.splitlines()
    assert steps[0].startswith(f"wrote {len(wanted)} files to new: ")
    assert [line.split()[1] for line in steps[1:]] == ["validate", "render", "keygen", "publish", "serve"]
    assert Path("new/.gitignore").read_text() == "published/\n"


@pytest.mark.parametrize("taken", ["fleet.yml", "layers/x.yml", "README.md"])
def test_init_overwrites_nothing(center: Command, taken: str) -> None:
    """Not one file is written where one of its names is taken, be it by a link that leads nowhere."""
    write_files(Path("new"), {taken: "mine"})
    Path("new/waivers.yml").symlink_to("nowhere")
    run = center("init", "new")
    name = taken.partition("/")[0]
    assert (run.code, run.err) == (
        2,
        f"config-center: new has {name}, waivers.yml already, and nothing is overwritten: name another directory\n",
    )
    assert [str(path) for path in Path("new").rglob("*") if path.is_file()] == [f"new/{taken}"]


def test_init_where_nothing_can_be_written_exits_2(center: Command) -> None:
    """One sentence."""
    Path("file").touch()
    run = center("init", "file/new")
    assert (run.code, run.err) == (2, "config-center: file/new: cannot be written: Not a directory\n")


def test_the_example_is_found_where_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It travels inside the package; where it is in neither place, that is said."""
    monkeypatch.setattr(example, "__file__", str(tmp_path / "config_center" / "example.py"))
    with pytest.raises(CenterError, match="install the whole project"):
        example.example_folder()
    write_files(tmp_path, {"config_center/example/fleet.yml": ""})
    assert example.example_folder() == tmp_path / "config_center" / "example"
