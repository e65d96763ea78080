"""Serf's membership as it is drawn, held against what was measured of real rings (DESIGN, section 4)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from inspector_lab.liveness.paths import Paths
from inspector_lab.liveness.ring import Ring
from inspector_lab.liveness.scenario import Scenario

Changes = dict[int, list[tuple[float, int, str]]]


class Watched:
    """A ring without a watcher: what each entry's Serf agent says is kept as (when, host, kind)."""

    def __init__(self, **scenario: object) -> None:
        self.ring = Ring(Scenario(**{"nodes": 60, "vantages": ("a", "c"), **scenario}), self._told)  # type: ignore[arg-type]
        self.said: Changes = {0: [], 1: []}

    def _told(self, vantage: int, kind: str, host: int) -> None:
        self.said[vantage].append((self.ring.timeline.now, host, kind))

    def kill(self, hosts: Iterable[int]) -> None:
        """They lose power now."""
        hosts = tuple(hosts)
        for host in hosts:
            self.ring.hosts.set(host, "off", self.ring.timeline.now)
        self.ring.views.turned(hosts)

    def cut(self, way: str) -> tuple[int, ...]:
        """Zone c is cut off now, in one direction or both."""
        zone = self.ring.land.hosts("zone=c")
        others = tuple(host for host in range(len(self.ring.land)) if host not in zone)
        blocks: dict[str, list[tuple[Iterable[int], Iterable[int] | None]]] = {
            "out": [(zone, None)],
            "in": [(others, zone)],
            "both": [(zone, None), (others, zone)],
        }
        self.ring.reroute(Paths(len(self.ring.land), blocks[way]))
        return zone

    def heal(self) -> None:
        """Nothing is cut any more."""
        self.ring.reroute(Paths(len(self.ring.land)))

    def after(self, seconds: float) -> None:
        """So much time passes."""
        self.ring.timeline.run_until(self.ring.timeline.now + seconds)


@pytest.mark.parametrize("seed", range(5))
def test_one_of_sixty_dies(seed: int) -> None:
    """Measured: seen failed by all within 8.5 to 9.1 s after kill -9; the luck of probes differs."""
    watched = Watched(seed=seed)
    watched.kill([30])
    watched.after(60.0)
    for said in watched.said.values():
        assert [(host, kind) for _, host, kind in said] == [(30, "failed")]
        assert 8.0 <= said[0][0] <= 14.0


def test_ten_of_two_hundred_die() -> None:
    """Measured: 12 to 14 s until all of them are seen failed."""
    watched = Watched(nodes=200)
    watched.kill(range(5, 200, 20))
    watched.after(60.0)
    times = [at for at, _, kind in watched.said[0] if kind == "failed"]
    assert len(times) == 10
    assert 9.0 <= max(times) <= 16.0


def test_a_zone_is_cut_both_ways() -> None:
    """Measured: the others see it failed within 16 s; it lists all as alive 90 s later; healed after 3 s."""
    watched = Watched()
    zone = watched.cut("both")
    watched.after(16.5)
    assert {host for _, host, kind in watched.said[0] if kind == "failed"} == set(zone)
    watched.after(73.0)
    assert watched.said[1] == []
    watched.heal()
    watched.after(5.0)
    assert {host for _, host, kind in watched.said[0] if kind == "join"} == set(zone)


def test_a_minority_gives_the_others_up_in_the_end() -> None:
    watched = Watched()
    zone = watched.cut("both")
    watched.after(300.0)
    assert {host for _, host, _ in watched.said[1]} == set(range(60)) - set(zone)
    watched.heal()
    watched.after(10.0)
    assert watched.ring.views.vantages[1].odd == {}


def test_a_zone_is_not_heard() -> None:
    """Measured: everybody, that zone included, sees it failed within 15 s; healing takes 35 s."""
    watched = Watched(seed=3)
    zone = watched.cut("out")
    watched.after(17.0)
    entry = watched.ring.land.vantages[1]
    for vantage in (0, 1):
        failed = {host for _, host, kind in watched.said[vantage] if kind == "failed"}
        assert failed == set(zone) - ({entry} if vantage else set())  # nobody gives itself up
    watched.heal()
    watched.after(5.0)
    assert watched.ring.views.vantages[0].failed > 0
    watched.after(31.0)
    assert watched.ring.views.vantages[0].odd == {}


def test_a_zone_hears_nothing() -> None:
    """The others see it failed; it knows nothing of that."""
    watched = Watched()
    zone = watched.cut("in")
    watched.after(17.0)
    assert {host for _, host, kind in watched.said[0] if kind == "failed"} == set(zone)
    assert watched.said[1] == []


def test_members_that_are_held_failed_for_long_get_no_gossip() -> None:
    """memberlist's GossipToTheDeadTime: 30 s."""
    watched = Watched(seed=3)
    zone = watched.cut("out")
    watched.after(20.0)
    assert not watched.ring.opinions.shunned(zone[0], by=0)
    watched.after(30.0)
    assert watched.ring.opinions.shunned(zone[0], by=0)


def test_a_false_alarm_is_taken_back() -> None:
    watched = Watched()
    watched.ring.views.falsely(7, 2.0)
    watched.after(10.0)
    assert [(host, kind) for _, host, kind in watched.said[0]] == [(7, "failed"), (7, "join")]


def test_a_member_that_left_is_no_failure() -> None:
    watched = Watched()
    watched.ring.views.left.add(9)
    watched.ring.hosts.set(9, "gone", 0.0)
    watched.ring.views.turned((9,))
    watched.after(30.0)
    assert [(host, kind) for _, host, kind in watched.said[0]] == [(9, "leave")]


def test_a_question_waits_while_all_members_change() -> None:
    """Measured: 60 of 60 get other tags, and the last of them hears a question 1.9 to 3.8 s later instead of 0.5 s."""
    watched = Watched()
    assert watched.ring.views.starved_s() == 0.0
    for host in range(60):
        watched.ring.views.updated(host)
    watched.after(0.6)
    assert 1.4 <= watched.ring.views.starved_s() <= 3.5
    watched.after(5.0)
    assert watched.ring.views.starved_s() == 0.0


def test_a_few_changes_leave_room_for_questions() -> None:
    watched = Watched()
    watched.kill(range(5, 15))
    watched.after(12.0)
    assert watched.ring.views.starved_s() == 0.0
