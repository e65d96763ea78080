"""Histories in SQLite, and in a PostgreSQL of our own, which the first test of a worker that wants it starts."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector_coord.history.store import History
from tests.support.history import IN_MEMORY, open_history
from tests.support.postgres import Postgres, postgres


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgres]:
    """A running server; `create` gives a fresh database."""
    with postgres() as server:
        yield server


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history with its tables and nothing in them: the steps to them cost more than a test."""
    with open_history(tmp_path_factory.mktemp("template")) as history:
        return Path(history.where)


@pytest.fixture
def history(template: Path) -> Iterator[History]:
    """An empty history in a file."""
    with (
        tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder,
        History(Path(shutil.copy(template, folder))) as made,
    ):
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[History]:
    """An empty history, once in each kind of database."""
    if request.param == "sqlite":
        place: str | Path = tmp_path / "new" / "history.db"
    else:
        server: Postgres = request.getfixturevalue("postgresql")
        place = server.create()
    with History(place) as made:
        made.prepare()
        yield made
