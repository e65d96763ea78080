"""Options and coordinator.yml: what is used, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector_coord.config import Watch, load
from inspector_coord.errors import ConfigError
from inspector_coord.watch.alertmanager import Alertmanagers
from inspector_coord.watch.metrics import Metrics
from inspector_coord.watch.outlets import Outlets, listeners_of, outlets_of
from inspector_coord.watch.settings import Settings
from inspector_coord.watch.systemd import Systemd

BASE = "rings: {main: {entries: ['127.0.0.1:7373']}}\nconfig_center: http://center\n"


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    """What it does not name is the file's."""
    path = tmp_path / "coordinator.yml"
    path.write_text(BASE + "watch: {alertmanager: ['http://a:9093'], metrics: '127.0.0.1:9108', resend_s: 30}\n")
    watch = load(path).watch
    assert outlets_of(watch) == Outlets(("http://a:9093",), ("127.0.0.1", 9108), 30.0)
    assert outlets_of(watch, alertmanager=["https://b/am", "https://b/am"], metrics="[::1]:1") == Outlets(
        ("https://b/am",), ("::1", 1), 30.0
    )
    assert outlets_of(watch, metrics="").metrics is None, "a watch by hand, beside the one that serves them"
    assert outlets_of(None) == Outlets()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("alertmanagers: []", "watch: unknown key `alertmanagers`: did you mean `alertmanager`?"),
        ("resend_s: 0.1", "Expected `float` >= 1.0 - at `$.watch.resend_s`"),
        ("metrics: 9108", "Expected `str`, got `int` - at `$.watch.metrics`"),
        ("roll_s: 1", "Expected `float` >= 5.0 - at `$.watch.roll_s`"),
        ("hold_s: -1", "$.watch.hold_s"),
        ("witnesses: 2", "Expected `int` >= 3 - at `$.watch.witnesses`"),
        ("flap_count: 2", "Expected `int` >= 3 - at `$.watch.flap_count`"),
        ("flap_window_s: 7200", "Expected `float` <= 3600.0 - at `$.watch.flap_window_s`"),
        ("place_tags: zone", "Expected `array`, got `str` - at `$.watch.place_tags`"),
        ("place_tags: []", "$.watch.place_tags"),
        ("place_tags: [zone, rack, zone]", "watch.place_tags: 'zone' is named twice"),
    ],
)
def test_mistakes_in_the_file_are_named(tmp_path: Path, text: str, said: str) -> None:
    """With file, key and what would do."""
    path = tmp_path / "coordinator.yml"
    path.write_text(f"{BASE}watch: {{{text}}}\n")
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert said in str(refused.value)


def test_what_is_not_set_is_as_without_a_file(tmp_path: Path) -> None:
    """And what is set arrives where a ring is watched."""
    path = tmp_path / "coordinator.yml"
    assert Watch().settings({}) == Settings()
    path.write_text(
        BASE + "watch: {roll_s: 30, roster_s: 60, hold_s: 2, gather_s: 20, witnesses: 8, flap_count: 3, "
        "flap_window_s: 600, place_tags: [dc, row, rack]}\n"
    )
    watch = load(path).watch
    assert watch is not None
    assert watch.settings({"role": "coordinator"}) == Settings(
        roll_s=30.0, roster_s=60.0, hold_s=2.0, gather_s=20.0, witnesses=8, flap_count=3, flap_window_s=600.0,
        place_tags=("dc", "row", "rack"), without_agent={"role": "coordinator"},
    )  # fmt: skip


@pytest.mark.parametrize("url", ["alerts:9093", "ftp://a", "http://", "http://a:x/", "http://a/?b=1", "http://a\n"])
def test_what_is_no_address_of_an_alertmanager_is_refused(url: str) -> None:
    """With an example of one."""
    with pytest.raises(ConfigError, match=r"^--alertmanager .*http://alerts:9093"):
        outlets_of(Watch(), alertmanager=[url])
    with pytest.raises(ConfigError, match=r"^/etc/c\.yml: watch\.alertmanager: .*http://alerts:9093"):
        outlets_of(Watch(alertmanager=(url,)), file=Path("/etc/c.yml"))


@pytest.mark.parametrize(
    "url", ["ftp://user:secret@alerts", "http://user:sec/ret@alerts:x/", "user:secret@alerts:9093"]
)
def test_a_password_is_not_printed(url: str) -> None:
    """Where the rest of the address is refused."""
    with pytest.raises(ConfigError) as refused:
        outlets_of(Watch(), alertmanager=[url])
    assert "ret" not in str(refused.value)
    assert "@alerts" in str(refused.value)


@pytest.mark.parametrize("text", ["9108", "host", ":9108", "a..b:9108", "host:0", "host:65536", "host:x"])
def test_what_is_no_place_for_figures_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(ConfigError, match=r"^--metrics .*127\.0\.0\.1:9108"):
        outlets_of(None, metrics=text)
    with pytest.raises(ConfigError, match=r"^/etc/c\.yml: watch\.metrics: .*127\.0\.0\.1:9108"):
        outlets_of(Watch(metrics=text), file=Path("/etc/c.yml"))


def test_who_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what was asked for, and systemd if it has started us."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert listeners_of(Outlets(), print) == []
    monkeypatch.setenv("NOTIFY_SOCKET", "@x")
    every = listeners_of(Outlets(("http://a:9093",), ("127.0.0.1", 9108)), print)
    assert [type(one) for one in every] == [Metrics, Alertmanagers, Systemd]
