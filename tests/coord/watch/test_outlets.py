"""Options and coordinator.yml: what is used, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector_coord.config import Watch, load
from inspector_coord.errors import ConfigError
from inspector_coord.watch.alertmanager import Alertmanagers
from inspector_coord.watch.metrics import Metrics
from inspector_coord.watch.outlets import Outlets, listeners_of, outlets_of
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
    assert outlets_of(None) == Outlets()


@pytest.mark.parametrize("text", ["watch: {alertmanagers: []}", "watch: {resend_s: 0.1}", "watch: {metrics: 9108}"])
def test_mistakes_in_the_file_are_named(tmp_path: Path, text: str) -> None:
    """With the key."""
    path = tmp_path / "coordinator.yml"
    path.write_text(f"{BASE}{text}\n")
    with pytest.raises(ConfigError, match="watch"):
        load(path)


@pytest.mark.parametrize("url", ["alerts:9093", "ftp://a", "http://", "http://a:x/", "http://a/?b=1", "http://a\n"])
def test_what_is_no_address_of_an_alertmanager_is_refused(url: str) -> None:
    """With an example of one."""
    with pytest.raises(ConfigError, match="http://alerts:9093"):
        outlets_of(Watch(), alertmanager=[url])


@pytest.mark.parametrize("text", ["9108", "host", ":9108", "host:0", "host:65536", "host:x"])
def test_what_is_no_place_for_figures_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1:9108"):
        outlets_of(None, metrics=text)


def test_who_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what was asked for, and systemd if it has started us."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert listeners_of(Outlets()) == []
    monkeypatch.setenv("NOTIFY_SOCKET", "@x")
    every = listeners_of(Outlets(("http://a:9093",), ("127.0.0.1", 9108)))
    assert [type(one) for one in every] == [Metrics, Alertmanagers, Systemd]
