"""Kind time beside a real chronyd that watches the clock of this machine and does not touch it, and beside the kernel.

Where no namespace can be made for chronyd, what it says of this machine has to do.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path
from typing import Any

import pytest
from checklib import programs

from tests.support.check_cases import REPOSITORY, look, look_at, module
from tests.support.mounted import RefusedError, inside

ANY = {"any": True}
AHEAD_MS = 250  # of our clock, the server is

CHRONY = """
ip link set lo up
mount -t tmpfs tmpfs /run
mkdir -m 700 /run/chrony
mkfifo ready
{python} {server} 127.0.0.1 123 {ahead_s} > ready &
read line < ready
echo 'server 127.0.0.1 minpoll -4 maxpoll -4 iburst' > chrony.conf
chronyd -x -d -u root -f "$PWD/chrony.conf" > log 2>&1 &
tries=0  # the socket is there a moment after the start
until chronyc -n waitsync 100 0 0 0.1 > /dev/null 2>&1; do tries=$((tries + 1)); test $tries -lt 2000; done
chronyc -n tracking
"""


def test_chrony_tells_how_far_the_clock_is_off(tmp_path: Path) -> None:
    """The sign too: the server is ahead, so that our clock is behind; and chronyc's own sentence says the same."""
    script = CHRONY.format(
        python=sys.executable, server=REPOSITORY / "tests/support/ntp_server.py", ahead_s=AHEAD_MS / 1000
    )
    near = {"between": [-AHEAD_MS - 100, -AHEAD_MS + 100]}
    expects = [
        {"source": {"equals": "chrony"}, "stratum": {"equals": 2}, "offset_ms": near, "leap": {"equals": "none"}},
        {"offset_ms": {"between": [-50, 50]}},
    ]
    items = [{"check": "time", "key": "clock", "expect": expect, "timeout_s": 60} for expect in expects]
    try:
        (good, off), said = inside(script, items, tmp_path, also=["--net"])
    except RefusedError:
        assert look_at("time", "clock", {"source": ANY})["outcome"] in {"pass", "fail"}
        return
    theirs = next(line for line in said.splitlines() if line.startswith("System time"))
    assert theirs.endswith("seconds slow of NTP time")
    assert abs(float(theirs.split()[3]) * 1000 - AHEAD_MS) < 100
    assert good["outcome"] == "pass", good
    assert (off["outcome"], off["observed"]) == ("fail", "offset_ms -500 to -200")


def test_a_program_that_does_not_answer_is_no_proof_that_nothing_keeps_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As chronyc without its daemon; that the clock is not kept by chrony is a fail all the same."""
    chronyc = tmp_path / "chronyc"
    chronyc.write_text("#!/bin/sh\necho '506 Cannot talk to daemon'\nexit 1\n")
    chronyc.chmod(0o755)
    monkeypatch.setattr(programs, "PATH", (str(tmp_path),))
    monkeypatch.setenv("PATH", str(tmp_path))
    expects: list[dict[str, Any]] = [
        {"source": {"absent": True}},
        {"stratum": {"absent": True}},
        {"source": {"equals": "chrony"}},
        {"offset_ms": {"between": [-50, 50]}},
    ]
    found = look({"check": "time", "key": "clock", "expect": expect} for expect in expects)
    assert [one["outcome"] for one in found] == ["error", "error", "fail", "fail"]
    assert found[0]["message"] == "chronyc: 506 Cannot talk to daemon"


def test_a_clock_is_kept_where_adjtimex_returns_no_error() -> None:
    """Its return value is another word of the kernel's for the same: TIME_ERROR is 5."""
    timex = ctypes.create_string_buffer(1024)
    state = ctypes.CDLL(None).adjtimex(timex)
    finding = look_at("time", "clock", {"synchronised": {"equals": state != 5}})
    assert finding["outcome"] == "pass"


@pytest.mark.parametrize(
    ("number", "about"),
    [
        (0, "under 1"), (0.99, "under 1"), (-0.5, "over -1"), (1, "1 to 2"), (1.99, "1 to 2"), (2, "2 to 5"),
        (5, "5 to 10"), (10, "10 to 20"), (143.7, "100 to 200"), (-0.001, "over -1"), (-7, "-10 to -5"),
        (1e12, "1000000000000 to 2000000000000"),
    ],
)  # fmt: skip
def test_measured_times_are_told_in_steps(number: float, about: str) -> None:
    """Nodes that are slow in the same way read the same."""
    from checklib.measured import about as said

    assert said(number) == about


def test_what_a_program_says_that_knows_nothing_is_nothing() -> None:
    """A server that is not followed has no offset, whatever figure stands there."""
    parse = module("time_").parse_chrony
    assert parse("7F7F0101,,0,0.0,0.000000000,0,0,0,0,0,0,0,0,Not synchronised").offset_ms is None
