"""The drift report's page in a real Chromium: it draws, stays at home, can be used, and bears hostile texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from inspector_coord.drift.document import Document
from inspector_coord.drift.page.html import render
from inspector_lab.browser import DRAWN, Browser, Tab, browser
from tests.support import drift_pages

Open = Callable[..., Tab]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all."""
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the example."""
    return written(drift_pages.example(), tmp_path_factory.mktemp("page"))


@pytest.fixture
def opened(chromium: Browser, example: Path) -> Iterator[Open]:
    """Opens the example in a fresh tab; at the end no tab has complained and nothing but the page was asked for."""
    tabs: list[Tab] = []

    def open_(width: int = 1280, *, dark: bool = False, fragment: str = "") -> Tab:
        tabs.append(chromium.tab(width, 900, dark=dark))
        tabs[-1].open(example, fragment)
        return tabs[-1]

    yield open_
    for tab in tabs:
        assert tab.complaints == []
        assert {each.partition("#")[0] for each in tab.requests} == {example.as_uri()}
        tab.close()


def written(document: Document, folder: Path) -> Path:
    """Its page as a file."""
    page = folder / "drift.html"
    page.write_text(render(document), encoding="utf-8")
    return page


CHART = "echarts.getInstanceByDom(document.getElementById('{}'))"


def place(tab: Tab, chart: str, at: list[Any]) -> tuple[float, float]:
    """Where in the window, once it is scrolled there, a chart has drawn these values of its axes."""
    return tuple(
        tab.run(
            f"(() => {{ const element = document.getElementById('{chart}'); "
            "element.scrollIntoView({block: 'center', behavior: 'instant'}); "
            "const box = element.getBoundingClientRect(); "
            f"const [x, y] = {CHART.format(chart)}.convertToPixel({{xAxisIndex: 0, yAxisIndex: 0}}, {json.dumps(at)}); "
            "return [box.x + x, box.y + y]; })()"
        )
    )


def click(tab: Tab, x: float, y: float) -> None:
    """As a hand does."""
    for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
        tab.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
    tab.run(DRAWN)


def shown(tab: Tab, what: str) -> list[str]:
    """Ids of the elements that fit and are not hidden."""
    return list(tab.run(f"[...document.querySelectorAll('{what}')].filter(each => !each.hidden).map(each => each.id)"))


def typed(tab: Tab, form: str, text: str) -> None:
    """Into a filter's field."""
    tab.run(f"document.querySelector('#{form} input[type=search]').focus()")
    tab.call("Input.insertText", text=text)


def test_three_charts_are_drawn(opened: Open) -> None:
    """Two of shapes that print sharp, one of pixels; and the page says when it was done."""
    tab = opened()
    tab.run(DRAWN)
    counts = tab.run(
        "['compliance-chart', 'timeline-chart'].map(id => document.querySelectorAll(`#${id} svg path`).length)"
    )
    assert min(counts) > 10
    assert tab.run("document.querySelectorAll('#map-chart canvas').length") == 1
    assert tab.run("performance.getEntriesByName('drawn').length") == 1
    assert tab.run("[...document.querySelectorAll('figure')].every(each => !each.hidden)") is True


def test_the_unknown_is_hatched(opened: Open) -> None:
    """In the curve, in the timelines and on the map; a node that passes is white."""
    tab = opened()
    for chart in ("compliance-chart", "timeline-chart"):
        hatched = f"[...document.querySelectorAll('#{chart} svg pattern')].length"
        assert tab.run(hatched) >= 1
        assert "url(#" in tab.run(
            f"[...document.querySelectorAll('#{chart} [fill]')].map(e => e.getAttribute('fill')).join()"
        )
    row = len(drift_pages.example().heat.items) - 1  # nothing deviates there
    assert len(colours(tab, [14, row])) > 1  # n015 is down
    assert len(colours(tab, [20, row])) == 1


def colours(tab: Tab, at: list[int]) -> set[Any]:
    """Of one cell of the map."""
    x, y = place(tab, "map-chart", at)
    tab.run(DRAWN)
    picture = Image.open(BytesIO(tab.picture())).convert("RGB")
    return set(picture.crop((int(x) - 5, int(y) - 5, int(x) + 5, int(y) + 5)).get_flattened_data())


def test_dark_and_light_differ_and_the_charts_follow(opened: Open) -> None:
    """Also when the reader changes it while the page is open."""
    tab = opened()
    ground = "getComputedStyle(document.body).backgroundColor"
    labels = "document.querySelector('#timeline-chart svg text').getAttribute('fill')"
    light = tab.run(ground), tab.run(labels)
    tab.scheme(dark=True)
    tab.run(DRAWN)
    dark = tab.run(ground), tab.run(labels)
    assert light[0] != dark[0]
    assert light[1] != dark[1]
    assert opened(dark=True).run(ground) == dark[0]


@pytest.mark.parametrize("width", [360, 1280, 2200])
def test_nothing_sticks_out_of_the_window(opened: Open, width: int) -> None:
    """A phone, a notebook, a wall."""
    tab = opened(width)
    assert tab.run("document.documentElement.scrollWidth") <= width


def test_a_window_that_grows_gets_wider_charts(opened: Open) -> None:
    """Drawn anew, not stretched."""
    tab = opened(700)
    wide = "document.querySelector('#compliance-chart svg').getBoundingClientRect().width"
    before = tab.run(wide)
    tab.resize(1200, 900)
    tab.run(DRAWN)
    assert tab.run(wide) > before + 300


def test_paper_is_light_as_wide_as_a_sheet_and_tells_what_is_new(opened: Open) -> None:
    """Then everything is as it was."""
    tab = opened(dark=True)
    state = (
        "[getComputedStyle(document.body).color, document.querySelectorAll('details.group[open]').length, "
        "document.querySelector('#compliance-chart svg').clientWidth]"
    )
    before = tab.run(state)
    tab.run("window.seen = null; addEventListener('beforeprint', () => { window.seen = " + state + "; })")
    paper = tab.paper()
    assert paper.startswith(b"%PDF")
    assert 3 <= paper.count(b"/Type /Page\n") <= 10
    colour, groups, wide = tab.run("window.seen")
    assert colour != before[0]
    assert groups > before[1]
    assert wide <= 703  # A4 without its margins
    tab.run(DRAWN)
    assert tab.run(state) == before


def test_the_filter_of_groups(opened: Open) -> None:
    """By words that all have to stand there, and by class and origin."""
    tab = opened()
    assert len(shown(tab, "details.group")) == 10
    typed(tab, "groups-filter", "SYSCTL swappiness")
    assert shown(tab, "details.group") == ["group-1"]
    assert tab.run("document.getElementById('groups-told').textContent") == "1 of 10 groups fit the filter."
    again = opened()
    again.run("document.querySelector('#groups-filter input[value=new]').click()")
    assert len(shown(again, "details.group")) == 6
    again.run("document.querySelector('#groups-filter input[value=first]').click()")
    assert len(shown(again, "details.group")) == 5
    again.run("document.querySelector('#open-all').click()")
    assert again.run("document.querySelectorAll('details.group[open]').length") == 5


def test_the_filter_of_nodes(opened: Open) -> None:
    """By name, state and item."""
    tab = opened()
    typed(tab, "nodes-filter", "down mount")
    assert shown(tab, "#nodes-table tbody tr") == ["node-14", "node-15"]


def test_a_bar_of_the_timelines_leads_to_its_group(opened: Open) -> None:
    """Which opens, in the window, with the keyboard on it."""
    tab = opened()
    rows = len({each.kind for each in drift_pages.example().happenings})
    at = tab.run("drift.data.since + 3600000 * 24 * 2")
    click(tab, *place(tab, "timeline-chart", [at, rows + 6]))  # nic:eth0, open all the time
    assert tab.run("location.hash") == "#group-6"
    assert tab.run("document.getElementById('group-6').open") is True
    assert tab.run("document.activeElement.parentElement.id") == "group-6"


def test_a_cell_of_the_map_leads_to_its_group_and_an_unknown_column_to_its_node(opened: Open) -> None:
    """Even where a filter hides them."""
    tab = opened()
    typed(tab, "groups-filter", "nothing has this")
    typed(tab, "nodes-filter", "nothing has this")
    click(tab, *place(tab, "map-chart", [2, 4]))
    assert tab.run("location.hash") == "#group-4"
    assert shown(tab, "details.group") == ["group-4"]
    click(tab, *place(tab, "map-chart", [14, 11]))
    assert tab.run("location.hash") == "#node-14"
    assert shown(tab, "#nodes-table tbody tr") == ["node-14"]


def test_a_group_leads_to_its_nodes_and_to_its_place_on_the_map(opened: Open) -> None:
    """The others fade until everything is wanted again."""
    tab = opened(fragment="#group-5")
    assert tab.run("document.getElementById('group-5').open") is True
    before = tab.picture(whole=True)
    tab.run("document.querySelector('#group-5 a[data-group]').click()")
    assert tab.run("location.hash") == "#map"
    assert "mount:/var/lib/containers" in tab.run("document.getElementById('map-focus').textContent")
    tab.run(DRAWN)
    assert tab.picture() != before
    tab.run("document.querySelector('#map-focus button').click()")
    assert tab.run("document.getElementById('map-focus').hidden") is True
    assert tab.run("document.querySelector('#group-5 a[href^=\"#node-\"]').textContent") == "n013"


def test_a_node_set_is_copied_or_selected(opened: Open) -> None:
    """Without the right to the clipboard it is selected, for the reader's own keys."""
    tab = opened()
    button = "document.querySelector('#group-1 button.copy')"
    clipboard = "Object.defineProperty(navigator, 'clipboard', {{configurable: true, value: {{writeText: {}}}}})"
    tab.run(clipboard.format("async text => { window.copied = text; }"))
    tab.run(f"{button}.click()")
    assert tab.run("window.copied") == "n[025-036]"
    assert tab.run(f"{button}.textContent") == "copied"
    tab.run(clipboard.format("async () => { throw new Error('denied'); }"))
    tab.run(f"{button}.click()")
    assert tab.run(f"{button}.textContent") == "selected"
    assert tab.run("getSelection().toString()") == "n[025-036]"


def test_hostile_texts_do_nothing(chromium: Browser, tmp_path: Path) -> None:
    """Not as words, not in the charts' labels, not in what they say when they are pointed at."""
    page = written(drift_pages.hostile(), tmp_path)
    tab = chromium.tab()
    tab.open(page)
    for chart, at in (("map-chart", [6, 0]), ("map-chart", [14, 11]), ("timeline-chart", None)):
        x, y = place(tab, chart, at or [tab.run("drift.data.since + 86400000 * 2"), 5 + 2])
        tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        tab.run(DRAWN)
        assert "evil" in tab.run(f"document.querySelector('#{chart} .tip')?.textContent ?? 'evil'")
    tab.run("document.querySelector('#open-all').click()")
    assert tab.run("typeof evil") == "undefined"
    assert tab.run("document.querySelectorAll('script, img').length") == 3
    assert tab.complaints == []
    assert tab.requests == [page.as_uri()]
    tab.close()


def test_a_script_that_is_not_ours_is_refused(chromium: Browser, tmp_path: Path) -> None:
    """The last wall: were a text ever let through, the policy would stop it."""
    page = written(drift_pages.example(), tmp_path)
    page.write_text(page.read_text().replace("<main>", "<main><script>evil=1</script><img src=x onerror=evil=2>"))
    tab = chromium.tab()
    tab.open(page)
    assert tab.run("typeof evil") == "undefined"
    assert len([each for each in tab.complaints if "Content Security Policy" in each]) >= 2
    tab.close()


def test_without_a_script_the_tables_tell_everything(chromium: Browser, example: Path) -> None:
    """No empty chart, no button that does nothing, no filter."""
    tab = chromium.tab()
    tab.without_scripts()
    tab.open(example)
    document = tab.call("DOM.getDocument", depth=0)["root"]["nodeId"]

    def count(selector: str) -> int:
        return len(tab.call("DOM.querySelectorAll", nodeId=document, selector=selector)["nodeIds"])

    assert count("figure[hidden]") == count("figure") == 3
    assert count("button.copy:not([hidden])") == count("form:not([hidden])") == 0
    assert count("details.group") == 10
    assert count("#nodes-table tbody tr") == 48
    assert tab.complaints == []
    tab.close()


def test_a_screen_reader_finds_its_way(opened: Open) -> None:
    """One first heading, a name for every part, every chart and every field, and tables with headers."""
    tab = opened()
    tree = tab.call("Accessibility.getFullAXTree")["nodes"]
    seen = [(each["role"]["value"], each.get("name", {}).get("value", "")) for each in tree if not each["ignored"]]
    assert len([role for role, _ in seen if role == "main"]) == 1
    assert [name for role, name in seen if role == "region" and not name] == []
    for role in ("image", "searchbox", "checkbox", "button", "link"):
        assert [name for each, name in seen if each == role and not name.strip()] == [], role
    assert len([name for role, name in seen if role == "image" and "table below" in name]) == 3
    assert tab.run("document.querySelectorAll('h1').length") == 1
    assert tab.run("[...document.querySelectorAll('table')].every(each => each.querySelector('th[scope=col]'))") is True


def test_everything_that_can_be_clicked_can_be_reached_by_keyboard(opened: Open) -> None:
    """Native elements only; Enter opens a group."""
    tab = opened()
    tab.run("document.querySelector('#group-6 summary').focus()")
    for kind in ("keyDown", "keyUp"):
        tab.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    assert tab.run("document.getElementById('group-6').open") is True


def test_an_empty_report_draws_nothing_and_complains_of_nothing(chromium: Browser, tmp_path: Path) -> None:
    """Not even an empty axis."""
    tab = chromium.tab()
    tab.open(written(drift_pages.empty(), tmp_path))
    assert tab.run("document.querySelectorAll('figure:not([hidden])').length") == 0
    assert tab.complaints == []
    tab.close()
