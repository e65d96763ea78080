"""Sessions with a real Serf agent, recorded as the bytes it sent, and played again from them.

`python -m tests.ring.recording` records all of them anew into tests/ring/recorded/. A session is a list of steps; the
same generator performs them on a socket and on recorded bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from inspector_agent.ring import commands as say
from inspector_agent.ring.frames import Connection, Frame, Record, Reply
from inspector_agent.ring.records import Done
from tests.support.serf import SerfRing, serf_ring

RECORDED = Path(__file__).parent / "recorded"
KEY, OTHER_KEY = (base64.b64encode(bytes([letter]) * 32).decode() for letter in b"ab")

Until = Callable[[list[Frame]], bool]


def replied(frames: list[Frame]) -> bool:
    """The last frame is a reply."""
    return bool(frames) and isinstance(frames[-1], Reply)


def records(count: int) -> Until:
    """So many records have come since the step began."""
    return lambda frames: sum(isinstance(frame, Record) for frame in frames) >= count


def done(frames: list[Frame]) -> bool:
    """The query has ended."""
    return any(isinstance(frame, Record) and isinstance(frame.body, Done) for frame in frames)


@dataclass(frozen=True)
class Step:
    """Send a command (or stop one, by its Seq), then read frames until it is enough."""

    command: say.Command[Any] | int
    until: Until = replied

    def encode(self, core: Connection) -> bytes:
        """The bytes to send."""
        return core.stop(self.command) if isinstance(self.command, int) else core.send(self.command)[1]


@dataclass(frozen=True)
class Session:
    """Steps on one connection to the first node of a ring of two."""

    steps: list[Step]
    greeted: bool = True
    rpc_auth: str | None = None
    encrypt: str | None = None

    def all_steps(self) -> list[Step]:
        """With the handshake and auth that begin most sessions."""
        greeting = [Step(say.Handshake()), Step(say.Auth())] if self.greeted else []
        return greeting + self.steps


def ask(**fields: Any) -> say.Query:
    """A query of 300 ms."""
    return say.query(
        "inspect",
        b"\x00\xff",
        **{
            "timeout_s": 0.3,
            "filter_nodes": (),
            "filter_tags": {},
            "request_ack": True,
            "relay_factor": 0,
            **fields,
        },
    )


SESSIONS = {
    "members": Session(
        [
            Step(say.members(name=None, status=None, tags=None)),
            Step(say.members(name=None, status="alive", tags={"rack": "b1"})),
            Step(say.members(name="nobody", status=None, tags=None)),
            Step(say.Stats()),
            Step(say.GetCoordinate("n001")),
            Step(say.GetCoordinate("nobody")),
        ]
    ),
    "refused": Session(
        [
            Step(say.Respond(77, b"")),
            Step(say.Event("e", bytes(600), coalesce=False)),
            Step(ask(filter_nodes=[f"node-{number}" for number in range(200)])),
            Step(say.Stream("bogus")),
            Step(say.Monitor("LOUD")),
            Step(say.InstallKey("bad")),
            Step(say.ListKeys()),
            Step(say.Join(("127.0.0.1:1",), replay=False)),
            Step(say.members(name="n001", status=None, tags=None)),
        ]
    ),
    "query": Session(
        [
            Step(say.Stream("query:inspect,user:hello")),
            Step(ask(), until=records(2)),
            Step(say.Respond(1, b"\x80\xff answer"), until=done),
            Step(say.Event("hello", b"\xc1", coalesce=False), until=records(1)),
            Step(3, until=lambda _: True),
            Step(say.members(name="n001", status=None, tags=None)),
        ]
    ),
    "member_events": Session(
        [
            Step(say.Stream("member-update,member-failed")),
            Step(say.Tags({"role": "web"}, ("rack",)), until=records(1)),
        ]
    ),
    "monitor": Session([Step(say.Monitor("INFO"), until=records(3)), Step(3, until=lambda _: True), Step(say.Stats())]),
    "keys": Session(
        [
            Step(say.ListKeys()),
            Step(say.InstallKey(OTHER_KEY)),
            Step(say.UseKey(OTHER_KEY)),
            Step(say.RemoveKey(OTHER_KEY)),
            Step(say.RemoveKey(KEY)),
            Step(say.ListKeys()),
        ],
        encrypt=KEY,
    ),
    "auth": Session(
        [Step(say.Handshake()), Step(say.Auth("right")), Step(say.GetCoordinate("n001"))],
        greeted=False,
        rpc_auth="right",
    ),
    "auth_refused": Session([Step(say.Handshake()), Step(say.Auth("wrong"))], greeted=False, rpc_auth="right"),
    "handshake_refused": Session([Step(say.Handshake(7))], greeted=False),
}


def perform(session: Session, core: Connection) -> Generator[bytes | None, bytes, list[Frame]]:
    """Yields bytes to send, or None when it needs what came; returns all frames."""
    frames: list[Frame] = []
    for step in session.all_steps():
        yield step.encode(core)
        began = len(frames)
        while not step.until(frames[began:]):
            frame = core.next_frame()
            if frame is None:
                core.receive((yield None))
            else:
                frames.append(frame)
    return frames


def played(name: str, chunks: Iterable[bytes]) -> tuple[list[Frame], Connection]:
    """All frames of a recorded session whose bytes come in these chunks. Raises EOFError if it needs more of them."""
    core = Connection()
    acting = perform(SESSIONS[name], core)
    coming = iter(chunks)
    wanted = next(acting)
    try:
        while True:
            if wanted is not None:
                wanted = next(acting)
            elif (chunk := next(coming, None)) is not None:
                wanted = acting.send(chunk)
            else:
                raise EOFError(f"{name}: frames are missing")
    except StopIteration as end:
        return end.value, core


def recorded(name: str) -> bytes:
    """The bytes that Serf sent in a session."""
    return (RECORDED / f"{name}.bin").read_bytes()


async def record(session: Session, ring: SerfRing) -> bytes:
    """Perform a session with a real agent; what it sent."""
    host, port = ring[0].rpc.split(":")
    stream = await trio.open_tcp_stream(host, int(port))
    heard = b""
    async with stream:
        acting = perform(session, Connection())
        wanted = next(acting)
        try:
            while True:
                if wanted is not None:
                    await stream.send_all(wanted)
                    wanted = next(acting)
                else:
                    data = bytes(await stream.receive_some())
                    heard += data
                    wanted = acting.send(data)
        except StopIteration:
            return heard


async def record_all() -> None:
    """All sessions anew."""
    for name, session in SESSIONS.items():
        tags = [{"rack": "b1"}, {"rack": "b10"}]
        async with serf_ring(
            2, tags=tags, rpc_auth=session.rpc_auth, encrypt=session.encrypt, settings={"log_level": "info"}
        ) as ring:
            heard = await record(session, ring)
        (RECORDED / f"{name}.bin").write_bytes(heard)
        print(f"{name}: {len(heard)} bytes")


if __name__ == "__main__":
    RECORDED.mkdir(exist_ok=True)
    trio.run(record_all)
