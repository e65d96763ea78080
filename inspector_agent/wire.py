"""Question and answer: what travels in a Serf query and its response, in both directions.

What the two say is described in `messages`, what is around them in `framing`, item numbers in `numbers`, who answers in
`who`.

An answer is cut to its budget as told in `details`. Counts are never cut, and `truncated` says that something is
missing.

Everything that arrives is hostile: sizes, counts and depth are bounded before anything is built, and WireError is the
only exception that a byte string can cause.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from inspector_agent import limits
from inspector_agent.details import clear_text, fit, hashes_of, heard_text, observed_hash
from inspector_agent.errors import VersionError, WireError
from inspector_agent.framing import framed, opened, typed
from inspector_agent.messages import ANY_RELEASE, EVENT_NAME, QUERY_NAME, Answer, Counts, Question, Serving, Vitals
from inspector_agent.numbers import unpack_numbers
from inspector_agent.who import Bloom, Everyone, Slice, Who, answer_slot_ms, asks_me, bloom_of

__all__ = [
    "ANY_RELEASE", "EVENT_NAME", "QUERY_NAME", "Answer", "Bloom", "Counts", "Everyone", "Question", "Serving", "Slice",
    "VersionError", "Vitals", "Who", "WireError", "answer_budget", "answer_slot_ms", "asks_me", "bloom_of",
    "clear_text", "decode_answer", "decode_question", "encode_answer", "encode_question", "observed_hash",
]  # fmt: skip

UInt32 = Annotated[int, Meta(ge=0, le=0xFFFF_FFFF)]
Id8 = Annotated[bytes, Meta(min_length=limits.id_bytes, max_length=limits.id_bytes)]
Blob = Annotated[bytes, Meta(max_length=limits.answer_wire_bytes_max)]
Canary = Annotated[bytes, Meta(max_length=limits.id_bytes)]
Basis = Annotated[bytes, Meta(max_length=limits.basis_bytes)]
Pattern = Annotated[str, Meta(min_length=1, max_length=limits.item_pattern_chars_max)]

TRUNCATED, INCOMPLETE = 1, 2
LONGER_HEADERS_BYTES = 6  # what the headers of four byte strings and a map grow by from empty to full
SERVINGS = tuple(Serving)  # the place in this order is what travels: append only


class _QuestionBody(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    sweep: Id8
    release: Id8
    number: UInt32
    items: Annotated[tuple[Pattern, ...], Meta(max_length=limits.question_items_max)]
    answer_within_ms: Annotated[int, Meta(ge=1, le=limits.answer_within_ms_max)]
    spread_ms: Annotated[int, Meta(ge=0)]
    issued_at: UInt32
    round: Annotated[int, Meta(ge=0, le=255)]
    who: Who
    canary: Canary
    max_age_ms: Annotated[int, Meta(ge=0, le=limits.max_age_ms_max)]

    def __post_init__(self) -> None:
        if len(self.canary) not in (0, limits.id_bytes):
            raise WireError(f"a canary of {len(self.canary)} bytes instead of 0 or {limits.id_bytes}")
        if self.canary and self.release in (ANY_RELEASE, self.canary):
            raise WireError("a canary is another release beside the one that is named")
        if self.spread_ms > self.answer_within_ms:
            raise WireError(f"answers spread over {self.spread_ms} ms, but wanted within {self.answer_within_ms} ms")


class _AnswerBody(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    sweep: Id8
    state: Annotated[int, Meta(ge=0, lt=len(SERVINGS))]
    release: Id8
    number: UInt32
    basis: Basis
    counts: Counts
    flags: Annotated[int, Meta(ge=0, le=TRUNCATED | INCOMPLETE)]
    took_ms: UInt32
    age_ms: UInt32
    clock: Annotated[int, Meta(ge=0, le=limits.clock_ms_max)]
    vitals: Vitals
    failing: Blob
    erring: Blob
    waived: Blob
    hashes: Blob  # of failing, then erring, without those that are in clear; from the front, as many as fitted
    clear: Annotated[dict[int, str], Meta(max_length=limits.clear_texts_max)]


_decode_question = msgspec.msgpack.Decoder(_QuestionBody).decode
_decode_answer = msgspec.msgpack.Decoder(_AnswerBody).decode


def answer_budget(node_name: str) -> int:
    """Bytes that an answer of this node may have so that Serf also relays it, whoever asks (measured)."""
    return limits.answer_relayed_bytes - limits.asker_name_bytes_max - len(node_name.encode("utf-8", "replace"))


def encode_question(question: Question, *, budget: int = limits.question_bytes_max) -> bytes:
    """The bytes of a question. Raises WireError if it breaks a rule or is longer than `budget`."""
    body = _QuestionBody(
        question.sweep, question.release, question.number, question.items, question.answer_within_ms,
        question.spread_ms, question.issued_at, question.round, question.who, question.canary, question.max_age_ms,
    )  # fmt: skip
    raw = framed(question.signature, body)
    if len(raw) > budget:
        raise WireError(f"the question has {len(raw)} bytes of {budget}: use fewer item patterns, or a smaller filter")
    decode_question(raw)  # what is sent can be read, by the very rules that readers apply
    return raw


def decode_question(raw: bytes) -> Question:
    """The question in `raw`. Raises WireError, and nothing else, for whatever is not one."""
    signature, encoded = opened(raw, limits.question_wire_bytes_max)
    body = typed(_decode_question, encoded, "question")
    return Question(
        sweep=body.sweep, release=body.release, number=body.number, items=body.items, round=body.round, who=body.who,
        answer_within_ms=body.answer_within_ms, spread_ms=body.spread_ms, issued_at=body.issued_at, canary=body.canary,
        max_age_ms=body.max_age_ms, signature=signature,
    )  # fmt: skip


def encode_answer(answer: Answer, *, budget: int) -> bytes:
    """The bytes of an answer, cut to `budget` (see the module's text). Raises WireError if it breaks a rule."""
    if len(answer.hashes) not in (0, len(answer.failing) + len(answer.erring)):
        raise WireError(f"{len(answer.hashes)} hashes for {len(answer.failing) + len(answer.erring)} items")
    skeleton = _AnswerBody(
        answer.sweep, SERVINGS.index(answer.state), answer.release, answer.number, answer.basis, answer.counts,
        TRUNCATED | INCOMPLETE, answer.took_ms, answer.age_ms, answer.clock, answer.vitals, b"", b"", b"", b"", {},
    )  # fmt: skip
    room = budget - len(framed(answer.signature, skeleton)) - LONGER_HEADERS_BYTES
    if room < 0:
        raise WireError(f"a budget of {budget} bytes cannot hold an answer's fixed fields")
    details = fit(answer.failing, answer.erring, answer.waived, answer.hashes, answer.clear, room)
    flags = TRUNCATED * (answer.truncated or details.cut) + INCOMPLETE * answer.incomplete
    body = msgspec.structs.replace(
        skeleton, flags=flags,
        failing=details.failing, erring=details.erring, waived=details.waived, hashes=details.hashes,
        clear=details.clear,
    )  # fmt: skip
    raw = framed(answer.signature, body)
    if len(raw) > budget:
        raise WireError(f"the answer has {len(raw)} bytes of {budget}")
    decode_answer(raw)  # as above
    return raw


def decode_answer(raw: bytes) -> Answer:
    """The answer in `raw`. Raises WireError, and nothing else, for whatever is not one."""
    signature, encoded = opened(raw, limits.answer_wire_bytes_max)
    body = typed(_decode_answer, encoded, "answer")
    failing = unpack_numbers(body.failing) if body.failing else ()
    erring = unpack_numbers(body.erring) if body.erring else ()
    waived = unpack_numbers(body.waived) if body.waived else ()
    truncated = body.flags & TRUNCATED != 0
    _check_lists(body, failing, erring, waived, truncated=truncated)
    clear = {number: heard_text(text)[0] for number, text in body.clear.items()} if body.clear else {}
    return Answer(
        sweep=body.sweep, state=SERVINGS[body.state], release=body.release, number=body.number, basis=body.basis,
        counts=body.counts,
        failing=failing, erring=erring, waived=waived, hashes=hashes_of(failing + erring, body.hashes, clear),
        clear=clear,
        took_ms=body.took_ms, age_ms=body.age_ms, clock=body.clock, vitals=body.vitals, truncated=truncated,
        incomplete=body.flags & INCOMPLETE != 0, signature=signature,
    )  # fmt: skip


def _check_lists(
    body: _AnswerBody, failing: tuple[int, ...], erring: tuple[int, ...], waived: tuple[int, ...], *, truncated: bool
) -> None:
    """What the lists of an answer must hold together; raises WireError."""
    counts = body.counts
    if (len(failing), len(erring), len(waived)) != (counts.fail, counts.error, counts.waived):
        lists = (("failing", failing, counts.fail), ("erring", erring, counts.error), ("waived", waived, counts.waived))
        for word, numbers, count in lists:
            if len(numbers) > count or (len(numbers) < count and not truncated):
                raise WireError(f"answer: {len(numbers)} {word} items listed, {count} counted")
    everything = len(failing) + len(erring) + len(waived)
    if not (everything or body.hashes or body.clear):
        return  # most of a fleet
    wrong = {*failing, *erring}
    if len(wrong.union(waived)) < everything:
        raise WireError("answer: an item has two outcomes")
    if everything > limits.numbers_listed_max:
        raise WireError(f"answer: more than {limits.numbers_listed_max} item numbers")
    if not body.clear.keys() <= wrong:
        raise WireError("answer: a value in clear belongs to an item that neither fails nor errs")
    hashes, rest = divmod(len(body.hashes), limits.observed_hash_bytes)
    if rest or hashes > len(wrong) - len(body.clear):
        raise WireError(f"answer: {len(body.hashes)} bytes of hashes for {len(wrong) - len(body.clear)} items")
