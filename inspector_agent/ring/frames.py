"""Serf's RPC as a state machine: commands in, bytes out; bytes in, typed frames out. No socket, no clock, no tasks.

Theory of operation
-------------------
A connection begins with a handshake, then an auth, each answered before anything else is sent. Serf insists on the
first. The second is our rule: an agent with an auth key answers any other command with a header and does *not* read
that command's body, takes it for the next header, and the connection is out of step for ever. An agent without a key
takes an empty one, so auth is always sent. When either is refused, the connection is of no use.

    NEW --handshake--> GREETING --ok--> GREETED --auth--> PROVING --ok--> READY
                          |                                  |               |
                          +-------------refused--------------+---> BROKEN <--+ bytes that are not Serf's RPC

Once READY, any number of commands may be under way. Each carries a Seq of its own, and a reply names the Seq it
belongs to. Serf works on one command of a connection after the other, so replies come in order, but between them come
records of subscriptions, which share the Seq of the command that opened them.

A frame from Serf is a header, and a body or none. The header does not tell which: only the command that it answers
does (`commands.Body`), and whether this is a subscription's first frame (a reply, no body) or a later one (a record,
always a body). So the machine remembers every command until its last frame has come, **also when nobody wants the
frame any more**: an abandoned command's late frames are read over and counted in `swallowed`. That is what makes
cancelling safe: giving up on Seq 7 can never shift a body of it under Seq 8.

What ends a command:
- one without subscription: its reply;
- a refused subscription: its reply;
- a query: its `done` record, about when its time is over; `stop` cannot end it, closing the connection does;
- a stream or monitor: `stop`, sent with `Connection.stop`. Serf replies to it and then still empties its own queue of
  up to 512 records, so the Seq is remembered for a while (`ended_remembered_max` stops later) and those are swallowed.

Bytes are parsed only when `next_frame` asks. So bytes may be fed as they come, cut anywhere, and a caller may send the
next command after a frame although the bytes of later frames are already here. The first thing that cannot be Serf's
RPC (garbage, a Seq never sent, a body of the wrong type, a value too long or too deep) raises ProtocolError, then and
ever after: once out of step, nothing that follows means anything.
"""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from inspector_agent.ring import limits
from inspector_agent.ring.commands import Auth, Body, Command, Handshake, Stop
from inspector_agent.ring.errors import Disconnected, ProtocolError
from inspector_agent.ring.pack import Splitter
from inspector_agent.ring.records import Done, read_header


class State(enum.Enum):
    """Where a connection is on its way; see the module's theory of operation."""

    NEW = enum.auto()
    GREETING = enum.auto()
    GREETED = enum.auto()
    PROVING = enum.auto()
    READY = enum.auto()
    BROKEN = enum.auto()


# The one command that may be sent in a state on the way to READY, and the states while and after it is answered.
_NEXT_STEP: dict[State, tuple[type[Command[Any]], State]] = {
    State.NEW: (Handshake, State.GREETING),
    State.GREETED: (Auth, State.PROVING),
}
_STEP_DONE = {State.GREETING: State.GREETED, State.PROVING: State.READY}


class Reply(msgspec.Struct, frozen=True, gc=False):
    """The answer to a command.

    Attributes:
        seq: of the command.
        command: as it was sent.
        error: Serf's words; empty: it succeeded.
        body: what `command.read` made of it; None if the reply has none.
    """

    seq: int
    command: Command[Any]
    error: str
    body: Any = None


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record of a subscription, under the Seq of the command that opened it."""

    seq: int
    body: Any


Frame = Reply | Record


class _Open(msgspec.Struct, gc=False):
    """A command whose last frame has not come yet."""

    command: Command[Any]
    wanted: bool = True
    subscribed: bool = False  # the reply has come, records follow


_Header = tuple[int, str, _Open]  # Seq, error, the command it belongs to


class Connection:
    """The client's side of one connection.

    Attributes:
        state: see the module's theory of operation.
        swallowed: frames read over because nobody wants them any more; replies to `stop` are not counted.
    """

    def __init__(self) -> None:
        self.state = State.NEW
        self.swallowed = 0
        self._seq = 0
        self._open: dict[int, _Open] = {}
        self._ended: dict[int, _Open] = {}  # stopped subscriptions, oldest first
        self._splitter = Splitter()
        self._header: _Header | None = None  # read, and waiting for its body
        self._problem: ProtocolError | None = None

    @property
    def commands_open(self) -> int:
        """Commands whose last frame has not come yet, abandoned ones among them."""
        return len(self._open)

    def send(self, command: Command[Any]) -> tuple[int, bytes]:
        """(Seq, bytes to send) of a command.

        Raises:
            RuntimeError: it is not this command's turn (a caller's bug).
            Disconnected: `requests_open_max` commands have no reply yet, so Serf must be frozen.
            ValueError: a text that cannot be encoded.
        """
        if len(self._open) >= limits.requests_open_max:
            raise Disconnected(f"{len(self._open)} commands have no reply yet, as if Serf were frozen")
        if self.state is not State.READY:
            allowed, following = _NEXT_STEP.get(self.state, (None, self.state))
            if allowed is None or not isinstance(command, allowed):
                raise RuntimeError(f"{command.NAME} must not be sent when the connection is {self.state.name}")
            self.state = following
        elif isinstance(command, Handshake | Auth):
            raise RuntimeError(f"{command.NAME} must not be sent twice")
        raw = command.encode(self._seq + 1)
        self._seq += 1
        self._open[self._seq] = _Open(command)
        return self._seq, raw

    def abandon(self, seq: int) -> None:
        """Nobody wants the frames of this command any more. Unknown and finished ones are fine."""
        waiting = self._open.get(seq)
        if waiting is not None:
            waiting.wanted = False

    def stop(self, seq: int) -> bytes:
        """Bytes that end a stream or monitor, whose frames nobody wants any more; none if it has ended or never began.

        May be called before its reply has come. There is no frame for the reply to the stop.
        """
        if self.state is not State.READY or seq not in self._open:
            return b""
        self.abandon(seq)
        own, raw = self.send(Stop(seq))
        self._open[own].wanted = False
        return raw

    def receive(self, data: bytes) -> None:
        """Bytes that came from Serf, cut anywhere."""
        if self._problem is None:
            self._splitter.feed(data)

    def next_frame(self) -> Frame | None:
        """The next frame; None: more bytes are needed. Raises ProtocolError if what came is not Serf's RPC."""
        if self._problem is not None:
            raise self._problem.again()
        try:
            return self._next_wanted()
        except ProtocolError as problem:
            self.state = State.BROKEN
            self._problem = problem
            raise

    def _next_wanted(self) -> Frame | None:
        while True:
            self._header = self._header or self._read_header()
            if self._header is None:
                return None
            seq, error, waiting = self._header
            raw = None
            if _has_body(waiting, error):
                raw = self._splitter.take(waiting.command.body_bytes_max)
                if raw is None:
                    return None
            self._header = None
            frame = self._record(seq, waiting, raw) if waiting.subscribed else self._reply(seq, error, waiting, raw)
            if frame is not None:
                return frame

    def _read_header(self) -> _Header | None:
        raw = self._splitter.take(limits.header_bytes_max)
        if raw is None:
            return None
        seq, error = read_header(raw)
        waiting = self._open.get(seq) or self._ended.get(seq)
        if waiting is None:
            raise ProtocolError(f"a frame of Seq {seq}, under which nothing is open")
        if waiting.subscribed and error:
            raise ProtocolError(f"a record of {waiting.command.NAME} with an error: {error[:200]}")
        return seq, error, waiting

    def _reply(self, seq: int, error: str, waiting: _Open, raw: bytes | None) -> Frame | None:
        command = waiting.command
        if command.SUBSCRIBES and not error:
            waiting.subscribed = True
        else:
            del self._open[seq]
        if self.state is not State.READY:
            self.state = State.BROKEN if error else _STEP_DONE[self.state]
        if isinstance(command, Stop):
            self._forget(command.stop)
            if not waiting.wanted:
                return None
        if not waiting.wanted:
            self.swallowed += 1
            return None
        return Reply(seq, command, error, None if raw is None else command.read(raw))

    def _record(self, seq: int, waiting: _Open, raw: bytes | None) -> Frame | None:
        body = waiting.command.read(raw or b"")
        if isinstance(body, Done):
            self._open.pop(seq, None)
        if not waiting.wanted:
            self.swallowed += 1
            return None
        return Record(seq, body)

    def _forget(self, seq: int) -> None:
        """A stopped subscription: its Seq is remembered as long as late records may come."""
        stopped = self._open.pop(seq, None)
        if stopped is None:
            return
        self._ended[seq] = stopped
        if len(self._ended) > limits.ended_remembered_max:
            del self._ended[next(iter(self._ended))]


def _has_body(waiting: _Open, error: str) -> bool:
    if waiting.subscribed:
        return True
    due = waiting.command.REPLY_BODY
    return due is Body.ALWAYS or (due is Body.ON_SUCCESS and not error)
