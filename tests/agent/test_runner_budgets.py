"""A site's own executables that read more than they may: ended, and told by name; the other items go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector_agent.runner import limits
from inspector_agent.runner.progress import Progress
from tests.support.checks import Bench, items, program

BUDGET = "the check read more than 256 MiB: ended by budget"
PATIENT_S = 180.0


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A runner beside a gigabyte of logs, which take no room."""
    with (tmp_path / "log").open("wb") as file:
        file.truncate(1 << 30)
    return Bench(tmp_path)


def passes(key: str) -> str:
    """A line of a script that settles an item."""
    return f"""echo '{{"id": "raid:{key}", "outcome": "pass"}}'\n"""


@pytest.mark.parametrize(
    "text",
    [
        f"cat LOG > /dev/null\n{passes('md0')}",
        "exec cat LOG > /dev/null",
        "exec > /dev/null; exec head -c 300000000 LOG",
        "while :; do cat LOG > /dev/null; done",
        "(while :; do cat LOG > /dev/null; done) & exec sleep 1000",
        "setsid sh -c 'while :; do cat LOG > /dev/null; done' > /dev/null 2>&1 & exec sleep 1000",
    ],
    ids=["and is done", "and says nothing", "and says so early", "for ever", "a child", "a daemon"],
)
async def test_an_executable_that_reads_a_gigabyte_of_logs_is_an_error(bench: Bench, text: str) -> None:
    """However fast it is; and long before its time is up."""
    program(bench.parts, "raid", text.replace("LOG", str(bench.parts.parent / "log")))
    found = await bench.run(items("md0", check="raid", timeout_s=PATIENT_S), deadline_s=PATIENT_S)
    assert (found["raid:md0"].outcome, found["raid:md0"].message) == ("error", BUDGET)
    assert bench.left_behind() == set()


async def test_it_costs_the_item_in_progress_where_items_are_named(bench: Bench) -> None:
    """What was told before counts, and the rest is looked at by a new process."""
    log = bench.parts.parent / "log"
    program(
        bench.parts,
        "raid",
        f"""
        for key in $(grep -o 'raid:md[0-9]'); do
            echo "{{\\"start\\": \\"$key\\"}}"
            if [ $key = raid:md1 ]; then cat {log} > /dev/null; fi
            echo "{{\\"id\\": \\"$key\\", \\"outcome\\": \\"pass\\"}}"
        done
        """,
    )
    found = await bench.run(items("md0", "md1", "md2", check="raid", timeout_s=PATIENT_S), deadline_s=PATIENT_S)
    assert [found[f"raid:md{number}"].outcome for number in range(3)] == ["pass", "error", "pass"]
    assert found["raid:md1"].message == BUDGET


async def test_one_that_names_no_item_is_not_started_for_each(bench: Bench) -> None:
    """It would read as much every time: all its items err at once."""
    log, starts = bench.parts.parent / "log", bench.parts.parent / "starts"
    program(bench.parts, "raid", f"echo >> {starts}\ncat {log} > /dev/null\n{passes('md0')}{passes('md1')}")
    found = await bench.run(items("md0", "md1", check="raid", timeout_s=PATIENT_S), deadline_s=PATIENT_S)
    assert {finding.message for finding in found.values()} == {BUDGET}
    assert starts.read_text(encoding="utf-8") == "\n"


async def test_one_that_looks_at_many_items_may_read_more(bench: Bench) -> None:
    """A few megabytes each."""
    keys = [f"md{number}" for number in range(300)]
    assert 300 * limits.read_bytes_per_item > (1 << 30)
    program(bench.parts, "raid", f"cat {bench.parts.parent / 'log'} > /dev/null\n" + "".join(map(passes, keys)))
    found = await bench.run(items(*keys, check="raid", timeout_s=PATIENT_S), deadline_s=PATIENT_S)
    assert {finding.outcome for finding in found.values()} == {"pass"}


def test_a_greedy_process_blames_the_item_that_it_named() -> None:
    """The rest keeps its chance; of one that named none nobody has."""
    progress = Progress(items("md0", "md1", check="raid"))
    progress.begin(0.0)
    progress.feed(b'{"start": "raid:md1"}\n', 0.0)
    assert [finding.id for finding in progress.greedy(256 << 20)] == ["raid:md1"]
    progress.begin(0.0)
    assert [finding.id for finding in progress.greedy(256 << 20)] == ["raid:md0"]
    assert not progress.pending
