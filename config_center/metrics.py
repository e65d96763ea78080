"""Shell: what the HTTP face counts, for Prometheus."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

# Path classes: no request can make up a new one.
_CLASSES: Final = {
    "current.json": "current",
    "releases": "releases",
    "parts": "parts",
    "nodes.json": "nodes",
    "nodes": "intake",
    "health": "health",
    "metrics": "metrics",
}
OTHER: Final = "other"


class Metrics:
    """The counters of one server."""

    content_type: Final = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "config_center_requests",
            "Requests by kind of path and status.",
            ["path", "status"],
            registry=self._registry,
        )
        self._bytes = Counter(
            "config_center_sent_bytes", "Bytes of bodies sent, by kind of path.", ["path"], registry=self._registry
        )
        self._not_modified = Counter(
            "config_center_not_modified", "Requests answered with 304: the client had it.", registry=self._registry
        )
        self._refused = Counter(
            "config_center_intake_refused", "Node records refused, by status.", ["status"], registry=self._registry
        )
        self._number = Gauge("config_center_release_number", "Number of the current release.", registry=self._registry)
        self._serial = Gauge("config_center_serial", "Serial of the last act.", registry=self._registry)
        self._nodes = Gauge("config_center_nodes", "Nodes that told about themselves.", registry=self._registry)
        self._well = Gauge("config_center_depot_up", "1 while the depot answers, else 0.", registry=self._registry)
        self._labelled: dict[tuple[str, int], Counter] = {}

    def count(self, path: str, status: int, sent: int) -> None:
        """One request: its path, the answer's status, bytes of the answer's body."""
        kind = _CLASSES.get(path.split("/", 2)[1] if path.startswith("/") else "", OTHER)
        counter = self._labelled.get((kind, status))
        if counter is None:
            counter = self._labelled[kind, status] = self._requests.labels(kind, str(status))
        counter.inc()
        if sent:
            self._bytes.labels(kind).inc(sent)
        if status == 304:
            self._not_modified.inc()
        if kind == "intake" and status >= 400:
            self._refused.labels(str(status)).inc()

    def page(self, *, number: int, serial: int, nodes: int | None, well: bool) -> bytes:
        """All of it as Prometheus reads it, with the present state; nodes: None where none are kept here."""
        self._number.set(number)
        self._serial.set(serial)
        self._well.set(well)
        if nodes is not None:
            self._nodes.set(nodes)
        return generate_latest(self._registry)
