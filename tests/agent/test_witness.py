"""Witnesses on a real ring: dead, frozen and unreachable neighbours are told apart, and a flood costs little."""

from __future__ import annotations

import base64
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from inspector_agent.config import AgentConfig
from inspector_agent.ring import connect
from inspector_agent.who import answer_slot_ms
from inspector_agent.witness import limits
from inspector_agent.witness.encoding import decode_answer, encode_question
from inspector_agent.witness.messages import QUERY_NAME, Picture, Reach
from inspector_agent.witness.service import figures_of
from inspector_agent.witness.session import UNKNOWN
from inspector_agent.witness.settings import WitnessSettings
from tests.support.agents import agents, config_for, with_config
from tests.support.serf import SerfNode, serf_ring, until
from tests.support.waiting import soon
from tests.support.witness import ask_witnesses, witness_question

SSH_PORT = 2222
CONNECTION = "memberlist: Stream connection from="
WITNESSES = ("n001", "n002")


@contextmanager
def sshd(*nodes: SerfNode) -> Iterator[None]:
    """Something that listens where these nodes' sshd would."""
    listeners = [socket.create_server((node.address, SSH_PORT)) for node in nodes]
    try:
        yield
    finally:
        for listener in listeners:
            listener.close()


def config_of(node: SerfNode, directory: Path, **witness: object) -> AgentConfig:
    """An agent without a center, which does not ping: what loopback answers says nothing of a node."""
    settings = WitnessSettings(**{"ssh_port": SSH_PORT, "ping": False, **witness})  # type: ignore[arg-type]
    return with_config(config_for(node, directory), witness=settings)


async def statuses(node: SerfNode) -> dict[str, str]:
    """How this node's Serf sees the ring."""
    async with connect(node.rpc) as client:
        return {member.name: member.status for member in await client.members()}


async def test_dead_frozen_and_half_open_neighbours_are_told_apart(tmp_path: Path) -> None:
    """n003 is well, n004 was killed, n005 is frozen, n006 has no sshd; both witnesses say so, each in its own words."""
    async with serf_ring(6) as ring, agents(*[config_of(node, tmp_path) for node in ring.nodes[:2]]) as running:
        for agent in running:
            await agent.says("attached")
        with sshd(*ring.nodes[:5]):
            await ring[3].kill()
            ring[4].stop()
            for node in ring.nodes[:2]:

                async def both_failed(node: SerfNode = node) -> bool:
                    seen = await statuses(node)
                    return seen["n004"] == seen["n005"] == "failed"

                await until(both_failed, what=f"{node.name} sees two nodes failed")
            targets = ("n003", "n004", "n005", "n006", "stranger", "n001")
            answers = await ask_witnesses(ring[0], witness_question(1, *targets), WITNESSES)
    assert sorted(answers) == list(WITNESSES)
    for name, answer in answers.items():
        well, killed, frozen, half, stranger, first = answer.sights
        assert well and killed and frozen and half and stranger and first  # noqa: PT018
        assert (well.status, well.gossip, well.ssh) == ("alive", Reach.OK, Reach.OK)
        assert (killed.status, killed.gossip, killed.ssh) == ("failed", Reach.REFUSED, Reach.OK)
        assert (frozen.status, frozen.gossip, frozen.ssh) == ("failed", Reach.OK, Reach.OK)
        assert (half.status, half.gossip, half.ssh) == ("alive", Reach.OK, Reach.REFUSED)
        assert (stranger.status, stranger.gossip, stranger.reached) == ("", Reach.SKIPPED, False)
        assert (first.gossip is Reach.SKIPPED) == (name == "n001")
        assert answer.picture == Picture(alive=4, failed=2)
        assert answer.health < limits.health_max
        assert answer.heard == ((1).to_bytes(4, "big"),)


async def test_a_roll_call_is_answered_by_all_who_have_an_agent(tmp_path: Path) -> None:
    """Without targets: how the node sees the ring, and which questions reached it; through whichever entry."""
    async with serf_ring(4) as ring, agents(*[config_of(node, tmp_path) for node in ring.nodes[:3]]) as running:
        for agent in running:
            await agent.says("attached")
        names = [node.name for node in ring.nodes[:3]]
        await ask_witnesses(ring[3], witness_question(1, origin=0), names)
        second = await ask_witnesses(ring[2], witness_question(2, origin=1, spread_ms=500), names)
    assert sorted(second) == names
    for answer in second.values():
        assert (answer.sights, answer.picture) == ((), Picture(4, 0))
        assert [int.from_bytes(id_, "big") for id_ in answer.heard] == [2, 1]


@pytest.mark.parametrize("encrypt", [None, base64.b64encode(bytes(32)).decode()])
async def test_a_neighbours_serf_takes_a_look_without_a_complaint(tmp_path: Path, encrypt: str | None) -> None:
    """It notes a connection for who debugs it, and no trouble; what is not wanted is not tried."""
    async with serf_ring(2, encrypt=encrypt) as ring, agents(config_of(ring[0], tmp_path, ssh_port=0)) as (agent,):
        await agent.says("attached")
        before = ring[1].log().count(CONNECTION)
        sight = (await ask_witnesses(ring[0], witness_question(1, "n002"), ["n001"]))["n001"].sights[0]
        await soon(lambda: ring[1].log().count(CONNECTION) > before, what="the connection is seen")
        log = ring[1].log()
    assert sight
    assert (sight.gossip, sight.ssh, sight.ping) == (Reach.OK, Reach.SKIPPED, Reach.SKIPPED)
    assert "[ERR]" not in log
    assert "[WARN]" not in log.partition(CONNECTION)[2]


async def test_a_flood_of_questions_costs_few_looks(tmp_path: Path) -> None:
    """Anybody in the ring can ask as fast as he likes: each agent looks four times a second, and answers go on."""
    async with serf_ring(3) as ring, agents(config_of(ring[0], tmp_path)) as (agent,), connect(ring[1].rpc) as client:
        await agent.says("attached")
        began = trio.current_time()
        for number in range(1, 201):
            target = f"n00{1 + number % 3}" if number % 2 else f"stranger-{number}"
            raw = encode_question(witness_question(number, target, answer_within_ms=1000), budget=900)
            async with client.query(QUERY_NAME, raw, timeout_s=1.0, filter_nodes=["n001"]):
                continue
        await soon(lambda: agent.counted["witness-flood"] > 0, what="questions are dropped")

        async def answered() -> bool:
            found = await ask_witnesses(ring[1], witness_question(99_999, "n002", "n003"), ["n001"])
            return all(found["n001"].sights)

        await until(answered, what="an ordinary question is answered with what was seen")
        counted, took_s = Counter(agent.counted), trio.current_time() - began
    assert counted["witness-looked-at"] <= 2 * (took_s + 1)  # each of two neighbours once a second
    assert counted["witness-busy"] > 0
    assert len(agent.logged("witness-flood")) == len(agent.logged("witness-busy")) == 1
    assert counted["witness-answered"] <= limits.questions_burst_max + limits.questions_per_s_max * took_s


async def test_garbage_and_a_restart_of_serf_change_nothing(tmp_path: Path) -> None:
    """It is counted, said once; a new connection makes a witness anew."""
    async with serf_ring(2) as ring, agents(config_of(ring[0], tmp_path)) as (agent,):
        await agent.says("attached")
        async with connect(ring[1].rpc) as client:
            for size in range(0, 600, 40):
                async with client.query(QUERY_NAME, b"x" * size, timeout_s=1.0):
                    continue
            await soon(lambda: agent.counted["witness-malformed"] >= 8, what="the litter is heard")
            late = next(n for n in range(99) if answer_slot_ms(n.to_bytes(4, "big"), "n001", 60_000) > 50_000)
            waiting = encode_question(witness_question(late, answer_within_ms=60_000, spread_ms=60_000))
            async with client.query(QUERY_NAME, waiting, timeout_s=60.0, filter_nodes=["n001"]):
                counted = agent.counted
                await soon(lambda: counted["witness-heard"] > counted["witness-malformed"], what="one waits its turn")
        await ring[0].restart([ring[1].bind])
        await agent.says("attached", times=2)
        assert agent.counted["witness-lost"] == 1
        await ring.whole()
        answers = await ask_witnesses(ring[1], witness_question(1, "n002"), ["n001"])
    assert answers["n001"].sights[0]
    assert len(agent.logged("witness-malformed")) == 1
    assert agent.heard == 0  # no question of an inspection


async def test_a_site_with_a_witness_of_its_own_uses_a_prefix(tmp_path: Path) -> None:
    """The prefix of the inspection's questions holds for these too."""
    async with serf_ring(1) as ring:
        config = with_config(config_of(ring[0], tmp_path), query_prefix="ours-")
        raw = encode_question(witness_question(1))
        async with agents(config) as (agent,), connect(ring[0].rpc) as client:
            await agent.says("attached")
            async with client.query(QUERY_NAME, raw, timeout_s=1.0) as records:
                assert [record async for record in records] == []
            async with client.query(f"ours-{QUERY_NAME}", raw, timeout_s=30.0) as records:
                answer = decode_answer((await anext(records)).payload)  # type: ignore[union-attr]
    assert answer.picture == Picture(1, 0)


def test_figures_that_serf_does_not_give_are_unknown() -> None:
    """Its figures are texts; whatever stands there, a witness does not fall over it."""
    whole = {"members": "10", "failed": "2", "left": "3", "health_score": "1"}
    assert figures_of({"serf": whole}).picture == Picture(alive=5, failed=2)
    assert figures_of({"serf": {**whole, "health_score": "77"}}).health == limits.health_max
    assert figures_of({"serf": {**whole, "failed": "many"}}) == UNKNOWN
    assert figures_of({}) == UNKNOWN
