"""Several rings, several entries a ring: one that is in trouble spoils nothing, and nothing of it goes unsaid."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from inspector_coord import limits
from inspector_coord.entry_choice import Looks, Seen
from inspector_coord.faces.view import view
from inspector_coord.report import Report, build
from tests.support.fleets import Fleet, fleet
from tests.support.serf import SerfNode, claimed_prefix, serf_ring


@asynccontextmanager
async def rings(directory: Path, scripts: Mapping[str, Mapping[str, Sequence[str]]]) -> AsyncIterator[dict[str, Fleet]]:
    """A ring of three nodes for each name, with its scripts; all in the coordinator.yml of the first."""
    found: dict[str, Fleet] = {}
    async with trio.open_nursery() as nursery:

        async def hold(name: str, task_status: trio.TaskStatus[None]) -> None:
            (directory / name).mkdir()
            tags = {f"n{number:03}": {"ring": name} for number in (1, 2, 3)}
            async with fleet(directory / name, 3, scripts[name], tags_of=tags) as found[name]:
                task_status.started()
                await trio.sleep_forever()

        for name in scripts:
            await nursery.start(hold, name)
        first = next(iter(found.values()))
        first.write(rings={name: {"entries": [one.ring[0].rpc]} for name, one in found.items()})
        yield found
        nursery.cancel_scope.cancel()


def by_ring(report: Report) -> dict[str, dict[str, Any]]:
    """The rings' entries of the report by name."""
    return {ring["name"]: ring for ring in report["rings"]}


async def test_one_rings_trouble_is_its_own(tmp_path: Path) -> None:
    """One in order, one whose entry dies in mid-sweep, one that is frozen from the start, one that is not there."""
    scripts = {"good": {"n002": ("fail",)}, "dies": {"n003": ("hang",)}, "frozen": {}}
    async with rings(tmp_path, scripts) as fleets, trio.open_nursery() as nursery:
        first = fleets["good"]
        with claimed_prefix() as network:
            entries = {name: {"entries": [one.ring[0].rpc]} for name, one in fleets.items()}
            first.write(rings={**entries, "gone": {"entries": [f"{network}.1:7373"]}})
            fleets["frozen"].ring[0].stop()

            async def kill() -> None:
                await fleets["dies"].agents["n003"].asked.wait()
                await fleets["dies"].ring[0].kill()

            nursery.start_soon(kill)
            report = await first.sweep(timeout_s=8.0)  # nothing else ends it for the ring whose entry dies
            fleets["frozen"].ring[0].cont()
    found = by_ring(report)
    assert report["exit_code"] == 3
    assert found["good"]["states"]["pass"] == 2
    assert found["good"]["states"]["fail"] == 1
    assert [found[name]["targets"] for name in ("good", "dies", "frozen", "gone")] == [3, 3, 0, 0]
    assert sum(found["dies"]["states"].values()) == 3
    assert found["dies"]["states"]["silent"] + found["dies"]["states"]["stalled"] >= 1
    assert "frozen" in found["frozen"]["error"]
    assert "is the Serf agent running" in found["gone"]["error"]
    seen = view(report)
    assert "Not asked: ring frozen, ring gone." in seen.headline
    assert len(seen.rings) == 4
    assert any("was lost" in note and "ring dies" in note for note in report["notes"])


async def test_a_ring_without_targets_is_told_and_no_gap(tmp_path: Path) -> None:
    """All its members are marked as having no agent: the other ring's nodes are all there is."""
    async with rings(tmp_path, {"good": {}, "empty": {}}) as fleets:
        first = fleets["good"]
        first.write(exclude_tags={"ring": "empty"})
        report = await first.sweep()
    assert (report["ledger"]["pass"], report["ledger"]["targets"], report["exit_code"]) == (3, 3, 0)
    assert by_ring(report)["empty"]["error"] == ""
    assert "empty: 0 of 3 members" in view(report).rings


async def test_names_that_rings_share_are_known_also_where_one_ring_is_asked(tmp_path: Path) -> None:
    """The second pass must know of the other node of that name; the report, with one of them only, need not."""
    async with rings(tmp_path, {"good": {}, "other": {"n002": ("fail",)}}) as fleets:
        first = fleets["good"]
        outcome = await first.outcome(first.prepare("ring=other"))
    assert outcome.facts.twins == {"n001", "n002", "n003"}
    assert [group["nodes"] for group in build(outcome.facts, outcome.ledger, {})["groups"]] == ["n002"]


async def test_an_entry_that_lost_its_ring_is_not_believed(tmp_path: Path) -> None:
    """Restarted without finding the others, it lists one member, itself: the sweep would pass with one node of four."""
    async with serf_ring(1, names=["n009"]) as lonely, fleet(tmp_path, 4) as ring:
        ring.write(rings={"main": {"entries": [lonely[0].rpc, ring.ring[0].rpc]}})
        report = await ring.sweep()
    assert (report["ledger"]["targets"], report["exit_code"]) == (4, 0)
    assert report["rings"][0]["entry"] == ring.ring[0].rpc
    assert any("sees 1 member alive" in note and "cut off" in note for note in report["notes"])


async def test_a_frozen_entry_costs_little_where_there_is_another(tmp_path: Path) -> None:
    """It takes connections and says nothing: the next one is used, and the frozen one is named."""
    async with fleet(tmp_path, 3, entries=(2, 0)) as ring:
        ring.ring[2].stop()
        report = await ring.sweep(timeout_s=8.0)
        ring.ring[2].cont()
    assert report["ledger"]["pass"] >= 2
    assert report["rings"][0]["entry"] == ring.ring[0].rpc
    assert any(ring.ring[2].rpc in note and "frozen" in note for note in report["notes"])


@pytest.mark.parametrize("how", ["freeze", "kill"])
async def test_an_entry_that_goes_in_mid_sweep_is_replaced(tmp_path: Path, how: str) -> None:
    """The others are asked through the next entry, and the screen says through which."""
    scripts = {"n001": ["hang"], "n003": ["hang", "hang", "pass"], "n004": ["hang", "pass"]}
    async with fleet(tmp_path, 4, scripts, entries=(0, 1)) as ring, trio.open_nursery() as nursery:
        entry: SerfNode = ring.ring[0]

        async def end() -> None:
            await ring.agents["n003"].asked.wait()
            if how == "freeze":
                entry.stop()
            else:
                await entry.kill()

        nursery.start_soon(end)
        report = await ring.sweep(timeout_s=20.0)
        if how == "freeze":
            entry.cont()
        nursery.cancel_scope.cancel()
    states = {node["name"]: node["state"] for node in report["nodes"]}
    assert (states["n002"], states["n003"], states["n004"]) == ("pass", "pass", "pass")
    assert sum(report["ledger"].values()) == 8
    assert set(report["rings"][0]["through"]) == {entry.rpc, ring.ring[1].rpc}
    assert any(entry.rpc in note for note in report["notes"])


def test_entries_are_ranked_by_what_they_see() -> None:
    """Few members are a doubt, a few less are not; a full queue is one while another is calm; silence comes last."""
    addresses = tuple("abcde")
    busy = limits.query_queue_max + 1
    seen = {0: Seen("n1", 4, 0), 1: Seen("n2", 100, busy), 2: Seen("n3", 99, 0), 4: Seen("n5", 100, 0)}
    looks = Looks(addresses, seen, {3: "d does not answer"})
    assert looks.ranked() == [2, 4, 0, 1, 3]
    assert looks.against(range(4)) == (
        "a sees 4 members alive, b sees 100: it is cut off, or has just joined",
        f"b is backed up: {busy} queries wait in its queue",
        "d does not answer",
    )
    crowded = Looks(("a", "b"), {0: Seen("n1", 9, busy), 1: Seen("n2", 9, busy)}, {})
    assert (crowded.ranked(), crowded.against(range(2))) == ([0, 1], ())
