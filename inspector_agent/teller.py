"""Keeps the config center's inventory true of this node: the resident side, which only waits and starts the child."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec
import trio

from inspector_agent import limits
from inspector_agent.child import run_child
from inspector_agent.log import Log
from inspector_agent.telling import TOLD_FILE, Telling, TellJob, TellOutcome, Told, mark_of

if TYPE_CHECKING:
    from inspector_agent.config import AgentConfig

TELL = (sys.executable, "-P", "-m", "inspector_agent.tell")  # -P: what lies in some directory is not imported


class Teller:
    """See the module's text.

    Args:
        config: where the cache and the config centers are.
        clock: Unix time in seconds.
        log: where to say what matters.
    """

    def __init__(self, config: AgentConfig, clock: Callable[[], float], log: Log) -> None:
        self._config = config
        self._clock = clock
        self._log = log
        self._telling = Telling(self._told(), random.uniform)
        self._record: tuple[str, dict[str, str], dict[str, str]] = ("", {}, {})
        self._changed = trio.Event()
        self._problem = ""

    def know(self, name: str, tags: Mapping[str, str], facts: Mapping[str, str]) -> None:
        """What the node is now. Costs next to nothing where that is no news."""
        record = (name, dict(tags), dict(facts))
        if not self._config.config_center or record == self._record:
            return
        self._record = record
        self._telling.know(mark_of(*record, self._config.config_center), trio.current_time(), self._clock())
        self._changed.set()

    async def keep_telling(self) -> None:
        """Tell when it is due, for ever."""
        while True:
            self._changed = trio.Event()
            with trio.move_on_at(self._telling.due_at):
                await self._changed.wait()
                continue
            await self._tell()

    async def _tell(self) -> None:
        mark = self._telling.mark
        name, tags, facts = self._record
        job = TellJob(
            cache=str(self._config.cache.absolute()),
            centers=self._config.config_center,
            name=name,
            tags=tags,
            facts=facts,
            mark=mark,
            sent=int(self._clock()),
            deadline_s=limits.tell_s_max,
            parent=os.getpid(),
        )
        said = await run_child(TELL, msgspec.json.encode(job), limits.tell_s_max + limits.child_kill_grace_s)
        try:
            outcome = msgspec.json.decode(said.rstrip().rpartition(b"\n")[2], type=TellOutcome)
        except msgspec.MsgspecError:
            last = said.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
            outcome = TellOutcome(problem=f"the telling process failed: {last[0][:200]}")
        self._telling.ended(outcome, mark, trio.current_time(), self._clock())
        self._say(outcome, name)

    def _say(self, outcome: TellOutcome, name: str) -> None:
        """What came of it, when it is news: a static mirror that takes no records is said once, not every hour."""
        kind = "refused" if outcome.refused else "untold" if outcome.problem else ""
        if kind and kind != self._problem:
            advice = (
                f"a new installation: config-center nodes --forget {name}; else: is another node called {name}, was "
                "this clock set back?"
            )
            more = {"to_do": advice} if outcome.refused else {}
            self._log(f"facts-{kind}", **more, problem=outcome.problem)
        elif self._problem and outcome.taken:
            self._log("facts-told")
        self._problem = kind

    def _told(self) -> Told | None:
        """What was told before this start."""
        path = self._config.cache / TOLD_FILE
        with suppress(OSError, msgspec.MsgspecError), path.open("rb") as file:
            return msgspec.json.decode(file.read(limits.told_bytes_max), type=Told)
        return None
