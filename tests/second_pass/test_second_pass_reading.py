"""What nodes and Ansible send back, read with suspicion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_coord.second_pass import Look, Process
from inspector_coord.second_pass.job import TaskResult
from inspector_coord.second_pass.results import BatchLog, reason
from inspector_coord.second_pass.sight import read_look, read_recheck
from tests.support.second_pass import subject

LOOK_TEXT = """\
uptime 3600.5
load 0.10 0.20 0.30
cpus 2
memory 24684096 24311968
disk 23% 82522196
sees_processes yes
serf 12 S
agent 13 T
log started
end
"""


def test_a_look_is_read() -> None:
    """As look.sh prints it."""
    assert read_look(LOOK_TEXT) == Look(
        uptime_s=3600.5,
        load=(0.1, 0.2, 0.3),
        cpus=2,
        memory_total_kb=24684096,
        memory_available_kb=24311968,
        disk_used_percent=23,
        disk_available_kb=82522196,
        serf=(Process(12, "S"),),
        agent=(Process(13, "T"),),
        log=("started",),
        sees_processes=True,
        complete=True,
    )


def test_a_poor_look_keeps_what_it_has() -> None:
    """A busybox without df, a host without /proc/uptime: the rest still counts."""
    look = read_look("uptime \nload\ncpus x\nmemory 1\ndisk \nserf 12\nend\n")
    assert look == Look(complete=True)


@given(st.text(max_size=400))
def test_any_output_is_read_without_an_error(text: str) -> None:
    """A node may send what it likes, as a look and as findings."""
    for line in (text, LOOK_TEXT.replace("0.10", text), f'{{"id": "a", "outcome": {text}}}'):
        read_look(line)
        read_recheck(line, frozenset({"a"}))


def test_only_what_was_asked_for_is_read() -> None:
    """A node cannot speak for items it was not asked about, nor twice for one."""
    lines = [
        '{"start": "a:1"}',
        '{"id": "a:1", "outcome": "fail", "observed": "\\u001b[31mred"}',
        '{"id": "a:1", "outcome": "pass"}',
        '{"id": "b:2", "outcome": "pass"}',
        '{"note": "c:3", "why": "the time was over"}',
        '{"note": "b:2", "why": "x"}',
        '{"id": "c:3", "outcome": "excellent"}',
        "[1, 2",
    ]
    told = read_recheck("\n".join(lines), frozenset({"a:1", "c:3"}))
    assert {name: each.outcome for name, each in told.findings.items()} == {"a:1": "fail"}
    assert "\x1b" not in told.findings["a:1"].observed
    assert told.notes == {"c:3": "the time was over"}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            'Task failed: Data could not be sent to remote host "n". Make sure this host can be reached over ssh: gone',
            "gone",
        ),
        ("Failed to connect to the host via ssh: Host key verification failed.", "Host key verification failed."),
        ("Task failed: Timed out after 8 second(s).", "ssh was let in or kept waiting, but no answer came in time"),
        ("Warning: added\nPermission denied (publickey).", "Permission denied (publickey)."),
        ("", "no reason given"),
        ("\x1b[2J\u202eevil", "·[2J·evil"),
    ],
)
def test_a_reason_is_one_line_without_preamble(message: str, expected: str) -> None:
    """What ssh said, not what Ansible said around it."""
    assert reason(TaskResult("n001", "look", "unreachable", message=message)) == expected


def test_results_of_strangers_are_counted() -> None:
    """A host that is not in the batch is never mistaken for one that is."""
    log = BatchLog([subject("n001")], {})
    log.heard(TaskResult("n002", "look", "ok"), 1.0)
    assert (log.strangers, log.finished, log.sight("n001")) == (1, 0, None)


def test_a_node_is_finished_with_its_last_task() -> None:
    """The look for a node without items, the recheck for others, any failure for both."""
    log = BatchLog([subject("mute", state="silent", items=()), subject("bad"), subject("gone")], {})
    for name in ("mute", "bad"):
        log.heard(TaskResult(name, "look", "ok", stdout=LOOK_TEXT), 1.0)
    assert log.finished == 1
    log.heard(TaskResult("gone", "look", "unreachable"), 1.0)
    log.heard(TaskResult("bad", "recheck", "ok"), 2.0)
    assert log.finished == 3
