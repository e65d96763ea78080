"""Waiting for a ring is done by asking it, and by helping where gossip alone would take half a minute."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from inspector_lab import ready
from inspector_lab.center import Published
from inspector_lab.layout import Layout
from inspector_lab.plan import Node, Plan, Wish
from inspector_lab.ready import Waiting, every_agent_answers, few, introduce, members_seen, without_repeats
from tests.support.serf import serf_ring, until

KEY = "practice"


async def test_nodes_that_missed_each_other_are_introduced_at_once() -> None:
    """Two agents that know nothing of each other are one ring right after, not with Serf's next push/pull."""
    async with serf_ring(1, rpc_auth=KEY, names=["a"]) as one, serf_ring(1, rpc_auth=KEY, names=["b"]) as two:
        nodes = [Node(serf.name, serf.address, zone="a", rack="a1", role="web") for serf in (one[0], two[0])]
        plan = Plan(wish=Wish(nodes=2), octet=1, nodes=tuple(nodes))
        assert [await members_seen(node, KEY) for node in nodes] == [1, 1]
        await introduce(nodes, plan, KEY)

        async def both_see_both() -> bool:
            return [await members_seen(node, KEY) for node in nodes] == [2, 2]

        await until(both_see_both, within_s=20.0, what="both see both")


async def test_an_agent_that_does_not_listen_sees_nobody() -> None:
    """A node that is still starting is no error: it is asked again."""
    nowhere = Node("n001", "127.63.255.253", zone="a", rack="a1", role="web")
    assert await members_seen(nowhere, KEY) == 0
    await introduce([nowhere], Plan(wish=Wish(nodes=1), octet=63, nodes=(nowhere,)), KEY)


async def test_agents_that_are_slow_are_given_more_time_each_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a second each time, a busy machine would begin to fetch the release again and again, and never have it."""
    given: list[float] = []

    async def slow(_entry: Node, _key: str, _release: Published, names: set[str], within_s: float) -> set[str]:
        await trio.lowlevel.checkpoint()
        given.append(within_s)
        return names if len(given) == 12 else set()

    monkeypatch.setattr(ready, "who_answers", slow)
    layout = Layout(tmp_path)
    layout.rpc_key.parent.mkdir(exist_ok=True)
    layout.rpc_key.write_text(KEY)
    nodes = [Node("n001", "127.63.255.253", zone="a", rack="a1", role="web")]
    await every_agent_answers(nodes, layout, Published(number=1, digest="00" * 32, items=1, layers=1), Waiting(), print)
    assert given[0] == ready.ASK_S
    assert sorted(given) == given
    assert given[-1] == ready.ASK_S_MAX


def test_only_as_many_names_as_fit_are_filtered() -> None:
    """Beyond that everybody is asked: a question of more than 1,024 bytes would not travel at all."""
    names = {f"n{number:03d}" for number in range(1, 102)}
    assert few(names) == []
    assert few(names - {"n101"}) == sorted(names - {"n101"})


def test_the_same_progress_is_told_once() -> None:
    """A person watching sees news only."""
    told: list[str] = []
    say = without_repeats(told.append)
    for line in ("1 of 2", "1 of 2", "2 of 2", "1 of 2"):
        say(line)
    assert told == ["1 of 2", "2 of 2", "1 of 2"]
