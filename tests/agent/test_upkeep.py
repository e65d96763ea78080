"""When a node asks its center for news: now and again, when something is announced, when it becomes another node."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from config_center.resolve import Baseline
from inspector_agent import limits, upkeep
from inspector_agent.config import AgentConfig
from inspector_agent.log import Log
from inspector_agent.upkeep import Node, Upkeep

NODE = Node("n001", {"zone": "a"})
POLL_S = 1000.0
SOON_S = 5.0


class Asked:
    """Stands for the releases of a node: notes when it is asked, and for which traits."""

    times: list[float]
    traits: list[dict[str, str]]
    takes_s: float
    last_error = ""

    def __init__(self, *_: object, name: str, traits: Mapping[str, str], trusted_keys: tuple[str, ...]) -> None:
        self.traits.append({"node": name, **traits})
        assert trusted_keys == ("ed25519:of-agent.yml",)  # whatever the node becomes

    async def refresh(self) -> None:
        """Ask for news."""
        self.times.append(trio.current_time())
        await trio.sleep_until(trio.current_time() + self.takes_s)

    def current(self) -> Baseline | None:
        """Nothing."""
        return None


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> type[Asked]:
    """What was asked, and when."""
    Asked.times, Asked.traits, Asked.takes_s = [], [], 0.0
    monkeypatch.setattr(upkeep, "Releases", Asked)
    return Asked


class Facts:
    """The facts of the machine, and below which roots they were gathered, one entry a time."""

    def __init__(self) -> None:
        self.now = {"kernel": "6.1"}
        self.looks: list[str] = []

    def gather(self, root: str) -> dict[str, str]:
        """Look."""
        self.looks.append(root)
        return {**self.now}


@pytest.fixture
def facts(monkeypatch: pytest.MonkeyPatch) -> Facts:
    """Instead of the real ones."""
    made = Facts()
    monkeypatch.setattr(upkeep, "flat_facts", made.gather)
    return made


@pytest.fixture
async def polling(
    tmp_path: Path,
    asked: type[Asked],
    facts: Facts,
    nursery: trio.Nursery,
    autojump_clock: MockClock,
) -> Upkeep:
    """The upkeep of a node that Serf has named: it has just asked for the first time, and will again."""
    config = AgentConfig("127.0.0.1:1", None, (), tmp_path, "/srv/root", "", POLL_S, ("ed25519:of-agent.yml",))
    made = Upkeep(config, lambda _event: None, Log(lambda: 0.0, lambda _line: None))
    made.become(NODE)
    nursery.start_soon(made.poll, lambda: None)
    await wait_all_tasks_blocked()
    assert asked.times == [trio.current_time()]
    return made


async def until(offset_s: float) -> list[float]:
    """Let time go by; when the center was asked, in seconds from the first time."""
    await trio.sleep_until(Asked.times[0] + offset_s)
    await wait_all_tasks_blocked()
    return [moment - Asked.times[0] for moment in Asked.times]


async def test_it_asks_now_and_again_with_jitter(polling: Upkeep, autojump_clock: MockClock) -> None:
    """For ever."""
    times = await until(20 * POLL_S)
    pauses = [after - before for before, after in pairwise(times)]
    assert all(POLL_S * (1 - limits.poll_jitter) <= pause <= POLL_S * (1 + limits.poll_jitter) for pause in pauses)
    assert len(pauses) >= 14
    assert len(set(pauses)) > 1


async def test_an_announcement_makes_it_ask_within_the_spread(polling: Upkeep, autojump_clock: MockClock) -> None:
    """At a moment of its own."""
    await until(100)
    polling.hurry(SOON_S)
    times = await until(100 + SOON_S)
    assert len(times) == 2
    assert 100 <= times[1] <= 100 + SOON_S
    assert len(await until(100 + POLL_S / 2)) == 2


async def test_the_moments_of_a_fleet_differ(polling: Upkeep, autojump_clock: MockClock) -> None:
    """Ten thousand agents that hear one event do not come at once."""
    delays = set()
    for start in range(100, 1100, 50):
        await until(start)
        polling.hurry(SOON_S)
        delays.add((await until(start + SOON_S))[-1] - start)
    assert len(delays) > 10


async def test_whoever_announces_again_and_again_gains_nothing(polling: Upkeep, autojump_clock: MockClock) -> None:
    """One look each `hurry_pause_s_min` at most; none that is announced is lost."""
    for tenth in range(1000, 1300):
        await until(tenth / 10)
        polling.hurry(0.0)
    hurried = (await until(150))[1:]
    assert all(b - a >= limits.hurry_pause_s_min for a, b in pairwise(hurried))
    assert 3 <= len(hurried) <= 5
    assert hurried[-1] >= 129.9  # the last announcement's


async def test_an_announcement_during_a_look_is_not_lost(
    polling: Upkeep, asked: type[Asked], autojump_clock: MockClock
) -> None:
    """What is being asked for may be older than what is announced."""
    asked.takes_s = 30.0
    await until(100)
    polling.hurry(0.0)
    await until(110 + limits.hurry_pause_s_min)
    polling.hurry(0.0)
    assert len(await until(130 + limits.hurry_pause_s_min)) == 3


async def test_a_node_with_other_tags_asks_at_once(
    polling: Upkeep, asked: type[Asked], autojump_clock: MockClock
) -> None:
    """Its layers may be others."""
    await until(100)
    polling.become(Node("n001", {"zone": "b", "fact.kernel": "9"}))
    assert (await until(101))[1:] == [100]
    assert asked.traits == [
        {"node": "n001", "zone": "a", "fact.kernel": "6.1"},
        {"node": "n001", "zone": "b", "fact.kernel": "6.1"},
    ]


async def test_a_change_of_facts_makes_another_node(
    polling: Upkeep, asked: type[Asked], facts: Facts, autojump_clock: MockClock
) -> None:
    """They are gathered now and again, at the looks for news, and seldom."""
    for start in range(100, 1000, 20):
        await until(start)
        polling.hurry(0.0)
    assert 2 <= len(facts.looks) <= 1 + 1000 / limits.facts_age_s_max
    assert set(facts.looks) == {"/srv/root"}
    assert len(asked.traits) == 1
    facts.now["kernel"] = "6.12"
    await until(1000 + limits.facts_age_s_max)
    polling.hurry(0.0)
    await until(1020 + limits.facts_age_s_max)
    assert asked.traits[1:] == [{"node": "n001", "zone": "a", "fact.kernel": "6.12"}]
    assert polling.facts == {"kernel": "6.12"}
