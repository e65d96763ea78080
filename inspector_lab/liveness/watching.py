"""CORE. The real watcher in its simulated shell: what comes goes in, what it wants is done, what it tells is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from inspector_coord.watch.conclusions import Action, Happening
from inspector_coord.watch.model import Ask, Effect, Event, MembersChanged, MembersRead, ReadMembers, Tell, Tick
from inspector_coord.watch.watcher import RingWatcher
from inspector_lab.liveness import limits
from inspector_lab.liveness.land import Land
from inspector_lab.simulated.timeline import Timeline

__all__ = ["Watching"]


class Watching:
    """`ask`, `read` and `start` are what the shell can do: send a question, read a member list, connect anew.

    told     every Happening, with the moment it came
    asked    every question, with the moment it went out
    given    vantage -> host -> the status that the watcher was last given, where that is not "alive"
    learned  (when, vantage, name, status) of every status that was news of that vantage; "": a new watcher begins
    reads    when which vantage's whole list came
    starts   when a watcher was started
    """

    def __init__(self, timeline: Timeline, land: Land) -> None:
        self._timeline = timeline
        self._land = land
        self._due = self._ticked = float("inf")
        self._ticks = 0
        self.ask: Callable[[Ask], None]
        self.read: Callable[[int], None]
        self.start: Callable[[], None]
        self.told: list[tuple[float, Happening]] = []
        self.asked: list[tuple[float, Ask]] = []
        self.given: dict[int, dict[str, str]] = {number: {} for number in range(len(land.vantages))}
        self.learned: list[tuple[float, int, str, str]] = []
        self.reads: list[tuple[float, int]] = []
        self.starts: list[float] = []
        self.events: Counter[str] = Counter()
        self.core = RingWatcher("main")

    def begin(self) -> None:
        """The first watcher."""
        self.starts.append(self._timeline.now)
        self.start()

    def restart(self) -> None:
        """It ends, and a new one reads back what was open. Answers to the old one's questions mean nothing to it."""
        open_: dict[int, Happening] = {}
        for _, each in self.told:
            open_[each.number] = each
        still = tuple(each for each in open_.values() if each.action is not Action.CLOSED)
        self.starts.append(self._timeline.now)
        self.core = RingWatcher(
            "main",
            ring_id=len(self.starts),
            open_incidents=still,
            first_number=max(open_, default=0) + 1,
        )
        self._due = float("inf")
        for vantage, given in self.given.items():
            self.learned += [(self._timeline.now, vantage, name, "") for name in given]
            given.clear()
        self.start()

    def bring(self, event: Event) -> None:
        """The watcher gets it, and what it wants is done."""
        if isinstance(event, MembersRead | MembersChanged):
            self._learn(event)
        self.feed(event)

    def feed(self, event: Event) -> None:
        """The same for what comes of questions: nothing that has to be kept."""
        self.events[type(event).__name__] += 1
        for effect in self.core.handle(event, self._timeline.now):
            self._do(effect)
        self._wake()

    def _do(self, effect: Effect) -> None:
        now = self._timeline.now
        if isinstance(effect, Tell):
            self.told.append((now, effect.happening))
        elif isinstance(effect, Ask):
            self.asked.append((now, effect))
            self.ask(effect)
        elif isinstance(effect, ReadMembers):
            self.read(effect.vantage)

    def _wake(self) -> None:
        due = self.core.wake_at
        if due < self._due:
            self._due = due
            self._timeline.at(due, self._tick, due)

    def _tick(self, due: float) -> None:
        if self._due != due:
            return
        self._due = float("inf")
        self._ticks = self._ticks + 1 if due == self._ticked else 0
        self._ticked = due
        if self._ticks > limits.ticks_at_once_max:
            raise AssertionError(f"the watcher wants to be woken again and again at {due:g} s")
        if self.core.wake_at <= self._timeline.now + limits.rounding_s:
            self.bring(Tick())
        else:
            self._wake()

    def _learn(self, event: MembersRead | MembersChanged) -> None:
        given = self.given[event.vantage]
        now = self._timeline.now
        if isinstance(event, MembersRead):
            self.reads.append((now, event.vantage))
        news = {member.name: member.status for member in event.members if member.status != "alive"}
        if isinstance(event, MembersRead):
            back = [name for name in given if name not in news]
        else:
            back = [member.name for member in event.members if member.status == "alive" and member.name in given]
        for name in back:
            del given[name]
            self.learned.append((now, event.vantage, name, "alive"))
        for name, status in news.items():
            if given.get(name) != status:
                given[name] = status
                self.learned.append((now, event.vantage, name, status))
