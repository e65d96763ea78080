"""What a sweep, or the lack of one, makes of an answer at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inspector_agent.askings import Sweep
from inspector_agent.baselines import prefix_of
from inspector_agent.limits import clock_ms_max, id_bytes, took_ms_max
from inspector_agent.wire import Answer, Serving, Vitals

if TYPE_CHECKING:
    from config_center.resolve import Baseline
    from inspector_agent.runs import Share


@dataclass(frozen=True, slots=True)
class Replies:
    """Answers as of one moment. `now` and `clock` in seconds; `current` is what the node holds as its own baseline."""

    now: float
    clock: float
    vitals: Vitals
    current: Baseline | None

    def to(self, sweep: Sweep) -> Answer:
        """The answer of a sweep as far as it is known."""
        share = sweep.share
        if sweep.excuse is not None:
            return self.excuse(sweep.key.sweep, sweep.excuse)
        if share is None:
            return self.excuse(sweep.key.sweep, Serving.RELEASE, incomplete=True)
        if share.run.started_at is None and not share.finished:
            return self.excuse(sweep.key.sweep, Serving.BUSY, incomplete=True)
        release = bytes.fromhex(share.run.digest[: 2 * id_bytes])
        return Answer(
            sweep=sweep.key.sweep,
            state=Serving.VERDICT if sweep.key.names(release) else Serving.RELEASE,
            release=release,
            number=share.release_number,
            took_ms=min(share.took_ms(self.now), took_ms_max),
            age_ms=min(self._age_ms(share), took_ms_max) if sweep.recalled else 0,
            clock=self._clock_ms,
            vitals=self.vitals,
            incomplete=not share.complete,
            **share.tally().fields(),
        )

    def excuse(self, sweep: bytes, state: Serving, *, incomplete: bool = False) -> Answer:
        """An answer without a verdict; it names the release that this node has, zero if none."""
        return Answer(
            sweep=sweep,
            state=state,
            release=prefix_of(self.current) if self.current else bytes(id_bytes),
            number=self.current.release_number if self.current else 0,
            clock=self._clock_ms,
            vitals=self.vitals,
            incomplete=incomplete,
        )

    def _age_ms(self, share: Share) -> int:
        """How old a verdict from memory is; never 0, which says that it was made for this sweep."""
        return max(1, round(share.age_s(self.now, self.clock) * 1000))

    @property
    def _clock_ms(self) -> int:
        return min(max(0, int(self.clock * 1000)), clock_ms_max)
