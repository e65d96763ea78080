"""What is known of the jobs, kept for the next time (trio shell).

CACHE/schedule/state.json   by job: the slot used last, when its sweep began and ended, its exit code
CACHE/schedule/lock         held while a scheduled sweep runs: one at a time on this machine, whoever started it
CACHE/schedule/NAME.json    the report of its last sweep
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from config_center.files import write_whole
from inspector_coord.errors import ConfigError
from inspector_coord.schedule import limits
from inspector_coord.schedule.plan import Past
from inspector_coord.turns import locked

__all__ = ["Keeper"]


class Keeper:
    """The folder of the schedule. `say` gets what a person should know: a damaged file, a full disk."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.folder = folder
        self._path = folder / "state.json"
        self._say = say

    def read(self) -> dict[str, Past]:
        """By job; nothing of a file that is not there yet, or damaged."""
        try:
            with self._path.open("rb") as file:
                raw = file.read(limits.state_bytes_max)
            return msgspec.json.decode(raw, type=dict[str, Past])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as problem:
            self._say(f"{self._path} cannot be read ({problem}): each job goes on as if it had never run")
            return {}

    def write(self, name: str, past: Past) -> None:
        """Keep what is known of one job. A disk that is full must not end the schedule; it is said."""
        try:
            write_whole(self._path, msgspec.json.encode(self.read() | {name: past}))
        except OSError as problem:
            why = problem.strerror or problem
            self._say(f"{self._path} cannot be written ({why}): after a new start {name} may run again")

    def report(self, name: str) -> Path:
        """Where the report of a job's last sweep is."""
        return self.folder / f"{name}.json"

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Be the only scheduled sweep of this machine. Raises ConfigError where the folder cannot be used."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as problem:
            raise ConfigError(f"{self.folder}/lock cannot be had: {problem.strerror or problem}") from problem
        try:
            await locked(lock)
            yield
        finally:
            os.close(lock)  # which lets go of it
