"""Why no entry can be used, told so that a person reads each thing once."""

from __future__ import annotations

import pytest

from inspector_agent.ring import AuthRefused, Unreachable
from inspector_coord.entry_choice import advised_once

GONE = [str(Unreachable("Connection refused", f"10.0.0.{number}:7373")) for number in (1, 2, 3)]
WRONG_KEY = str(AuthRefused("Invalid authentication token", "10.0.0.4:7373"))
SLOW = "10.0.0.5:7373 does not answer: is its Serf agent frozen?"


def test_the_same_advice_is_said_once_behind_all_whom_it_is_for() -> None:
    """Every entry with its reason, also those of another kind between them; nothing gets lost."""
    assert advised_once([GONE[0], WRONG_KEY, SLOW, *GONE[1:]]) == (
        "Serf RPC at 10.0.0.1:7373: Connection refused; Serf RPC at 10.0.0.2:7373: Connection refused; "
        f"Serf RPC at 10.0.0.3:7373: Connection refused; {Unreachable.advice}; {WRONG_KEY}; {SLOW}"
    )


def test_rings_with_the_same_trouble_share_the_advice() -> None:
    """What is told of several rings is put together in the same way."""
    rings = [f"ring {name}: no entry can be used: {advised_once(GONE)}" for name in ("east", "west")]
    told = advised_once(rings)
    assert told.count(Unreachable.advice) == 1
    assert told.endswith(Unreachable.advice)
    assert told.count("10.0.0.2:7373: Connection refused") == 2


@pytest.mark.parametrize("problems", [[], [SLOW], [WRONG_KEY]])
def test_few_problems_stay_as_they_are(problems: list[str]) -> None:
    """One is itself."""
    assert advised_once(problems) == "".join(problems)
