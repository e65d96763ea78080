"""A real prometheus-alertmanager on loopback, and a receiver of what it tells people."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import trio

from inspector_lab.tools import find
from tests.support.serf import claimed_prefix
from tests.support.waiting import PATIENCE_S, POLL_S, soon
from tests.support.web import reply

PORT = 9093
TEMPLATE = "prometheus/alertmanager/default.tmpl"
# Debian's has the place of its templates compiled in; where it is only unpacked, it is shown its own /usr/share.
SHOWN = 'mount --bind "$1" /usr/share && shift && exec "$@"'


@dataclass
class Manager:
    """An Alertmanager that runs. told: what has arrived at the receiver, in order: whole webhook messages."""

    url: str
    told: list[dict[str, Any]] = field(default_factory=list)

    async def alerts(self) -> list[dict[str, Any]]:
        """What `GET /api/v2/alerts` shows."""
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
            found: list[dict[str, Any]] = (await client.get(f"{self.url}/api/v2/alerts")).json()
            return found

    async def standing(self, count: int, name: str = "") -> list[dict[str, Any]]:
        """What stands, of one alertname or of all, as soon as it is so many."""
        deadline = trio.current_time() + PATIENCE_S
        while True:
            found = [one for one in await self.alerts() if name in ("", one["labels"]["alertname"])]
            if len(found) == count:
                return found
            assert trio.current_time() < deadline, f"{count} alerts should stand, not {found}"
            await trio.sleep(POLL_S)

    async def updated(self, since: str, name: str = "") -> dict[str, Any]:
        """The only alert, or the only one of that name, as soon as it was told again."""
        deadline = trio.current_time() + PATIENCE_S
        while True:
            (found,) = await self.standing(1, name)
            if found["updatedAt"] != since:
                return found
            assert trio.current_time() < deadline, f"nothing more is told of {found}"
            await trio.sleep(POLL_S)

    def words(self) -> list[tuple[str, list[str]]]:
        """(status, names of its alerts) of each message."""
        return [(one["status"], sorted(a["labels"]["alertname"] for a in one["alerts"])) for one in self.told]

    async def until(self, count: int) -> None:
        """Return when so many messages have arrived."""
        await soon(lambda: len(self.told) >= count, f"{count} messages of the Alertmanager, not {self.words()}")

    async def receive(self, stream: trio.SocketStream) -> None:
        """A webhook: one message of the Alertmanager."""
        async with stream:
            raw = b""
            while b"\r\n\r\n" not in raw:
                raw += await _some(stream)
            head, _, body = raw.partition(b"\r\n\r\n")
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            while len(body) < int(lengths[0].partition(b":")[2]):
                body += await _some(stream)
            self.told.append(json.loads(body))
            await stream.send_all(reply(b""))


async def _some(stream: trio.SocketStream) -> bytes:
    piece = await stream.receive_some()
    assert piece, "the Alertmanager has hung up in the middle of a message"
    return bytes(piece)


@asynccontextmanager
async def alertmanager(home: Path, address: str = "") -> AsyncIterator[Manager]:
    """Runs, groups as docs/liveness-alerts.md advises but at once, and is gone at the end.

    address: `host:port` that the caller has claimed; else one that nobody has while it runs.
    """
    with claimed_prefix() as prefix:
        async with _at(home, address or f"{prefix}.1:{PORT}") as manager:
            yield manager


@asynccontextmanager
async def _at(home: Path, address: str) -> AsyncIterator[Manager]:
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        hook = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/"
        route = {
            "receiver": "hook", "group_by": ["alertname", "ring", "domain"], "group_wait": "300ms",
            "group_interval": "300ms", "repeat_interval": "1h",
        }  # fmt: skip
        receivers = [{"name": "hook", "webhook_configs": [{"url": hook, "send_resolved": True}]}]
        config = home / "alertmanager.yml"
        config.write_text(json.dumps({"route": route, "receivers": receivers}))
        manager = Manager(f"http://{address}")
        nursery.start_soon(trio.serve_listeners, manager.receive, [listener])
        command = [
            *_shown(find("prometheus-alertmanager")), f"--config.file={config}", f"--storage.path={home / 'data'}",
            f"--web.listen-address={address}", "--cluster.listen-address=",
        ]  # fmt: skip
        with _running(command, home / "log") as process:
            await _ready(manager, process)
            yield manager
        nursery.cancel_scope.cancel()


@contextmanager
def _running(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            yield process
        finally:
            process.kill()


async def _ready(manager: Manager, process: subprocess.Popen[bytes]) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            assert process.poll() is None, f"{process.args!r} has ended: see its log"
            try:
                if (await client.get(f"{manager.url}/-/ready")).is_success:
                    return
            except httpx.TransportError:
                await trio.sleep(POLL_S)


def _shown(program: Path) -> list[str]:
    if (Path("/usr/share") / TEMPLATE).exists():
        return [str(program)]
    share = program.parent.parent / "root" / "usr" / "share"
    rights = ["--mount"] if os.geteuid() == 0 else ["--mount", "--map-root-user"]
    return ["unshare", *rights, "sh", "-c", SHOWN, "sh", str(share), str(program)]
