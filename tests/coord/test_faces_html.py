"""The report as a page: self-contained, safe with hostile text, quick to open for a big fleet."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from inspector_coord.faces import html
from tests.support import reports

VOID = {"meta", "br", "input"}


class Page(HTMLParser):
    """Elements and texts of a page; complains about an element that is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Noted; a void one is closed at once."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Closes the element opened last, or the page is broken."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Words for people, apart from the script and the style sheet."""
        (self.scripts if self._open and self._open[-1] in ("script", "style") else self.words).append(data)

    @property
    def text(self) -> str:
        """All words, white space folded."""
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page() -> Page:
    """The ordinary bad night."""
    return Page(html.render(reports.bad_night()))


def test_the_page_needs_nothing_from_elsewhere() -> None:
    """Not one address of another host, nothing loaded, and a policy that forbids it."""
    text = html.render(reports.bad_night())
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text)
    assert "default-src 'none'" in text
    loading = {"link", "img", "iframe", "object", "embed", "base"}
    assert not [tag for tag, attributes in Page(text).elements if tag in loading or "src" in attributes]


def test_the_page_tells_the_whole_story(page: Page) -> None:
    """The same words as the terminal, in the same order."""
    wanted = [
        "11 of 20 nodes pass; 5 fail (rack=b2 explains 3)",
        "20 targets, each in exactly one state",
        "critical kernel:release fail 1 node",
        "rack=b2 explains all 3 (precision 1.0, recall 1.0)",
        "layers/20-zone-b.yml:7",
        "sysctl -w vm.swappiness=10",
        "Without a verdict on their items",
        "Second pass",
        "ssh: connect to host 127.9.0.18 port 2222: Connection refused",
        "dropped on the way: 2 duplicate, 1 late",
        "exit 3: coverage incomplete",
        "inspector explain n004",
    ]
    places = [page.text.index(each) for each in wanted]
    assert places == sorted(places)


def test_every_node_has_a_row_the_worst_first(page: Page) -> None:
    """With its state for the filter."""
    states = [attributes["data-state"] for tag, attributes in page.elements if "data-state" in attributes]
    assert states[:9] == ["down", "stalled", "uncovered", "error", "fail", "fail", "fail", "fail", "fail"]
    assert states[9:] == ["pass"] * 11


def test_the_second_pass_shows_the_hosts_own_word() -> None:
    """Uptime, load and the rest, where the host told them."""
    report = reports.bad_night()
    host = {
        "uptime_s": 93_784.5,
        "load": [1.5, 1, 1],
        "cpus": 2,
        "memory_total_kb": 1000,
        "memory_available_kb": 250,
        "disk_used_percent": 91,
    }
    report["nodes"][3]["second_pass"]["host"] = host
    assert "up 1 d 2 h, load 1.5 on 2 cpus, 25 % of memory available, disk 91 % full" in Page(html.render(report)).text


def test_hostile_text_stays_text() -> None:
    """No element, attribute, script or template of its own, and no control characters."""
    text = html.render(reports.hostile_night())
    page = Page(text)
    assert [tag for tag, _ in page.elements].count("script") == 1
    assert "alert(1)" not in "".join(page.scripts)
    assert "</script><script>alert(1)</script>·evil·· & ]]> {{7*7}}" in page.text
    assert not set(text) & set("\x1b\x07\x00\u202e")
    attributes = [value for _, each in page.elements for value in each.values() if value]
    assert not [value for value in attributes if "alert" in value]


def test_a_report_written_by_a_stranger_cannot_break_an_attribute() -> None:
    """Quotes in a state or a severity end in the attribute they stand in."""
    report = reports.bad_night()
    report["groups"][0]["severity"] = '" onmouseover="alert(1)'
    report["nodes"][0]["state"] = '"><script>alert(1)</script>'
    page = Page(html.render(report))
    assert not [each for _, each in page.elements if "onmouseover" in each]
    assert [tag for tag, _ in page.elements].count("script") == 1


def test_the_page_of_a_big_fleet_stays_small() -> None:
    """Every node in trouble has its row; passing ones have up to a thousand, and the rest is counted."""
    text = html.render(reports.big_night())
    assert len(text) < 2_000_000
    page = Page(text)
    assert len([each for _, each in page.elements if "data-state" in each]) == 1100
    assert "8900 more passing nodes are not listed" in page.text


def test_rings_have_a_column_where_there_are_several() -> None:
    """And none where there is one."""
    report = reports.bad_night()
    assert "ring" not in [word.strip() for word in Page(html.render(report)).words]
    report["nodes"][0]["ring"] = "far"
    assert "ring" in [word.strip() for word in Page(html.render(report)).words]


def test_the_page_prints_and_follows_the_readers_scheme() -> None:
    """Light, dark and paper."""
    text = html.render(reports.quiet_night())
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
