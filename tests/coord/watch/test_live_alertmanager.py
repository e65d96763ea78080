"""A real prometheus-alertmanager is told what watchers find, and tells people once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import trio

from inspector_coord.watch import limits
from inspector_coord.watch.alertmanager import Alertmanagers
from inspector_coord.watch.conclusions import Action, Kind
from tests.support.alertmanager import alertmanager
from tests.support.serf import claimed_prefix
from tests.support.waiting import soon
from tests.support.watched import Paper, happening
from tests.support.web import Handler, drips, reply, says_nothing, sends, web

RACK = ("n001", "n002", "n003")
LABELS = {"alertname": "NodeDown", "ring": "main", "domain": "rack=b2", "kind": "down", "severity": "critical"}


class Watcher:
    """The pushing side of a watcher, and what it has said to people and counted."""

    def __init__(self, *urls: str, name: str = "one", resend_s: float = 1.0) -> None:
        self.said: list[str] = []
        self.failed: list[str] = []
        self.scope = trio.CancelScope()
        self.alerts = Alertmanagers(
            urls, watcher=name, say=self.said.append, resend_s=resend_s, failed=self.failed.append
        )

    async def run(self) -> None:
        """Until its scope is cancelled: it dies without a word."""
        with self.scope:
            await self.alerts.run()

    def told(self, *nodes: str, ring: str = "main", **more: object) -> None:
        """The watch finds something."""
        self.alerts.told(ring, happening(*nodes, **more), time.time())  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends are told soon, failures tried again soon: the world is not made to wait for the test."""
    monkeypatch.setattr(limits, "resolve_after_s", 0.6)
    monkeypatch.setattr(limits, "push_again_s", 0.05)
    monkeypatch.setattr(limits, "replay_s", 0.1)
    monkeypatch.setattr(limits, "resends_missed", 60)  # nothing of one that lives lapses on a machine that stands still


async def test_two_watchers_are_one_alert_and_the_survivor_ends_it_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both push the same incident, gathered otherwise and numbered otherwise; one dies; the other resolves, once."""
    monkeypatch.setattr(limits, "resends_missed", 3)
    async with alertmanager(tmp_path) as manager, trio.open_nursery() as nursery:
        # What the survivor says lasts for 12 s, so that nothing lapses on a machine that stands still for a while.
        one, two = Watcher(manager.url, resend_s=4.0), Watcher(manager.url, name="two")
        for watcher in (one, two):
            nursery.start_soon(watcher.run)
        one.told(*RACK, domain="rack=b2", number=3)
        two.told(*RACK[:2], domain="rack=b2", number=17)
        (alert,) = await manager.standing(1)
        assert alert["labels"] == LABELS
        await manager.until(1)
        while alert["annotations"]["watcher"] != "two":
            alert = await manager.updated(alert["updatedAt"])
        two.told(*RACK, "n004", domain="rack=b2", number=17, action=Action.CHANGED)
        while alert["annotations"].get("nodes") != "n[001-004]":
            alert = await manager.updated(alert["updatedAt"])
        two.scope.cancel()
        died = time.time()
        while time.time() < died + 3.5:  # beyond the time at which what the dead one said last has lapsed
            alert = await manager.updated(alert["updatedAt"])
        assert [word for word, _ in manager.words()] == ["firing"]
        one.told(*RACK, domain="rack=b2", number=3, action=Action.CLOSED)
        await manager.until(2)
        await manager.standing(0)
        assert manager.words() == [("firing", ["NodeDown"]), ("resolved", ["NodeDown"])]
        assert manager.told[1]["groupLabels"] == {"alertname": "NodeDown", "ring": "main", "domain": "rack=b2"}
        nursery.cancel_scope.cancel()


async def test_both_end_it_and_people_hear_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second closes later than the first, and says something more in between: that does not make it anew."""
    monkeypatch.setattr(limits, "resolve_after_s", 5.0)  # what the second says arrives before, on a slow machine too
    async with alertmanager(tmp_path) as manager, trio.open_nursery() as nursery:
        one, two = Watcher(manager.url, resend_s=60.0), Watcher(manager.url, name="two", resend_s=60.0)
        for watcher in (one, two):
            nursery.start_soon(watcher.run)
            watcher.told(*RACK, domain="rack=b2")
        await manager.until(1)
        (alert,) = await manager.standing(1)
        one.told(*RACK, domain="rack=b2", action=Action.CLOSED)
        two.told("n003", domain="rack=b2", action=Action.CHANGED, back=("n001", "n002"))
        while "back" not in alert["annotations"]:
            alert = await manager.updated(alert["updatedAt"])
        two.told("n003", domain="rack=b2", action=Action.CLOSED)
        await manager.until(2)
        two.told("n100")  # whatever the second had to say of the old one has been said before this
        await manager.until(3)
        assert [word for word, _ in manager.words()] == ["firing", "resolved", "firing"]
        nursery.cancel_scope.cancel()


async def test_nodes_of_no_domain_are_alerts_of_their_own_in_one_message(tmp_path: Path) -> None:
    """A second node that dies by itself is told, too; grouped by domain they come together."""
    async with alertmanager(tmp_path) as manager, trio.open_nursery() as nursery:
        watcher = Watcher(manager.url)
        nursery.start_soon(watcher.run)
        watcher.told("n001", "n007")
        await manager.until(1)
        assert [alert["labels"]["node"] for alert in manager.told[0]["alerts"]] == ["n001", "n007"]
        watcher.told("n009", number=2)
        await manager.until(2)
        assert [len(one["alerts"]) for one in manager.told] == [2, 3]
        nursery.cancel_scope.cancel()


async def test_alerts_of_a_dead_watcher_end_by_themselves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is left to resolve them."""
    monkeypatch.setattr(limits, "resends_missed", 3)
    async with alertmanager(tmp_path) as manager, trio.open_nursery() as nursery:
        watcher = Watcher(manager.url)
        nursery.start_soon(watcher.run)
        watcher.told("n001")
        await manager.until(1)
        watcher.scope.cancel()
        await manager.until(2)
        assert [word for word, _ in manager.words()] == ["firing", "resolved"]
        nursery.cancel_scope.cancel()


async def test_an_alertmanager_that_is_away_stops_no_other_and_is_told_the_newest_state_later(tmp_path: Path) -> None:
    """What has ended meanwhile is not told as standing; the failure is said once, and its end."""
    (tmp_path / "late").mkdir()
    with claimed_prefix() as prefix:
        await told_later(tmp_path, f"{prefix}.1:9093")


async def told_later(tmp_path: Path, away: str) -> None:
    """At that address an Alertmanager starts only later; another one is there."""
    async with alertmanager(tmp_path) as manager, trio.open_nursery() as nursery:
        watcher = Watcher(f"http://user:secret@{away}/", manager.url, resend_s=60.0)
        nursery.start_soon(watcher.run)
        watcher.told("n001", number=1)
        watcher.told(*RACK, domain="rack=b2", number=2)
        await manager.standing(2)
        await soon(lambda: len(watcher.failed) >= 3, "pushes that fail")
        assert len(watcher.said) == 1
        assert watcher.said[0].startswith(f"alerts do not reach http://{away}/: ")
        watcher.told("n001", number=1, action=Action.CLOSED)
        async with alertmanager(tmp_path / "late", away) as late:
            (alert,) = await late.standing(1)
            assert alert["labels"] == LABELS
            await soon(lambda: len(watcher.said) == 2, "that it works again")
            assert "again" in watcher.said[1]
            assert len(set(watcher.failed)) == 1
        nursery.cancel_scope.cancel()


async def test_an_isolated_watcher_keeps_alive_and_raises_nothing_from_the_dead(tmp_path: Path) -> None:
    """Another one has resolved what the isolated one still holds for true."""
    async with alertmanager(tmp_path) as manager, trio.open_nursery() as nursery:
        blind, seeing = Watcher(manager.url), Watcher(manager.url, name="two", resend_s=60.0)
        nursery.start_soon(blind.run)
        nursery.start_soon(seeing.run)
        for watcher in (blind, seeing):
            watcher.told(*RACK, domain="rack=b2")
        await manager.until(1)
        blind.told(kind=Kind.ISOLATED, number=9)
        await manager.until(2)
        (alert,) = await manager.standing(1, "NodeDown")
        await manager.updated(alert["updatedAt"], "NodeDown")  # kept alive
        seeing.told(*RACK, domain="rack=b2", action=Action.CLOSED)
        await manager.until(3)
        (isolated,) = await manager.standing(1)
        for _ in range(2):  # two times at which the blind one tells all again
            isolated = await manager.updated(isolated["updatedAt"])
        assert isolated["labels"] == {
            "alertname": "WatcherIsolated", "ring": "main", "kind": "isolated", "severity": "critical",
        }  # fmt: skip
        assert [names for word, names in manager.words() if word == "firing"] == [["NodeDown"], ["WatcherIsolated"]]
        nursery.cancel_scope.cancel()


async def test_what_was_open_before_a_restart_stands_again_once_the_ring_is_judged(tmp_path: Path) -> None:
    """Not before: it may be over."""
    async with alertmanager(tmp_path) as manager, trio.open_nursery() as nursery:
        ring, other = Paper(open_incidents=[happening("n001")], judging=False), Paper(open_incidents=[happening("x1")])
        watcher = Watcher(manager.url)
        watcher.alerts.sees({"main": ring, "other": other})
        nursery.start_soon(watcher.run)
        await manager.until(1)
        (alert,) = await manager.standing(1)
        assert alert["labels"]["ring"] == "other"
        ring.judging = True
        await manager.standing(2)
        nursery.cancel_scope.cancel()


async def test_a_watcher_that_is_still_isolated_after_a_restart_says_so_again(tmp_path: Path) -> None:
    """Without seeing the ring; of whom it accused before it says nothing."""
    async with alertmanager(tmp_path) as manager, trio.open_nursery() as nursery:
        before = [happening("n001"), happening(kind=Kind.ISOLATED, number=2)]
        watcher = Watcher(manager.url)
        watcher.alerts.sees({"main": Paper(open_incidents=before, judging=False)})
        nursery.start_soon(watcher.run)
        (alert,) = await manager.standing(1)
        assert alert["labels"]["alertname"] == "WatcherIsolated"
        await manager.updated(alert["updatedAt"], "WatcherIsolated")
        assert len(await manager.standing(1)) == 1
        nursery.cancel_scope.cancel()


async def test_what_ends_soon_after_a_restart_is_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the new watcher has said a word on it, and long before the alert would lapse."""
    async with alertmanager(tmp_path) as manager, trio.open_nursery() as nursery:
        one, two = Watcher(manager.url, resend_s=600.0), Watcher(manager.url, resend_s=600.0)
        nursery.start_soon(one.run)
        one.told(*RACK, domain="rack=b2")
        await manager.until(1)
        one.scope.cancel()
        monkeypatch.setattr(limits, "replay_s", 600.0)
        two.alerts.sees({"main": Paper(open_incidents=[happening(*RACK, domain="rack=b2")])})
        nursery.start_soon(two.run)
        two.told(*RACK, domain="rack=b2", action=Action.CLOSED)
        await manager.until(2)
        assert [word for word, _ in manager.words()] == ["firing", "resolved"]
        nursery.cancel_scope.cancel()


async def test_a_place_that_is_no_alertmanager_is_named(tmp_path: Path) -> None:
    """With what it answers."""
    async with alertmanager(tmp_path) as manager, trio.open_nursery() as nursery:
        watcher = Watcher(f"{manager.url}/nothing/here")
        nursery.start_soon(watcher.run)
        watcher.told("n001")
        await soon(lambda: bool(watcher.said), "that it is refused")
        assert "404" in watcher.said[0]
        nursery.cancel_scope.cancel()


async def test_what_is_refused_holds_up_nobody() -> None:
    """It would be refused again; other alerts are told at once, and it only when its time comes."""
    async with web() as server, trio.open_nursery() as nursery:
        server.handlers["/api/v2/alerts"] = sends(reply(b"start time must not be zero\n", status="400 Bad Request"))
        watcher = Watcher(server.url, resend_s=3_600.0)
        nursery.start_soon(watcher.run)
        watcher.told("n001")
        await soon(lambda: len(watcher.failed) == 1, "that it is refused")
        assert watcher.said[0].endswith("it answers 400 start time must not be zero; they are kept, and tried again")
        server.handlers["/api/v2/alerts"] = sends(reply(b""))
        watcher.told("n002", number=2)
        await soon(lambda: len(watcher.said) == 2, "that it works again")
        assert len(server.asked) == 2
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("handler", [says_nothing, drips(reply(b"x" * 1_000), 0.05), sends(reply(b"x" * 5_000))])
async def test_one_that_hangs_drips_or_floods_costs_a_bounded_time(
    handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as a failure."""
    monkeypatch.setattr(limits, "push_s", 0.2)
    monkeypatch.setattr(limits, "reply_bytes_max", 2_000)
    async with web() as server, trio.open_nursery() as nursery:
        server.handlers["/api/v2/alerts"] = handler
        watcher = Watcher(server.url)
        nursery.start_soon(watcher.run)
        watcher.told("n001")
        await soon(lambda: len(watcher.failed) >= 2, "two failures")
        nursery.cancel_scope.cancel()
