"""Figures of the watch for Prometheus (shell). The library does the HTTP, in a thread of its own.

The rings are looked at in the watch's own thread every few seconds; a scrape gets what was seen then.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import trio
from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from inspector_coord.errors import ConfigError
from inspector_coord.watch import limits
from inspector_coord.watch.conclusions import Happening, Kind
from inspector_coord.watch.listening import Watched

__all__ = ["Metrics"]

STATUSES = ("alive", "leaving", "failed")

# What a ring counts -> its name here, and what it says. What else went wrong is a trouble.
COUNTED = {
    "asked": ("questions", "Questions asked."),
    "answered": ("answers", "Answers to questions."),
    "events-dropped": ("lost_events", "Member events that were lost on the way; the list was read again."),
    "entry-lost": ("reconnects", "Connections to entries that ended or failed, and were made again."),
    "lists-read": ("rosters", "Whole member lists read."),
}
PREFIX = "inspector_watch_"


class Metrics(Collector):
    """A listener that shows what is so, and counts what it is told; with an address it serves that while it runs.

    address  (host, port), or None: then others show `page`
    """

    def __init__(self, address: tuple[str, int] | None = None) -> None:
        self._address = address
        self._rings: Mapping[str, Watched] = {}
        self._read: dict[str, tuple[int, float]] = {}  # whole lists read of a ring, and when the last one was
        self._told: Counter[tuple[str, str]] = Counter()
        self._failed: Counter[str] = Counter()
        self._seen: list[Metric] = []
        self._ages: dict[str, float] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)

    # ---- what happens -----------------------------------------------------------------------------------------------

    def told(self, ring: str, happening: Happening, unix: float) -> None:  # noqa: ARG002  every listener is given it
        """See `Listener`."""
        self._told[ring, happening.action.value] += 1

    def sees(self, rings: Mapping[str, Watched]) -> None:
        """See `Sees`."""
        self._rings = rings
        self.look()

    def push_failed(self, address: str) -> None:
        """An Alertmanager did not take what it was told."""
        self._failed[address] += 1

    def look(self) -> None:
        """Take what is so now."""
        now = time.monotonic()
        for name, ring in self._rings.items():
            count = ring.counted["lists-read"]
            if count > self._read.get(name, (0, 0.0))[0]:
                self._read[name] = (count, now)
        self._ages = {name: at for name, (_, at) in self._read.items()}
        self._seen = [*self._of_rings(), *self._of_incidents(), *self._counted()]

    def _of_rings(self) -> Iterator[Metric]:
        members = _gauge("members", "Members of a ring by Serf's status, without those that left.", "ring", "status")
        entries = _gauge("entries_up", "Entries of a ring that are connected.", "ring")
        judging = _gauge("judging", "1 while the majority of a ring is heard, else 0.", "ring")
        for name, ring in self._rings.items():
            statuses = Counter(ring.roster.values())
            for status in STATUSES:
                members.add_metric([name, status], statuses[status])
            entries.add_metric([name], ring.entries_up)
            judging.add_metric([name], ring.judging)
        yield from (members, entries, judging)

    def _of_incidents(self) -> Iterator[Metric]:
        incidents = _gauge("open_incidents", "Incidents that are open, by kind.", "ring", "kind")
        nodes = _gauge("nodes_in_incidents", "Nodes in open incidents, by kind.", "ring", "kind")
        for name, ring in self._rings.items():
            opened = ring.open_incidents
            for kind in Kind:
                of_kind = [one for one in opened if one.kind is kind]
                incidents.add_metric([name, kind.value], len(of_kind))
                nodes.add_metric([name, kind.value], sum(len(one.nodes) for one in of_kind))
        yield from (incidents, nodes)

    def _counted(self) -> Iterator[Metric]:
        for word, (short, text) in COUNTED.items():
            family = _counter(short, text, "ring")
            for name, ring in self._rings.items():
                family.add_metric([name], ring.counted[word])
            yield family
        troubles = _counter("troubles", "What else went wrong on the way, by word.", "ring", "what")
        for name, ring in self._rings.items():
            for word in ring.counted.keys() - COUNTED.keys():
                troubles.add_metric([name, word], ring.counted[word])
        told = _counter("told", "Words on incidents: opened, changed, closed.", "ring", "action")
        for labels, count in self._told.items():
            told.add_metric(labels, count)
        failed = _counter("alert_pushes_failed", "Requests to an Alertmanager that failed.", "address")
        for address, count in self._failed.items():
            failed.add_metric([address], count)
        yield from (troubles, told, failed)

    # ---- showing ----------------------------------------------------------------------------------------------------

    def collect(self) -> Iterable[Metric]:
        """What was seen last; the age of a list is that of now, so that one who hangs is found out. Any thread."""
        now = time.monotonic()
        age = _gauge("roster_age_seconds", "Since a whole member list was read.", "ring")
        for name, at in self._ages.items():
            age.add_metric([name], now - at)
        return [*self._seen, age]

    def page(self) -> bytes:
        """All of it as Prometheus reads it."""
        return generate_latest(self._registry)

    @contextmanager
    def served(self, host: str, port: int) -> Iterator[int]:
        """Served on an address, port 0 for any; the port it is. Raises ConfigError where that cannot be used."""
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
        """Look, and serve if there is an address, for ever."""
        if self._address is None:
            return
        with self.served(*self._address):
            while True:
                self.look()
                await trio.sleep(limits.look_s)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, text, labels=labels)


def _counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(PREFIX + name, text, labels=labels)
