"""Figures of the watch for Prometheus (shell). The library does the HTTP, in a thread of its own.

The rings are looked at in the watch's own thread every few seconds; a scrape gets what was seen then.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from threading import Thread
from wsgiref.simple_server import WSGIServer

import trio
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from inspector_coord.watch import limits, shell_limits
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
    """A listener that shows what is so, and counts what it is told. address: (host, port); say: for a person."""

    def __init__(self, address: tuple[str, int], say: Callable[[str], None]) -> None:
        self._address, self._say = address, say
        self._rings: Mapping[str, Watched] = {}
        self._read: dict[str, tuple[int, float]] = {}  # whole lists read of a ring, and when the last one was
        self._told: Counter[tuple[str, str]] = Counter()
        self._failed: Counter[str] = Counter()
        self._seen: list[Metric] = []
        self._ages: dict[str, float] = {}

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

    async def run(self) -> None:
        """Serve as soon as the address can be had, and look, for ever."""
        server, thread = await self._served()
        try:
            while True:
                self.look()
                await trio.sleep(limits.look_s)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    async def _served(self) -> tuple[WSGIServer, Thread]:
        """The library's server. An address may be taken for a while, or not be there yet when a machine starts."""
        host, port = self._address
        registry = CollectorRegistry()
        registry.register(self)
        start = partial(start_http_server, port, host, registry=registry)
        failures = 0
        while True:
            try:
                found = await trio.to_thread.run_sync(start)  # looks a name up, which takes its time
            except OSError as problem:
                if not failures:
                    why = f"{problem.strerror or problem}; that is tried again until they can"
                    self._say(f"metrics cannot be served on {host}:{port}: {why}")
                await trio.sleep(
                    min(shell_limits.serve_again_s * 2 ** min(failures, 10), shell_limits.serve_again_s_max)
                )
                failures += 1
                continue
            if failures:
                self._say(f"metrics are served on {host}:{port} now")
            return found


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(PREFIX + name, text, labels=labels)


def _counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(PREFIX + name, text, labels=labels)
