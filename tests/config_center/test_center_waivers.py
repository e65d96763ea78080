"""waivers.yml: who answers for which deviation until when, and what is wrong or worth a look."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from config_center import limits
from config_center.layers import Fleet, load_fleet
from config_center.match import Term
from config_center.release import Waiver, build
from tests.support.center import small_catalogue
from tests.support.layers import write_files

TODAY = date(2031, 1, 15)
LAYER = "items: {sysctl: {vm.a: 1, vm.b: 1, net.c: 1}}\n"
REST = "owner: o, reason: r, ticket: t"


def load(directory: Path, waivers: str, fleet: str = "") -> Fleet:
    """A fleet with these waivers, judged on TODAY."""
    files = {"layers/x.yml": LAYER, "waivers.yml": waivers, "fleet.yml": fleet}
    return load_fleet(write_files(directory, files), small_catalogue(), TODAY)


def test_a_waiver_is_read(tmp_path: Path) -> None:
    """With its place; a date is a date, quoted or not; it is a part of the release."""
    fleet = load(tmp_path, """\
# why not
waivers:
  - items: ["sysctl:vm.*", sysctl:net.c]
    match: {rack: b1, node: {not: n7}}
    owner: storage-team
    reason: the old controller needs it
    ticket: OPS-1234
    expires: 2031-01-31
  - {items: sysctl:vm.a, match: {node: "*"}, owner: 1, reason: 1.10, ticket: 0012, expires: "2032-02-29"}
""").sound()  # fmt: skip
    assert fleet.waivers == (
        Waiver(
            source="waivers.yml:3",
            items=("sysctl:vm.*", "sysctl:net.c"),
            match={"rack": Term(any=("b1",)), "node": Term(none=("n7",))},
            owner="storage-team",
            reason="the old controller needs it",
            ticket="OPS-1234",
            expires="2031-01-31",
        ),
        Waiver("waivers.yml:9", ("sysctl:vm.a",), {"node": Term(any=("*",))}, "1", "1.10", "0012", "2032-02-29"),
    )
    assert fleet.warnings == ()
    build(fleet.layers, [], number=1, created="2030-01-01T00:00:00Z", waivers=fleet.waivers)


@pytest.mark.parametrize("text", ["", "# none\n", "waivers: []\n"])
def test_no_waivers_are_none(tmp_path: Path, text: str) -> None:
    """A file may stand there and say nothing."""
    assert load(tmp_path, text).sound().waivers == ()


@pytest.mark.parametrize(
    ("expires", "warning"),
    [
        ("2031-01-14", "this waiver ended on 2031-01-14: its items fail again; put them right, or remove it"),
        ("2031-01-15", "this waiver ends today, with 2031-01-15: then its items fail again; put them right before"),
        ("2031-01-16", "this waiver ends tomorrow, with 2031-01-16: then its items fail again; put them right before"),
        ("2031-01-22", "this waiver ends in 7 days, with 2031-01-22: then its items fail again; put them right before"),
        ("2031-01-23", None),
    ],
)
def test_an_end_is_told_a_week_ahead(tmp_path: Path, expires: str, warning: str | None) -> None:
    """The last day counts. It is a warning: such layers can be published."""
    fleet = load(tmp_path, f"waivers:\n  - {{items: sysctl:vm.a, match: {{a: b}}, {REST}, expires: {expires}}}\n")
    fleet.sound()
    assert [warning.text for warning in fleet.warnings] == ([warning] if warning else [])


def test_a_waiver_of_nothing_is_a_warning(tmp_path: Path) -> None:
    """The item may have left the layers; or it is misspelt, and then fails as if there were no waiver."""
    items = "[sysctl:vm.aa, 'disk:*', 'sysctl:*']"
    fleet = load(tmp_path, f"waivers:\n  - {{items: {items}, match: {{a: b}}, {REST}, expires: 2032-01-01}}\n")
    assert fleet.mistakes == ()
    assert [str(warning) for warning in fleet.warnings] == [
        "waivers.yml:2:14: no layer expects sysctl:vm.aa: nothing is waived; did you mean sysctl:vm.a?",
        "waivers.yml:2:28: no layer expects disk:*: nothing is waived",
    ]


@pytest.mark.parametrize(
    ("waiver", "found"),
    [
        ("{items: sysctl:vm.a, match: {zone: b}, owner: o, reason: r, expires: 2032-01-01}",
         ["2:5: this waiver does not say ticket; each is asked for one day"]),
        ("{items: sysctl:vm.a}",
         [("2:5: this waiver does not say match, owner, reason, ticket, expires; "
          "for every node write match: {node: '*'}")]),
        ("{items: [], match: {zone: b}, %s, expires: 2032-01-01}", ["2:13: items has an empty list"]),
        ("{items: 'a[', match: {zone: b}, %s, expires: 2032-01-01}", ["2:13: items: 'a[': a [ without its ]"]),
        ("{items: a, match: {}, %s, expires: 2032-01-01}",
         ["2:23: match is empty; write match: {tag: value}; for every node write {node: '*'}"]),
        ("{items: a, match: {zoen: b}, %s, expires: 2032-01-01}", ["2:24: unknown tag 'zoen'; did you mean zone?"]),
        ("{items: a, match: {zone: c}, %s, expires: 2032-01-01}", ["2:30: zone is never 'c'; known: a, b"]),
        ("{items: a, match: {zone: b}, owner: '', reason: r, ticket: t, expires: 2032-01-01}",
         ["2:41: owner is empty; say it in a few words"]),
        ("{items: a, match: {zone: b}, owner: [o], reason: r, ticket: t, expires: 2032-01-01}",
         ["2:41: owner takes one value, not a list"]),
        ("{items: a, match: {zone: b}, %s, expires: 2031-02-29}",
         ["2:75: expires takes a date, not '2031-02-29'; write year-month-day, such as 2031-01-31"]),
        ("{items: a, match: {zone: b}, %s, expires: 20310228}",
         ["2:75: expires takes a date, not '20310228'; write year-month-day, such as 2031-01-31"]),
        ("{items: a, match: {zone: b}, %s, expires: never}",
         ["2:75: expires takes a date, not 'never'; write year-month-day, such as 2031-01-31"]),
        ("{items: a, match: {zone: b}, %s, expire: 2032-01-01}",
         ["2:5: this waiver does not say expires; each is asked for one day",
          "2:66: unknown key 'expire'; did you mean expires?"]),
        ("just text", [
            "2:5: a waiver is a mapping of items, match, owner, reason, ticket, expires, not a single value",
        ]),
    ],
)  # fmt: skip
def test_mistakes_of_waivers(tmp_path: Path, waiver: str, found: list[str]) -> None:
    """All at once, each at its place: a waiver that somebody must answer for says everything."""
    text = f"waivers:\n  - {waiver.replace('%s', REST)}\n"
    fleet = load(tmp_path, text, "tags: {zone: [a, b]}\n")
    assert [str(mistake).removeprefix("waivers.yml:") for mistake in fleet.mistakes] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("- a\n", "1:1: waivers.yml is a mapping of waivers:, not a list"),
        ("waivers: {a: b}\n", "1:10: waivers takes a list, not a mapping; write a waiver after each -"),
        ("waiver: []\n", "1:1: unknown key 'waiver'; did you mean waivers?"),
    ],
)
def test_mistakes_of_the_file(tmp_path: Path, text: str, found: str) -> None:
    """What is no list of waivers."""
    assert [str(mistake) for mistake in load(tmp_path, text).mistakes] == [f"waivers.yml:{found}"]


def test_waivers_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a release bounds them."""
    monkeypatch.setattr(limits, "waivers_max", 2)
    one = f"  - {{items: [sysctl:vm.a, sysctl:vm.b], match: {{a: b}}, {REST}, expires: 2032-01-01}}\n"
    assert [mistake.what for mistake in load(tmp_path, f"waivers:\n{one * 3}").mistakes] == [
        "3 waivers, at most 2 are taken"
    ]
    monkeypatch.setattr(limits, "waiver_patterns_max", 3)
    assert [mistake.what for mistake in load(tmp_path, f"waivers:\n{one * 2}").mistakes] == [
        "more than 3 items in all waivers"
    ]
