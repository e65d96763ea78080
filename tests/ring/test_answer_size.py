"""How long an answer may be, measured with a real ring: plain and relayed, by the names of who answers and who asks.

Serf sends a response as one packet of at most 1,024 bytes: the payload, some fields, and the name of the node that
answers. A relayed one carries also the address and the name of the *asking* node. Fields of variable length: a name of
more than 31 bytes costs 2 more; the query's Lamport time 1 byte up to 127, 2, 3, 5 or 9 beyond; the asking node's
address 4 bytes or, IPv6, 16.
"""

from __future__ import annotations

import pytest

from inspector_agent import limits
from inspector_agent.ring import CommandRefused, QueryEvent, RingClient, RingEvent, Subscription, connect
from inspector_agent.wire import answer_budget
from tests.support.serf import serf_ring

PLAIN_BYTES, RELAYED_BYTES = 983, 939  # IPv4, a Lamport time of one byte, less the names
LONG_NAME_BYTES = 2  # more for each name of more than 31 bytes


def taken_by(*names: str) -> int:
    """Bytes that names take in a message."""
    return sum(len(name) + LONG_NAME_BYTES * (len(name) > 31) for name in names)


async def refusal(
    asker: RingClient, answerer: RingClient, queries: Subscription[RingEvent], size: int, relay_factor: int
) -> str:
    """Why Serf refuses an answer of this size; empty: it does not."""
    async with asker.query("size", b"", timeout_s=60, relay_factor=relay_factor) as answers:
        event = await anext(queries)
        assert isinstance(event, QueryEvent)
        assert event.ltime < 128
        try:
            await answerer.respond(event.id, bytes(size))
        except CommandRefused as refused:
            return refused.reason
        answer = await anext(answers)
        assert len(answer.payload) == size  # type: ignore[union-attr]
        return ""


@pytest.mark.parametrize(
    ("asking", "answering"),
    [
        ("n001", "n002"),
        ("a-coordinators-entry-with-a-long-name", "n002"),
        ("n001", "a-node-with-a-quite-long-name-of-38-b"),
    ],
)
async def test_the_longest_answer(asking: str, answering: str) -> None:
    """To the byte: taken, and with one more refused, plain by the answering node's name, relayed by both names."""
    async with (
        serf_ring(3, names=[asking, answering, "third"]) as ring,
        connect(ring[0].rpc) as asker,
        connect(ring[1].rpc) as answerer,
        answerer.stream("query:size") as queries,
    ):

        async def reason(size: int, relay_factor: int) -> str:
            return await refusal(asker, answerer, queries, size, relay_factor)

        plain = PLAIN_BYTES - taken_by(answering)
        assert await reason(plain, 0) == ""
        assert "response exceeds limit of 1024 bytes" in await reason(plain + 1, 0)
        relayed = RELAYED_BYTES - taken_by(answering, asking)
        assert await reason(relayed, 1) == ""
        assert "relayed response exceeds limit of 1024 bytes" in await reason(relayed + 1, 1)


async def test_what_the_wire_module_allows_is_relayed() -> None:
    """answer_budget of a node is taken with relay, also where the asking node's name is as long as we allow for."""
    asking = "coordinator-entry." * 4
    for answering in ("n002", "node-2.rack-b2.zone-a.example.net"):
        async with (
            serf_ring(3, names=[asking[: limits.asker_name_bytes_max], answering, "third"]) as ring,
            connect(ring[0].rpc) as asker,
            connect(ring[1].rpc) as answerer,
            answerer.stream("query:size") as queries,
        ):
            assert await refusal(asker, answerer, queries, answer_budget(answering), 2) == ""
