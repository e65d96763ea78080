"""What each peer says of nodes that were killed or hang is read as it was said, whole or interrupted."""

from __future__ import annotations

import pytest

from bench.peers import ansible_side, clush_side, salt_side
from bench.peers.told import Broken, word_of
from bench.peers.usage import Looked, Sides, children_s, run

CLUSH_OUT = (
    "---------------\nn[001-002] (2)\n---------------\n2097152\n524288\n---------------\nn003\n---------------\n7\n"
)
CLUSH_ERR = """\
n007: ssh: connect to host 127.3.0.7 port 2222: Connection refused
clush: 18/20
             \r
n004: Connection timed out during banner exchange
n004: Connection to 127.3.0.4 port 2222 timed out
clush: n[004,007] (2): exited with exit code 255
"""
ANSIBLE_OUT = """\
PLAY [all] *********************************************************************
ok: [n001]
fatal: [n007]: UNREACHABLE! => {"changed": false, "msg": "ssh: connect to host 127.3.0.7 port 2222: Connection refused"}
ok: [n002]
fatal: [n002]: FAILED! => {"changed": false, "cmd": ["cat", "x"], "rc": 1}
"""
SALT_OUT = """\
n001:
    2097152
n002:

Summary for n002
-------------
Succeeded: 20
Failed:     0
n007:
    Minion did not return. [No response]
    The minions may not have all finished running and any remaining minions will return upon completion.
"""


def looked(out: str, err: str = "", code: int | None = 1) -> Looked:
    """A look that printed this."""
    return Looked(2.0, 0.5, 0.25, code, out, err)


def test_clush_names_nodes_folded_and_the_first_reason_for_each() -> None:
    """Answers are folded on stdout, what failed stands on stderr between the progress."""
    assert clush_side.words(looked(CLUSH_OUT, CLUSH_ERR)) == {
        "n001": "",
        "n002": "",
        "n003": "",
        "n004": "Connection timed out during banner exchange: exited with exit code 255",
        "n007": "Connection refused: exited with exit code 255",
    }


def test_clush_that_was_interrupted_names_who_was_missing() -> None:
    """It had no time to tell exit codes: the reason alone counts."""
    err = CLUSH_ERR.splitlines()[0] + "\nKeyboard interrupt (n[004,016] did not complete).\n"
    assert clush_side.words(looked("", err, None)) == {
        "n004": "did not complete",
        "n007": "Connection refused",
        "n016": "did not complete",
    }


def test_ansible_is_read_line_by_line_and_a_failure_wins() -> None:
    """Without a recap too: an interrupted play has none."""
    assert ansible_side.words(looked(ANSIBLE_OUT)) == {
        "n001": "",
        "n002": "FAILED",
        "n007": "UNREACHABLE: Connection refused",
    }


def test_salt_is_read_with_values_summaries_and_the_missing() -> None:
    """A summary stands at the beginning of a line and belongs to the node above it."""
    said = salt_side.words(looked(SALT_OUT))
    assert said["n001"] == said["n002"] == ""
    assert said["n007"] == "Minion did not return. [No response]"


def test_salt_as_json_names_only_who_answered() -> None:
    """Nothing at all is said of the others."""
    assert salt_side.words(looked('{"n001": "7"}', code=0)) == {"n001": ""}


def test_a_row_tells_words_wrong_blame_and_an_end_that_did_not_come() -> None:
    """Nodes with one word stand together; an answering node that is blamed is named."""
    said = {"n001": "", "n002": "slow", "n007": "refused", "n013": "refused", "n004": "late"}
    row = Broken("clush", "new", looked("", "", None), said, 3, ("n007", "n013"), ("n004", "n016")).row
    assert "| “refused” | n004: “late”; n016: *not named* | 1 of 3, wrongly blamed: n002 |" in row
    assert "did not end, interrupted" in row
    assert word_of(("n001",), said) == "*answered*"


@pytest.mark.parametrize(("script", "code"), [("exit 3", 3), ("trap 'echo last; exit 1' INT; sleep 60 & wait", None)])
def test_a_command_is_measured_and_interrupted_after_its_time(script: str, code: int | None) -> None:
    """Its exit code, or None and its last words; nothing of it stays."""
    before = children_s()
    look = run(["bash", "-c", script], Sides(), timeout_s=0.5 if code is None else 60)
    assert look.exit == code
    assert look.out == ("last\n" if code is None else "")
    assert look.asker_s >= 0.0
    assert children_s() >= before
