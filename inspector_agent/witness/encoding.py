"""CORE. How a question to witnesses and their answers travel: bytes in both directions, framed as all our messages.

Everything that arrives is hostile: sizes, counts and depth are bounded before anything is built, and WireError is the
only exception that a byte string can cause. An answer always fits into one packet that Serf relays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from inspector_agent import limits as agent_limits
from inspector_agent.errors import WireError
from inspector_agent.framing import framed, opened, typed
from inspector_agent.witness import limits
from inspector_agent.witness.messages import Picture, Reach, Sight, WitnessAnswer, WitnessQuestion

UInt32 = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]
Id = Annotated[bytes, Meta(min_length=limits.id_bytes, max_length=limits.id_bytes)]
Name = Annotated[str, Meta(min_length=1, max_length=agent_limits.node_name_bytes_max)]

# The place in these orders is what travels: append only.
STATUSES = ("", "alive", "leaving", "left", "failed")
REACHES = tuple(Reach)

Reached = Annotated[int, Meta(ge=0, lt=len(REACHES))]


class _QuestionBody(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    id: Id
    origin: Annotated[int, Meta(ge=0, le=limits.origin_max)]
    issued_at: UInt32
    answer_within_ms: Annotated[int, Meta(ge=1, le=limits.answer_within_ms_max)]
    spread_ms: Annotated[int, Meta(ge=0)]
    targets: Annotated[tuple[Name, ...], Meta(max_length=limits.targets_max)]

    def __post_init__(self) -> None:
        if self.spread_ms > self.answer_within_ms:
            raise WireError(f"answers spread over {self.spread_ms} ms, but wanted within {self.answer_within_ms} ms")
        if len(set(self.targets)) < len(self.targets):
            raise WireError("a target is named twice")


class _SightBody(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    status: Annotated[int, Meta(ge=0, lt=len(STATUSES))]
    gossip: Reached
    ssh: Reached
    ping: Reached
    took_ms: Annotated[int, Meta(ge=0, le=limits.took_ms_max)]


class _AnswerBody(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    id: Id
    sights: Annotated[tuple[_SightBody | None, ...], Meta(max_length=limits.targets_max)]
    alive: UInt32
    failed: UInt32
    health: Annotated[int, Meta(ge=0, le=limits.health_max)]
    heard: Annotated[bytes, Meta(max_length=limits.heard_ids_max * limits.id_bytes)]
    lag_ms: Annotated[int, Meta(ge=0, le=limits.lag_ms_max)]

    def __post_init__(self) -> None:
        if len(self.heard) % limits.id_bytes:
            raise WireError(f"{len(self.heard)} bytes of ids that have {limits.id_bytes} each")


_decode_question = msgspec.msgpack.Decoder(_QuestionBody).decode
_decode_answer = msgspec.msgpack.Decoder(_AnswerBody).decode


def question_budget(witnesses: Sequence[str], entry: str) -> int:
    """Bytes that a question may have beside a node filter of these names, when the node called `entry` sends it.

    Without a filter everybody hears it, and it should fit beside other gossip.
    """
    if not witnesses:
        return agent_limits.question_bytes_max
    sizes = [len(name.encode("utf-8", "replace")) for name in witnesses]
    filter_bytes = sum(size + (1 if size < 32 else 3) for size in sizes)
    own_bytes = len(entry.encode("utf-8", "replace"))
    return agent_limits.question_wire_bytes_max - agent_limits.query_headers_bytes - own_bytes - filter_bytes


def encode_question(question: WitnessQuestion, *, budget: int = agent_limits.question_bytes_max) -> bytes:
    """The bytes of a question. Raises WireError if it breaks a rule or is longer than `budget` (`question_budget`)."""
    body = _QuestionBody(
        question.id, question.origin, question.issued_at, question.answer_within_ms, question.spread_ms,
        question.targets,
    )  # fmt: skip
    raw = framed(question.signature, body)
    if len(raw) > budget:
        raise WireError(f"the question has {len(raw)} bytes of {budget}: name fewer targets, or fewer witnesses")
    decode_question(raw)  # what is sent can be read, by the very rules that readers apply
    return raw


def decode_question(raw: bytes) -> WitnessQuestion:
    """The question in `raw`. Raises WireError, and nothing else, for whatever is not one."""
    signature, encoded = opened(raw, agent_limits.question_wire_bytes_max)
    body = typed(_decode_question, encoded, "witness question")
    return WitnessQuestion(
        id=body.id, origin=body.origin, issued_at=body.issued_at, answer_within_ms=body.answer_within_ms,
        spread_ms=body.spread_ms, targets=body.targets, signature=signature,
    )  # fmt: skip


def encode_answer(answer: WitnessAnswer, *, budget: int = limits.answer_bytes_max) -> bytes:
    """The bytes of an answer. Raises WireError if it breaks a rule, or is longer than `budget`."""
    if any(len(id_) != limits.id_bytes for id_ in answer.heard):
        raise WireError(f"an id of a question that has not {limits.id_bytes} bytes")
    body = _AnswerBody(
        answer.id, tuple(map(_packed, answer.sights)), answer.picture.alive, answer.picture.failed, answer.health,
        b"".join(answer.heard), answer.lag_ms,
    )  # fmt: skip
    raw = framed(b"", body)
    if len(raw) > budget:
        raise WireError(f"the answer has {len(raw)} bytes of {budget}")
    decode_answer(raw)  # as above
    return raw


def decode_answer(raw: bytes) -> WitnessAnswer:
    """The answer in `raw`. Raises WireError, and nothing else, for whatever is not one."""
    _, encoded = opened(raw, limits.answer_bytes_max)
    body = typed(_decode_answer, encoded, "witness answer")
    size = limits.id_bytes
    return WitnessAnswer(
        id=body.id, sights=tuple(map(_sight, body.sights)), picture=Picture(body.alive, body.failed),
        health=body.health, heard=tuple(body.heard[at : at + size] for at in range(0, len(body.heard), size)),
        lag_ms=body.lag_ms,
    )  # fmt: skip


def _packed(sight: Sight | None) -> _SightBody | None:
    if sight is None:
        return None
    if sight.status not in STATUSES:
        raise WireError(f"a member's status {sight.status!r:.40}")
    gossip, ssh, ping = (REACHES.index(reach) for reach in (sight.gossip, sight.ssh, sight.ping))
    return _SightBody(STATUSES.index(sight.status), gossip, ssh, ping, sight.took_ms)


def _sight(body: _SightBody | None) -> Sight | None:
    if body is None:
        return None
    return Sight(STATUSES[body.status], REACHES[body.gossip], REACHES[body.ssh], REACHES[body.ping], body.took_ms)
