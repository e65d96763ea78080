"""Questions to witnesses and their answers for tests: ordinary ones, and any that hypothesis may think of."""

from __future__ import annotations

import time
from collections.abc import Sequence

import trio
from hypothesis import strategies as st

from inspector_agent.ring import Answer as Response
from inspector_agent.ring import connect
from inspector_agent.witness import limits
from inspector_agent.witness.encoding import STATUSES, decode_answer, encode_question, question_budget
from inspector_agent.witness.messages import QUERY_NAME, Picture, Reach, Sight, WitnessAnswer, WitnessQuestion
from tests.support.serf import SerfNode
from tests.support.waiting import PATIENCE_S

ONCE_S = 2.0  # a ring with Serf's local profile now and then leaves somebody out

names = st.text(min_size=1, max_size=14)  # so that 16 of them always fit into a packet
ids = st.binary(min_size=limits.id_bytes, max_size=limits.id_bytes)
counts = st.integers(0, 2**32 - 1)
reaches = st.sampled_from(Reach)
sights = st.builds(
    Sight, st.sampled_from(STATUSES), reaches, reaches, reaches, st.integers(0, limits.took_ms_max)
)  # fmt: skip


@st.composite
def questions(draw: st.DrawFn) -> WitnessQuestion:
    """Any question that keeps the rules."""
    within_ms = draw(st.integers(1, limits.answer_within_ms_max))
    return WitnessQuestion(
        id=draw(ids),
        origin=draw(st.integers(0, limits.origin_max)),
        issued_at=draw(counts),
        answer_within_ms=within_ms,
        spread_ms=draw(st.integers(0, within_ms)),
        targets=tuple(draw(st.lists(names, max_size=limits.targets_max, unique=True))),
        signature=draw(st.sampled_from([b"", bytes(range(64))])),
    )


answers = st.builds(
    WitnessAnswer,
    id=ids,
    sights=st.lists(st.none() | sights, max_size=limits.targets_max).map(tuple),
    picture=st.builds(Picture, counts, counts),
    health=st.integers(0, limits.health_max),
    heard=st.lists(ids, max_size=limits.heard_ids_max).map(tuple),
    lag_ms=st.integers(0, limits.lag_ms_max),
)


def witness_question(number: int = 1, *targets: str, **fields: object) -> WitnessQuestion:
    """An ordinary question, about these members, with some fields replaced. It leaves time enough on any machine."""
    ordinary: dict[str, object] = {
        "id": number.to_bytes(limits.id_bytes, "big"),
        "origin": 0,
        "issued_at": int(time.time()),
        "answer_within_ms": 20_000,
        "targets": targets,
    }
    return WitnessQuestion(**{**ordinary, **fields})  # type: ignore[arg-type]


async def ask_witnesses(
    entry: SerfNode, question: WitnessQuestion, witnesses: Sequence[str], *, prefix: str = ""
) -> dict[str, WitnessAnswer]:
    """Ask these through that entry; returns once all have answered. Whom gossip has not reached is asked again."""
    found: dict[str, WitnessAnswer] = {}
    with trio.fail_after(PATIENCE_S):
        while missing := sorted(set(witnesses) - found.keys()):
            found |= await _asked_once(entry, question, missing, prefix)
    return found


async def _asked_once(
    entry: SerfNode, question: WitnessQuestion, witnesses: Sequence[str], prefix: str
) -> dict[str, WitnessAnswer]:
    found: dict[str, WitnessAnswer] = {}
    raw = encode_question(question, budget=question_budget(witnesses, entry.name))
    async with (
        connect(entry.rpc) as client,
        client.query(f"{prefix}{QUERY_NAME}", raw, timeout_s=ONCE_S, filter_nodes=witnesses) as records,
    ):
        async for record in records:
            if isinstance(record, Response):
                assert record.name not in found, f"{record.name} answered twice"
                found[record.name] = decode_answer(record.payload)
            if len(found) == len(witnesses):
                break
    return found
