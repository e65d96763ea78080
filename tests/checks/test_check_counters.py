"""Counters since boot: what rose since the last look and within the last hours, from what one look leaves the next."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from checklib import limits
from checklib.contract import decode_request
from checklib.counters import SINCE_BOOT, Risen, risen, rises
from checklib.node import Node
from hypothesis import given
from hypothesis import strategies as st

from tests.support.check_cases import plant

DAY_S = 86_400.0
BEGAN = 1_763_754_000


class Looks:
    """Looks at one item after each other; what each keeps comes back through JSON, as the agent brings it."""

    def __init__(self, within_s: float = DAY_S) -> None:
        self._within_s = within_s
        self._last: dict[str, Any] | None = None

    def at(self, hour: float, *, boot: str = "a", **counts: int) -> Risen:
        """What a look so many hours after the first says."""
        now = BEGAN + hour * 3600
        found = rises(counts, self._last, boot, now, self._within_s)
        self._last = {"value": json.loads(json.dumps(found.keep)), "at": now}
        return found


def test_without_a_last_look_all_since_boot_counts_and_is_told_so() -> None:
    """As `inspector-agent check` and the second pass have it."""
    found = Looks().at(0, oom=3)
    assert (found.recent, found.since_last, found.note) == ({"oom": 3}, {"oom": 3}, SINCE_BOOT)


def test_a_rise_counts_for_the_time_asked_whoever_has_seen_it_first() -> None:
    """Another sweep, a minute later, still sees it; a day later nobody does."""
    looks = Looks()
    looks.at(0, oom=3)
    seen = looks.at(5, oom=5)
    assert (seen.recent, seen.since_last, seen.note) == ({"oom": 5}, {"oom": 2}, "")
    again = looks.at(5.01, oom=5)
    assert (again.recent, again.since_last) == ({"oom": 5}, {"oom": 0})
    assert looks.at(24.5, oom=5).recent == {"oom": 2}, "what was there at the first look was seen a day ago"
    assert looks.at(30, oom=5).recent == {"oom": 0}
    assert looks.at(31, oom=6).recent == {"oom": 1}


def test_another_boot_forgets_and_counts_anew() -> None:
    """The counters are those of another run of the kernel."""
    looks = Looks()
    looks.at(0, oom=3)
    after = looks.at(1, boot="b", oom=1)
    assert (after.recent, after.since_last, after.note) == ({"oom": 1}, {"oom": 1}, SINCE_BOOT)


def test_a_counter_that_begins_anew_has_risen_by_what_it_says() -> None:
    """A driver was loaded again."""
    looks = Looks()
    looks.at(0, rx=100, tx=1)
    after = looks.at(30, rx=7, tx=1)
    assert (after.recent, after.since_last) == ({"rx": 7, "tx": 0}, {"rx": 7, "tx": 0})


def test_a_clock_that_was_set_back_loses_nothing() -> None:
    """A rise that was seen in what is now the future counts from now."""
    looks = Looks()
    looks.at(48, oom=3)
    assert looks.at(0, oom=4).recent == {"oom": 4}
    assert looks.at(25, oom=4).recent == {"oom": 0}


def test_what_was_kept_by_something_else_is_no_last_look() -> None:
    """A release may bring another check of that name, and a cache may be damaged."""
    good = rises({"oom": 1}, None, "a", BEGAN, DAY_S).keep
    strange: list[Any] = [None, 7, [], {}, {"boot": "a"}, {"boot": "a", "counts": {"oom": 3}}, {**good, "boot": 7}]
    strange += [
        {"boot": "a", "counts": {"oom": pair}} for pair in ([1], [1, 2], ["1", []], [1, [[1]]], [1, [[1, "2"]]])
    ]
    for value in strange:
        found = rises({"oom": 5}, {"value": value, "at": BEGAN}, "a", BEGAN, DAY_S)
        assert (found.recent, found.note) == ({"oom": 5}, SINCE_BOOT), value


@given(
    steps=st.lists(st.tuples(st.floats(0.001, 40), st.integers(0, 2**63), st.integers(0, 3)), min_size=1, max_size=60),
    within_h=st.floats(0.1, 48),
)
def test_what_is_kept_is_small_and_no_rise_is_missed(steps: list[tuple[float, int, int]], within_h: float) -> None:
    """Against all rises ever: never less than those of the time asked, never more than an eighth longer."""
    looks = Looks(within_h * 3600)
    hour, great, small = 0.0, 0, 0
    seen: list[tuple[float, int, int]] = []
    for later, more, few in steps:
        hour, great, small = hour + later, great + more, small + few
        found = looks.at(hour, great=great, small=small)
        seen.append((hour, more, few))
        assert len(json.dumps(found.keep, separators=(",", ":"))) <= limits.keep_bytes_max
        for place, name in ((1, "great"), (2, "small")):
            least = sum(rise[place] for rise in seen if rise[0] > hour - within_h)
            assert found.recent[name] >= least
            assert found.since_last[name] == seen[-1][place]
    most = sum(few for at, _, few in seen if at > hour - within_h * 1.125 - 0.001)
    assert found.recent["small"] <= most


def test_more_counters_than_find_room_are_counted_since_boot() -> None:
    """They are told right, and the note says since when."""
    counts = {f"counter_with_a_name_{number}": number for number in range(40)}
    found = rises(counts, None, "a", BEGAN, DAY_S)
    assert (found.recent, found.keep, found.note) == (counts, None, SINCE_BOOT)


def test_a_check_asks_with_its_item_and_node(tmp_path: Path) -> None:
    """The boot is the one that the root's own kernel tells."""
    plant(tmp_path, {"proc/sys/kernel/random/boot_id": "2f1e9f6c-5b4e-4b7a-9a53-0123456789ab\n"})

    def ask(last: dict[str, Any] | None) -> Risen:
        raw: dict[str, Any] = {"check": "fault", "key": "oom", "expect": {}}
        request = decode_request({"root": str(tmp_path), "items": [raw if last is None else raw | {"last": last}]})
        assert not request.items[0].mistake
        return risen(request.items[0], Node(request), {"oom": 4}, DAY_S)

    first = ask(None)
    assert first.keep["boot"] == "2f1e9f6c-5b4e"
    assert first.note == SINCE_BOOT
    second = ask({"value": first.keep, "at": BEGAN})
    assert (second.since_last, second.note) == ({"oom": 0}, "")
