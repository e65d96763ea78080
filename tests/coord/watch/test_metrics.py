"""Figures of the watch, as Prometheus's own parser reads them."""

from __future__ import annotations

import socket
from collections import Counter
from types import SimpleNamespace

import httpx
import pytest
import trio
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from inspector_coord.watch.conclusions import Kind
from inspector_coord.watch.metrics import Metrics
from tests.support.waiting import soon
from tests.support.watched import Paper, happening


def page(metrics: Metrics) -> bytes:
    registry = CollectorRegistry()
    registry.register(metrics)
    return generate_latest(registry)


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
    metrics, main = Metrics(("127.0.0.1", 0), print), ring()
    metrics.sees({"main": main})
    metrics.told("main", happening("n3"), 0.0)
    metrics.push_failed("http://a:9093")
    metrics.look()
    found = figures(page(metrics))
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
    metrics, main = Metrics(("127.0.0.1", 0), print), ring()

    def age() -> float:
        return figures(page(metrics))["roster_age_seconds"][("main",)]

    metrics.sees({"main": main})
    now[0] += 50.0
    assert age() == 50.0
    metrics.look()
    assert age() == 50.0
    main.counted["lists-read"] += 1
    metrics.look()
    assert age() == 0.0


async def test_it_is_served_where_it_should_be_and_gone_afterwards() -> None:
    """By the library's own server. An address that is taken stops nothing: it is had when it is free."""
    said: list[str] = []
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        metrics = Metrics(("127.0.0.1", port), said.append)
        metrics.sees({"main": ring()})
        async with trio.open_nursery() as nursery, httpx.AsyncClient(trust_env=False) as client:
            nursery.start_soon(metrics.run)
            await soon(lambda: len(said) == 1, "that it is taken")
            taken.close()
            await soon(lambda: len(said) == 2, "that it is had")
            shown = await client.get(f"http://127.0.0.1:{port}/metrics")
            nursery.cancel_scope.cancel()
        assert figures(shown.content)["members"][("main", "failed")] == 1
        assert said == [
            f"metrics cannot be served on 127.0.0.1:{port}: Address already in use; that is tried again until they can",
            f"metrics are served on 127.0.0.1:{port} now",
        ]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
