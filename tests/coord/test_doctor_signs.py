"""What doctor looks at, sign by sign."""

from __future__ import annotations

from pathlib import Path

import trio

from inspector_coord.doctor import Sign, examine, receive_buffer, verdict
from tests.support.fleets import fleet
from tests.support.serf import claimed_prefix
from tests.support.waiting import PATIENCE_S


def of(signs: list[Sign], what: str) -> list[tuple[str, str]]:
    """(health, detail) of the signs about something."""
    return [(sign.health, sign.detail) for sign in signs if what in sign.what]


def test_the_receive_buffer_is_judged() -> None:
    """Serf asks for 2 MiB and is capped without a word: below, doctor says by what command to mend it."""
    assert receive_buffer(4_194_304).health == "ok"
    small = receive_buffer(212_992)
    assert small.health == "warn"
    assert "sysctl -w net.core.rmem_max=2097152" in small.advice


async def test_a_fleet_in_order(tmp_path: Path) -> None:
    """Entries heard, the release named, clock, cache and Ansible looked at; nothing fails."""
    async with fleet(tmp_path, 3, rpc_auth="key") as ring:
        (tmp_path / "auth").chmod(0o600)
        said = ""
        with trio.fail_after(PATIENCE_S):
            while not said.startswith("heard by 2 of 2 members within"):  # an ack may come too late
                signs = await examine(ring.config)
                entry = of(signs, f"entry {ring.ring[0].rpc}")
                said = entry[1][1]
        assert entry[0] == ("ok", "n001, 3 members alive, 0 failed")
        assert of(signs, "config center")[0][1].startswith(f"release 1 ({ring.release.digest[:12]}), 4 items")
        assert of(signs, "clock") == [("ok", "agrees with the config center's")]
        assert {sign.what for sign in signs} >= {"net.core.rmem_max", "cache", "ansible"}
        assert verdict(signs) == 0
        assert all(not agent.heard for agent in ring.agents.values())


async def test_what_is_wrong_is_named_with_what_to_do(tmp_path: Path) -> None:
    """A wrong key, a key file for all to read, a center that is down, no inventory, a cache in the way."""
    async with fleet(tmp_path, 2, rpc_auth="key") as ring:
        (tmp_path / "auth").write_text("wrong")
        (tmp_path / "auth").chmod(0o644)
        (tmp_path / "file").write_text("")
        with claimed_prefix() as network:
            ring.write(
                config_center=f"http://{network}.1:8600",
                cache="file",
                second_pass={"inventory": "nowhere.yml"},
            )
            signs = await examine(ring.config)
    assert verdict(signs) == 1
    assert [health for health, _ in of(signs, "entry")] == ["fail"]
    assert "compare it with rpc_auth" in of(signs, "entry")[0][1]
    assert "can be read by others" in of(signs, "ring main")[0][1]
    assert "cannot be reached" in of(signs, "config center")[0][1]
    assert of(signs, "cache")[0][0] == "fail"
    assert "does not exist" in of(signs, "ansible")[0][1]


async def test_a_frozen_or_lonely_entry_is_seen(tmp_path: Path) -> None:
    """An agent alone in its ring has nobody to ask; entries that see different rings are told."""
    (tmp_path / "other").mkdir()
    async with fleet(tmp_path, 3) as ring, fleet(tmp_path / "other", 1) as other:
        ring.write(rings={"main": {"entries": [ring.ring[0].rpc, other.ring[0].rpc]}})
        signs = await examine(ring.config)
    assert ("warn", "is alone in its ring") in of(signs, other.ring[0].rpc)
    assert any("different numbers of members alive" in sign.detail for sign in signs)


async def test_a_mute_entry_is_a_failure(tmp_path: Path) -> None:
    """All others are frozen, so none acknowledges: membership still says alive, the hearing test tells.

    The wan profile needs half a minute to miss a node, however slow the machine is.
    """
    async with fleet(tmp_path, 3, profile="wan") as ring:
        for node in ring.ring.nodes[1:]:
            node.stop()
        signs = await examine(ring.config)
        for node in ring.ring.nodes[1:]:
            node.cont()
    assert ("fail", "is mute: none of 2 members heard it") in of(signs, "entry")
