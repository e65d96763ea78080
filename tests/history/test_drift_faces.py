"""The faces of a drift report, and the command line: what is printed, escaped, refused, and with which exit code."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path

import msgspec
import pytest
from ClusterShell.NodeSet import NodeSet
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from inspector_coord.cli import app
from inspector_coord.drift import limits
from inspector_coord.drift.comparing import Comparison
from inspector_coord.drift.document import Document, decode
from inspector_coord.drift.faces import csv_face, markdown, terminal
from inspector_coord.drift.period import read_moment, read_period, told
from inspector_coord.drift.sentences import headline
from inspector_coord.errors import ConfigError, CoordError
from inspector_coord.fold import fold_names
from inspector_coord.history.store import History
from tests.support.history import BEGAN, MINUTE, booked, judged, lost, swept, wrong

SWAP = "sysctl:vm.swappiness"
NOW = BEGAN + 60 * MINUTE


@pytest.fixture(scope="module")
def example() -> Document:
    """The rich example, hostile texts and all."""
    return decode((Path(__file__).parents[1] / "cases/drift/example.json").read_bytes())


def on_terminal(document: Document, *, verbose: bool = False) -> list[str]:
    """What a terminal of 160 columns shows."""
    console = Console(file=io.StringIO(), width=160, highlight=False, color_system=None)
    terminal.render(document, console, verbose=verbose)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_one_line_a_group_and_all_of_it_by_verbose(example: Document) -> None:
    """New first; since when, on whom, after what; unknown nodes are marked; details on wish."""
    lines = on_terminal(example)
    assert lines[0] == headline(example)
    (line,) = [line for line in lines if "sysctl:vm.swappiness" in line]
    for word in ("major", "drift", "= 60", "12 (1?)", "n[025-036]", "since 3 h ago", "after a reboot"):
        assert word in line
    order = [index for index, line in enumerate(lines) if line.startswith(("New", "Flapping", "Still open", "Back"))]
    assert order == sorted(order)
    assert len(order) == 4
    assert lines[-1].startswith("exit 3: coverage is incomplete")
    assert not any("\u202e" in line or "\x1b" in line for line in lines)
    told_all = "\n".join(on_terminal(example, verbose=True))
    assert "cause     rack=b2: 100% of its nodes have it, 100% of those that have it are there" in told_all
    assert "before    a release 5 m before on 24 nodes" in told_all
    assert "n[025-036], 1 not judged now (n030)" in told_all


def test_csv_is_a_table_without_formulas(example: Document) -> None:
    """One row a group; a cell that begins as a formula is held back."""
    rows = list(csv.DictReader(csv_face.lines(example)))
    assert [row["item"] for row in rows] == [group.item for group in example.groups]
    assert rows[1]["unknown"] == "n030"
    evil = msgspec.structs.replace(example.groups[0], observed="=cmd|' /C calc'!A0")
    (row,) = csv.DictReader(csv_face.lines(msgspec.structs.replace(example, groups=[evil])))
    assert row["observed"].startswith("'=")


def test_markdown_lets_no_node_write_markup(example: Document) -> None:
    """Foreign text is code: no mention, no link, no cell of its own."""
    evil = msgspec.structs.replace(example.groups[0], observed="a | b ` @everyone http://x/ <b>\nnew")
    lines = list(markdown.lines(msgspec.structs.replace(example, groups=[evil]), verbose=True))
    (row,) = [line for line in lines if line.startswith("| critical")]
    assert "`a \\| b ' @everyone http://x/ <b> new`" in row
    assert row.replace("\\|", "").count("|") == 9


def test_groups_that_have_no_room_are_told_by_markdown(example: Document) -> None:
    """A ticket does not look complete where it is not."""
    cut = msgspec.structs.replace(example, groups_left=3, deviations_left=70)
    line = "… and 3 older or narrower groups (70 deviations): narrow it by TARGET, --item or --since"
    assert line in list(markdown.lines(cut))
    assert line in on_terminal(cut)
    assert not any("narrower" in line for line in markdown.lines(msgspec.structs.replace(example, groups_left=0)))


def test_only_a_cell_of_markdown_escapes_its_bars(example: Document) -> None:
    """In a list or a title, a backslash before a bar would be read as it stands."""
    evil = msgspec.structs.replace(example.groups[0], item="a|b")
    lines = list(markdown.lines(msgspec.structs.replace(example, groups=[evil], notes=["x|y"]), verbose=True))
    assert "#### `a|b`" in lines
    assert "- `x|y`" in lines
    assert any(line.startswith("| critical") and "`a\\|b`" in line for line in lines)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("36h", NOW - 36 * 3_600), ("7d", NOW - 7 * 86_400), ("now", NOW), ("2026-01-30", 1_769_731_200.0),
        ("2026-01-30T08:30:00+01:00", 1_769_758_200.0), ("yesterday", 1_769_904_000.0),
    ],
)  # fmt: skip
def test_times_are_read(text: str, moment: float) -> None:
    """So long ago, a day, a moment with its zone; without one it is UTC."""
    assert read_moment(text, NOW, "--since") == moment


@pytest.mark.parametrize(
    ("since", "until", "says"),
    [
        ("7x", None, "--since '7x' is no time: write 7d, 36h"),
        ("1h", "3h", "is not before"),
        ("1h", "2036-01-01", "is in the future"),
        ("1900-01-01", None, "more than 10 years back"),
        ("99999999999999999-1", None, "is no time"),
        ("7d", "999999w", "--until '999999w' is no time: write 7d, 36h"),
        ("7d", "0001-01-01T00:00:00+14:00", "is no time"),
        ("9999-12-31T23:59:59-14:00", None, "is no time"),
    ],
)
def test_wrong_times_are_told_with_examples(since: str, until: str | None, says: str) -> None:
    """A mistyped time is no report of nothing."""
    with pytest.raises(ConfigError, match=says):
        read_period(since, until, NOW)


@given(st.floats(0, 4e9))
def test_a_moment_reads_back(unix: float) -> None:
    """What is written as a time is read as the same."""
    assert read_moment(told(unix), NOW, "--since") == int(unix)


NAMES = st.builds("{}{:0{}d}".format, st.sampled_from(["a", "bb"]), st.integers(0, 300), st.integers(1, 3))


@settings(max_examples=20)
@given(st.sets(NAMES, min_size=65, max_size=90))
def test_many_names_fold_and_expand_again(names: set[str]) -> None:
    """The quick way of folding loses and invents no node, whatever the padding."""
    assert set(NodeSet(fold_names(names))) == names


# ---- on the command line --------------------------------------------------------------------------------------------


@pytest.fixture
def coordinator(tmp_path: Path, history: History) -> list[str]:
    """`--config` of a coordinator with a history: clean, then drift on n1 and n2, n3 down."""
    everyone = [judged(f"n{n}", tags={"rack": f"b{1 + n // 4}"}) for n in range(1, 7)]
    bad = [judged(f"n{n}", wrong(SWAP), tags={"rack": "b1"}) for n in (1, 2)]
    booked(history, swept(everyone))
    booked(history, swept([*bad, *everyone[2:]], minute=10))
    gone = [*bad, lost("n3", "down"), *everyone[3:]]
    booked(history, swept(gone, minute=20))
    settings = (
        f"rings: {{main: {{entries: ['127.0.0.1:1']}}}}\nconfig_center: http://127.0.0.1:1\nhistory: {history.where}\n"
    )
    (tmp_path / "coordinator.yml").write_text(f"{settings}cache: {tmp_path / 'cache'}\n")
    return ["--config", str(tmp_path / "coordinator.yml"), "drift"]


def run(coordinator: list[str], *words: str) -> tuple[int, str]:
    """(exit code, stdout)."""
    done = CliRunner().invoke(app, [*coordinator, *words])
    if isinstance(done.exception, CoordError):
        return done.exception.exit_code, str(done.exception)
    return done.exit_code, done.stdout


SINCE = ("--since", told(BEGAN + 5 * MINUTE), "--until", told(BEGAN + 15 * MINUTE))


def test_the_command_prints_every_form(coordinator: list[str], tmp_path: Path) -> None:
    """For people, JSON, CSV, Markdown, and the page in a file; exit code 1 for new drift, 3 where a node is unknown."""
    code, text = run(coordinator, *SINCE)
    assert (code, "2 new deviations: 2 drift" in text) == (1, True)
    code, text = run(coordinator, "--since", told(BEGAN + 5 * MINUTE), "--until", told(BEGAN + 25 * MINUTE), "--json")
    assert (code, decode(text.encode()).coverage.unknown.nodes) == (3, "n3")
    assert run(coordinator, *SINCE, "--csv")[1].splitlines()[1].startswith("new,drift,major,fail,sysctl:vm.swappiness")
    assert run(coordinator, *SINCE, "--markdown")[1].startswith("## 2 new deviations: 2 drift")
    assert run(coordinator, *SINCE, "--html", str(tmp_path / "page.html"))[0] == 1
    assert "sysctl:vm.swappiness" in (tmp_path / "page.html").read_text()
    assert run(coordinator, *SINCE, "--fail-on", "critical")[0] == 0


def test_a_clock_that_ran_ahead_hides_no_sweep(coordinator: list[str], history: History) -> None:
    """All that is booked after it has its time: the report goes up to there, and says so."""
    ahead = (time.time() - BEGAN) / MINUTE + 300 * 24 * 60
    clean = [judged(f"n{n}") for n in range(1, 7)]
    booked(history, swept(clean, minute=ahead))
    booked(history, swept([judged("n1", wrong(SWAP)), *clean[1:]], minute=ahead - 299 * 24 * 60))
    code, text = run(coordinator, "--json")
    document = decode(text.encode())
    assert (code, document.summary.new, document.sweeps.count) == (1, 1, 2)
    assert document.notes[0].startswith("the last sweep is dated 300 d ahead of now")
    assert "ahead of now" not in run(coordinator, *SINCE)[1]


def test_csv_tells_on_stderr_what_it_leaves_out(coordinator: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lines are data: a program that reads them must not find a sentence among them."""
    monkeypatch.setattr(limits, "groups_max", 0)
    done = CliRunner().invoke(app, [*coordinator, *SINCE, "--csv"])
    assert done.stderr == "… and 1 older or narrower group (2 deviations): narrow it by TARGET, --item or --since\n"
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--json", "--csv"), "--json and --csv all print to stdout: choose one"),
        (("--diff",), "--diff is a way to print --compare A B"),
        (("--fail-on", "bad"), "a severity is one of critical, major, minor, info"),
        (("--by", ","), "--by names no dimension"),
        (("--html", "/proc/none/x.html"), "cannot be written"),
        (("--compare", "999", "1"), "there is no sweep 999"),
        (("--compare", "1", "2", "--since", "3d"), "--since cannot go with --compare"),
        (("--compare", "1", "2", "--by", "rack", "--html", "x"), "--by and --html cannot go with --compare"),
        (("--compare", "n1", "now"), "takes n1 for nodes and now for a sweep or a time, which are not alike"),
        (("--compare", "999999w", "now"), "--compare"),
        (
            ("--compare", "2026-01-01", "now"),
            "no sweep was booked up to then; the first of all was at 2026-02-02T02:40",
        ),
        (("--compare", "1", "9000-01-01"), "--compare 9000-01-01 is in the future"),
        (("--compare", "n1", "n2", "--until", "9000-01-01"), "--until 9000-01-01 is in the future"),
    ],
)
def test_what_cannot_be_is_refused(coordinator: list[str], words: tuple[str, ...], says: str) -> None:
    """Usage is exit code 2, and says what to write."""
    code, text = run(coordinator, *SINCE, *words) if "--compare" not in words else run(coordinator, *words)
    assert (code, says in text) == (2, True), text


def test_two_times_are_compared(coordinator: list[str]) -> None:
    """What came since, as a diff, too; a node that is down in B is told as unknown."""
    code, text = run(coordinator, "--compare", told(BEGAN), told(BEGAN + 10 * MINUTE), "--json")
    found = msgspec.json.decode(text, type=Comparison)
    assert (code, [(one.item, one.a.nodes, one.b.nodes) for one in found.entries]) == (1, [(SWAP, "", "n[1-2]")])
    code, text = run(coordinator, "--compare", "1", "3", "--diff")
    assert code == 3
    assert [line for line in text.splitlines() if line[:1] in "+-"][2:] == [
        f"+{SWAP}: fail: 60 (expected at_most 10): n[1-2]"
    ]
    code, text = run(coordinator, "--compare", "2", "1")
    assert (code, "A gone  2  n[1-2]" in text) == (0, True)
    assert [run(coordinator, "--compare", "1", "2", "--fail-on", word)[0] for word in ("critical", "major")] == [0, 1]
    code, text = run(coordinator, "--compare", "2", "3")
    assert (code, "2 deviations the same on both sides" in text, "n3" in text) == (3, True, True)


def test_two_sets_of_nodes_are_compared(coordinator: list[str]) -> None:
    """By the share of each that is wrong, at one time."""
    at = ("--until", told(BEGAN + 15 * MINUTE))
    code, text = run(coordinator, "--compare", "rack=b1", "rack=b2", *at)
    assert (code, "A  2 of 3  n[1-2]" in text, "B  0 of 3" in text) == (1, True, True)
    code, text = run(coordinator, "--compare", "rack=b1", "rack=b2", "--diff", *at)
    assert "-sysctl:vm.swappiness: fail: 60 (expected at_most 10): 2 of 3 nodes" in text
    assert run(coordinator, "--compare", "n1", "n2", *at)[0] == 0
