"""A witness's session with a hand on its time: what is heard, what Serf and looks bring, what it wants done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from inspector_agent.ring import Member
from inspector_agent.witness import limits
from inspector_agent.witness.encoding import decode_answer, encode_question
from inspector_agent.witness.events import Attached, Effect, Event, Figures, Heard, Respond, Tick
from inspector_agent.witness.messages import Picture, WitnessAnswer
from inspector_agent.witness.session import WitnessSession
from tests.support.witness import witness_question

CLOCK = 1_800_000_000
PROBE_S = limits.lag_probe_s
WELL = Figures(0, Picture(9, 1))


def member(name: str, status: str = "alive", address: str = "10.0.0.9", port: int = 7946) -> Member:
    """A member as Serf has it."""
    return Member(name, address, port, {}, status)  # type: ignore[arg-type]


@dataclass
class Node:
    """A witness called w1, in time that the test moves. `effects`: all since they were last taken."""

    session: WitnessSession = field(default_factory=WitnessSession)
    now: float = 1000.0
    effects: list[Effect] = field(default_factory=list)
    queries: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    def __post_init__(self) -> None:
        self.give(Attached("w1"))

    @property
    def counted(self) -> Counter[str]:
        """Without what they all begin with."""
        return Counter({key.removeprefix("witness-"): n for key, n in self.session.counted.items()})

    def give(self, event: Event) -> None:
        """Something happens."""
        self.effects += self.session.handle(event, now=self.now, clock=CLOCK + self.now - 1000.0)

    def ask(self, number: int = 1, *targets: str, **fields: object) -> None:
        """A question is heard."""
        ordinary: dict[str, object] = {"issued_at": CLOCK, "answer_within_ms": 1200}
        raw = encode_question(witness_question(number, *targets, **ordinary | fields), budget=900)
        self.give(Heard(next(self.queries), raw))

    def wait(self, seconds: float) -> None:
        """Time passes; ticks come when they are due."""
        end = self.now + seconds
        while (due := self.session.due_at) is not None and due <= end:
            assert due > self.now, "a tick that is due at once would be due for ever"
            self.now = due
            self.give(Tick())
        self.now = end

    def take(self) -> list[Effect]:
        """What is wanted since this was last called."""
        taken, self.effects = self.effects, []
        return taken

    def answered(self) -> list[WitnessAnswer]:
        """The answers since effects were last taken."""
        return [decode_answer(effect.raw) for effect in self.take() if isinstance(effect, Respond)]
