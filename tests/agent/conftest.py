"""The ring and the config center of most tests here."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.serf import SerfRing, serf_ring
from tests.support.web import Web, web


@pytest.fixture
async def ring() -> AsyncIterator[SerfRing]:
    """One node."""
    async with serf_ring(1) as nodes:
        yield nodes


@pytest.fixture
async def center() -> AsyncIterator[Web]:
    """A config center with nothing published yet."""
    async with web() as server:
        yield server
