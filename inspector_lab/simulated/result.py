"""CORE. What a simulated sweep leaves behind: its ledgers, and the truth that oracles hold them against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from config_center.resolve import Item
from inspector_agent.tally import basis_of
from inspector_agent.wire import Answer
from inspector_coord.asking import Plan
from inspector_coord.ledger import Booking, Key, Ledger, Node
from inspector_coord.reading import Reader
from inspector_coord.report import Facts, Report, build
from inspector_lab.simulated.agents import Agents, Habits
from inspector_lab.simulated.coordinator import Coordinator
from inspector_lab.simulated.fleet import Fleet
from inspector_lab.simulated.scenario import Scenario

__all__ = ["Books", "Result", "Sweep"]


class Books(Ledger):
    """The real ledger; counts what answers did to it."""

    def answered(self, node: Node, answer: Answer, at_s: float, round_number: int) -> Booking:
        """As the ledger does."""
        booking = super().answered(node, answer, at_s, round_number)
        self.bookings[booking] += 1
        return booking

    @cached_property
    def bookings(self) -> Counter[Booking]:
        """How often which."""
        return Counter()


@dataclass(eq=False)
class Sweep:
    """One coordinator's sweep of its targets. began: when it asked first; seconds: until the last ring was closed."""

    id: bytes
    began: float
    ledger: Books
    plans: Mapping[str, Plan]
    targets: frozenset[Key]
    coordinator: Coordinator
    facts: Facts | None = None
    seconds: float = 0.0
    reader: Reader | None = None


@dataclass(eq=False)
class Result:
    """A whole simulated sweep.

    sweeps    that of the scenario, then those of its rivals
    agents    by ring; wire: packets and bytes of all rings;
    again     the bytes of the report when the same scenario was simulated once more
    """

    scenario: Scenario
    fleet: Fleet
    sweeps: Sequence[Sweep]
    agents: Mapping[str, Agents]
    wire: Counter[str]
    again: bytes | None = None
    _members: dict[Key, int] = field(default_factory=dict)
    _tables: dict[tuple[int, tuple[str, ...]], tuple[Counter[str], bytes]] = field(default_factory=dict)

    @property
    def sweep(self) -> Sweep:
        """The one that was asked for."""
        return self.sweeps[0]

    @cached_property
    def report(self) -> Report:
        """The ordinary report."""
        sweep = self.sweep
        if sweep.facts is None or sweep.reader is None:
            raise AssertionError("the sweep is not over")
        return build(sweep.facts, sweep.ledger, {}, sweep.reader)

    @cached_property
    def raw(self) -> bytes:
        """The ordinary report as bytes: the same scenario gives the same ones."""
        return msgspec.json.encode(self.report)

    def member(self, node: Node) -> int:
        """The index of a node among the members of its ring."""
        if not self._members:
            for ring, places in self.fleet.rings.items():
                self._members.update(((ring, place.name), index) for index, place in enumerate(places))
        return self._members[node.key]

    def truth(self, items: tuple[Item, ...], habits: Habits) -> tuple[Counter[str], bytes]:
        """(how many of these items end how at a node of these habits, the basis of an answer about them)."""
        key = (id(items), habits.outcomes)
        if key not in self._tables:
            self._tables[key] = (Counter(habits.outcome(item.number) for item in items), basis_of(items))
        return self._tables[key]
