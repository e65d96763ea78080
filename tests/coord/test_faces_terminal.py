"""The report in a terminal and as a picture: readable at any width, plain in a pipe, and safe with hostile text."""

from __future__ import annotations

import io
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from inspector_coord.faces import svg, terminal
from inspector_coord.faces.terminal import Progress
from tests.support import reports


def shown(report: reports.Report, **options: Any) -> str:
    """What a console with these options prints."""
    out = io.StringIO()
    terminal.render(report, Console(file=out, highlight=False, **{"width": 100, **options}))
    return out.getvalue()


def test_the_sections_come_in_the_order_of_need() -> None:
    """Verdict, ledger, what is wrong, who said nothing, the second pass, what was dropped, what to do."""
    text = shown(reports.bad_night())
    wanted = [
        "11 of 20 nodes pass;",
        "Ledger: 20 targets, each in one state",
        "What is wrong: 4 groups",
        "critical  fail  kernel:release  1 node",
        "major  fail  sysctl:vm.swappiness  3 nodes",
        "minor  fail  file:/etc/motd  1 node",
        "Without a verdict on their items",
        "Second pass: 1 unreachable, 5 confirmed, 1 recovered, 1 skipped",
        "Notes",
        "2 duplicate, 1 late",
        "exit 3: coverage incomplete (1 down, 1 stalled, 1 uncovered); this wins over any fail",
        "next  inspector explain n004",
    ]
    places = [text.index(each) for each in wanted]
    assert places == sorted(places)


def test_a_quiet_night_is_short() -> None:
    """No empty section."""
    assert shown(reports.quiet_night()).splitlines() == [
        "All 3 nodes pass.",
        "sweep 5f0c1b2a99e0d431 · 2026-03-01T02:14:07Z · release 12 (9b1f0c7d9b1f) · 2.31 s",
        "",
        "Ledger: 3 targets, each in one state",
        "  pass  3  █████████████████████████████████  every item is as it should be, or waived",
        "",
        "exit 0: every target passed",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160, 250])
def test_no_line_is_wider_than_the_console(width: int) -> None:
    """And none ends in blanks, which are in the way of whoever copies it."""
    lines = shown(reports.bad_night(), width=width).splitlines()
    assert max(len(line) for line in lines) <= width
    assert [line for line in lines if line != line.rstrip()] == []


@pytest.mark.parametrize("width", [40, 80])
def test_no_value_is_lost_at_a_narrow_console(width: int) -> None:
    """Wrapped, never cut."""
    together = "".join(shown(reports.bad_night(), width=width).split())
    for value in ("sysctl:vm.swappiness", "layers/20-zone-b.yml:7", "/etc/sysctl.d/99-tuning.conf", "n[011-013]"):
        assert value in together


def test_a_pipe_gets_no_colours() -> None:
    """Not a single escape, and a terminal with NO_COLOR gets no colour either."""
    assert "\x1b" not in shown(reports.bad_night())
    coloured = shown(reports.bad_night(), force_terminal=True, color_system="truecolor", no_color=False)
    plain = shown(reports.bad_night(), force_terminal=True, no_color=True)
    assert re.search(r"\x1b\[[0-9;]*3[0-9]", coloured)
    assert not re.search(r"\x1b\[[0-9;]*(3|4|9|10)[0-7]m", plain)


def test_no_color_in_the_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The convention of no-color.org, also where the output is a terminal."""
    monkeypatch.setenv("NO_COLOR", "1")
    text = shown(reports.bad_night(), force_terminal=True)
    assert not re.search(r"\x1b\[[0-9;]*(3|4|9|10)[0-7]m", text)


def test_hostile_text_is_shown_and_does_nothing() -> None:
    """No escape, no bell, no right-to-left override, no markup; the text itself is there to be read."""
    text = shown(reports.hostile_night(), force_terminal=True, color_system="truecolor", width=200)
    bare = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert "·[31m[bold red]</script><script>alert(1)</script>·evil·· & ]]> {{7*7}}" in bare
    assert not set(bare) & set("\x1b\x07\x00\u202e")
    assert "\x1b[31m[bold red]" not in text


def test_long_lists_say_what_is_left_out() -> None:
    """A terminal is not flooded, and nothing is dropped silently."""
    report = reports.bad_night()
    group = report["groups"][0]
    report["groups"] = [group | {"item": f"file:/etc/{index}"} for index in range(60)]
    text = shown(report)
    assert "What is wrong: 60 groups" in text
    assert "… and 20 more groups: see --json" in text


def test_a_big_fleet_prints_at_once() -> None:
    """A hundred failing of ten thousand: one group, one screen."""
    text = shown(reports.big_night())
    assert "9900 of 10000 nodes pass; 100 fail." in text
    assert len(text.splitlines()) < 40


# ---- progress --------------------------------------------------------------------------------------------------------


def test_progress_is_silent_where_nobody_watches() -> None:
    """Standard error that is no terminal gets nothing."""
    out = io.StringIO()
    with Progress(Console(file=out, force_terminal=False)) as progress:
        progress.update({"pass": 3}, 20, 0.4, "asking")
    assert out.getvalue() == ""


def test_progress_shows_counts_and_leaves_no_trace() -> None:
    """One line, redrawn, and wiped at the end; the cursor is back."""
    out = io.StringIO()
    with Progress(Console(file=out, force_terminal=True, width=80)) as progress:
        progress.update({"pass": 3}, 20, 0.4, "asking")
        progress.update({"pass": 17, "fail": 2}, 20, 0.9, "asking again")
    bare = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.getvalue())
    assert "asking 3/20  0.4 s" in bare
    assert "asking again 19/20  0.9 s   17 pass  2 fail" in bare
    assert out.getvalue().rstrip("\r\n").endswith(("\x1b[2K", "\x1b[?25h"))
    assert "\x1b[?25h" in out.getvalue()


def interrupted(progress: Progress) -> None:
    """A sweep that somebody ends."""
    with progress:
        progress.update({}, 20, 0.1, "asking")
        raise KeyboardInterrupt


def test_progress_puts_the_cursor_back_after_ctrl_c() -> None:
    """However the sweep ends."""
    out = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        interrupted(Progress(Console(file=out, force_terminal=True)))
    assert "\x1b[?25h" in out.getvalue()


# ---- SVG -------------------------------------------------------------------------------------------------------------


def test_the_picture_needs_nothing_from_elsewhere() -> None:
    """No font, no link, no script: the only address in it is the name of the SVG language."""
    drawn = svg.render(reports.bad_night(), 100)
    assert set(re.findall(r"https?://[^\"' )]*", drawn)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"@import|@font-face|<script|url\((?!#)", drawn)


def test_the_picture_is_whole() -> None:
    """Well-formed, and the words of the report are text in it."""
    root = ET.fromstring(svg.render(reports.bad_night(), 100))  # noqa: S314
    words = "".join(root.itertext()).replace("\xa0", " ")
    assert "11 of 20 nodes pass; 5 fail (rack=b2 explains 3)" in words
    assert "layers/20-zone-b.yml:7" in words


def test_the_picture_of_hostile_text_is_well_formed() -> None:
    """And holds no element that the text asked for."""
    root = ET.fromstring(svg.render(reports.hostile_night(), 120))  # noqa: S314
    assert not [each.tag for each in root.iter() if each.tag.endswith("script")]


def test_the_picture_is_the_same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever terminal it is made in: it is kept in a repository."""
    first = svg.render(reports.bad_night(), 100)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "dumb")
    assert svg.render(reports.bad_night(), 100) == first


def test_names_that_do_not_fold_do_not_fill_the_screen() -> None:
    """Hundreds of scattered nodes: cut between two names, and the place where all are is said."""
    names = "n[" + ",".join(f"{number:05}" for number in range(0, 3000, 7)) + "]"
    group = {**reports.bad_night()["groups"][0], "nodes": names, "count": 429}
    text = shown(reports.bad_night() | {"groups": [group]}, width=500)
    (line,) = [line for line in text.splitlines() if "n[00000," in line]
    assert re.search(r",\d{5},… all in --json$", line)
    assert len(line) < 480
