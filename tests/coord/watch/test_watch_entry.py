"""One entry of a watch, where a real Serf agent does not do on demand what is to be seen: it drops events."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
import trio

from inspector_coord.watch.model import Event, MembersRead
from inspector_coord.watch.vantage import EntryLink
from tests.support.fake_serf import header, listening
from tests.support.waiting import soon

DROPPED = "2026/11/22 12:03:07 [WARN] agent: Dropping event to 127.0.0.1:40000"
HARMLESS = "2026/11/22 12:03:07 [INFO] agent: Received event: user-event: deploy"
MEMBER = {
    "Name": "n001", "Addr": bytes([127, 0, 0, 1]), "Port": 7946, "Tags": {}, "Status": "alive", "ProtocolMin": 1,
    "ProtocolMax": 5, "ProtocolCur": 2, "DelegateMin": 2, "DelegateMax": 5, "DelegateCur": 4,
}  # fmt: skip
REPLIES: dict[str, Any] = {"stats": {"agent": {"name": "n001"}}, "members-filtered": {"Members": [MEMBER]}}


async def agent(stream: trio.SocketStream, lines: list[str]) -> None:
    """Answers as a Serf agent does; once its list was read, these lines come in its log."""
    unpacker, left, log, read = msgpack.Unpacker(), list(lines), 0, False
    async for data in stream:
        unpacker.feed(data)
        for value in unpacker:
            command, seq = value.get("Command"), value.get("Seq")
            if command is None:
                continue
            body = REPLIES.get(command)
            await stream.send_all(header(seq) + (b"" if body is None else msgpack.packb(body)))
            log = seq if command == "monitor" else log
            read |= command == "members-filtered"
            if log and read and left and command == "stats":
                await stream.send_all(header(log) + msgpack.packb({"Log": left.pop(0)}))


@pytest.mark.parametrize(("line", "lists"), [(DROPPED, 2), (HARMLESS, 1)])
async def test_the_list_is_read_again_when_serf_has_dropped_events(
    tmp_path: Path, line: str, lists: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its log says so. It says for whom only by a port, so that everybody looks; nothing else makes one look."""
    monkeypatch.setattr("inspector_coord.watch.shell_limits.pulse_s", 0.05)
    given: list[Event] = []
    counted: Counter[str] = Counter()
    async with listening(partial(agent, lines=[line])) as address, trio.open_nursery() as nursery:
        link = EntryLink(
            0, address, None, prefix="", turns=tmp_path, give=given.append, say=lambda _: None, counted=counted
        )
        nursery.start_soon(link.run)
        await soon(lambda: counted["lists-read"] == lists, f"{lists} lists in {given}")
        if lists == 1:
            with trio.move_on_after(0.5):
                await soon(lambda: counted["lists-read"] > lists)
        nursery.cancel_scope.cancel()
    assert counted["lists-read"] == lists
    assert counted["events-dropped"] == lists - 1
    assert sum(isinstance(one, MembersRead) for one in given) == lists
