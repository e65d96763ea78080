"""The resident side of telling: one child after a change, one a day, and one line for what an operator must know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import trio
from trio.testing import MockClock

from inspector_agent import limits, teller
from inspector_agent.config import AgentConfig
from inspector_agent.log import Log
from inspector_agent.teller import Teller
from inspector_agent.telling import TellJob, TellOutcome, Told, mark_of

FACTS = {"os": "debian"}


class Bench:
    """A teller whose children are played: `answers` are given in order, the last one for ever."""

    def __init__(
        self, directory: Path, *answers: TellOutcome | bytes, centers: tuple[str, ...] = ("http://c",)
    ) -> None:
        self.jobs: list[TellJob] = []
        self.lines: list[str] = []
        self._answers = list(answers)
        config = AgentConfig("127.0.0.1:1", None, centers, directory, "/", "", 60.0)
        self.teller = Teller(config, self.clock, Log(self.clock, lambda line: self.lines.append(line.decode())))

    def clock(self) -> float:
        """Unix time."""
        return 1e9 + trio.current_time()

    async def child(self, _command: object, job: bytes, _seconds: float) -> bytes:
        """In the place of the child process."""
        await trio.lowlevel.checkpoint()
        self.jobs.append(msgspec.json.decode(job, type=TellJob))
        answer = self._answers[0] if len(self._answers) == 1 else self._answers.pop(0)
        return answer if isinstance(answer, bytes) else msgspec.json.encode(answer) + b"\n"


Make = Callable[..., Bench]


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nursery: trio.Nursery) -> Make:
    """Makes a teller that runs."""

    def make(*answers: TellOutcome | bytes, **options: object) -> Bench:
        made = Bench(tmp_path, *answers, **options)  # type: ignore[arg-type]
        monkeypatch.setattr(teller, "run_child", made.child)
        nursery.start_soon(made.teller.keep_telling)
        return made

    return make


async def days(count: float) -> None:
    """Let that much time pass."""
    with trio.move_on_after(count * limits.tell_again_s):
        await trio.sleep_forever()


async def test_a_change_is_told_once_and_a_day_later_again(autojump_clock: MockClock, bench: Make) -> None:
    """Being told the same again and again costs nothing."""
    made = bench(TellOutcome(taken=True))
    for _ in range(50):
        made.teller.know("n001", {"zone": "a"}, FACTS)
        await days(0.01)
    assert len(made.jobs) == 1
    assert (made.jobs[0].name, made.jobs[0].tags, made.jobs[0].facts) == ("n001", {"zone": "a"}, FACTS)
    made.teller.know("n001", {"zone": "a"}, {**FACTS, "kernel": "6.1"})
    await days(0.01)
    assert [job.facts for job in made.jobs] == [FACTS, {**FACTS, "kernel": "6.1"}]
    await days(3)
    assert 5 <= len(made.jobs) <= 6
    assert made.lines == []


async def test_a_refusal_is_said_once_with_what_to_do(autojump_clock: MockClock, bench: Make) -> None:
    """Somebody has to decide; the log is not filled until then, and its end is said, too."""
    refused = TellOutcome(refused=True, problem="http://c/nodes/n001: the center answers 409 another key")
    made = bench(refused, refused, refused, TellOutcome(taken=True))
    made.teller.know("n001", {}, FACTS)
    await days(0.5)
    assert len(made.jobs) == 4
    first, last = made.lines
    assert first.split()[1] == "facts-refused"
    assert "config-center nodes --forget n001" in first
    assert last.split()[1] == "facts-told"


@pytest.mark.parametrize("said", [b"", b"Traceback\nMemoryError", b"[]", b"cannot start python: out of memory"])
async def test_a_child_that_fails_is_tried_again_ever_more_seldom(
    autojump_clock: MockClock, bench: Make, said: bytes
) -> None:
    """Said once."""
    made = bench(said)
    made.teller.know("n001", {}, FACTS)
    await days(2)
    assert 10 <= len(made.jobs) <= 30
    (line,) = made.lines
    assert "facts-untold" in line


async def test_without_a_center_nothing_is_started(autojump_clock: MockClock, bench: Make) -> None:
    """A node that gets its releases by other means."""
    made = bench(TellOutcome(taken=True), centers=())
    made.teller.know("n001", {}, FACTS)
    await days(3)
    assert made.jobs == []


async def test_a_restarted_agent_does_not_tell_again(autojump_clock: MockClock, bench: Make, tmp_path: Path) -> None:
    """Ten thousand agents that are updated have nothing new to tell."""
    told = Told(mark_of("n001", {}, FACTS, ("http://c",)), 1e9)
    (tmp_path / "told.json").write_bytes(msgspec.json.encode(told))
    made = bench(TellOutcome(taken=True))
    made.teller.know("n001", {}, FACTS)
    await days(0.7)
    assert made.jobs == []
    await days(0.4)
    assert len(made.jobs) == 1


async def test_what_is_kept_of_it_is_not_believed_to_be_well_formed(
    autojump_clock: MockClock, bench: Make, tmp_path: Path
) -> None:
    """A damaged file costs one record."""
    (tmp_path / "told.json").write_bytes(b"x" * 100_000)
    made = bench(TellOutcome(taken=True))
    made.teller.know("n001", {}, FACTS)
    await days(0.1)
    assert len(made.jobs) == 1
