"""Who is to blame, and what goes on: the book-keeping of a lane of checks, without any process."""

from __future__ import annotations

import json

from inspector_agent.findings import Finding
from inspector_agent.runner import limits
from inspector_agent.runner.progress import Progress
from tests.support.checks import items


def started(key: str) -> bytes:
    """The line that announces an item."""
    return json.dumps({"start": f"fake:{key}"}).encode() + b"\n"


def reported(key: str, outcome: str = "pass", message: str = "") -> bytes:
    """A finding line."""
    return json.dumps({"id": f"fake:{key}", "outcome": outcome, "message": message}).encode() + b"\n"


def progress(*keys: str) -> Progress:
    """A lane whose first process began at 100.0 s."""
    lane = Progress(items(*keys, timeout_s=2.0))
    lane.begin(100.0)
    return lane


def outcomes(found: list[Finding]) -> list[tuple[str, str]]:
    """(key, outcome) of each."""
    return [(finding.id.partition(":")[2], finding.outcome) for finding in found]


def test_a_finding_settles_its_item_and_carries_its_number() -> None:
    """The number comes from the item that was asked, not from the check."""
    lane = progress("a", "b")
    (finding,) = lane.feed(started("b") + reported("b"), 101.0)
    assert (finding.number, finding.id, finding.outcome) == (1, "fake:b", "pass")
    assert [item.key for item in lane.pending] == ["a"]


def test_the_first_item_may_take_a_start_longer() -> None:
    """A fork and its imports are not the item's fault: until the first line there is more patience."""
    lane = progress("a")
    assert lane.overdue_at == 100.0 + 2.0 + limits.start_grace_s + limits.timeout_grace_s
    lane.feed(started("a"), 101.0)
    assert lane.overdue_at == 101.0 + 2.0 + limits.timeout_grace_s


def test_every_line_gives_the_item_in_progress_its_time_anew() -> None:
    """A batch of a hundred items is not late because its first was: the clock runs for one item at a time."""
    lane = progress("a", "b")
    lane.feed(started("a"), 101.0)
    lane.feed(reported("a") + started("b"), 102.5)
    assert lane.overdue_at == 102.5 + 2.0 + limits.timeout_grace_s


def test_a_timeout_blames_the_item_in_progress_alone() -> None:
    """What was announced and not reported is the one that hangs."""
    lane = progress("a", "b", "c")
    lane.feed(started("b"), 101.0)
    (finding,) = lane.timed_out()
    assert (finding.id, finding.outcome, finding.message) == ("fake:b", "error", "timeout after 2 s")
    assert [item.key for item in lane.pending] == ["a", "c"]


def test_a_crash_costs_the_item_in_progress_and_leaves_the_rest() -> None:
    """A check that says what it does loses one item by a crash."""
    lane = progress("a", "b", "c")
    lane.feed(started("a") + reported("a") + started("b"), 101.0)
    (finding,) = lane.ended("SIGSEGV", "", clean=False)
    assert finding.id == "fake:b"
    assert finding.message == "check ended (SIGSEGV) without a finding"
    assert [item.key for item in lane.pending] == ["c"]


def test_a_crash_between_two_items_costs_the_next() -> None:
    """Every process settles at least one item, or a lane would never end."""
    lane = progress("a", "b", "c")
    lane.feed(started("a") + reported("a"), 101.0)
    assert outcomes(lane.ended("exit 3", "", clean=False)) == [("b", "error")]


def test_a_check_that_says_nothing_and_ends_costs_all_its_items() -> None:
    """Nothing tells its items apart: all err, with the exit code and its last words."""
    lane = progress("a", "b")
    found = lane.ended("exit 77", "no licence", clean=False)
    assert outcomes(found) == [("a", "error"), ("b", "error")]
    assert found[0].message == "check ended (exit 77) without a finding: no licence"


def test_a_clean_end_leaves_nothing_open() -> None:
    """Exit 0 with items left means that the check forgot them: asking again would not help."""
    lane = progress("a", "b")
    lane.feed(started("a") + reported("a"), 101.0)
    assert outcomes(lane.ended("exit 0", "", clean=True)) == [("b", "error")]
    assert not lane.pending


def test_garbage_makes_the_item_in_progress_err_and_its_later_finding_a_duplicate() -> None:
    """A check that breaks the contract while it looks at an item is not believed about that item."""
    lane = progress("a", "b")
    lane.feed(started("a"), 101.0)
    (finding,) = lane.feed(b"Segmentation fault?\n" + reported("a") + reported("b"), 101.1)[:1]
    assert finding.outcome == "error"
    assert finding.message == "the check printed a line that is no finding: Segmentation fault?"
    assert (lane.garbage, lane.duplicates) == (1, 1)
    assert not lane.pending


def test_a_banner_of_ten_lines_costs_one_item() -> None:
    """Garbage that follows garbage is counted, and blames nobody else."""
    lane = progress("a", "b", "c")
    assert outcomes(lane.feed(b"welcome\n" * 10, 101.0)) == [("a", "error")]
    assert lane.garbage == 10


def test_a_finding_for_an_item_that_nobody_asked_about_is_garbage() -> None:
    """Or a check could settle what another looks at."""
    lane = progress("a")
    (finding,) = lane.feed(started("a") + reported("z"), 101.0)
    assert finding.message == "the check reported on fake:z, which was not asked"


def test_the_first_of_two_findings_counts() -> None:
    """The second is counted and dropped."""
    lane = progress("a", "b")
    assert outcomes(lane.feed(reported("a", "fail") + reported("a", "pass"), 101.0)) == [("a", "fail")]
    assert lane.duplicates == 1


def test_na_and_error_always_have_a_reason() -> None:
    """A check that gives none is said to give none."""
    lane = progress("a", "b")
    found = lane.feed(reported("a", "na") + reported("b", "error", "no such device"), 101.0)
    assert [finding.message for finding in found] == ["the check gives no reason", "no such device"]


def test_a_flood_blames_the_item_in_progress() -> None:
    """Each process may print so much for each item; the next process has the same budget again."""
    lane = progress("a", "b")
    flood = started("a") * 10_000
    assert lane.feed(flood, 101.0) == []
    assert lane.flooded
    (finding,) = lane.flood()
    assert "printed more than 73728 bytes" in finding.message
    lane.begin(102.0)
    assert not lane.flooded


def test_a_last_line_without_a_newline_counts() -> None:
    """A check that dies right after its finding has still reported it."""
    lane = progress("a")
    assert lane.feed(reported("a")[:-1], 101.0) == []
    assert outcomes(lane.ended("exit 1", "", clean=False)) == [("a", "pass")]
