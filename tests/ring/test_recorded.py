"""What a real Serf agent sent, played again: read rightly, however the bytes are cut, and never with a wrong exception.

`python -m tests.ring.recording` makes the recordings anew.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector_agent.ring.errors import ProtocolError
from inspector_agent.ring.frames import Record, Reply, State
from inspector_agent.ring.records import (
    Ack,
    Answer,
    Done,
    KeyReport,
    Member,
    MemberEvent,
    QueryEvent,
    UserEvent,
)
from tests.ring.recording import KEY, OTHER_KEY, SESSIONS, played, recorded


def replies(name: str) -> list[Reply]:
    """The replies of a recorded session after its greeting."""
    frames, _ = played(name, [recorded(name)])
    return [frame for frame in frames[2:] if isinstance(frame, Reply)]


def records_of(name: str) -> list[object]:
    """What the subscriptions of a recorded session told."""
    frames, _ = played(name, [recorded(name)])
    return [frame.body for frame in frames if isinstance(frame, Record)]


def test_members_stats_and_coordinates_are_read() -> None:
    """All members, those of one rack (b1 and not b10), nobody; figures; a coordinate, and none."""
    everybody, of_rack, nobody, stats, placed, unplaced = (reply.body for reply in replies("members"))
    assert sorted(member.name for member in everybody) == ["n001", "n002"]
    (member,) = of_rack
    assert isinstance(member, Member)
    assert (member.name, member.port, member.tags, member.status) == ("n001", 7946, {"rack": "b1"}, "alive")
    assert member.address.startswith("127.")
    assert member.address.endswith(".1")
    assert nobody == []
    assert (stats["agent"]["name"], stats["serf"]["members"], stats["tags"]) == ("n001", "2", {"rack": "b1"})
    assert len(placed.vec) == 8
    assert unplaced is None


def test_refusals_are_read_with_and_without_a_body() -> None:
    """After each of eight refusals, three of them with a body, the next reply is still understood."""
    *refused, last = replies("refused")
    assert [reply.error for reply in refused] == [
        "No pending queries matching ID",
        "user event exceeds configured limit of 512 bytes before encoding",
        "query exceeds limit of 1024 bytes",
        "Invalid event filter",
        "Unknown log level: LOUD",
        "illegal base64 data at input byte 0",
        "2/2 nodes reported failure",
        refused[-1].error,
    ]
    assert "connection refused" in refused[-1].error
    assert [type(reply.body) for reply in refused] == [type(None)] * 5 + [KeyReport, KeyReport, int]
    assert refused[6].body.failures == 2
    assert set(refused[6].body.messages.values()) == {"Keyring is empty (encryption not enabled)"}
    assert [member.name for member in last.body] == ["n001"]


def test_records_of_two_subscriptions_are_told_apart() -> None:
    """A query asked and heard on one connection, its ack and answer, a user event of bytes that are no text."""
    told = records_of("query")
    assert told[0] == QueryEvent(1, "inspect", b"\x00\xff", told[0].ltime)  # type: ignore[attr-defined]
    assert set(told[1:4]) == {Ack("n001"), Ack("n002"), Answer("n001", b"\x80\xff answer")}
    assert isinstance(told[4], Done)
    assert told[5] == UserEvent("hello", b"\xc1", told[5].ltime, coalesce=False)  # type: ignore[attr-defined]
    assert [member.name for member in replies("query")[-1].body] == ["n001"]


def test_member_events_are_read() -> None:
    """A changed tag comes as member-update with the whole member."""
    (event,) = records_of("member_events")
    assert isinstance(event, MemberEvent)
    assert event.kind == "member-update"
    assert [(member.name, member.tags) for member in event.members] == [("n001", {"role": "web"})]


def test_log_lines_are_read_and_the_rest_is_swallowed_after_stop() -> None:
    """Lines still under way when the monitor is stopped are counted, and do not disturb the next reply."""
    lines = records_of("monitor")
    assert len(lines) == 3
    assert all("[INFO]" in str(line) for line in lines)
    frames, core = played("monitor", [recorded("monitor")])
    assert core.swallowed > 0
    assert isinstance(frames[-1], Reply)
    assert frames[-1].body["agent"] == {"name": "n001"}


def test_key_reports_are_read() -> None:
    """A key's life: listed, another installed and used, the used one not removable, the old one removed."""
    listed, installed, used, refused, removed, at_last = (reply.body for reply in replies("keys"))
    assert listed == KeyReport({}, {KEY: 2}, nodes=2, responses=2, failures=0)
    assert installed == used == removed == KeyReport({}, {}, nodes=2, responses=2, failures=0)
    assert refused.messages == dict.fromkeys(("n001", "n002"), "Removing the primary key is not allowed")
    assert at_last.keys == {OTHER_KEY: 2}


@pytest.mark.parametrize(("name", "state"), [("auth_refused", State.BROKEN), ("handshake_refused", State.BROKEN)])
def test_a_refused_greeting_breaks_the_connection(name: str, state: State) -> None:
    """After a refused handshake or auth nothing more can be sent."""
    frames, core = played(name, [recorded(name)])
    assert isinstance(frames[-1], Reply)
    assert frames[-1].error in ("Invalid authentication token", "Unsupported IPC version")
    assert core.state is state


@pytest.mark.parametrize("name", SESSIONS)
def test_the_same_frames_wherever_the_bytes_are_cut(name: str) -> None:
    """In two pieces cut at every place, and in pieces of one byte: the same frames as in one piece."""
    raw = recorded(name)
    whole, _ = played(name, [raw])
    for cut in range(1, len(raw)):
        assert played(name, [raw[:cut], raw[cut:]])[0] == whole, cut
    assert played(name, (raw[at : at + 1] for at in range(len(raw))))[0] == whole


def spoiled(raw: bytes, changes: Sequence[tuple[int, int]]) -> bytes:
    """The bytes with some of them changed."""
    data = bytearray(raw)
    for at, value in changes:
        data[at % len(data)] = value
    return bytes(data)


@settings(deadline=None)
@given(
    name=st.sampled_from(sorted(SESSIONS)),
    changes=st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_spoiled_recordings_raise_nothing_but_protocol_error(name: str, changes: Sequence[tuple[int, int]]) -> None:
    """Up to four changed bytes: other frames, a ProtocolError, or frames are missing at the end; nothing else.

    A changed byte can also make a greeting's reply an error; then the session's next command is out of turn.
    """
    try:
        frames, _ = played(name, [spoiled(recorded(name), changes)])
    except (ProtocolError, EOFError):
        return
    except RuntimeError as problem:
        if "must not be sent when the connection is BROKEN" not in str(problem):
            raise
        return
    assert all(isinstance(frame, Reply | Record) for frame in frames)
