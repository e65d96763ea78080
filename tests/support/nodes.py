"""Nodes that told a config center about themselves, and a small server of their `nodes.json`."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from config_center.node_record import nodes_document
from config_center.rows import NodeRow

SEEN = "2030-01-10T00:00:00Z"
SEEN_S = 1_894_233_600.0  # the same moment


def node(
    name: str, tags: Mapping[str, str] | None = None, facts: Mapping[str, str] | None = None, seen: str = SEEN
) -> NodeRow:
    """What one node told."""
    return NodeRow(name=name, tags=dict(tags or {}), facts=dict(facts or {}), seen=seen, sent=1, key="")


FLEET = [
    node("n001", {"zone": "a", "rack": "a1"}, {"os": "debian", "kernel": "6.1.0-37", "cpus": "8", "model": "X 1"}),
    node("n002", {"zone": "b", "rack": "b1"}, {"os": "debian", "kernel": "5.10.0-9", "cpus": "16", "model": "X 1"}),
    node("n003", {"zone": "b", "rack": "b1"}, {"os": "rocky", "kernel": "5.9.1", "cpus": "128"}),
    node("n010", {"zone": "b"}, {}, "2030-01-07T00:00:00Z"),
]
ODD = [
    node("-oProxyCommand=x", {"zone": "b"}),
    node("n[1-9]", {"zone": "b"}),
    node("n011", {"zone": "b-1", "ansible_host": "evil"}, {"os": "{{ lookup('pipe', 'id') }}", "os_name": "Debian 12"}),
]


@contextmanager
def served(
    rows: Sequence[NodeRow], *, gzipped: bool = False, raw: bytes | None = None, promised: int = 0
) -> Iterator[str]:
    """A server of `nodes.json` on a free port; its URL.

    raw: what it sends instead; promised: how many bytes it says it will send.
    """
    body = nodes_document(rows) if raw is None else raw

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Only nodes.json is there."""
            if self.path != "/nodes.json":
                self.send_error(404)
                return
            self.send_response(200)
            if gzipped:
                self.send_header("Content-Encoding", "gzip")
            if promised:
                self.send_header("Content-Length", str(promised))
            self.end_headers()
            self.wfile.write(gzip.compress(body) if gzipped else body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
