"""The transmit-limited queue, against the rules read in memberlist's source."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from inspector_lab.simulated.profile import profile_named
from inspector_lab.simulated.queues import Queues
from inspector_lab.simulated.transmit_queue import (
    INTENT,
    MEMBERSHIP,
    QUERY,
    SENT_MASK,
    SENT_SHIFT,
    insert,
    key_of,
    take,
)


@dataclass
class Note:
    """A message: how often it may be sent, and a name to tell it by."""

    name: str
    limit: int = 4


def queued(*entries: tuple[int, int, str], limit: int = 4) -> tuple[list[int], list[Note]]:
    """A queue of (kind, bytes, name), put in in this order."""
    notes = [Note(name, limit) for _, _, name in entries]
    queue: list[int] = []
    for index, (kind, size, _) in enumerate(entries):
        insert(queue, key_of(kind, size, index + 1, index))
    return queue, notes


def names(taken: list[Note]) -> str:
    return " ".join(note.name for note in taken)


def test_the_bigger_goes_first_and_of_equals_the_newer() -> None:
    """queue.go Less: by times sent, then by length, longest first, then by number, newest first."""
    queue, notes = queued((QUERY, 100, "old"), (QUERY, 200, "big"), (QUERY, 100, "new"))
    assert names(take(queue, 1000, notes)) == "big new old"


def test_what_was_sent_less_often_goes_first() -> None:
    """A small fresh message goes before a big one that was sent already."""
    queue, notes = queued((QUERY, 900, "big"))
    take(queue, 1000, notes)
    notes.append(Note("small"))
    insert(queue, key_of(QUERY, 20, 1, 1))
    assert names(take(queue, 1000, notes)) == "small big"


def test_membership_goes_before_intents_and_they_before_queries() -> None:
    """net.go getBroadcasts asks memberlist's own queue first, then delegate.go Serf's, whatever was sent how often."""
    queue, notes = queued((QUERY, 300, "query"), (INTENT, 40, "intent"), (MEMBERSHIP, 100, "alive"))
    assert names(take(queue, 1000, notes)) == "alive intent query"
    assert names(take(queue, 1000, notes)) == "alive intent query"


def test_what_does_not_fit_is_passed_over() -> None:
    """The room left is filled with what fits: each message costs two bytes of framing, Serf's own three."""
    queue, notes = queued((QUERY, 900, "first"), (QUERY, 500, "second"), (QUERY, 90, "third"))
    assert names(take(queue, 903 + 93, notes)) == "first third"
    assert names(take(queue, 903 + 92, notes)) == "second third"  # sent less often than the first
    queue, notes = queued((MEMBERSHIP, 98, "fits"), (MEMBERSHIP, 99, "not"))
    assert names(take(queue, 100, notes)) == "fits"
    queue, notes = queued((QUERY, 98, "not"), (QUERY, 97, "fits"))
    assert names(take(queue, 100, notes)) == "fits"


def test_after_its_limit_a_message_is_gone() -> None:
    """Each packet counts, whoever it goes to."""
    queue, notes = queued((QUERY, 100, "one"), (QUERY, 50, "two"), limit=3)
    assert [names(take(queue, 110, notes)) for _ in range(6)] == ["one", "two", "one", "two", "one", "two"]
    assert take(queue, 110, notes) == []
    assert queue == []


def test_retransmits_grow_by_decades() -> None:
    """util.go retransmitLimit."""
    lan, local = profile_named("lan"), profile_named("local")
    assert [lan.retransmits(count) for count in (9, 10, 99, 100, 5_000, 100_000)] == [4, 8, 8, 12, 16, 24]
    assert local.retransmits(300) == 6
    assert profile_named("lan", encrypt=True).room_bytes == lan.room_bytes - 29


def test_a_newer_record_about_the_same_member_replaces_the_older() -> None:
    """queue.go: named broadcasts. A query never does."""
    queues = Queues(2, limit=8, room=1398)
    for _ in range(3):
        queues.put(0, queues.create(MEMBERSHIP, 100, None, 7))
        queues.put(0, queues.create(QUERY, 100, None, -1))
    assert (queues.waiting(0, MEMBERSHIP), queues.waiting(0, QUERY)) == (1, 3)
    assert queues.waiting(1, MEMBERSHIP) == 0


def test_two_that_come_to_the_same_number_displace_each_other() -> None:
    """queue.go deleteItem begins to number anew when all is being sent; addItem replaces an equal entry."""
    queues = Queues(1, limit=12, room=1398)
    first, second = (queues.create(QUERY, 1000, name, -1) for name in ("first", "second"))
    queues.put(0, first)
    assert queues.take(0) == [first]  # the queue was empty for a moment
    queues.put(0, second)  # number one again
    assert queues.take(0) == [second]  # only one fits: now both were sent once, both have 1,000 bytes
    assert queues.waiting(0, QUERY) == 1
    assert queues.take(0) == [second]


def test_two_of_different_length_or_that_fit_together_do_not() -> None:
    """What goes into one packet together never comes to the same count."""
    for sizes in ((1000, 1001), (300, 300)):
        queues = Queues(1, limit=12, room=1398)
        messages = [queues.create(QUERY, size, None, -1) for size in sizes]
        queues.put(0, messages[0])
        queues.take(0)
        queues.put(0, messages[1])
        for _ in range(4):
            queues.take(0)
        assert queues.waiting(0, QUERY) == 2


def test_a_single_message_goes_the_short_way_as_it_would_the_long() -> None:
    """`take_single` says in one step what `take` says in many."""
    short, long = Queues(1, limit=8, room=1398), Queues(1, limit=8, room=1398)
    for queues in (short, long):
        queues.put(0, queues.create(QUERY, 300, None, -1))
    message = short.messages[0]
    for packets in (3, 1, 3):
        assert short.take_single(0, packets) == (message, packets)
        assert [len(long.take(0)) for _ in range(packets)] == [1] * packets
        assert short.of == long.of
    assert short.take_single(0, 3) == (message, 1)
    assert long.wear(0, 3)[0] == 1
    assert short.of == long.of == [[]]
    assert short.take_single(0, 3) is None


@given(st.lists(st.tuples(st.sampled_from([MEMBERSHIP, INTENT, QUERY]), st.integers(20, 1000)), max_size=30))
def test_every_message_is_sent_as_often_as_its_limit_says(entries: list[tuple[int, int]]) -> None:
    """Whatever is queued together goes out in the end, never in a packet that is too big."""
    limit = 3
    queue, notes = queued(*[(kind, size, str(place)) for place, (kind, size) in enumerate(entries)], limit=limit)
    sizes = {str(place): size for place, (_, size) in enumerate(entries)}
    sent: dict[str, int] = {}
    while queue:
        taken = take(queue, 1398, notes)
        assert taken
        assert sum(sizes[note.name] + 2 for note in taken) <= 1398
        for note in taken:
            sent[note.name] = sent.get(note.name, 0) + 1
        assert all(0 < (key >> SENT_SHIFT & SENT_MASK) + 1 <= limit for key in queue)
    assert sent == dict.fromkeys(sizes, limit)
