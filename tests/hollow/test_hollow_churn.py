"""Members that fail, leave and come back, without any network: what they send, and when."""

from __future__ import annotations

import random
import socket
from collections import Counter

import pytest

from config_center.release import Release
from inspector_lab.hollow import packets
from inspector_lab.hollow.churn import Churn
from inspector_lab.hollow.darkness import darken
from inspector_lab.hollow.fleet import FAILED, Life, Member
from inspector_lab.hollow.packets import Ack, Address, Doubt, Join, Nack, User, read_packet
from inspector_lab.hollow.packing import pack, read_map
from inspector_lab.hollow.questions import JOIN, LEAVE
from tests.support.hollow import Stage

ENTRY: Address = (bytes((127, 9, 0, 1)), 7946)
PERCENT = 10.0


class Told:
    """A ring that churns, and what its entry is told: (when, by whom, the message)."""

    def __init__(self, release: Release, members: int = 300, seed: int = 4) -> None:
        self.stage = Stage(release, members)
        self.log: list[tuple[float, str, object]] = []
        self.now = 0.0
        draw = random.Random(seed).random  # noqa: S311
        self.churn = Churn(self.stage.members, self.stage.standing, draw, self._send, Counter(), 1.0)
        self.churn.rate(PERCENT, 0.0)

    def _send(self, member: Member, address: Address, packet: bytes) -> None:
        assert address == self.stage.members[0].address
        (message,) = read_packet(packet)
        self.log.append((self.now, member.name, message))

    def until(self, end: float) -> None:
        """Let time pass, step by step."""
        while self.churn.next_at <= end:
            self.now = self.churn.next_at
            self.churn.run(self.now)

    def intents(self, kind: int) -> list[tuple[float, str, int]]:
        """When which member has first told Serf that it leaves or joins, and at which of its times."""
        found: dict[tuple[str, int], float] = {}
        for at, _, message in self.log:
            if isinstance(message, User) and message.body[0] == kind:
                fields = read_map(message.body[1:])
                found.setdefault((fields[b"Node"].decode(), fields[b"LTime"]), at)
        return [(at, name, ltime) for (name, ltime), at in found.items()]


def test_so_many_go_as_wished_and_come_back(release: Release) -> None:
    """A tenth of the members in a minute; most come back; the same seed does the same."""
    one = Told(release)
    one.until(1800.0)
    truth = one.stage.standing.truth
    gone = truth.to_failed + truth.to_left
    assert 700 < gone < 1100, "a tenth of 299 in each of 30 minutes"
    assert 0.2 < truth.to_left / gone < 0.4
    assert gone - truth.to_alive == len(truth.failed) + len(truth.left) == 299 - truth.alive > 0
    other = Told(release)
    other.until(1800.0)
    assert other.stage.standing.truth == truth
    assert [entry[:2] for entry in other.log] == [entry[:2] for entry in one.log]


def test_without_churn_all_stays_as_it_is(release: Release) -> None:
    """Nobody goes and nobody comes back; once it goes on they do."""
    one = Told(release)
    one.until(300.0)
    one.churn.rate(0.0, 300.0)
    one.until(310.0)  # who has said that it leaves, does
    still = one.stage.standing.truth
    one.until(3000.0)
    assert one.stage.standing.truth == still
    assert still.failed
    one.churn.rate(PERCENT, 3000.0)
    one.until(3011.0)
    truth = one.stage.standing.truth
    assert not set(still.failed) & set(truth.failed)
    assert truth.to_alive - still.to_alive >= len(still.failed) + len(still.left)


def test_a_failed_member_is_silent_and_found_by_others(release: Release) -> None:
    """Three accusers, none of which is the member; no word of its own until it is back, with a higher incarnation."""
    one = Told(release)
    one.until(900.0)
    accusations: dict[tuple[str, int], set[str]] = {}
    for _, sender, message in one.log:
        if isinstance(message, Doubt) and not message.dead:
            assert sender != message.node
            accusations.setdefault((message.node, message.incarnation), set()).add(sender)
    assert len(accusations) > 100
    assert Counter(map(len, accusations.values())).most_common(1)[0][0] == 3
    truth, members = one.stage.standing.truth, {member.name: member for member in one.stage.members}
    assert all(members[name].life is Life.FAILED for name in truth.failed)


def test_who_leaves_says_so_and_joins_again(release: Release) -> None:
    """Leave intent, then the dead message of its own; coming back alive and the join intent; clocks only grow."""
    one = Told(release)
    one.until(900.0)
    leaves, joins = one.intents(LEAVE), one.intents(JOIN)
    assert len(leaves) > 50
    times = sorted(leaves + joins)
    assert [ltime for _, _, ltime in times] == list(range(2, 2 + len(times)))
    for at, name, _ in leaves[:30]:
        dead = [when for when, by, message in one.log if isinstance(message, Doubt) and message.dead and by == name]
        assert any(1.4 < when - at < 1.6 for when in dead)
    alive = {(at, by) for at, by, message in one.log if isinstance(message, Join)}
    assert {(at, name) for at, name, _ in joins} <= alive
    incarnations = {member.name: member.incarnation for member in one.stage.members}
    returns = Counter(name for _, name, _ in joins)
    assert all(incarnations[name] >= 1 + times for name, times in returns.items())


def test_whoever_is_gone_does_nothing(release: Release) -> None:
    """No ack, a nack by others, no denial; listed as failed once the entry says so."""
    stage = Stage(release)
    gone = stage.members[8]
    stage.standing.becomes(gone, Life.FAILED)
    assert stage.play.take(packets.ping(9, gone.name, ENTRY, "n001"), gone, ENTRY, 1.0) == []
    fields = {"SeqNo": 5, "Node": gone.name, "Target": gone.address[0], "Port": gone.address[1], "Nack": True}
    ask = bytes((packets.INDIRECT,)) + pack(fields | {"SourceAddr": ENTRY[0], "SourcePort": ENTRY[1]})
    stage.play.take(ask, stage.members[3], ENTRY, 1.0)
    stage.play.take(packets.suspect(gone.name, 1, "n001"), stage.members[3], ENTRY, 1.0)
    assert stage.posted == []
    assert gone.listed != FAILED
    stage.acting.run(1.6, 0)
    assert [read_packet(packet) for _, _, packet in stage.posted] == [[Nack(5)]]
    dead = bytes((packets.DEAD,)) + pack({"Node": gone.name, "Incarnation": 1, "From": "n001"})
    stage.play.take(dead, gone, ENTRY, 2.0)
    assert gone.listed != FAILED, "it told itself"
    stage.play.take(dead, stage.members[3], ENTRY, 2.0)
    assert (gone.listed, stage.standing.listed_failed, stage.standing.listed_alive) == (FAILED, 1, 19)
    stage.hear(stage.query(stage.question(), ack=True), 2.0)
    assert gone.name not in {one.name for one in stage.until(5.0)}
    stage.standing.becomes(gone, Life.ALIVE)
    stage.posted.clear()
    stage.play.take(packets.ping(9, gone.name, ENTRY, "n001"), gone, ENTRY, 6.0)
    assert [read_packet(packet) for _, _, packet in stage.posted] == [[Ack(9)]]


def test_nothing_answers_where_a_member_is_gone() -> None:
    """One listener for all addresses; those that are dark do not even refuse."""
    with socket.create_server(("0.0.0.0", 0)) as listener:  # noqa: S104 - asked on loopback alone
        port = listener.getsockname()[1]
        assert darken(listener.fileno(), [bytes((127, 9, 1, 1)), bytes((127, 9, 1, 2))])
        for host in ("127.9.1.1", "127.9.1.2"):
            with pytest.raises(TimeoutError):
                socket.create_connection((host, port), timeout=0.3)
        socket.create_connection(("127.9.1.3", port), timeout=30).close()
        many = [bytes((127, 9, at // 250, at % 250)) for at in range(2_500)]
        if darken(listener.fileno(), many):
            socket.create_connection(("127.9.200.3", port), timeout=30).close()
        assert darken(listener.fileno(), [])
        socket.create_connection(("127.9.1.1", port), timeout=30).close()
