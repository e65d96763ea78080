"""Power loss while a release is stored: at every fsync and every rename, whole or torn, the last good release stays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import trio

from config_center.release import Release
from inspector_agent.jobs import Job
from inspector_agent.kept import Kept
from inspector_agent.proof import Proven
from inspector_agent.releases import Releases
from tests.support.agent_crash import HOWS
from tests.support.trusting import AWAY, TrustingNode, trusting_node


async def crash_everywhere(node: TrustingNode, copies: Path) -> None:
    """Let the node fetch what its center has now, dying at every step; leaves copies of what is left each time."""
    job = Job(str(node.cache), (node.server.url,), "n001", {}, 60.0, trusted_keys=node.signed.trusted)
    program = [sys.executable, "-m", "tests.support.agent_crash", str(copies)]
    await trio.run_process(program, stdin=msgspec.json.encode(job), stderr=subprocess.STDOUT)


def left_behind(copies: Path) -> list[Path]:
    """The caches as each crash left them, in the order of the steps."""
    return [path for path in sorted(copies.iterdir()) if not path.name.endswith("-repaired")]


def has(node: TrustingNode, cache: Path) -> Release:
    """The release that an agent has which starts now, without a center."""
    held = Releases(cache, [AWAY], name="n001", traits={}, trusted_keys=node.signed.trusted).current()
    assert held is not None, cache.name
    return {release.digest: release for release in (node.first, node.third)}[held.digest]


@pytest.mark.timeout(900)  # minutes on a busy machine
async def test_a_crash_anywhere_leaves_one_whole_release(tmp_path: Path) -> None:
    """Proven, resolved, and usable without a center; the next fetch brings the new one and leaves nothing over."""
    copies = tmp_path / "copies"
    async with trusting_node(tmp_path) as node:
        node.signed.act(node.first)
        await node.follows(node.first)
        node.signed.act(node.third, revoked=("0" * 16,))
        await crash_everywhere(node, copies)
    crashed = left_behind(copies)
    assert len(crashed) >= 15 * len(
        HOWS
    )  # executables, their folder, release, warrant, baseline, pointer, what was seen
    numbers = {cache.name: has(node, cache).number for cache in crashed}
    for how in HOWS:
        in_time = [number for name, number in numbers.items() if name.endswith(how)]
        assert (in_time[0], in_time[-1]) == (1, 3)
        assert in_time == sorted(in_time), "it went back"
    for cache in crashed:
        is_made_good(node, cache.with_name(f"{cache.name}-repaired"))


def is_made_good(node: TrustingNode, cache: Path) -> None:
    """The new release is there, and nothing half written is left."""
    assert has(node, cache) == node.third
    assert not [path for path in cache.rglob("*") if path.name.startswith(".new-")]
    kept = Kept(cache)
    assert kept.seen() == Proven(kept, node.signed.trusted).seen
    assert (kept.seen().serial, kept.seen().revoked) == (2, ("0" * 16,))
