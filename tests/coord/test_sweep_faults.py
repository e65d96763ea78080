"""What goes wrong around a sweep: entries, keys, restarts, the config center, rosters, and several sweeps at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from inspector_agent.ring import connect
from inspector_coord import limits
from inspector_coord.asking import Asker, Plan
from inspector_coord.entries import Entry
from inspector_coord.errors import ItemError, NoEntryError, ReleaseError, TargetError
from inspector_coord.kept_releases import KeptReleases
from inspector_coord.ledger import Node
from inspector_coord.patience import timing
from inspector_coord.report import Report, build
from inspector_coord.roster import read_rosters
from inspector_coord.signals import Ask
from inspector_coord.waiting import Wait
from tests.support.center import item, layer
from tests.support.fleets import fleet
from tests.support.serf import claimed_prefix


async def test_no_serf_at_the_address(tmp_path: Path) -> None:
    """Nobody listens: which entries were tried, and what to look at; exit code 4."""
    async with fleet(tmp_path, 1) as ring:
        with claimed_prefix() as network:
            ring.write(rings={"main": {"entries": [f"{network}.1:7373", f"{network}.2:7373"]}})
            with pytest.raises(NoEntryError) as caught:
                await ring.sweep()
    assert caught.value.exit_code == 4
    assert all(f"{network}.{number}:7373" in str(caught.value) for number in (1, 2))
    assert str(caught.value).count("is the Serf agent running, and is this its rpc_addr") == 1


async def test_the_gossip_port_is_not_the_rpc_port(tmp_path: Path) -> None:
    """A common mistake: it is named as such, not a hang."""
    async with fleet(tmp_path, 1) as ring:
        ring.write(rings={"main": {"entries": [ring.ring[0].bind]}})
        with pytest.raises(NoEntryError, match="ring main: no entry can be used"):
            await ring.sweep()


async def test_a_wrong_auth_key_is_named(tmp_path: Path) -> None:
    """Serf says no: the error says which key to compare with which."""
    async with fleet(tmp_path, 1, rpc_auth="right") as ring:
        assert (await ring.sweep())["exit_code"] == 0
        (tmp_path / "auth").write_text("wrong\n")
        with pytest.raises(NoEntryError, match="compare it with rpc_auth"):
            await ring.sweep()


async def test_the_next_entry_is_used_and_the_bad_one_named(tmp_path: Path) -> None:
    """One entry down is no reason not to sweep; it stands in the notes."""
    async with fleet(tmp_path, 2) as ring:
        with claimed_prefix() as network:
            ring.write(rings={"main": {"entries": [f"{network}.1:7373", ring.ring[0].rpc]}})
            report = await ring.sweep()
    assert report["exit_code"] == 0
    assert report["rings"][0]["entry"] == ring.ring[0].rpc
    assert any("entry of ring main not used" in note and f"{network}.1:7373" in note for note in report["notes"])


async def test_one_of_two_rings_is_unreachable(tmp_path: Path) -> None:
    """The other is swept, and says so: but not everybody is covered, so the exit code is 3, not 0."""
    async with fleet(tmp_path, 2) as ring:
        with claimed_prefix() as network:
            both = {"main": {"entries": [ring.ring[0].rpc]}, "other": {"entries": [f"{network}.1:7373"]}}
            ring.write(rings=both)
            report = await ring.sweep()
            rosters = await read_rosters(ring.config)
    assert report["ledger"]["pass"] == report["ledger"]["targets"] == 2
    assert [bool(line["error"]) for line in report["rings"]] == [False, True]
    assert report["exit_code"] == 3
    assert (list(rosters.rings), list(rosters.errors)) == (["main"], ["other"])


async def test_two_rings_make_one_ledger(tmp_path: Path) -> None:
    """Asked at once, each by its own entry; the same name in both is two nodes."""
    (tmp_path / "other").mkdir()
    async with fleet(tmp_path, 2) as ring, fleet(tmp_path / "other", 3, {"n002": ["fail"]}) as other:
        ring.write(rings={"main": {"entries": [ring.ring[0].rpc]}, "other": {"entries": [other.ring[0].rpc]}})
        report = await ring.sweep()
    states = {(node["ring"], node["name"]): node["state"] for node in report["nodes"]}
    assert states["main", "n002"] == "pass"
    assert states["other", "n002"] == "fail"
    assert report["ledger"]["targets"] == 5
    assert [(line["name"], line["targets"]) for line in report["rings"]] == [("main", 2), ("other", 3)]


async def test_the_entry_is_restarted_in_mid_sweep(tmp_path: Path) -> None:
    """What was asked through it is asked through another one; every node still ends in one state."""
    async with fleet(tmp_path, 4, {"n003": ["hang", "pass"]}, entries=(0, 1)) as ring, trio.open_nursery() as nursery:
        entry = ring.ring[0]

        async def restart() -> None:
            await ring.agents["n003"].asked.wait()
            await entry.restart(ring.ring.others(entry))
            await nursery.start(ring.agents[entry.name].run)

        nursery.start_soon(restart)
        report = await ring.sweep(timeout_s=30.0)
        nursery.cancel_scope.cancel()
    states = {node["name"]: node["state"] for node in report["nodes"]}
    assert states["n003"] == "pass"
    assert sum(report["ledger"].values()) == 8
    assert any(f"entry {entry.rpc} was lost" in note for note in report["notes"])


async def test_the_only_entry_dies_and_the_ledger_still_closes(tmp_path: Path) -> None:
    """Nothing can be asked any more: closed by the deadline, with what is known."""
    async with fleet(tmp_path, 3, {"n003": ["hang"]}) as ring, trio.open_nursery() as nursery:

        async def end() -> None:
            await ring.agents["n003"].asked.wait()
            await ring.ring[0].kill()

        nursery.start_soon(end)
        report = await ring.sweep(timeout_s=2.0)
    assert sum(report["ledger"].values()) == 6
    assert report["exit_code"] == 3
    assert 2.0 <= report["seconds"] < 10.0  # nothing else would ever end it


async def test_several_sweeps_at_once_do_not_mix(tmp_path: Path) -> None:
    """Four at once over one entry, each for its own targets: each gets its own answers, all of them."""
    async with fleet(tmp_path, 6, {"n004": ["fail"]}) as ring:
        reports: list[Report] = []

        async def one(*targets: str) -> None:
            reports.append(await ring.sweep(*targets, timeout_s=30.0))

        async with trio.open_nursery() as nursery:
            for targets in ((), ("zone=a",), ("n004",), ()):
                nursery.start_soon(one, *targets)
    assert len({report["sweep"] for report in reports}) == 4
    assert sorted(report["ledger"]["targets"] for report in reports) == [1, 3, 6, 6]
    for report in reports:
        verdicts = {node["name"]: node["state"] for node in report["nodes"]}
        assert verdicts == {name: "fail" if name == "n004" else "pass" for name in verdicts}


async def test_the_center_is_down_and_the_last_good_release_is_asked_for(tmp_path: Path) -> None:
    """A sweep goes on without its config center, and says so."""
    async with fleet(tmp_path, 2) as ring:
        await ring.sweep()
        with claimed_prefix() as network:
            ring.write(config_center=f"http://{network}.1:8600")
            report = await ring.sweep()
    assert report["exit_code"] == 0
    assert report["release"]["digest"] == ring.release.digest
    assert any(
        "cannot be reached" in note and "asking for release 1, the last good one" in note for note in report["notes"]
    )


async def test_no_release_can_be_had(tmp_path: Path) -> None:
    """The center is down and nothing is kept: exit code 2, and what to do."""
    async with fleet(tmp_path, 1) as ring:
        with claimed_prefix() as network:
            ring.write(config_center=f"http://{network}.1:8600")
            with pytest.raises(ReleaseError, match="no earlier release is kept") as caught:
                await ring.sweep()
    assert caught.value.exit_code == 2


async def test_targets_items_and_rosters_that_are_empty(tmp_path: Path) -> None:
    """Nobody matches, no item matches, nobody can be a target: each is said, nothing is asked."""
    async with fleet(tmp_path, 2) as ring:
        with pytest.raises(TargetError, match="target 'n999' matches nobody of 2 members"):
            await ring.sweep("n999")
        with pytest.raises(ItemError, match="no item of release 1 matches 'sysctl:kee1': did you mean sysctl:key1"):
            await ring.sweep(items=("sysctl:kee1",))
        with pytest.raises(ItemError, match="cannot be asked for in one question"):
            await ring.sweep(items=("sysctl:key[0123]",) * 40)
        ring.write(exclude_tags={"role": "web"})
        with pytest.raises(TargetError, match="the roster is empty"):
            await ring.sweep()
        assert ring.agents["n001"].heard == []


async def test_an_interrupt_closes_the_ledger(tmp_path: Path) -> None:
    """Ctrl-C in mid-sweep: what is known is kept, who has not answered is named, and the report says interrupted."""
    async with fleet(tmp_path, 3, {"n003": ["hang"]}) as ring, trio.open_nursery() as nursery:
        sweep = ring.prepare()
        assert not sweep.interrupt()

        async def interrupt() -> None:
            await ring.agents["n003"].asked.wait()
            await told.wait()
            assert sweep.interrupt()

        told = trio.Event()

        def watch(states: object, targets: int, elapsed: float, phase: str) -> None:
            if isinstance(states, dict) and states.get("pass") == 2:
                told.set()

        nursery.start_soon(interrupt)
        outcome = await sweep.run(ring.cache.current, watch)
    report = build(outcome.facts, outcome.ledger, {})
    assert report["interrupted"]
    assert report["ledger"]["pass"] == 2
    assert report["nodes"][2]["state"] in ("silent", "stalled")
    assert report["exit_code"] == 3


@pytest.mark.parametrize("length", [3, 12, 31, 32, 60, 128])
async def test_serf_takes_filters_as_big_as_they_are_made(tmp_path: Path, length: int) -> None:
    """For names of any length: the longest question fits beside the filter, and no query is refused as too big."""
    async with fleet(tmp_path, 1) as ring:
        names = [f"n{index:0{length - 1}}"[:length] for index in range(200 if length > 3 else 99)]
        plan = Plan(
            sweep=b"sweep-00",
            release=b"release0",
            number=4_000_000_000,
            items=("x" * 90, "y" * 90),
            timing=timing(len(names), len(names), 10.0),
            epoch=1_800_000_000.0,
            entries=(Entry(ring.ring[0].rpc, "n001"),),
            members=tuple(names),
            everybody=False,
        )
        asker = Asker(plan, len(names))
        asker.deadline = 10.0
        asker.waits.update((name, Wait(Node("main", name, "", {}, "alive"))) for name in names)
        waits = list(asker.waits.values())
        asks = [ask for ask in asker.by_name(waits, 0.0) if isinstance(ask, Ask)]
        assert 2 < len(asks[0].names) <= limits.filter_names_max
        async with connect(ring.ring[0].rpc) as client:
            for ask in asks:
                async with client.query(
                    "p" * 32 + "inspect",
                    ask.payload,
                    timeout_s=1.0,
                    filter_nodes=ask.names,
                    request_ack=True,
                    relay_factor=2,
                ):
                    pass


async def test_a_changed_expectation_is_read_from_the_new_release(tmp_path: Path) -> None:
    """A release published between two sweeps is asked for by the second; a stale answer is read from the cache."""
    async with fleet(tmp_path, 2, {"n002": ["pass", "stale"]}) as ring:
        first = await ring.sweep()
        ring.store.publish([layer("00-fleet", {"sysctl:new": item(equals=1)})])
        second = await ring.sweep()
        assert KeptReleases.of(ring.config).past([bytes.fromhex(first["release"]["digest"])[:8]])
    assert (first["release"]["number"], second["release"]["number"]) == (1, 2)
    assert {node["name"]: node["state"] for node in second["nodes"]} == {"n001": "pass", "n002": "stale"}
