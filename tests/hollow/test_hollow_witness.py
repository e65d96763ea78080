"""Hollow members as witnesses: roll calls, and looks at others."""

from __future__ import annotations

import pytest

from config_center.release import Release
from inspector_agent.witness.encoding import decode_answer, encode_question
from inspector_agent.witness.messages import QUERY_NAME, Picture, Reach, Sight, WitnessAnswer, WitnessQuestion
from inspector_lab.hollow.fleet import FAILED, LEFT, Life
from tests.support.hollow import Stage

SKIPPED = Reach.SKIPPED


def asked(stage: Stage, number: int, at: float, *targets: str, spread_ms: int = 0, **fields: object) -> None:
    """A question to witnesses leaves the entry."""
    question = WitnessQuestion(
        id=number.to_bytes(4, "big"), origin=0, issued_at=1_700_000_000, answer_within_ms=1_200 + spread_ms,
        spread_ms=spread_ms, targets=targets,
    )  # fmt: skip
    stage.hear(stage.query(encode_question(question), name=QUERY_NAME, **fields), at)


def answers(stage: Stage, until: float) -> dict[str, WitnessAnswer]:
    """What the witnesses have said by then."""
    return {one.name: decode_answer(one.payload) for one in stage.until(until)}


def test_all_that_are_there_answer_a_roll_call(release: Release) -> None:
    """In their slots, with the picture that the ring has, and the questions that they have heard."""
    stage = Stage(release, 200)
    stage.standing.becomes(stage.members[7], Life.FAILED)
    asked(stage, 1, 0.0, spread_ms=10_000)
    early = answers(stage, 5.1)
    assert 60 < len(early) < 140
    one = next(iter(early.values()))
    assert (one.id, one.sights, one.picture, one.health) == (b"\0\0\0\1", (), Picture(200, 0), 0)
    stage.standing.lists(stage.members[7], FAILED)
    late = answers(stage, 10.3)
    assert {answer.picture for answer in late.values()} == {Picture(199, 1)}, "as the ring is now"
    assert sorted([*early, *late]) == sorted({member.name for member in stage.members[1:]} - {"n008"})
    asked(stage, 2, 20.0)
    assert answers(stage, 20.04) == {}, "a witness measures how late its timers are first"
    said = answers(stage, 21.0)
    assert {(answer.heard, answer.picture) for answer in said.values()} == {
        ((b"\0\0\0\2", b"\0\0\0\1"), Picture(199, 1))
    }


def test_witnesses_see_what_is_true(release: Release) -> None:
    """Those that are gone answer nothing, and it takes time; nobody looks at itself, or at who has left."""
    stage = Stage(release)
    stage.standing.becomes(stage.members[2], Life.FAILED)
    stage.standing.becomes(stage.members[3], Life.LEFT)
    stage.standing.lists(stage.members[3], LEFT)
    targets = ("n001", "n003", "n004", "n005", "nobody")
    asked(stage, 3, 0.0, *targets, names=frozenset({"n003", "n005", "n006"}), ack=True)
    early = stage.until(0.65)
    assert sorted(one.name for one in early) == ["n005", "n006"]
    assert all(one.is_ack for one in early)
    said = answers(stage, 0.9)
    assert set(said) == {"n005", "n006"}
    up, gone = (
        Sight("alive", Reach.OK, Reach.OK, SKIPPED, 1),
        Sight("alive", Reach.TIMEOUT, Reach.TIMEOUT, SKIPPED),
    )
    left, unknown = (Sight(word, SKIPPED, SKIPPED, SKIPPED) for word in ("left", ""))
    assert said["n006"].sights == (up, gone, left, up, unknown)
    assert said["n005"].sights == (up, gone, left, Sight("alive", SKIPPED, SKIPPED, SKIPPED), unknown)
    asked(stage, 4, 5.0, "n002", names=frozenset({"n006"}))
    assert answers(stage, 5.2)["n006"].heard == (b"\0\0\0\4", b"\0\0\0\3"), "at once, as nobody is gone"
    asked(stage, 5, 6.0, "n002", names=frozenset({"n007"}))
    assert answers(stage, 6.2)["n007"].heard == (b"\0\0\0\5",)


@pytest.mark.parametrize("payload", [b"", b"\1\0\x90", b"x" * 2_000])
def test_no_question(release: Release, payload: bytes) -> None:
    """Nobody answers, and it is counted."""
    stage = Stage(release)
    stage.hear(stage.query(payload, name=QUERY_NAME))
    assert stage.until(5.0) == []
    assert stage.counted["malformed"] == 1


def test_a_witness_tells_of_eight_questions(release: Release) -> None:
    """The newest first."""
    stage = Stage(release)
    for number in range(1, 12):
        asked(stage, number, float(number))
        last = answers(stage, number + 0.9)
    assert last["n009"].heard == tuple(number.to_bytes(4, "big") for number in range(11, 3, -1))
