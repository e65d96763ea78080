"""The state machine: what may be sent when, which body belongs to whom, what is bounded. No network."""

from __future__ import annotations

from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector_agent.ring import commands as say
from inspector_agent.ring import limits
from inspector_agent.ring.errors import Disconnected, ProtocolError
from inspector_agent.ring.frames import Connection, Frame, Record, Reply, State
from inspector_agent.ring.records import Ack, Done, KeyReport

NOBODY: dict[str, object] = {"Members": []}


def frame(seq: int, *bodies: object, error: str = "") -> bytes:
    """A header and bodies as Serf writes them."""
    return b"".join(map(msgpack.packb, ({"Error": error, "Seq": seq}, *bodies)))


def ready() -> Connection:
    """A connection after handshake (Seq 1) and auth (Seq 2)."""
    core = Connection()
    for command in (say.Handshake(), say.Auth()):
        seq, _ = core.send(command)
        core.receive(frame(seq))
        assert isinstance(core.next_frame(), Reply)
    return core


def everything(core: Connection) -> list[Frame]:
    """All frames that are complete."""
    frames = []
    while (found := core.next_frame()) is not None:
        frames.append(found)
    return frames


def all_members() -> say.Members:
    return say.members(name=None, status=None, tags=None)


def test_a_command_is_a_header_and_a_body_of_its_fields() -> None:
    """Seq counts from 1; a command without fields has no body."""
    core = ready()
    seq, raw = core.send(say.Event("deploy", b"\xff", coalesce=True))
    unpacker = msgpack.Unpacker()
    unpacker.feed(raw)
    assert list(unpacker) == [
        {"Command": "event", "Seq": 3},
        {"Name": "deploy", "Payload": b"\xff", "Coalesce": True},
    ]
    assert seq == 3
    assert msgpack.unpackb(core.send(say.Stats())[1]) == {"Command": "stats", "Seq": 4}


def test_nothing_is_sent_before_handshake_and_auth_are_answered() -> None:
    """Each step on its own; anything else is a caller's bug, and changes nothing."""
    core = Connection()
    with pytest.raises(RuntimeError, match="stats must not be sent when the connection is NEW"):
        core.send(say.Stats())
    core.send(say.Handshake())
    with pytest.raises(RuntimeError, match="auth must not be sent when the connection is GREETING"):
        core.send(say.Auth())
    core.receive(frame(1))
    core.next_frame()
    core.send(say.Auth())
    with pytest.raises(RuntimeError, match="members-filtered must not be sent when the connection is PROVING"):
        core.send(all_members())
    core.receive(frame(2))
    core.next_frame()
    assert core.state is State.READY
    with pytest.raises(RuntimeError, match="handshake must not be sent twice"):
        core.send(say.Handshake())


def test_replies_find_their_commands_in_any_order() -> None:
    """Three commands under way; replies with and without body, the last first."""
    core = ready()
    for command in (all_members(), say.Event("e", b"", coalesce=False), say.Join(("a",), replay=False)):
        core.send(command)
    core.receive(frame(5, {"Num": 1}) + frame(3, NOBODY) + frame(4))
    assert [(reply.seq, reply.body) for reply in everything(core) if isinstance(reply, Reply)] == [
        (5, 1),
        (3, []),
        (4, None),
    ]
    assert core.commands_open == 0


@pytest.mark.parametrize(
    ("command", "body"),
    [
        (say.Join(("a",), replay=False), {"Num": 0}),
        (say.ListKeys(), {"Messages": {"n": "no"}, "NumErr": 1}),
        (say.InstallKey("k"), {}),
        (say.UseKey("k"), {}),
        (say.RemoveKey("k"), {}),
    ],
)
def test_some_errors_have_a_body(command: say.Command[Any], body: object) -> None:
    """join and the key commands: the body after an error is not taken for the next header."""
    core = ready()
    core.send(command)
    core.send(say.Event("e", b"", coalesce=False))
    core.receive(frame(3, body, error="no") + frame(4))
    refused, fine = everything(core)
    assert isinstance(refused, Reply)
    assert isinstance(fine, Reply)
    assert (refused.error, fine.error) == ("no", "")
    assert isinstance(refused.body, int | KeyReport)


@pytest.mark.parametrize("command", [all_members(), say.Stats(), say.GetCoordinate("n"), say.Stream("x")])
def test_other_errors_have_none(command: say.Command[Any]) -> None:
    """members, stats, coordinate and subscriptions send a body only when all is well."""
    core = ready()
    core.send(command)
    core.send(say.Event("e", b"", coalesce=False))
    core.receive(frame(3, error="no") + frame(4))
    assert [reply.seq for reply in everything(core)] == [3, 4]
    assert core.commands_open == 0


def test_an_abandoned_reply_is_read_over_with_its_body() -> None:
    """Giving up on a command does not shift its late body under the next one, and is counted."""
    core = ready()
    core.send(all_members())
    core.send(say.Join(("a",), replay=False))
    core.send(say.Stats())
    core.abandon(3)
    core.receive(frame(3, NOBODY)[:7])
    core.abandon(4)
    core.receive(frame(3, NOBODY)[7:] + frame(4, {"Num": 0}, error="no") + frame(5, {"agent": {"name": "n"}}))
    (only,) = everything(core)
    assert isinstance(only, Reply)
    assert only.body == {"agent": {"name": "n"}}
    assert (core.swallowed, core.commands_open) == (2, 0)


def test_a_subscription_has_a_reply_and_then_records() -> None:
    """The first frame of its Seq has no body, all later ones have."""
    core = ready()
    core.send(say.Monitor("INFO"))
    core.receive(frame(3) + frame(3, {"Log": "one"}) + frame(3, {"Log": "two"}))
    reply, *told = everything(core)
    assert isinstance(reply, Reply)
    assert told == [Record(3, "one"), Record(3, "two")]


def test_a_stopped_stream_is_quiet_but_still_understood() -> None:
    """Records before and after the reply to stop are swallowed; that reply itself is nobody's frame."""
    core = ready()
    core.send(say.Monitor("INFO"))
    core.receive(frame(3))
    everything(core)
    assert core.stop(3) != b""
    line = {"Log": "late"}
    core.receive(frame(3, line) + frame(4) + frame(3, line) + frame(3, line))
    assert everything(core) == []
    assert (core.swallowed, core.commands_open) == (3, 0)
    assert core.stop(3) == b""


def test_a_stream_may_be_stopped_before_its_reply() -> None:
    """A caller cancelled at once: the reply, the stop's reply and the records between are all understood."""
    core = ready()
    core.send(say.Monitor("INFO"))
    assert core.stop(3) != b""
    core.receive(frame(3) + frame(3, {"Log": "x"}) + frame(4))
    assert everything(core) == []
    assert core.commands_open == 0


def test_stopped_streams_are_forgotten_in_the_end() -> None:
    """A program that runs for years does not remember each stream it ever had."""
    core = ready()
    for _ in range(limits.ended_remembered_max + 1):
        seq, _ = core.send(say.Monitor("INFO"))
        core.stop(seq)
        core.receive(frame(seq) + frame(seq + 1))
        assert everything(core) == []
    core.receive(frame(5, {"Log": "the second stream is remembered"}))
    assert everything(core) == []
    core.receive(frame(3, {"Log": "the first is not"}))
    with pytest.raises(ProtocolError, match="Seq 3"):
        core.next_frame()


def test_a_query_ends_with_its_done_record() -> None:
    """After done its Seq is closed, wanted or not."""
    for wanted in (True, False):
        core = ready()
        seq, _ = core.send(say.Query("q", b"", timeout=1))
        if not wanted:
            core.abandon(seq)
        ack, end = {"Type": "ack", "From": "n", "Payload": None}, {"Type": "done", "From": "", "Payload": None}
        core.receive(frame(3) + frame(3, ack) + frame(3, end))
        told = [found.body for found in everything(core) if isinstance(found, Record)]
        assert told == ([Ack("n"), Done()] if wanted else [])
        assert (core.commands_open, core.swallowed) == (0, 0 if wanted else 3)


def test_unanswered_commands_are_bounded() -> None:
    """A frozen Serf costs a bounded number of remembered commands, then the connection is given up."""
    core = ready()
    for _ in range(limits.requests_open_max):
        seq, _ = core.send(say.Stats())
        core.abandon(seq)
    with pytest.raises(Disconnected, match="have no reply yet"):
        core.send(say.Stats())


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (frame(9), "Seq 9"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "header of a reply"),
        (b"\xc1", "not msgpack"),
        (msgpack.packb({"Seq": 3}), "header of a reply"),
        (msgpack.packb({"Seq": -3, "Error": ""}), "Seq -3"),
        (msgpack.packb({"Seq": 3, "Error": 7}), "not a string"),
        (frame(3, {"Members": [{"Name": "n"}]}), "members"),
        (frame(3, ["n"]), "members"),
        (frame(3, NOBODY) + frame(3, NOBODY), "Seq 3"),
        (b"\x91" * 2000, "too deep"),
        (msgpack.packb({"Seq": 3, "Error": "x" * limits.header_bytes_max}), "more than 65536 bytes"),
        (b"\xdb\xff\xff\xff\xff" + bytes(limits.header_bytes_max), "more than 65536 bytes"),
        (frame(4, {"Coord": None, "Ok": False, "x": bytes(limits.small_body_bytes_max)}), "more than 65536 bytes"),
    ],
)
def test_what_is_not_serf_breaks_the_connection(raw: bytes, words: str) -> None:
    """Garbage, unknown Seqs, bodies of a wrong type, values too long or too deep; the same error ever after."""
    core = ready()
    core.send(all_members())
    core.send(say.GetCoordinate("n"))
    core.receive(raw)
    for _ in range(2):
        with pytest.raises(ProtocolError, match=words):
            everything(core)
    assert core.state is State.BROKEN
    with pytest.raises(RuntimeError, match="BROKEN"):
        core.send(say.Stats())


def test_a_record_with_an_error_breaks_the_connection() -> None:
    """Serf never sends one, and whether a body follows it nobody knows."""
    core = ready()
    core.send(say.Monitor("INFO"))
    core.receive(frame(3) + frame(3, error="what"))
    core.next_frame()
    with pytest.raises(ProtocolError, match="a record of monitor with an error: what"):
        core.next_frame()


def test_frames_before_garbage_are_still_given() -> None:
    """What was said before the line broke is not lost, although it came in the same packet."""
    core = ready()
    core.send(say.Stats())
    core.receive(frame(3, {"agent": {}}) + b"\xc1")
    assert isinstance(core.next_frame(), Reply)
    with pytest.raises(ProtocolError):
        core.next_frame()


def test_the_largest_roster_fits() -> None:
    """A members reply of 100,000 nodes in pieces of 64 KiB."""
    core = ready()
    core.send(all_members())
    tags = {"zone": "a", "rack": "b1", "role": "web"}
    versions = dict.fromkeys(
        ("ProtocolMin", "ProtocolMax", "ProtocolCur", "DelegateMin", "DelegateMax", "DelegateCur"), 5
    )
    member = {"Addr": bytes(4), "Port": 7946, "Tags": tags, "Status": "alive", **versions}
    raw = frame(3, {"Members": [{"Name": f"n{number:06}", **member} for number in range(limits.nodes_max)]})
    for start in range(0, len(raw), limits.receive_bytes):
        assert core.next_frame() is None
        core.receive(raw[start : start + limits.receive_bytes])
    reply = core.next_frame()
    assert isinstance(reply, Reply)
    assert len(reply.body) == limits.nodes_max
    assert reply.body[-1].name == f"n{limits.nodes_max - 1:06}"


def test_one_member_can_never_be_bigger_than_what_the_bound_allows_it() -> None:
    """Serf's longest name, tags and IPv6: the limit for 100,000 of them is not too small."""
    versions = {name: 255 for part in ("Protocol", "Delegate") for name in (part + "Min", part + "Max", part + "Cur")}
    tags = {"t" * 250: "v" * 256}
    member = {"Name": "n" * 128, "Addr": bytes(16), "Port": 65535, "Tags": tags, "Status": "leaving", **versions}
    assert len(msgpack.packb(tags)) >= 512
    assert len(msgpack.packb(member)) <= limits.member_bytes_max


def with_everything_open() -> Connection:
    """A connection that waits for every kind of frame there is."""
    core = ready()
    for command in (
        all_members(), say.Stats(), say.GetCoordinate("n"), say.Join(("a",), replay=False), say.ListKeys(),
        say.Event("e", b"", coalesce=False), say.Stream("*"), say.Monitor("INFO"), say.Query("q", b"", timeout=1),
    ):  # fmt: skip
        core.send(command)
    core.receive(b"".join(frame(seq) for seq in (9, 10, 11)))
    assert len(everything(core)) == 3
    return core


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.binary(max_size=9)
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9) | st.integers(0, 9), inner, max_size=3)
    ),
    max_leaves=9,
)
fields = st.sampled_from([
    "Seq", "Error", "Members", "Name", "Addr", "Port", "Tags", "Status", "Event", "ID", "LTime", "Payload", "Coalesce",
    "Type", "From", "Messages", "Keys", "NumNodes", "Coord", "Ok", "Vec", "Height", "Num", "Log",
])  # fmt: skip
bodies = anything | st.dictionaries(
    fields, anything | st.sampled_from(["alive", "query", "user", "member-join", "ack"])
)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_raise_nothing_but_protocol_error(raw: bytes) -> None:
    """At any place of a session."""
    core = with_everything_open()
    core.receive(raw)
    try:
        everything(core)
    except ProtocolError:
        assert core.state is State.BROKEN


@settings(deadline=None)
@given(st.integers(1, 12), bodies, st.text(max_size=9))
def test_arbitrary_bodies_raise_nothing_but_protocol_error(seq: int, body: object, error: str) -> None:
    """Well-formed msgpack of any shape, under any Seq, with the right field names and wrong values."""
    core = with_everything_open()
    core.receive(frame(seq, body, error=error))
    try:
        everything(core)
    except ProtocolError:
        assert core.state is State.BROKEN
