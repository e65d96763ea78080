"""The shell of one ring's watcher: gives it what its entries bring, and does what it wants done."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import trio

from inspector_agent.limits import node_name_bytes_max
from inspector_coord.watch import shell_limits as limits
from inspector_coord.watch.conclusions import Happening
from inspector_coord.watch.model import Ask, Event, ReadMembers, Tell, Tick
from inspector_coord.watch.settings import Settings
from inspector_coord.watch.vantage import EntryLink
from inspector_coord.watch.watcher import RingWatcher

__all__ = ["RingWatch", "Way"]


class Way(msgspec.Struct, frozen=True):
    """How a ring is reached: RPC addresses, their key, the prefix of query names, the folder of lock files."""

    entries: tuple[str, ...]
    auth_key: str | None
    prefix: str
    turns: Path


class RingWatch:
    """Runs for ever. `tell` gets what happened, with its time on the wall clock; `say` what a person should know.

    Attributes:
        name: of the ring.
        core: the watcher; read its `roster` and `open_incidents`, and leave the rest to this class.
        links: its entries.
        counted: what went wrong on the way, and what was done, by word.
        turned_at: when the loop went round last; a watchdog looks at it.
        changed: is set, and replaced, whenever something has come; for who waits to look again.
    """

    def __init__(
        self,
        name: str,
        way: Way,
        settings: Settings,
        *,
        open_incidents: Sequence[Happening] = (),
        first_number: int = 1,
        tell: Callable[[str, Happening, float], None],
        say: Callable[[str], None],
    ) -> None:
        self.name = name
        self.core = RingWatcher(
            name,
            ring_id=secrets.randbits(32),
            open_incidents=open_incidents,
            first_number=first_number,
            settings=settings,
        )
        self.counted: Counter[str] = Counter()
        self.changed = trio.Event()
        self.turned_at = trio.current_time()
        self._tell = tell
        self._tell_person = say
        self._nameless = 0  # said so far
        self.links = tuple(
            EntryLink(
                number,
                address,
                way.auth_key,
                prefix=way.prefix,
                turns=way.turns,
                give=self._take,
                say=self._say,
                counted=self.counted,
            )
            for number, address in enumerate(way.entries)
        )
        self._nursery: trio.Nursery | None = None

    @property
    def roster(self) -> Mapping[str, str]:
        """Name to status of all members, as the watcher believes."""
        return self.core.roster

    @property
    def open_incidents(self) -> list[Happening]:
        """What is open; times are those of trio's clock."""
        return self.core.open_incidents

    @property
    def judging(self) -> bool:
        """Whether the majority of it is heard."""
        return self.core.judging

    @property
    def entries(self) -> int:
        """How many entries it has."""
        return len(self.links)

    @property
    def entries_up(self) -> int:
        """How many of them are connected."""
        return sum(link.up for link in self.links)

    def _say_nameless(self) -> None:
        if self._nameless:
            self._say(
                f"{self._nameless} members have a name that is empty or longer than {node_name_bytes_max} bytes: "
                "no question can carry it, so nothing is known of them"
            )
        else:
            self._say("all members have names that questions can carry again")

    def _say(self, text: str) -> None:
        self._tell_person(f"ring {self.name}: {text}")

    async def run(self) -> None:
        """Watch, until cancelled."""
        async with trio.open_nursery() as self._nursery:
            for link in self.links:
                self._nursery.start_soon(link.run)
            while True:
                with trio.move_on_at(min(self.core.wake_at, self.turned_at + limits.turn_s)):
                    await self.changed.wait()
                self.turned_at = trio.current_time()
                if trio.current_time() >= self.core.wake_at:
                    self._take(Tick())

    def _take(self, event: Event) -> None:
        """Give the core an event, and do what follows."""
        if self._nursery is None:
            raise RuntimeError("the watch of a ring is used before it runs")
        now = trio.current_time()
        for effect in self.core.handle(event, now):
            match effect:
                case Ask():
                    self._nursery.start_soon(self.links[effect.vantage].ask, effect)
                case ReadMembers(vantage=vantage):
                    self.links[vantage].read_again()
                case Tell(happening=happening):
                    self._tell(self.name, happening, time.time() - (now - happening.at))
        if self.core.nameless != self._nameless:
            self._nameless = self.core.nameless
            self._say_nameless()
        self.changed.set()
        self.changed = trio.Event()
