"""Figures of the watch, as Prometheus's own parser reads them."""

from __future__ import annotations

import socket
from collections import Counter
from types import SimpleNamespace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from inspector_coord.errors import ConfigError
from inspector_coord.watch.conclusions import Kind
from inspector_coord.watch.metrics import Metrics
from tests.support.watched import Paper, happening


def figures(page: bytes) -> dict[str, dict[tuple[str, ...], float]]:
    """name -> label values, by their names' order -> value."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(page.decode()):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            found.setdefault(sample.name.removeprefix("inspector_watch_"), {})[labels] = sample.value
    return found


def ring() -> Paper:
    return Paper(
        roster={"n1": "alive", "n2": "alive", "n3": "failed"},
        open_incidents=[happening("n3"), happening("n1", "n2", kind=Kind.GRAY, number=2)],
        counted=Counter({"asked": 7, "answered": 40, "events-dropped": 2, "entry-lost": 1, "lists-read": 3, "odd": 5}),
    )


def test_everything_that_is_known_of_a_ring_is_shown() -> None:
    """As it was at the last look."""
    metrics, main = Metrics(), ring()
    metrics.sees({"main": main})
    metrics.told("main", happening("n3"), 0.0)
    metrics.push_failed("http://a:9093")
    metrics.look()
    found = figures(metrics.page())
    assert found["members"] == {("main", "alive"): 2, ("main", "leaving"): 0, ("main", "failed"): 1}
    assert {key[0]: value for key, value in found["open_incidents"].items() if value} == {"down": 1, "gray": 1}
    assert {key[0]: value for key, value in found["nodes_in_incidents"].items() if value} == {"down": 1, "gray": 2}
    assert [found[f"{name}_total"][("main",)] for name in ("questions", "answers", "lost_events", "reconnects")] == [
        7, 40, 2, 1,
    ]  # fmt: skip
    assert found["troubles_total"] == {("main", "odd"): 5}
    assert found["told_total"] == {("opened", "main"): 1}
    assert found["alert_pushes_failed_total"] == {("http://a:9093",): 1}
    assert (found["judging"][("main",)], found["entries_up"][("main",)]) == (1, 1)


def test_the_age_of_the_list_grows_between_looks_and_starts_anew_with_each_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that hangs is found out by it."""
    now = [100.0]
    monkeypatch.setattr("inspector_coord.watch.metrics.time", SimpleNamespace(monotonic=lambda: now[0]))
    metrics, main = Metrics(), ring()

    def age() -> float:
        return figures(metrics.page())["roster_age_seconds"][("main",)]

    metrics.sees({"main": main})
    now[0] += 50.0
    assert age() == 50.0
    metrics.look()
    assert age() == 50.0
    main.counted["lists-read"] += 1
    metrics.look()
    assert age() == 0.0


def test_it_is_served_where_it_should_be_and_gone_afterwards() -> None:
    """By the library's own server."""
    metrics = Metrics(("127.0.0.1", 0))
    metrics.sees({"main": ring()})
    with metrics.served("127.0.0.1", 0) as port:
        with httpx.Client(trust_env=False) as client:
            page = client.get(f"http://127.0.0.1:{port}/metrics")
        assert page.headers["Content-Type"].startswith("text/plain")
        assert figures(page.content)["members"][("main", "failed")] == 1
    with pytest.raises(httpx.ConnectError), httpx.Client(trust_env=False) as client:
        client.get(f"http://127.0.0.1:{port}/metrics")


async def test_an_address_that_is_taken_is_named() -> None:
    """With what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port}: Address already in use; choose another"):
            await Metrics(("127.0.0.1", port)).run()
