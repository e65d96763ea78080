"""Every state of the ledger, made to order on real rings: what the coordinator makes of what really comes."""

from __future__ import annotations

from pathlib import Path

import trio

from inspector_agent.ring import connect
from inspector_coord.ledger import DROPPED, OTHER_ITEMS
from inspector_coord.limits import answer_within_s, reasks_max
from inspector_coord.report import build
from tests.support.fleets import Fleet, fleet
from tests.support.serf import SerfNode, alive, until
from tests.support.waiting import PATIENCE_S

BY_ASKING_AGAIN = ("duplicate", "late", "phantom")
"""What a node's second answer, or the end of a second question, may be counted as; nothing else comes of it."""


async def fails(ring: Fleet, node: SerfNode) -> None:
    """Wait until the first node believes that `node` has failed."""

    async def seen() -> bool:
        return node.name not in await alive(ring.ring[0])

    await until(seen, what=f"{node.name} seen as failed")


async def leaves(ring: Fleet, node: SerfNode) -> None:
    """Wait until the first node has heard that `node` has left."""

    async def seen() -> bool:
        async with connect(ring.ring[0].rpc) as client:
            return node.name in {member.name for member in await client.members(status="left")}

    await until(seen, what=f"{node.name} seen as left")


async def returns(ring: Fleet, node: SerfNode) -> None:
    """Wait until the first node believes that `node` is alive."""

    async def seen() -> bool:
        return node.name in await alive(ring.ring[0])

    await until(seen, what=f"{node.name} seen as alive")


async def test_a_whole_ring_passes_and_closes_early(tmp_path: Path) -> None:
    """Everybody passes: the ledger closes with the last answer, not with the question's time or the sweep's.

    A packet may get lost here, then somebody is asked again. That a ring without loss is asked once is held on paper
    (`test_rounds`).
    """
    async with fleet(tmp_path, 5) as ring:
        outcome = await ring.outcome(ring.prepare(timeout_s=60.0))
        heard = {name: len(agent.heard) for name, agent in ring.agents.items()}
    report = build(outcome.facts, outcome.ledger, {})
    assert report["ledger"]["pass"] == report["ledger"]["targets"] == 5
    assert report["exit_code"] == 0
    assert [node["via"] for node in report["nodes"]] == ["query"] * 5
    # Serf itself ends the question after what nodes were given, some 6 s: nobody waited for that
    assert report["seconds"] - max(node["seconds"] for node in report["nodes"]) < answer_within_s / 2
    asked = {node.name: node.asked for node in outcome.ledger}
    assert all(1 <= heard[name] <= times for name, times in asked.items())
    again = any(times > 1 for times in asked.values())
    allowed = BY_ASKING_AGAIN if again else ()
    assert {word for word in DROPPED if report["dropped"][word]} <= set(allowed)


async def test_every_answer_has_its_state(tmp_path: Path) -> None:
    """Pass, fail, error, uncovered, stale, busy, clock, incomplete; garbage, another sweep's answer, none at all."""
    scripts = {
        "n002": ["fail"],
        "n003": ["error"],
        "n004": ["na"],
        "n005": ["release"],
        "n006": ["busy", "pass"],
        "n007": ["clock"],
        "n008": ["incomplete", "fail"],
        "n009": ["garbage"],
        "n010": ["forged"],
        "n011": ["hang"],
        "n012": ["hold", "pass"],
    }
    async with fleet(tmp_path, 12, scripts) as ring:
        report = await ring.sweep(timeout_s=60.0)
    nodes = {node["name"]: node for node in report["nodes"]}
    assert {name: node["state"] for name, node in nodes.items()} == {
        "n001": "pass",
        "n002": "fail",
        "n003": "error",
        "n004": "uncovered",
        "n005": "stale",
        "n006": "pass",
        "n007": "error",
        "n008": "fail",
        "n009": "stalled",
        "n010": "stalled",
        "n011": "stalled",
        "n012": "pass",
    }
    assert sum(report["ledger"].values()) == 24
    assert report["exit_code"] == 3
    assert "its clock" in nodes["n007"]["evidence"]
    assert "could not get release" in nodes["n005"]["evidence"]
    assert "answers that cannot be read" in nodes["n009"]["evidence"]
    assert "acked at" in nodes["n011"]["evidence"]
    # one a question at most; that it is one each time is held on paper
    assert 1 <= report["dropped"]["malformed"] <= 1 + reasks_max
    assert 1 <= report["dropped"]["forged"] <= 1 + reasks_max
    # the held answer to the first question and the one to the second: one counts, the other is a duplicate
    assert report["dropped"]["duplicate"] >= 1
    assert report["seconds"] < 30.0


async def test_a_verdict_on_other_items_is_no_pass(tmp_path: Path) -> None:
    """An agent that still knows its node by other tags has looked at another baseline: an error, which says why."""
    async with fleet(tmp_path, 2) as ring:
        ring.agents["n002"].basis = ring.agents["n001"].basis  # zone a's items, while the roster says zone b
        report = await ring.sweep()
        states = {node["name"]: (node["state"], node["evidence"]) for node in report["nodes"]}
        assert states == {"n001": ("pass", ""), "n002": ("error", OTHER_ITEMS)}
        assert report["exit_code"] == 1


async def test_membership_tells_the_missing_apart(tmp_path: Path) -> None:
    """Killed long ago, and leaving while the sweep runs: two states, by evidence.

    Serf gossips that a node leaves, then memberlist that it is gone. An entry that misses the former lists the node as
    failed until lists are compared, every 30 s: so the sweep waits for a slow node until the entry knows better.

    The killed one is then started while another sweep runs: it is asked, and its verdict counts.
    """
    scripts = {"n003": ["leave"], "n004": ["incomplete"]}
    async with fleet(tmp_path, 5, scripts) as ring, trio.open_nursery() as nursery:
        killed, leaving, slow = ring.ring[1], ring.ring[2], ring.agents["n004"]
        await killed.kill()
        await fails(ring, killed)

        async def farewell() -> None:
            await leaves(ring, leaving)
            slow.forget(("incomplete", "pass"))  # the ring is closed after what membership says from now on

        nursery.start_soon(farewell)
        report = await ring.sweep(timeout_s=60.0)
        nodes = {node["name"]: node for node in report["nodes"]}
        assert {name: node["state"] for name, node in nodes.items()} == {
            "n001": "pass",
            "n002": "down",
            "n003": "left",
            "n004": "pass",
            "n005": "pass",
        }
        assert nodes["n002"]["evidence"] == "membership said failed from the start"
        assert [nodes[name]["via"] for name in ("n002", "n003")] == ["membership", "membership"]

        async def revive() -> None:
            await slow.asked.wait()
            await killed.restart(ring.ring.others(killed))
            await nursery.start(ring.agents[killed.name].run)
            await returns(ring, killed)
            slow.script = ("pass",)  # only now: the sweep waits for it

        slow.forget(("incomplete",))
        nursery.start_soon(revive)
        outcome = await ring.outcome(ring.prepare("n00[1-2,4]", timeout_s=60.0))
        assert str(outcome.ledger.nodes["main", killed.name].state) == "pass"
        nursery.cancel_scope.cancel()


async def test_a_frozen_node_that_membership_has_not_missed_is_silent(tmp_path: Path) -> None:
    """It is listed as alive, and neither its Serf agent nor anybody else of it says a word.

    The wan profile needs half a minute to miss a node, however slow the machine is.
    """
    async with fleet(tmp_path, 3, profile="wan") as ring:
        ring.ring[2].stop()
        report = await ring.sweep()
        ring.ring[2].cont()
    nodes = {node["name"]: node for node in report["nodes"]}
    assert {name: node["state"] for name, node in nodes.items()} == {"n001": "pass", "n002": "pass", "n003": "silent"}
    assert "member alive" in nodes["n003"]["evidence"]
    assert "neither ack nor verdict" in nodes["n003"]["evidence"]
    assert nodes["n003"]["via"] is None


async def test_an_answer_of_a_stranger_is_counted(tmp_path: Path) -> None:
    """A node that is no target answers the question to everybody: counted, and in no line of the ledger."""
    async with fleet(tmp_path, 3, tags_of={"n003": {"role": "coordinator"}}) as ring:
        ring.write(exclude_tags={"role": "coordinator"})
        report = await ring.sweep()
        with trio.fail_after(PATIENCE_S):  # the ledger may be closed before the question comes to it
            await ring.agents["n003"].asked.wait()
    assert [node["name"] for node in report["nodes"]] == ["n001", "n002"]
    assert report["exit_code"] == 0
    assert len(ring.agents["n003"].heard) == 1
    assert report["dropped"]["stranger"] <= 1  # the ledger may close before it speaks


async def test_only_the_targets_are_asked(tmp_path: Path) -> None:
    """By name, by tag, by exclusion: nobody else hears the question."""
    async with fleet(tmp_path, 6) as ring:
        for targets, wanted in (
            (("n002", "n005"), {"n002", "n005"}),
            (("zone=b",), {"n004", "n005", "n006"}),
            (("zone=*",), {f"n00{number}" for number in range(1, 7)}),
        ):
            report = await ring.sweep(*targets)
            assert {node["name"] for node in report["nodes"]} == wanted
            sweep = bytes.fromhex(report["sweep"])  # one of before may still be heard, where it was asked twice
            asked = {name for name, agent in ring.agents.items() if sweep in {each.sweep for each in agent.heard}}
            assert asked == wanted
            assert report["exit_code"] == 0


async def test_items_are_asked_for_by_pattern(tmp_path: Path) -> None:
    """The patterns travel in the question, and stand in the report."""
    async with fleet(tmp_path, 2) as ring:
        report = await ring.sweep(items=("sysctl:key[12]", "sysctl:key0"))
        assert ring.agents["n001"].heard[0].items == ("sysctl:key[12]", "sysctl:key0")
    assert report["items"] == ["sysctl:key[12]", "sysctl:key0"]
