"""Figures of the watch for Prometheus (shell). The library does the HTTP, in a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import trio
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest, start_http_server

from inspector_coord.errors import ConfigError
from inspector_coord.watch.model import Action, Happening, Kind

__all__ = ["Metrics"]

STATUSES = ("alive", "leaving", "failed", "left")


class Metrics:
    """A listener that counts, see `Counting`; with an address it serves what it has counted as long as it runs.

    address  (host, port), or None: then others show `page`
    """

    def __init__(self, address: tuple[str, int] | None = None) -> None:
        self._address = address
        registry = self._registry = CollectorRegistry()
        self._open: dict[tuple[str, Kind], dict[int, int]] = {}  # nodes by incident
        self._members = Gauge(
            "inspector_watch_members", "Members of a ring by Serf's status.", ["ring", "status"], registry=registry
        )
        self._incidents = Gauge(
            "inspector_watch_open_incidents", "Incidents that are open, by kind.", ["ring", "kind"], registry=registry
        )
        self._nodes = Gauge(
            "inspector_watch_nodes_in_incidents", "Nodes in open incidents, by kind.", ["ring", "kind"],
            registry=registry,
        )  # fmt: skip
        self._told = Counter(
            "inspector_watch_told", "Words on incidents: opened, changed, closed.", ["ring", "action"],
            registry=registry,
        )  # fmt: skip
        self._asked = Counter("inspector_watch_questions", "Questions asked.", ["ring"], registry=registry)
        self._answered = Counter("inspector_watch_answers", "Answers to questions.", ["ring"], registry=registry)
        self._lost = Counter(
            "inspector_watch_lost_events", "Changes that the stream did not tell: found by comparison.", ["ring"],
            registry=registry,
        )  # fmt: skip
        self._reconnects = Counter(
            "inspector_watch_reconnects", "Entries that were connected once more.", ["ring"], registry=registry
        )
        self._age = Gauge(
            "inspector_watch_roster_age_seconds", "Since a whole member list was read.", ["ring"], registry=registry
        )
        self._failed = Counter(
            "inspector_watch_alert_pushes_failed", "Requests to an Alertmanager that failed.", ["address"],
            registry=registry,
        )  # fmt: skip

    # ---- what happens -----------------------------------------------------------------------------------------------

    def told(self, ring: str, happening: Happening, unix: float) -> None:  # noqa: ARG002  a listener is given it
        """See `Listener`."""
        standing = self._open.setdefault((ring, happening.kind), {})
        if happening.action is Action.CLOSED:
            standing.pop(happening.number, None)
        else:
            standing[happening.number] = len(happening.nodes)
        self._told.labels(ring, happening.action.value).inc()
        self._incidents.labels(ring, happening.kind.value).set(len(standing))
        self._nodes.labels(ring, happening.kind.value).set(sum(standing.values()))

    def members(self, ring: str, by_status: Mapping[str, int]) -> None:
        """See `Counting`."""
        for status in STATUSES:
            self._members.labels(ring, status).set(by_status.get(status, 0))

    def asked(self, ring: str, count: int = 1) -> None:
        """See `Counting`."""
        self._asked.labels(ring).inc(count)

    def answered(self, ring: str, count: int = 1) -> None:
        """See `Counting`."""
        self._answered.labels(ring).inc(count)

    def lost(self, ring: str, count: int = 1) -> None:
        """See `Counting`."""
        self._lost.labels(ring).inc(count)

    def reconnected(self, ring: str) -> None:
        """See `Counting`."""
        self._reconnects.labels(ring).inc()

    def roster_read(self, ring: str) -> None:
        """See `Counting`."""
        read_at = time.monotonic()
        self._age.labels(ring).set_function(lambda: time.monotonic() - read_at)

    def push_failed(self, address: str) -> None:
        """An Alertmanager did not take what it was told."""
        self._failed.labels(address).inc()

    # ---- showing ----------------------------------------------------------------------------------------------------

    def page(self) -> bytes:
        """All of it as Prometheus reads it."""
        return generate_latest(self._registry)

    @contextmanager
    def served(self) -> Iterator[int]:
        """Served on the address; the port that it really is. Raises ConfigError where that cannot be used."""
        host, port = self._address or ("127.0.0.1", 0)
        try:
            server, thread = start_http_server(port, host, registry=self._registry)
        except OSError as problem:
            why = problem.strerror or problem
            raise ConfigError(f"metrics cannot be served on {host}:{port}: {why}; choose another address") from problem
        try:
            yield server.server_port
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    async def run(self) -> None:
        """Serve, for ever, if there is an address."""
        if self._address is None:
            return
        with self.served():
            await trio.sleep_forever()
