"""The frame of `make bench`: parts that break alone, and a record in which each figure knows when it was measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import parts, record
from bench.figures import Figure, Results, Section

FAST = Figure("fast_s", "a fast thing", "s", (1.0, 3.0, 2.0), bound=2.5, note="by a watch")
SLOW = Figure("slow_per_s", "  a slow thing", "/s", (10.0,), bound=5_000, at_most=False)


@pytest.fixture
def only_three(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Three parts: `one` works, `two` breaks, `three` cannot be measured here. The folder of the record."""
    results: dict[str, Results | None] = {
        "one": [FAST, Section("A plot", "![curve](curve.svg)")],
        "two": None,
        "three": [],
    }
    give(monkeypatch, results)
    monkeypatch.setattr(bench, "PARTS", dict.fromkeys(results, parts.PARTS["sysctl"]))
    monkeypatch.setattr(record, "DOCS", tmp_path)
    return tmp_path


def give(monkeypatch: pytest.MonkeyPatch, results: Mapping[str, Results | None]) -> None:
    """Let the parts measure this."""

    def measured(name: str, *, quick: bool) -> Results | None:
        return results[name]

    monkeypatch.setattr(bench, "measured", measured)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    return bench.main()


def test_one_broken_part_loses_nothing_of_the_others(
    only_three: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its name is told and the exit code is 1; what the others measured is written."""
    assert run(monkeypatch) == 1
    told = capsys.readouterr()
    assert "missing or old" in told.err
    assert "two: broke" in told.err
    assert "three: not measured here" in told.err
    assert json.loads((only_three / "benchmarks.json").read_text())["figures"].keys() == {"fast_s"}


@pytest.mark.parametrize("arguments", [["--quick"], ["--only", "one"], ["--quick", "--only", "one"]])
def test_trying_leaves_docs_alone(only_three: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    """Only a whole run, or one that is told to, writes."""
    run(monkeypatch, *arguments)
    assert list(only_three.iterdir()) == []


def test_a_part_that_needs_hours_runs_only_when_it_is_named(
    only_three: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And then it is written beside the figures that are there."""
    sysctl = parts.PARTS["sysctl"]
    monkeypatch.setattr(bench, "PARTS", {"one": sysctl, "two": sysctl._replace(apart=True)})
    assert run(monkeypatch) == 0
    assert "two" not in capsys.readouterr().err
    assert run(monkeypatch, "--only", "two") == 1


def test_the_process_of_a_part_that_fails_is_a_broken_part(capfd: pytest.CaptureFixture[str]) -> None:
    """A real process, and its own words on stderr."""
    assert parts.measured("no such part", quick=True) is None
    assert "no such part" in capfd.readouterr().err


def test_figures_of_one_part_are_replaced_and_the_others_stay(tmp_path: Path) -> None:
    """Each keeps its own time; a figure that is measured no more goes, and so does a part."""
    everything = record.Record()
    for name, figure in (("one", FAST), ("two", SLOW), ("gone", Figure("gone", "gone", "", (1.0,)))):
        record.enter(everything, name, [figure, Section(f"About {name}", "words")], 12.3)
    record.write(everything, ["two", "one"], tmp_path)
    again = record.read(tmp_path)
    again.parts["one"].measured = "2020-02-02T02:02:02+00:00"
    record.enter(again, "two", [Figure("new", "a new thing", "MB", (4.0, 5.0))], 1.0)
    record.write(again, ["two", "one"], tmp_path)
    document = json.loads((tmp_path / "benchmarks.json").read_text())
    assert list(document["figures"]) == ["new", "fast_s"]
    assert document["figures"]["fast_s"].items() >= {
        "median": 2.0, "min": 1.0, "max": 3.0, "runs": 3, "unit": "s", "budget": "≤ 2.5 s", "verdict": "met",
    }.items()  # fmt: skip
    text = (tmp_path / "benchmarks.md").read_text()
    assert "| a fast thing | **2** s | 1 – 3 | 3 | ≤ 2.5 s | met |" in text
    assert "## About one\n\nwords\n" in text
    assert "| one | 2020-02-02 02:02 | 12 s |" in text
    assert "gone" not in text
    assert "About two" not in text


def test_a_missed_budget_is_a_failed_run(only_three: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a pipeline sees it."""
    assert run(monkeypatch, "--only", "one") == 0
    give(monkeypatch, {"one": [SLOW]})
    assert run(monkeypatch, "--only", "one") == 1


def test_a_section_may_have_a_page_of_its_own(tmp_path: Path) -> None:
    """What is too long for benchmarks.md stands there under the page's head, with its part and when it was measured."""
    everything = record.Record()
    page = next(iter(record.PAGES))
    record.enter(everything, "one", [Section("Short", "words"), Section("Long", "story", page=page)], 1.0)
    record.write(everything, ["one"], tmp_path)
    found, main = (tmp_path / f"{page}.md").read_text(), (tmp_path / "benchmarks.md").read_text()
    assert found.startswith(record.PAGES[page])
    assert "## Long\n\nstory\n\n(`one`, 20" in found
    assert "## Short" not in found
    assert "## Short\n\nwords" in main
    assert "## Long" not in main
