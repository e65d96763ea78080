"""`config-center publish --ring` and `status --ring` with a real ring, and the real `inspector` between them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec
import trio

from config_center.database import Database
from config_center.ring_commands import PROGRAM
from inspector_agent.ring import UserEvent, connect
from inspector_coord.current import prefix_of
from tests.support.center import write_checks, write_fleet
from tests.support.fleets import fleet

REPOSITORY = Path(__file__).parent.parent.parent


async def config_center(*words: object) -> tuple[int, str, str]:
    """Run the command as a child; (exit code, stdout, stderr)."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = await trio.run_process(
        [sys.executable, "-m", "config_center", *map(str, words)],
        cwd=REPOSITORY, env=environment, capture_stdout=True, capture_stderr=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.decode(), done.stderr.decode()


async def test_a_ring_hears_of_a_publication_and_says_who_has_what(tmp_path: Path) -> None:
    """From the layers to the agents' ears, and back."""
    assert (Path(sys.executable).parent / PROGRAM).is_file()
    layers = write_fleet(tmp_path / "fleet", {"a.yml": "items: {sysctl: {a: 1}}\n"})
    checks = write_checks(tmp_path / "described")
    (tmp_path / "ring").mkdir()
    async with fleet(tmp_path / "ring", 3) as ring:
        async with connect(ring.ring[2].rpc) as client, client.stream("user") as events:
            code, _, err = await config_center("publish", layers, "--yes", "--checks", checks, "--ring", ring.path)
            assert (code, err) == (0, "")
            release = Database.at(layers / "published" / "center.db").current()
            with trio.fail_after(30):
                async for event in events:
                    assert isinstance(event, UserEvent)
                    assert msgspec.msgpack.decode(event.payload) == [1, bytes.fromhex(release.digest)[:8]]
                    break
        for name, agent in ring.agents.items():
            agent.holds = (b"oldoldol", 0x0B) if name == "n003" else (prefix_of(release), 12)
        code, out, err = await config_center("status", layers, "--ring", ring.path)
    assert (code, err) == (0, "")
    assert out.splitlines()[-2:] == [
        f"release 12 ({release.digest[:12]}): n[001-002] (2)",
        f"release 11 ({b'oldoldol'.hex()[:12]}): n003 (1)",
    ]
