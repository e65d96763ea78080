"""The drift report as a page: self-contained, safe with hostile text, whole without a script, small enough."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path

import msgspec
import pytest

from bench import drift_page
from inspector_coord.drift.document import CLASSES, ORIGINS, Document, Span
from inspector_coord.drift.page import limits
from inspector_coord.drift.page.html import render
from inspector_coord.drift.page.moments import lasting, milliseconds, moment
from inspector_coord.drift.page.view import MEANINGS, view
from inspector_coord.drift.sentences import ORIGIN_MEANINGS
from tests.support import drift_pages

VOID = {"meta", "br", "input"}


class Page(HTMLParser):
    """Elements, words, and what stands in scripts and style sheets; complains about what is not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.blocks: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Noted."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag in {"script", "style"}:
            self.blocks.append("")

    def handle_endtag(self, tag: str) -> None:
        """Closes what was opened last, or the page is broken."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Words for people, or a block for the browser."""
        if self._open and self._open[-1] in {"script", "style"}:
            self.blocks[-1] += data
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        """All words, white space folded."""
        return " ".join(" ".join(self.words).split())

    def having(self, attribute: str) -> list[str]:
        """Values of an attribute, in order."""
        return [value or "" for _, each in self.elements for name, value in each.items() if name == attribute]


@pytest.fixture(scope="module")
def text() -> str:
    """The page of the example."""
    return render(drift_pages.example())


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    """The same, read."""
    return Page(text)


def test_nothing_comes_from_elsewhere_and_nothing_else_runs(page: Page) -> None:
    """The policy allows the page's style sheet and its two scripts by their hashes, and not one thing more."""
    style, data, library, script = page.blocks
    json.loads(data)
    hashes = [f"'sha256-{b64encode(sha256(each.encode()).digest()).decode()}'" for each in (style, library, script)]
    policy = next(each["content"] for tag, each in page.elements if each.get("http-equiv"))
    assert policy == (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src {hashes[0]}; script-src {hashes[1]} {hashes[2]}"
    )
    assert not re.search(r"https?:|@import|url\(|eval|innerHTML", style + script)
    loading = {"link", "img", "iframe", "object", "embed", "base"}
    assert not [tag for tag, each in page.elements if tag in loading or {"src", "style"} & set(each)]
    assert not [name for _, each in page.elements for name in each if name.startswith("on")]
    assert all(place.startswith("#") for place in page.having("href"))


def test_the_library_is_the_published_one() -> None:
    """Its sum stands beside it, with its licence."""
    folder = resources.files("inspector_coord.drift.page") / "echarts"
    told = (folder / "README.md").read_text(encoding="utf-8")
    library = (folder / "echarts.min.js").read_bytes()
    assert sha256(library).hexdigest() in told
    assert b"</script" not in library.lower()
    assert b"<!--" not in library
    assert "Apache License" in (folder / "LICENSE").read_text(encoding="utf-8")
    assert "Apache ECharts" in (folder / "NOTICE").read_text(encoding="utf-8")


def test_the_tables_tell_everything_a_chart_shows(page: Page) -> None:
    """In the order a person on call needs it."""
    document = drift_pages.example()
    wanted = [
        "First of all: file:/etc/ssh/sshd_config on n[007,019] since Sun 22 Nov 00:30",
        "39 new opened in this time and not put right",
        "unknown its node cannot be judged now",
        "the baseline moved, the node has not followed",
        "2026-11-18 01:00",
        "release 14 (77ac01fe) deploy",
        "file:/etc/ssh/sshd_config 2 nodes · drift",
        "ssh session of root by hand",
        "12 nodes, 1 unknown · drift",
        "rack=b2",
        "layers/20-zone-b.yml:7",
        "opened 41 times; ended 39 by pass, 1 by waived",
        "not judged 2 n[015-016]",
        "down since Fri 20 Nov 19:00",
        "91 deviations passed again: after 14 h 18 min on average, half of them within 12 h",
        "n044",
        "Items that drift most",
        "layers/10-kubernetes.yml",
        "exit 3: coverage",
    ]
    places: list[int] = []
    for each in wanted:
        places.append(page.text.find(each, max(places, default=0)))
        assert places[-1] >= 0, each
    rows = re.findall(r"2026-11-\d\d \d\d:\d\d", page.text)
    assert len(rows) == len(document.compliance)
    assert len([each for each in page.having("id") if each.startswith("group-")]) == len(document.groups)
    assert len([each for each in page.having("id") if re.fullmatch(r"node-\d+", each)]) == len(document.heat.nodes)


def test_every_link_leads_somewhere(page: Page) -> None:
    """And no two places have one name."""
    places = page.having("id")
    assert len(places) == len(set(places))
    assert {each.removeprefix("#") for each in page.having("href")} <= set(places)
    assert len({each for each in page.having("href") if each.startswith("#node-")}) > 10


def test_hostile_texts_stay_texts() -> None:
    """No element, attribute or script of their own, in words as in the charts' data."""
    text = render(drift_pages.hostile())
    page, plain = Page(text), Page(render(drift_pages.example()))
    assert {tag for tag, _ in page.elements} == {tag for tag, _ in plain.elements}
    assert [tag for tag, _ in page.elements].count("script") == 3
    assert len(page.blocks) == 4
    assert page.blocks[2:] == plain.blocks[2:]
    assert not [name for _, each in page.elements for name in each if name.startswith("on")]
    assert "evil=1" in page.text
    assert not set(text) & set("\u2028\u2029\u202e\x1b\x00")
    assert not set(page.blocks[1]) & set("<>&")
    assert "evil" in json.loads(page.blocks[1])["groups"][0][1]


def test_words_of_a_stranger_are_no_class_names() -> None:
    """A severity, a state or a class that is not ours looks like `other`."""
    whole = msgspec.to_builtins(drift_pages.example())
    whole["groups"][0]["severity"] = 'major" onclick="x'
    whole["heat"]["states"][0] = "map group"
    page = Page(render(msgspec.convert(whole, Document)))
    words = {word for value in page.having("class") for word in value.split()}
    assert {"v-other", "o-other"} <= words
    assert not words & {"o-map", "onclick"}


def test_an_empty_document_is_a_page_too() -> None:
    """It says that there is nothing."""
    text = Page(render(drift_pages.empty())).text
    assert "Nothing deviates and nothing was put right." in text
    assert "No whole sweep was booked in this time." in text


def test_the_page_of_a_full_document_stays_below_three_megabytes() -> None:
    """What is cut says so, and cannot be copied by mistake."""
    text = render(drift_page.document())
    assert len(text.encode()) <= 3_000_000
    page = Page(text)
    assert "cut here; the JSON has more" in page.text
    assert "900 more groups with 4,000 deviations have no room here" in page.text
    assert page.text.count("and 10 more") == 5
    assert "not shown: 3,000 nodes, 200 items, 9,000 deviations" in page.text


def test_more_groups_than_the_page_bears_are_counted() -> None:
    """A document of other bounds is cut here, and its map leads to no group that is not shown."""
    whole = drift_pages.example()
    many = msgspec.structs.replace(whole, groups=[whole.groups[0]] * (limits.groups_max + 5), groups_left=1)
    seen = view(many)
    assert len(seen.cards) == limits.groups_max
    assert seen.groups_left == 6
    assert seen.deviations_left == 5 * whole.groups[0].count


def test_of_many_intervals_the_widest_are_told() -> None:
    """They come so in the document, and are called so."""
    spans = [
        Span(opened=f"2026-11-{day:02}T00:00:00Z", confirmed="2026-11-22T00:00:00Z", closed=None, count=30 - day)
        for day in range(1, 15)
    ]
    whole = drift_pages.example()
    wide = msgspec.structs.replace(whole.groups[0], spans=spans, openings=200)
    (card,) = view(msgspec.structs.replace(whole, groups=[wide])).cards
    assert [count for *_, count in card.spans] == [29, 28, 27, 26, 25, 24]
    text = Page(render(msgspec.structs.replace(whole, groups=[wide]))).text
    assert re.search(r"the widest \w+ 01 Nov 00:00", text)


def test_every_class_and_origin_is_explained() -> None:
    """Of the document; `unknown` is no class, but counted beside them."""
    assert {*CLASSES, "unknown"} == set(MEANINGS)
    assert set(ORIGINS) == set(ORIGIN_MEANINGS)


def test_times_are_told_in_utc() -> None:
    """Whatever zone they came in; what is no time is told as it is."""
    assert moment("2026-11-22T01:57:00+01:00").text == "Sun 22 Nov 00:57"
    assert moment("2026-11-22T00:57:00Z").exact == "2026-11-22T00:57:00Z"
    assert moment("soon\x1b").text == "soon·"
    assert moment(None).text == ""
    assert milliseconds("1970-01-01T00:00:01Z") == 1000
    assert milliseconds("soon") is None


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, ""),
        (40, "40 s"),
        (360, "6 min"),
        (7200, "2 h"),
        (51_480, "14 h 18 min"),
        (86_400, "1 d"),
        (97_200, "1 d 3 h"),
    ],
)
def test_lengths_are_told_in_two_units_at_most(seconds: float | None, told: str) -> None:
    """Nobody needs the seconds of a day."""
    assert lasting(seconds) == told


def test_the_wheel_ships_the_page(tmp_path: Path) -> None:
    """With the library, its licences, the template, the styles and the scripts."""
    import zipfile

    from hatchling.builders.wheel import WheelBuilder

    wheel = next(WheelBuilder(str(Path(__file__).parents[2])).build(directory=str(tmp_path), versions=["standard"]))
    names = zipfile.ZipFile(wheel).namelist()
    folder = "inspector_coord/drift/page/"
    wanted = ("page.html.j2", "page.css", "page.js", "charts.js", "echarts/echarts.min.js", "echarts/LICENSE",
              "echarts/LICENSE-d3", "echarts/NOTICE")  # fmt: skip
    assert {folder + name for name in wanted} <= set(names)
