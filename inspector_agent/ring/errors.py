"""What can go wrong between this program and a Serf agent.

    RingError
    ├── NotConnected          there is no connection, or no longer: connect again, or let `reconnecting` do it
    │   ├── Unreachable       nobody listens at the address, or nobody answers there in time
    │   ├── HandshakeRefused  it does not speak our version of the RPC protocol
    │   ├── AuthRefused       the auth key is wrong, or missing
    │   ├── Disconnected      the connection ended: Serf was stopped, or ended it
    │   └── ProtocolError     what came is not Serf's RPC
    └── CommandRefused        Serf answered a command with an error; the connection goes on
        ├── QueryOver         `respond` came after the query's end
        └── KeysRefused       a key command failed on some nodes; the report says on which, and why

A text says which agent (`address`), what happened, and what to do about it.
"""

# ruff: noqa: N818  # the tree reads better, and ends in the words that users see, without "Error" in each name

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from inspector_agent.ring.records import KeyReport


class RingError(Exception):
    """Base of everything the ring client raises on purpose."""


class NotConnected(RingError):
    """There is no connection, or no longer.

    Attributes:
        address: `host:port` of the agent's RPC; empty inside the pure core, which knows none.
        problem: what happened.
    """

    advice = ""

    def __init__(self, problem: str, address: str = "") -> None:
        where = f"Serf RPC at {address}: " if address else ""
        what_to_do = f"; {self.advice}" if self.advice else ""
        super().__init__(f"{where}{problem}{what_to_do}")
        self.problem = problem
        self.address = address

    def again(self, address: str = "") -> Self:
        """A fresh, equal exception: each waiting task raises its own, so that tracebacks do not mix."""
        return type(self)(self.problem, address or self.address)


class Unreachable(NotConnected):
    """Nobody listens at the address, or nobody answers there in time."""

    advice = "is the Serf agent running, and is this its rpc_addr (`serf agent -rpc-addr`)?"


class HandshakeRefused(NotConnected):
    """The agent does not speak our version of the RPC protocol."""

    advice = "this client speaks version 1, which Serf 0.4 and later do"


class AuthRefused(NotConnected):
    """The auth key is wrong, missing, or given although the agent has none."""

    advice = "compare it with rpc_auth in the Serf agent's configuration"


class Disconnected(NotConnected):
    """The connection ended while something was waiting on it, or before it was used."""

    advice = "look into the Serf agent's log, and connect again"


class ProtocolError(NotConnected):
    """Bytes came that Serf does not send, or more than it may; the connection cannot be used any more."""

    advice = "is this the port of Serf's RPC, and not its gossip port or another program's?"


# What to do about the reasons that Serf gives, by a part of them.
_ADVICE = {
    "query exceeds limit": "shorten the payload, or filter by fewer names",
    "user event exceeds": "shorten the event's payload",
    "response exceeds limit": "shorten the answer: inspector_agent.wire.answer_budget says how much fits",
    "relayed response exceeds": "shorten the answer: the plain one was sent, the relayed ones were not",
    "response already sent": "a query takes one response from a node",
    "Invalid event filter": "one is *, user, user:NAME, query, query:NAME, member-join, member-failed, …",
    "Monitor already exists": "a connection can have one monitor: open another connection",
    "Unknown log level": "one of TRACE, DEBUG, INFO, WARN, ERR",
    "encryption not enabled": "start the ring's agents with encrypt_key",
    "Authentication required": "connect with the agent's auth key",
}


class CommandRefused(RingError):
    """Serf answered a command with an error.

    Attributes:
        command: its name in Serf's RPC, e.g. `query`.
        reason: Serf's own words.
        address: `host:port` of the agent's RPC.
    """

    def __init__(self, command: str, reason: str, address: str = "") -> None:
        where = f"Serf RPC at {address}: " if address else ""
        advice = next((f"; {advice}" for part, advice in _ADVICE.items() if part in reason), "")
        super().__init__(f"{where}{command} refused: {' '.join(reason.split())}{advice}")
        self.command = command
        self.reason = reason
        self.address = address


class QueryOver(CommandRefused):
    """`respond` came after the query's end, or with an ID that came on another connection."""


class KeysRefused(CommandRefused):
    """A key command failed on at least one node.

    Attributes:
        report: which nodes refused, and why.
    """

    def __init__(self, command: str, reason: str, report: KeyReport, address: str = "") -> None:
        nodes = ", ".join(f"{name}: {why}" for name, why in sorted(report.messages.items())[:5])
        super().__init__(command, f"{reason} ({nodes})" if nodes else reason, address)
        self.reason = reason
        self.report = report
