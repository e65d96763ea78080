"""A client of Serf's RPC on trio: members, queries, events, keys, every failure typed, nothing dropped silently.

    async with connect("127.0.0.1:7373") as ring:
        async with ring.query("uptime", b"", timeout_s=2.0) as answers:
            async for record in answers:
                print(record)

See docs/ring-client.md. `frames` is the protocol as a pure state machine, for other event loops.
"""

from inspector_agent.ring.client import RingClient, connect
from inspector_agent.ring.errors import (
    AuthRefused,
    CommandRefused,
    Disconnected,
    HandshakeRefused,
    KeysRefused,
    NotConnected,
    ProtocolError,
    QueryOver,
    RingError,
    Unreachable,
)
from inspector_agent.ring.reconnect import Failure, reconnecting
from inspector_agent.ring.records import (
    Ack,
    Answer,
    Coordinate,
    KeyReport,
    Member,
    MemberEvent,
    Phantom,
    QueryEvent,
    QueryRecord,
    RingEvent,
    UserEvent,
)
from inspector_agent.ring.subscription import Subscription

__all__ = [
    "Ack", "Answer", "AuthRefused", "CommandRefused", "Coordinate", "Disconnected", "Failure", "HandshakeRefused",
    "KeyReport", "KeysRefused", "Member", "MemberEvent", "NotConnected", "Phantom", "ProtocolError", "QueryEvent",
    "QueryOver", "QueryRecord", "RingClient", "RingError", "RingEvent", "Subscription", "Unreachable", "UserEvent",
    "connect", "reconnecting",
]  # fmt: skip
