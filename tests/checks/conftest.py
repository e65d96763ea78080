"""What several files here need of the time an item has."""

from __future__ import annotations

import pytest
from checklib import limits

from tests.support.waiting import PATIENCE_S


@pytest.fixture
def late_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    """The alarm that ends an item which hangs rings late.

    Usually it comes a moment after the item itself has told that its time is up: on a machine that stands still then,
    it is the first of the two.
    """
    monkeypatch.setattr(limits, "alarm_grace_s", PATIENCE_S)
