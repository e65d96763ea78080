"""A real Serf entry that finds hollow members failed, left and back by itself, and is asked about them by witnesses."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from inspector_agent.ring import Answer, connect
from inspector_agent.witness.encoding import decode_answer, encode_question
from inspector_agent.witness.messages import QUERY_NAME, Reach, WitnessAnswer, WitnessQuestion
from inspector_coord.config import load
from inspector_lab.down import leave_nothing
from tests.support.lab import Lab
from tests.support.waiting import wait_until

MEMBERS = 200


@pytest.fixture(scope="module")
def churned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A ring a quarter of which goes in a minute; `local` timing, for which Serf waits a few seconds only."""
    lab = Lab(tmp_path_factory.mktemp("hollow") / "churned")
    try:
        lab.run("hollow", "--members", str(MEMBERS), "--profile", "local", "--churn", "25", "--seed", "5")
        yield lab
    finally:
        leave_nothing(lab.layout)


def truth(lab: Lab) -> dict[str, Any]:
    """Who is there and who is not."""
    found: dict[str, Any] = json.loads(lab.layout.hollow.read_bytes())["truth"]
    return found


def listed(lab: Lab) -> dict[str, str]:
    """What the entry's Serf says: name to status."""

    async def read() -> dict[str, str]:
        ring = load(lab.layout.coordinator).rings["main"]
        async with connect(ring.entries[0], auth_key=ring.auth_key()) as client:
            return {member.name: member.status for member in await client.members()}

    return trio.run(read)


def is_true(lab: Lab) -> bool:
    """Whether the entry's list says what is so."""
    known = truth(lab)
    true = dict.fromkeys(known["failed"], "failed") | dict.fromkeys(known["left"], "left")
    return all(status == true.get(name, "alive") for name, status in listed(lab).items())


def witnessed(lab: Lab, question: WitnessQuestion, names: tuple[str, ...] = ()) -> dict[str, WitnessAnswer]:
    """Ask witnesses; what they say."""

    async def ask() -> dict[str, WitnessAnswer]:
        ring = load(lab.layout.coordinator).rings["main"]
        answers: dict[str, WitnessAnswer] = {}
        async with (
            connect(ring.entries[0], auth_key=ring.auth_key()) as client,
            client.query(QUERY_NAME, encode_question(question), timeout_s=4.0, filter_nodes=names) as records,
        ):
            async for record in records:
                if isinstance(record, Answer):
                    answers[record.name] = decode_answer(record.payload)
        return answers

    return trio.run(ask)


def question(*targets: str, spread_ms: int = 0) -> WitnessQuestion:
    """For the present."""
    return WitnessQuestion(
        id=b"\1\2\3\4", origin=0, issued_at=int(time.time()), answer_within_ms=2_000, spread_ms=spread_ms,
        targets=targets,
    )  # fmt: skip


def test_serf_finds_out_what_is_true(churned: Lab) -> None:
    """Members have failed, left and come back; when that ends, the entry's list soon says who is gone and how."""
    wait_until(
        lambda: min(truth(churned)[word] for word in ("to_failed", "to_left", "to_alive")) >= 5, "all have happened"
    )
    churned.run("churn", "0")
    wait_until(lambda: truth(churned)["churn_percent"] == 0, "the members know")
    wait_until(lambda: is_true(churned), "the entry's list says what is so")
    known = truth(churned)
    assert known["failed"]
    assert known["left"]
    assert known["alive"] == MEMBERS - 1 - len(known["failed"]) - len(known["left"])
    figures = churned.status()["hollow"]["counted"]
    assert figures["suspicions"] >= known["to_failed"]
    assert figures["to_absent"] > 0
    assert figures.get("left_bright", 0) == 0
    assert "malformed" not in figures


def test_witnesses_tell_what_is_true(churned: Lab) -> None:
    """Everybody who is there answers a roll call; looks at the failed find nothing, those at others do."""
    churned.run("churn", "0")
    wait_until(lambda: is_true(churned), "the entry's list says what is so")
    known = truth(churned)
    gone = {*known["failed"], *known["left"]}
    wait_until(lambda: len(witnessed(churned, question(spread_ms=500))) == MEMBERS - len(gone), "all answer")
    here = sorted(name for name in listed(churned) if name not in gone)
    targets = (known["failed"][0], known["left"][0], here[-1])
    said: dict[str, WitnessAnswer] = {}

    def all_three() -> bool:
        said.update(witnessed(churned, question(*targets), tuple(here[:3])))
        # A real witness gives a member less than a second, and the process of all members may have to wait for a core.
        return len(said) == 3 and all(reached(answer, 2) for answer in said.values())

    wait_until(all_three, "the entry's own agent, and two hollow ones, reach who is there")
    for answer in said.values():
        failed, left, alive = answer.sights
        assert failed is not None
        assert left is not None
        assert alive is not None
        assert (failed.status, failed.gossip) == ("failed", Reach.TIMEOUT)
        assert (left.status, left.gossip) == ("left", Reach.SKIPPED)
        assert (alive.status, alive.gossip) == ("alive", Reach.OK)
        assert answer.picture.failed == len(known["failed"])
        assert answer.picture.alive == MEMBERS - len(gone)


def reached(answer: WitnessAnswer, target: int) -> bool:
    """Whether that target answered to gossip."""
    sight = answer.sights[target]
    return sight is not None and sight.gossip is Reach.OK


def test_who_is_gone_comes_back(churned: Lab) -> None:
    """Churn goes on where it ended: who was failed, or had left, is alive again in Serf's list."""
    churned.run("churn", "0")
    wait_until(lambda: is_true(churned), "the entry's list says what is so")
    known = truth(churned)
    churned.run("churn", "1")

    def back() -> bool:
        alive = {name for name, status in listed(churned).items() if status == "alive"}
        return all(alive & set(known[word]) for word in ("failed", "left"))

    wait_until(back, "some of either kind are alive again")


def test_churn_needs_a_hollow_ring(churned: Lab, tmp_path: Path) -> None:
    """One sentence, and the exit code of what is not running, or of a wrong word."""
    done = Lab(tmp_path / "none").run("churn", "1", check=False)
    assert done.returncode == 1
    assert "no lab" in done.stderr
    done = churned.run("churn", "101", check=False)
    assert done.returncode == 2
    assert "churn in % a minute must be 0 to 100, not 101" in done.stderr
