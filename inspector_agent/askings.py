"""Who waits for an answer, and who had one: questions, their sweeps, memory of both, and a guard against a flood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from inspector_agent import limits
from inspector_agent.limits import id_bytes
from inspector_agent.runs import Run, Share, Wish
from inspector_agent.wire import ANY_RELEASE, Question, Serving, answer_slot_ms


@dataclass(slots=True)
class Asking:
    """One question that waits for its answer. Times as the session's `now`.

    Attributes:
        spare: a newer question of the same sweep took over; this one serves if Serf has closed that one.
    """

    query_id: int
    sweep: bytes
    slot_at: float
    deadline_at: float
    spare: bool = False

    @classmethod
    def of(cls, query_id: int, question: Question, name: str, now: float) -> Asking:
        """The question as heard now by the node called `name`."""
        slot_s = answer_slot_ms(question.sweep, name, question.spread_ms) / 1000
        return cls(query_id, question.sweep, now + slot_s, now + question.answer_within_ms / 1000)


@dataclass(frozen=True, slots=True)
class Key:
    """What makes two questions ask the same: sweep id, what is wanted, item patterns.

    `wanted` is the prefix of a release's digest; with that of a canary behind it, the one of the two that this node's
    pointer assigns to it; ANY_RELEASE for whatever it holds.
    """

    sweep: bytes
    wanted: bytes
    patterns: tuple[str, ...]

    @classmethod
    def of(cls, question: Question) -> Key:
        """The key of a question."""
        return cls(question.sweep, question.release + question.canary, question.items)

    @property
    def takes_any(self) -> bool:
        """Whether a verdict on any release answers it."""
        return self.wanted == ANY_RELEASE

    def names(self, release: bytes) -> bool:
        """Whether a verdict on the release of that prefix is one that was asked for."""
        return self.takes_any or release in (self.wanted[:id_bytes], self.wanted[id_bytes:])


@dataclass(slots=True)
class Sweep:
    """One sweep at this node. It is FETCHING without a share of a run, WAITING with one, DONE once that is finished.

    Attributes:
        askings: the questions that wait for it, oldest first; at most one is not spare.
        max_age_s: how old a verdict from memory may be; 0: none is wanted.
        excuse: it cannot be served, and why: the state of its answer, after which it is forgotten.
        recalled: its share is of a run that had ended before the question came: a verdict from memory.
        makeshift: its run is of the release that the node holds, because the right one could not be had: it is
            forgotten with its answer, so that a re-ask tries again.
    """

    key: Key
    max_age_s: float = 0.0
    share: Share | None = None
    excuse: Serving | None = None
    recalled: bool = False
    makeshift: bool = False
    askings: list[Asking] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether its answer will not change any more."""
        return self.excuse is not None or (self.share is not None and self.share.finished)

    @property
    def idle(self) -> bool:
        """Whether it may be forgotten: it is done, and nobody waits for it."""
        return self.done and not self.askings

    @property
    def live(self) -> Asking | None:
        """The question that is to be answered."""
        return next((asking for asking in reversed(self.askings) if not asking.spare), None)

    @property
    def due_at(self) -> float | None:
        """When to answer: at its slot if the verdict is known by then, else at the deadline."""
        live = self.live
        if live is None:
            return None
        return live.slot_at if self.done else live.deadline_at

    def ask(self, asking: Asking) -> int:
        """A further question takes over. Returns how many old ones were let go."""
        for older in self.askings:
            older.spare = True
        self.askings.append(asking)
        surplus = max(0, len(self.askings) - limits.askings_open_max)
        del self.askings[:surplus]
        return surplus

    def expire(self, now: float) -> int:
        """Let go of spare questions whose deadline is over. Returns how many."""
        before = len(self.askings)
        self.askings = [asking for asking in self.askings if not asking.spare or asking.deadline_at > now]
        return before - len(self.askings)


class Memory:
    """The last sweeps, and which of them the last responses were for."""

    def __init__(self) -> None:
        self._sweeps: dict[Key, Sweep] = {}
        self._responses: dict[int, Key] = {}

    def __iter__(self) -> Iterator[Sweep]:
        """The sweeps as of now, oldest first."""
        return iter(list(self._sweeps.values()))

    def get(self, key: Key) -> Sweep | None:
        """The sweep of that key."""
        return self._sweeps.get(key)

    def add(self, sweep: Sweep) -> None:
        """Remember a sweep; `make_room` first."""
        self._sweeps[sweep.key] = sweep

    def make_room(self) -> bool:
        """Forget the oldest sweep that nobody waits for, if the memory is full; False: they are all waited for."""
        if len(self._sweeps) < limits.sweeps_remembered_max:
            return True
        idle = next((sweep for sweep in self if sweep.idle), None)
        if idle is not None:
            self.forget(idle)
        return idle is not None

    def recall(self, wish: Wish, max_age_s: float, now: float, clock: float) -> Share | None:
        """The newest verdict on the same, if it is not older than that."""
        fits = [sweep.share for sweep in self if sweep.share is not None and sweep.share.fulfils(wish)]
        newest = min(fits, key=lambda share: share.age_s(now, clock), default=None)
        return newest if newest is not None and newest.age_s(now, clock) <= max_age_s else None

    def left_s(self, run: Run, now: float) -> float:
        """Seconds until the first answer that waits for this run is due."""
        live = [sweep.live for sweep in self if sweep.share is not None and sweep.share.run is run]
        due = min((one.deadline_at for one in live if one is not None), default=now + limits.defer_unasked_s)
        return max(0.0, due - now)

    def forget(self, sweep: Sweep) -> int:
        """Let go of a sweep. Returns how many questions still waited for it."""
        self._sweeps.pop(sweep.key, None)
        waited = len(sweep.askings)
        sweep.askings.clear()  # so that nobody counts them again
        return waited

    def responded(self, query_id: int, sweep: Sweep) -> None:
        """A response went to this query."""
        self._responses[query_id] = sweep.key
        if len(self._responses) > limits.responses_remembered_max:
            del self._responses[next(iter(self._responses))]

    def whose(self, query_id: int) -> Sweep | None:
        """The sweep whose answer went to this query; asked once."""
        key = self._responses.pop(query_id, None)
        return self._sweeps.get(key) if key is not None else None

    def disconnected(self) -> int:
        """Query ids mean nothing any more. Returns how many questions waited."""
        waiting = 0
        for sweep in self:
            waiting += len(sweep.askings)
            sweep.askings.clear()
        self._responses.clear()
        return waiting


class Excused:
    """Questions that need no sweep, because the node does not serve them; each waits for its turn."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Asking, Serving]] = []

    @property
    def due_at(self) -> float | None:
        """When the next of them is to be answered."""
        return min((asking.slot_at for asking, _ in self._waiting), default=None)

    def add(self, asking: Asking, state: Serving) -> bool:
        """Whether there was room for one more."""
        if len(self._waiting) >= limits.excused_max:
            return False
        self._waiting.append((asking, state))
        return True

    def due(self, now: float) -> list[tuple[Asking, Serving]]:
        """Let go of those whose turn it is."""
        due = [each for each in self._waiting if each[0].slot_at <= now]
        self._waiting = [each for each in self._waiting if each[0].slot_at > now]
        return due

    def disconnected(self) -> int:
        """Let go of all. Returns how many waited."""
        waiting, self._waiting = len(self._waiting), []
        return waiting


@dataclass(slots=True)
class Bucket:
    """A token bucket: `burst` at once, `per_s` in the long run."""

    per_s: float = limits.questions_per_s_max
    burst: float = limits.questions_burst_max
    spent: float = 0.0
    spent_at: float = 0.0

    def take(self, now: float) -> bool:
        """Whether one more question may be thought about."""
        self.spent = max(0.0, self.spent - max(0.0, now - self.spent_at) * self.per_s)
        self.spent_at = now
        if self.spent > self.burst - 1:
            return False
        self.spent += 1
        return True
