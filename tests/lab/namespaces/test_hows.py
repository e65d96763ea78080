"""Ways to break a node: what goes with what. Pure."""

from __future__ import annotations

import pytest

from inspector_lab.errors import BreakError
from inspector_lab.hows import HOWS, Choices, checked


@pytest.mark.parametrize(
    ("how", "choices", "what"),
    [
        ("kill", Choices(share=0.1), "--share goes with --how loss or slow-cpu, not with kill"),
        ("cut", Choices(seconds=3), "--seconds goes with --how skew-clock, not with cut"),
        ("heal", Choices(undo=True), "--undo goes with --how kill or"),
        ("loss", Choices(), "--how loss needs --share"),
        ("skew-clock", Choices(), "--how skew-clock needs --seconds"),
        ("loss", Choices(share=1.5), "--share must be a share between 0 and 1"),
        ("slow-cpu", Choices(share=0.001), r"--share must be a share between 0\.01 and 1"),
        ("cut", Choices(direction="sideways"), "--direction must be one of both, in, out"),
        ("freeze", Choices(services=("nginx",)), "--service must be one of serf, agent, sshd"),
        ("skew-clock", Choices(seconds=1e12), "--seconds must be at most"),
        ("loss", Choices(share=0.1, undo=True), "--undo ends --how loss whatever it was: leave --share out"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(how: str, choices: Choices, what: str) -> None:
    """With what would."""
    with pytest.raises(BreakError, match=what):
        checked(how, choices)


@pytest.mark.parametrize("how", [how for how, kind in HOWS.items() if kind.undo])
def test_whatever_can_be_undone_needs_nothing_for_it(how: str) -> None:
    """`--undo` alone."""
    checked(how, Choices(undo=True))
