"""A sweep right after an act of the config center: real agents on a real ring fetch inside the question's time."""

from __future__ import annotations

from pathlib import Path

from config_center.match import Term
from inspector_coord.release_cache import prefix_of
from tests.support.center import item, layer, release_of
from tests.support.mirror import mirrored, pointer_to
from tests.support.real_fleet import real_fleet, states

SWAPPINESS = "sysctl:vm.swappiness"
FIRST = release_of(layer("10-all", {SWAPPINESS: item(at_most=10)}), number=1)
SECOND = release_of(layer("10-all", {SWAPPINESS: item(at_most=5)}), number=2)
CANARY = {"rack": Term(any=("b1",))}


async def test_nodes_fetch_what_they_lack_while_they_are_asked(tmp_path: Path) -> None:
    """Nobody told them: the question names release 2, and every verdict is by it."""
    async with real_fleet(tmp_path, FIRST) as real:
        assert set(states(await real.sweep()).values()) == {"pass"}
        real.center.put(pointer_to(SECOND, 2), SECOND)
        report = await real.sweep()
    assert set(states(report).values()) == {"fail"}
    assert report["release"] == {"number": 2, "digest": SECOND.digest}
    assert [group["expected"] for group in report["groups"]] == ["at_most 5"]


async def test_a_node_that_cannot_get_it_is_stale_and_says_what_it_has(tmp_path: Path) -> None:
    """Its own mirror stayed behind: never a pass by an old release."""
    async with mirrored() as behind:
        behind.put(pointer_to(FIRST, 1), FIRST)
        async with real_fleet(tmp_path, FIRST, centers={"n003": behind.url}) as real:
            assert set(states(await real.sweep()).values()) == {"pass"}
            real.center.put(pointer_to(SECOND, 2), SECOND)
            report = await real.sweep()
    assert states(report) == {"n001": "fail", "n002": "fail", "n003": "stale", "n004": "fail"}
    stale = report["nodes"][2]
    assert stale["release"] == {"number": 1, "digest": prefix_of(FIRST).hex()}
    held = f"has release 1 ({prefix_of(FIRST).hex()}…), could not get release 2: answered so at "
    assert stale["evidence"].startswith(held)
    assert report["exit_code"] == 3


async def test_a_canary_is_asked_of_its_nodes_alone_until_it_is_promoted_or_rolled_back(tmp_path: Path) -> None:
    """Publish, canary, promote, rollback: each swept at once, each node judged by what the pointer assigns it."""
    async with real_fleet(tmp_path, FIRST) as real:
        real.center.put(pointer_to(FIRST, 2, SECOND, CANARY), SECOND)
        canary = await real.sweep()
        assert states(canary) == {"n001": "pass", "n002": "fail", "n003": "pass", "n004": "fail"}
        assert canary["release"] == {
            "number": 1,
            "digest": FIRST.digest,
            "canary": {
                "number": 2,
                "digest": SECOND.digest,
                "match": {"rack": {"any": ("b1",)}},
                "nodes": "n[002,004]",
                "count": 2,
            },
        }
        assert [(group["expected"], group["nodes"]) for group in canary["groups"]] == [("at_most 5", "n[002,004]")]
        assert [node.get("canary", False) for node in canary["nodes"]] == [False, True, False, True]
        real.center.put(pointer_to(SECOND, 3))
        assert set(states(await real.sweep()).values()) == {"fail"}
        back = release_of(layer("10-all", {SWAPPINESS: item(at_most=10)}), number=3)
        real.center.put(pointer_to(back, 4), back)
        assert set(states(await real.sweep()).values()) == {"pass"}
