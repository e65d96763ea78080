"""Two watchers as processes, for availability: one alert of both, whoever is killed, and nothing is told twice."""

from __future__ import annotations

import signal
from pathlib import Path

from inspector_coord.watch.journal import Journal
from tests.support.alertmanager import alertmanager
from tests.support.watch_commands import Run, running, written
from tests.support.watching import failed_at, watched_ring

# What people wait for longer: until a node that was gone for a short time is believed, an alert's end is told, and a
# restarted watcher tells the alerts that it has found in its journal.
HASTY = {"back_hold_s": 1.0, "resolve_after_s": 2.0, "replay_s": 0.5}


async def killed(run: Run) -> None:
    """As `kill -9` does it."""
    run.process.send_signal(signal.SIGKILL)
    await run.ends()


async def test_one_dies_the_other_goes_on_and_it_comes_back(tmp_path: Path) -> None:
    """Both find a dead node: one alert, one message. One is killed: the alert stays. It starts again: tells nothing.

    The node is back: each tells that once, under the number it had, and people are told once.
    """
    async with watched_ring(tmp_path, 5) as made, alertmanager(tmp_path) as manager:
        # What it says lasts for three times that: the survivor's beyond a while in which the machine stands still.
        first, second = (
            written(
                tmp_path / name,
                rings={"main": {"entries": [made.ring[0].rpc]}},
                watch={"alertmanager": [manager.url], "resend_s": resend_s},
            )
            for name, resend_s in (("first", 1), ("second", 4))
        )
        dead = made.ring[4]
        async with running(second, "watch", "--json", hasty=HASTY) as two:
            async with running(first, "watch", "--json", hasty=HASTY) as one:
                await one.notes("watching main: 5 nodes: 5 up")
                await two.notes("watching main: 5 nodes: 5 up")
                await dead.kill()
                await failed_at(made.ring[0], dead.name)
                await one.says('"opened"')
                await two.says('"opened"')
                (alert,) = await manager.standing(1, "NodeDown")
                async with running(first, "watch", "--json", hasty=HASTY) as third:
                    await third.notes("another watch keeps the journal ")
                    await killed(third)
                await manager.until(1)
                await killed(one)
            for _ in range(3):  # the third comes four seconds after the second: what the dead one said lasts for three
                alert = await manager.updated(alert["updatedAt"])
            assert manager.words() == [("firing", ["NodeDown"])]
            async with running(first, "watch", "--json", hasty=HASTY) as again:
                await again.notes("still open: n005: down since ")
                await again.notes("watching main: 5 nodes: 4 up, 1 down")
                await dead.restart(made.ring.others(dead))
                await again.says('"closed"')
                await two.says('"closed"')
                await manager.until(2)
                await manager.standing(0)
                again.process.send_signal(signal.SIGTERM)
                assert await again.ends() == 0
        assert manager.words() == [("firing", ["NodeDown"]), ("resolved", ["NodeDown"])]
    told = [(record["incident"], record["action"]) for run in (one, again) for record in run.records()]
    assert told == [(1, "opened"), (1, "closed")]
    kept = Journal(tmp_path / "first/cache/watch", print).read(["main"])["main"]
    assert (kept.open, kept.number) == ((), 1)
