"""The agent on a real ring: it answers, and whatever goes away under it, it answers again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from inspector_agent import limits
from inspector_agent.ring import connect
from inspector_agent.wire import QUERY_NAME, Counts, Serving, Slice
from tests.support.agents import (
    SWAPPINESS,
    Gate,
    agents,
    config_for,
    names,
    publish,
    question_for,
    sweep,
    with_config,
)
from tests.support.center import item, layer
from tests.support.serf import RPC_PORT, SerfRing, serf_ring
from tests.support.waiting import soon
from tests.support.web import Web

FAST = {"poll_s": 0.1}


@pytest.fixture
async def ring() -> AsyncIterator[SerfRing]:
    """Two nodes: the entry that is asked, and another one."""
    async with serf_ring(2, tags={"zone": "a"}) as nodes:
        yield nodes


async def test_each_node_answers_what_it_is(ring: SerfRing, center: Web, tmp_path: Path) -> None:
    """The whole path: gossip, release over HTTP, checks below the root, one packet back."""
    release = publish(center, tmp_path)
    good = config_for(ring[0], tmp_path, center.url)
    bad = config_for(ring[1], tmp_path, center.url, vm_swappiness=60)
    async with agents(good, bad) as running:
        for agent in running:
            await agent.says("release")
        answers = await sweep(ring[0], question_for(release), expect=2)
    number = release.items.index("sysctl:vm.swappiness")
    assert names(answers) == ["n001", "n002"]
    assert {answer.state for answer in answers.values()} == {Serving.VERDICT}
    assert answers["n001"].counts == Counts(2)
    assert (answers["n002"].counts, answers["n002"].clear) == (Counts(1, 1), {number: "60"})
    assert answers["n002"].vitals.disk is not None


async def test_tags_decide_what_a_node_should_be(ring: SerfRing, center: Web, tmp_path: Path) -> None:
    """The baseline is resolved for the tags that Serf has, and at once when somebody changes them."""
    zone_b = layer("20-b", {"sysctl:vm.swappiness": item(at_most=100)}, zone="b")
    release = publish(center, tmp_path, SWAPPINESS, zone_b)
    config = config_for(ring[0], tmp_path, center.url, vm_swappiness=60)  # it polls each minute: too late for this
    async with agents(config) as (agent,), connect(ring[0].rpc) as client:
        await agent.says("release")
        before = await sweep(ring[0], question_for(release, 1), expect=1)
        await client.tags({"zone": "b"})
        await agent.says("release", times=2)
        after = await sweep(ring[0], question_for(release, 2), expect=1)
    assert (before["n001"].counts.fail, after["n001"].counts.fail) == (1, 0)


async def test_a_release_that_the_question_names_is_fetched_for_it(ring: SerfRing, center: Web, tmp_path: Path) -> None:
    """A node that has never seen the new release answers for it within the question."""
    publish(center, tmp_path)
    async with agents(config_for(ring[0], tmp_path, center.url)) as (agent,):
        await agent.says("release")
        stricter = layer("20-more", {"sysctl:kernel.pid_max": item(at_least=1_000_000)})
        newer = publish(center, tmp_path, SWAPPINESS, stricter)
        answers = await sweep(ring[0], question_for(newer), expect=1)
    answer = answers["n001"]
    assert (answer.state, answer.number, answer.counts.fail) == (Serving.VERDICT, 2, 1)


async def test_with_the_center_down_the_last_good_release_answers(ring: SerfRing, center: Web, tmp_path: Path) -> None:
    """A restarted agent serves from its disk; for a release it cannot get it says which one it used."""
    release = publish(center, tmp_path)
    config = config_for(ring[0], tmp_path, center.url, vm_swappiness=60)
    async with agents(config) as (agent,):
        await agent.says("release")
    newer = publish(center, tmp_path, SWAPPINESS, layer("20", {"sysctl:kernel.pid_max": item(at_least=2)}))
    async with agents(with_config(config, config_center=("http://127.0.0.1:9",))) as (agent,):
        await agent.says("release")
        held = await sweep(ring[0], question_for(release, 1), expect=1)
        stale = await sweep(ring[0], question_for(newer, 2), expect=1)
    assert held["n001"].state is Serving.VERDICT
    assert (stale["n001"].state, stale["n001"].number, stale["n001"].counts.fail) == (Serving.RELEASE, 1, 1)


async def test_without_any_center_it_answers_so_and_serves_once_there_is_one(
    ring: SerfRing, center: Web, tmp_path: Path
) -> None:
    """A new node before the first publication."""
    elsewhere = publish(center, tmp_path)
    files, center.files = center.files, {}
    async with agents(config_for(ring[0], tmp_path, center.url)) as (agent,):
        await agent.says("release-problem")
        without = await sweep(ring[0], question_for(elsewhere, 1), expect=1)
        center.files = files
        served = await sweep(ring[0], question_for(elsewhere, 2), expect=1)
    assert (without["n001"].state, without["n001"].number) == (Serving.RELEASE, 0)
    assert served["n001"].state is Serving.VERDICT


async def test_serf_restarted_in_mid_sweep(ring: SerfRing, center: Web, tmp_path: Path) -> None:
    """The run goes on without Serf; the re-ask after the restart gets its verdict, and nothing ran twice."""
    gate = Gate(tmp_path)
    release = publish(center, tmp_path, SWAPPINESS, Gate.LAYER, checks={"gate": gate.program})
    question = question_for(release)
    async with agents(config_for(ring[1], tmp_path, center.url)) as (agent,):
        await agent.says("release")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: sweep(ring[0], question, expect=1))
            await gate.entered()
            await ring[1].restart([ring[0].bind])
            await agent.says("attached", times=2)
            lost = agent.counted["lost"]  # before Serf has gossiped it to the newcomer once more
            nursery.cancel_scope.cancel()
        await ring.whole()
        gate.open()
        answers = await sweep(ring[0], question, expect=1)
    assert answers["n002"].counts == Counts(3)
    assert gate.starts == 1
    assert lost == 1  # the first question: its id means nothing to the new connection
    assert len(agent.logged("serf-away")) >= 1


async def test_two_sweeps_at_once_share_one_run(ring: SerfRing, center: Web, tmp_path: Path) -> None:
    """Both are answered, each under its own name, and the node was looked at once."""
    gate = Gate(tmp_path)
    release = publish(center, tmp_path, Gate.LAYER, checks={"gate": gate.program})
    found: dict[int, Counts] = {}

    async def ask(number: int) -> None:
        answers = await sweep(ring[number % 2], question_for(release, number), expect=1)
        assert answers["n001"].sweep == number.to_bytes(8, "big")
        found[number] = answers["n001"].counts

    async with agents(config_for(ring[0], tmp_path, center.url)) as (agent,):
        await agent.says("release")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, 1)
            nursery.start_soon(ask, 2)
            await gate.entered()
            await soon(lambda: agent.heard == 2, what="both are heard")
            gate.open()
    assert found == {1: Counts(1), 2: Counts(1)}
    assert gate.starts == 1


async def test_a_check_that_hangs_does_not_hold_up_the_answer(ring: SerfRing, center: Web, tmp_path: Path) -> None:
    """At its deadline the node says what it knows; the re-ask brings the rest."""
    gate = Gate(tmp_path)
    release = publish(center, tmp_path, SWAPPINESS, Gate.LAYER, checks={"gate": gate.program})
    question, with_time = question_for(release, answer_within_ms=700), question_for(release)
    async with agents(config_for(ring[0], tmp_path, center.url)) as (agent,):
        await agent.says("release")
        with trio.fail_after(60):
            first = (await sweep(ring[1], question, expect=1))["n001"]
            while first.counts != Counts(2) or not gate.starts:  # a deadline before both lanes of checks had begun
                assert first.incomplete
                first = (await sweep(ring[1], question, expect=1))["n001"]
        gate.open()
        rest = (await sweep(ring[1], with_time, expect=1))["n001"]
    assert gate.starts == 1
    assert first.incomplete
    assert (rest.incomplete, rest.counts) == (False, Counts(3))


async def test_an_agent_that_is_there_before_serf_attaches_when_serf_comes(
    ring: SerfRing, center: Web, tmp_path: Path
) -> None:
    """The order in which services start does not matter, and that an agent waits is said once, not at each attempt."""
    release = publish(center, tmp_path)
    await ring[1].kill()
    attempts: list[trio.SocketStream] = []

    async def hang_up(stream: trio.SocketStream) -> None:
        attempts.append(stream)
        await stream.receive_some()  # what is closed unread is a reset now and then: another problem, another line
        await stream.aclose()

    async with agents(config_for(ring[1], tmp_path, center.url)) as (agent,):
        async with trio.open_nursery() as nursery:
            listeners = await trio.open_tcp_listeners(RPC_PORT, host=ring[1].address)
            nursery.start_soon(trio.serve_listeners, hang_up, listeners)
            await soon(lambda: len(attempts) >= 3, what="three attempts")
            said = len(agent.logged("serf-away"))
            nursery.cancel_scope.cancel()
        await ring[1].start([ring[0].bind])
        await agent.says("attached")
        await agent.says("release")
        await ring.whole()
        answers = await sweep(ring[0], question_for(release), expect=1)
    assert names(answers) == ["n002"]
    assert said <= 2  # nobody listened, then somebody hung up


async def test_a_frozen_serf_is_waited_for(ring: SerfRing, center: Web, tmp_path: Path) -> None:
    """SIGSTOP and SIGCONT of the Serf agent: the inspection agent is there when it wakes up."""
    release = publish(center, tmp_path)
    async with agents(config_for(ring[1], tmp_path, center.url)) as (agent,):
        await agent.says("release")
        ring[1].stop()
        missing = await sweep(ring[0], question_for(release, 1), expect=1, timeout_s=1.0)
        ring[1].cont()
        await ring.whole()
        answers = await sweep(ring[0], question_for(release, 2), expect=1)
    assert (names(missing), names(answers)) == ([], ["n002"])


async def test_the_wrong_auth_key_is_said_and_the_agent_stays(center: Web, tmp_path: Path) -> None:
    """Nothing to be waited out by ending; with the right key it attaches."""
    release = publish(center, tmp_path)
    async with serf_ring(1, rpc_auth="secret") as ring:
        config = config_for(ring[0], tmp_path, center.url)
        wrong, right = with_config(config, auth_key="guess"), with_config(config, auth_key="secret")
        async with agents(wrong, right) as (locked_out, agent):
            await locked_out.says("serf-away")
            await agent.says("release")
            answers = await sweep(ring[0], question_for(release), expect=1, auth="secret")
        assert "rpc_auth" in locked_out.logged("serf-away")[0]
        assert locked_out.logged("attached") == []
        assert names(answers) == ["n001"]


async def test_a_site_with_an_inspect_of_its_own_uses_a_prefix(ring: SerfRing, center: Web, tmp_path: Path) -> None:
    """Queries of other names are not even heard."""
    release = publish(center, tmp_path)
    config = with_config(config_for(ring[0], tmp_path, center.url), query_prefix="ours-")
    async with agents(config) as (agent,):
        await agent.says("release")
        other = await sweep(ring[0], question_for(release, 1), expect=1, timeout_s=0.5)
        ours = await sweep(ring[0], question_for(release, 2), expect=1, prefix="ours-")
    assert (names(other), names(ours), agent.heard) == ([], ["n001"], 1)


async def test_garbage_on_the_ring_changes_nothing(ring: SerfRing, center: Web, tmp_path: Path) -> None:
    """A flood of queries that are no questions, and of questions for others: one log line each, and answers go on."""
    release = publish(center, tmp_path)
    async with agents(config_for(ring[0], tmp_path, center.url)) as (agent,), connect(ring[1].rpc) as client:
        await agent.says("release")

        async def litter(payload: bytes) -> None:
            async with client.query(QUERY_NAME, payload, timeout_s=1.0):
                return

        for index in range(40):
            await litter(b"x" * (index * 20))
        await soon(lambda: agent.heard >= 30, what="the litter is heard")
        answers = await sweep(ring[1], question_for(release), expect=1)
        mine = await sweep(ring[1], question_for(release, 2, who=Slice(0, 1)), expect=1)
    assert names(answers) == names(mine) == ["n001"]
    assert len(agent.logged("malformed")) == 1
    assert agent.counted["malformed"] >= 25


async def test_a_full_disk_stops_neither_log_nor_answer(ring: SerfRing, center: Web, tmp_path: Path) -> None:
    """A log that cannot be written is counted; a cache that cannot be used ends in an answer that says `release`."""
    release = publish(center, tmp_path)
    (tmp_path / "file").touch()
    config = with_config(config_for(ring[0], tmp_path, center.url), cache=tmp_path / "file" / "cache")
    async with agents(config) as (agent,):
        await agent.says("release-problem")
        agent.full = True
        answers = await sweep(ring[1], question_for(release, 1), expect=1)
        assert agent.refused_lines >= 1
        agent.full = False
        await ring[0].restart([ring[1].bind])
        await agent.says("attached", times=2)
    assert answers["n001"].state is Serving.RELEASE
    assert any(f"lines_lost={agent.refused_lines}" in line for line in agent.lines)


async def test_an_answer_after_the_end_of_the_query_is_counted(ring: SerfRing, center: Web, tmp_path: Path) -> None:
    """Serf refuses it; the verdict is kept for the re-ask, and the operator can see how often this happens."""
    gate = Gate(tmp_path)
    release = publish(center, tmp_path, Gate.LAYER, checks={"gate": gate.program})
    config = with_config(config_for(ring[0], tmp_path, center.url), **FAST)
    async with agents(config) as (agent,):
        await agent.says("release")
        assert await sweep(ring[0], question_for(release), expect=1, timeout_s=0.3) == {}
        gate.open()
        await agent.says("over")
        await agent.says("dropped")
        answers = await sweep(ring[0], question_for(release), expect=1)
    assert answers["n001"].counts == Counts(1)
    assert gate.starts == 1


async def test_a_response_that_serf_does_not_take_is_given_up(
    ring: SerfRing, center: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Serf frozen at the moment of the answer: said, and nothing piles up."""
    gate = Gate(tmp_path)
    release = publish(center, tmp_path, Gate.LAYER, checks={"gate": gate.program})
    async with agents(config_for(ring[1], tmp_path, center.url)) as (agent,):
        await agent.says("release")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: sweep(ring[0], question_for(release), expect=1))
            await gate.entered()
            monkeypatch.setattr(limits, "respond_s_max", 0.2)
            ring[1].stop()
            gate.open()
            await agent.says("response-stuck")
            nursery.cancel_scope.cancel()
        ring[1].cont()


@pytest.mark.parametrize("how", ["hangs", "raises"])
async def test_a_runner_that_fails_costs_one_run(
    how: str, ring: SerfRing, center: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stopped at the hard limit, or its error is shown: its items err, and the next run takes place."""

    class Broken:
        def __init__(self, **_: object) -> None:
            return

        async def run(self, *_: object, **__: object) -> None:
            if how == "raises":
                raise FileNotFoundError("no checks here")
            await trio.sleep_forever()

    monkeypatch.setattr(limits, "run_s_max", 0.2)
    monkeypatch.setattr(limits, "run_grace_s", 0.1)
    release = publish(center, tmp_path)
    async with agents(config_for(ring[0], tmp_path, center.url)) as (agent,):
        await agent.says("release")
        with monkeypatch.context() as broken:
            broken.setattr("inspector_agent.agent.CheckRunner", Broken)
            failed = await sweep(ring[0], question_for(release, 1), expect=1)
        monkeypatch.setattr(limits, "run_s_max", 30.0)
        answers = await sweep(ring[0], question_for(release, 2), expect=1)
    assert failed["n001"].counts == Counts(error=2)
    assert set(failed["n001"].clear.values()) <= {
        "the run was stopped at its time limit",
        "checks cannot run: no checks here",
    }
    assert answers["n001"].counts == Counts(2)


async def test_a_wrong_clock_is_said(ring: SerfRing, center: Web, tmp_path: Path) -> None:
    """The node's own time travels with the answer."""
    release = publish(center, tmp_path)
    async with agents(config_for(ring[0], tmp_path, center.url)) as (agent,):
        await agent.says("release")
        agent.clock_skew_s = -2.0 * limits.clock_skew_s_max
        answers = await sweep(ring[0], question_for(release), expect=1)
    assert answers["n001"].state is Serving.CLOCK
    assert abs(answers["n001"].clock / 1000 - agent.clock()) < 30
