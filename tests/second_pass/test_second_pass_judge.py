"""What a second look means beside the first."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_agent.details import clear_text, observed_hash
from inspector_coord.second_pass import Look, Outcome, Process, Subject
from inspector_coord.second_pass.judge import Sight, judge, same_text
from inspector_coord.second_pass.sight import read_recheck
from tests.support.second_pass import SWAPPINESS, expectation, subject

KERNEL = expectation("kernel:release", {"value": {"at_least": "6.1"}})
LOOK = Look(sees_processes=True, complete=True, load=(9.5, 4.0, 2.0), cpus=2)
RUNS = (Process(17, "S"),)
BAD = subject("n001")


def second(outcome: str, observed: str = "", message: str = "", *, node: Subject = BAD) -> Outcome:
    """The judgement when the recheck of swappiness came out like this; 60 was seen in the sweep."""
    line = msgspec.json.encode({"id": SWAPPINESS.id, "outcome": outcome, "observed": observed, "message": message})
    recheck = read_recheck(line.decode(), frozenset({SWAPPINESS.id}))
    return judge(node, Sight(look=LOOK, recheck=recheck))


@pytest.mark.parametrize(
    ("outcome", "observed", "expected", "message"),
    [
        ("fail", "60", "confirmed", "still 60"),
        ("pass", "10", "recovered", "passes now: 10"),
        ("fail", "80", "disagrees", "60 in the sweep, 80 now"),
        ("error", "", "disagrees", "fail in the sweep (60), error now (no /proc)"),
        ("na", "", "disagrees", "fail in the sweep (60), na now (no /proc)"),
    ],
)
def test_one_item_looked_at_again(outcome: str, observed: str, expected: str, message: str) -> None:
    """Every outcome of the second look against a fail with 60."""
    told = second(outcome, observed, "no /proc")
    assert (told.outcome, told.message) == (expected, f"sysctl:vm.swappiness: {message}")
    assert told.items[0].remediation == "sysctl -w vm.swappiness=10"


def test_an_error_seen_again_is_confirmed_whatever_its_words() -> None:
    """Two timeouts are the same error, one of 2 s and one of 2.1 s."""
    node = subject("n001", state="error", observed={})
    assert second("error", message="timeout after 2.1 s", node=node).outcome == "confirmed"


def test_an_error_beside_a_fail_is_known_by_name() -> None:
    """A failing node may err in another item: that one is compared as an error."""
    told = second("fail", "60", node=subject("n001", erring=frozenset({SWAPPINESS.id})))
    assert told.message == "sysctl:vm.swappiness: error in the sweep (60), fail now (60)"


def test_without_the_first_value_the_same_outcome_confirms() -> None:
    """The answer had no room for it in clear."""
    told = judge_unseen()
    assert (told.outcome, told.items[0].first_observed, told.items[0].second_observed) == ("confirmed", "", "60")


def judge_unseen() -> Outcome:
    """Swappiness fails again, and nobody knows what it was in the sweep."""
    recheck = read_recheck(
        '{"id": "sysctl:vm.swappiness", "outcome": "fail", "observed": "60"}', frozenset({SWAPPINESS.id})
    )
    return judge(subject("n001", observed={}), Sight(look=LOOK, recheck=recheck))


@given(st.text(max_size=200))
def test_a_value_is_the_same_cut_or_hashed(text: str) -> None:
    """The sweep carries a value cut to its packet, or three bytes of hash; neither makes it another."""
    assert same_text(text, text)
    assert same_text(clear_text(text), text)
    assert same_text(f"#{observed_hash(text).hex()}", text)
    assert not same_text(clear_text(text) + "x", text) or len(text) > 60


@pytest.mark.parametrize(
    ("lines", "outcome", "message"),
    [
        (["fail 60", "fail 5.10"], "confirmed", "all 2 items are as the sweep saw them"),
        (["pass 5", "pass 6.1"], "recovered", "all 2 items pass now"),
        (["pass 5", "fail 5.10"], "confirmed", "1 confirmed, 1 recovered"),
        (
            ["fail 70", "fail 5.10"],
            "disagrees",
            "1 disagrees, 1 confirmed; sysctl:vm.swappiness: 60 in the sweep, 70 now",
        ),
        (["fail 60"], "confirmed", "1 confirmed, 1 skipped"),
    ],
)
def test_a_node_with_two_items(lines: list[str], outcome: str, message: str) -> None:
    """Disagreement first, then what is still wrong; one item put right does not clear the node."""
    found = [
        msgspec.json.encode({"id": item.id, "outcome": told, "observed": seen}).decode()
        for item, (told, seen) in zip((SWAPPINESS, KERNEL), (line.split() for line in lines), strict=False)
    ]
    node = subject("n001", items=(SWAPPINESS, KERNEL), observed={SWAPPINESS.id: "60", KERNEL.id: "5.10"})
    recheck = read_recheck("\n".join(found), frozenset({SWAPPINESS.id, KERNEL.id}))
    told = judge(node, Sight(look=LOOK, recheck=recheck))
    assert (told.outcome, told.message) == (outcome, message)


@pytest.mark.parametrize(
    ("state", "serf", "agent", "outcome", "message"),
    [
        ("stalled", RUNS, (), "confirmed", "inspector-agent is not running"),
        ("stalled", RUNS, (Process(9, "T"),), "confirmed", "inspector-agent is stopped (pid 9, SIGSTOP or a debugger)"),
        ("stalled", RUNS, (Process(9, "Z"),), "confirmed", "inspector-agent is not running"),
        ("stalled", RUNS, RUNS, "disagrees", "inspector-agent runs, yet gave no verdict (load 9.5 on 2 cpus)"),
        ("silent", (), RUNS, "confirmed", "the host answers over ssh; serf is not running"),
        ("silent", RUNS, (), "confirmed", "serf runs; inspector-agent is not running"),
        (
            "silent",
            RUNS,
            RUNS,
            "disagrees",
            "serf and inspector-agent both run, yet nothing was heard (load 9.5 on 2 cpus)",
        ),
        ("down", (), (), "confirmed", "the host answers over ssh; serf is not running"),
        (
            "down",
            RUNS,
            RUNS,
            "disagrees",
            "membership says failed, yet the host answers and serf runs: look at the path between them",
        ),
    ],
)
def test_a_node_without_a_verdict_is_explained_by_its_processes(
    state: str, serf: tuple[Process, ...], agent: tuple[Process, ...], outcome: str, message: str
) -> None:
    """What the host says of serf and the agent decides."""
    look = msgspec.structs.replace(LOOK, serf=serf, agent=agent)
    told = judge(subject("n001", state=state, items=()), Sight(look=look))
    assert (told.outcome, told.message) == (outcome, message)


def test_a_stale_node_is_looked_at_and_not_compared() -> None:
    """Its findings are about another release; the end of its log may say why it has not this one."""
    look = msgspec.structs.replace(LOOK, log=("fetching release 12: connection refused",))
    told = judge(subject("n001", state="stale", items=()), Sight(look=look))
    assert told.outcome == "skipped"
    assert told.message.endswith("last logged: fetching release 12: connection refused")


def test_an_absent_process_proves_nothing_where_processes_are_hidden() -> None:
    """With hidepid, everything looks stopped."""
    look = msgspec.structs.replace(LOOK, sees_processes=False)
    told = judge(subject("n001", state="stalled", items=()), Sight(look=look))
    assert told.outcome == "skipped"
    assert "hidepid" in told.message
