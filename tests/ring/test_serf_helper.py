"""The helper that every test of a real ring stands on."""

from __future__ import annotations

import os

import pytest

from tests.support.serf import alive, serf_ring, until


async def test_a_ring_is_whole_and_ends_with_its_context() -> None:
    """Every node sees every node on entry; no process is left on exit."""
    async with serf_ring(3, tags={"zone": "a"}) as ring:
        pids = [node.pid for node in ring]
        for node in ring:
            assert await alive(node) == {"n001", "n002", "n003"}
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_killed_node_comes_back_under_its_name() -> None:
    """kill, then restart: the ring is whole again, with another process."""
    async with serf_ring(2, rpc_auth="secret") as ring:
        before = ring[1].pid
        await ring[1].restart(join=ring.others(ring[1]))
        await ring.whole()
        assert ring[1].pid != before


async def test_waiting_in_vain_says_for_what() -> None:
    """A condition that never holds ends in a TimeoutError with its name."""

    async def never() -> bool:
        return False

    with pytest.raises(TimeoutError, match=r"not within 0.05 s: the moon"):
        await until(never, within_s=0.05, what="the moon")
