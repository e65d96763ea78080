"""CORE. A look: some suspects, the witnesses who are asked about them, and when they have said enough.

The suspects are asked themselves, too: one that answers is well, whatever others say. Beside the home vantage those are
asked that stand on the suspects' side of a possible cut: they share a place with one of them, or hear only a minority.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from inspector_coord.watch import limits
from inspector_coord.watch.agenda import Agenda
from inspector_coord.watch.asks import Asks, Open, Purpose, fitting
from inspector_coord.watch.members import Members
from inspector_coord.watch.model import Ask
from inspector_coord.watch.suspicion import Suspect, Suspicion
from inspector_coord.watch.vantages import Vantage, Vantages
from inspector_coord.watch.witnesses import choose

__all__ = ["Look", "Looks"]


class Look(msgspec.Struct):
    """One look. witnesses: by the number of the question they were asked."""

    number: int
    targets: tuple[str, ...]
    at: float
    asks: dict[int, frozenset[str]]


class Looks:
    """The looks that are under way."""

    def __init__(
        self,
        members: Members,
        asks: Asks,
        vantages: Vantages,
        suspicion: Suspicion,
        agenda: Agenda,
        witnesses: int,
    ) -> None:
        self._members, self._asks, self._vantages = members, asks, vantages
        self._suspicion, self._agenda = suspicion, agenda
        self._witnesses = witnesses
        self._open: dict[int, Look] = {}
        self._count = 0

    def begin(self, batch: Sequence[Suspect], wait_s: float, minority: Callable[[int], bool], now: float) -> list[Ask]:
        """Ask about these suspects; those for whom the question has no room wait for the next."""
        home = self._vantages.home
        if home is None:
            return []
        named = fitting((one.name for one in batch), limits.question_names_bytes // 2, limits.targets_max)
        for suspect in batch[len(named) :]:
            self._suspicion.postponed(suspect, now + limits.collect_s)
        self._count += 1
        look = Look(self._count, tuple(named), now, {})
        asks = [self._ask(look, self._vantages[home], "", self._witnesses, wait_s, now)]
        beside = self._beside(batch[: len(named)], minority)
        count = max(1, limits.witnesses_beside + 1 - len(named))  # suspects that live look at each other
        asks += [self._ask(look, one, self._place(one), count, wait_s, now) for one in beside]
        for suspect in batch[: len(named)]:
            suspect.looks += 1
            suspect.looking = look.number
            suspect.asked_beside |= bool(beside)
        self._open[look.number] = look
        self._agenda.put(("look", look.number), now + limits.own_s)
        return asks

    def _ask(self, look: Look, vantage: Vantage, within: str, count: int, wait_s: float, now: float) -> Ask:
        names = choose(
            self._members, f"{vantage.number} {look.number} {look.targets[0]}", count, self._suspicion, within
        )
        if within and not names:  # all of that place are suspects: those that are not asked about can be witnesses
            names = choose(self._members, f"{look.number}", count, look.targets, within)
        if within and vantage.node in self._members.nodes:
            names = [vantage.node, *(name for name in names if name != vantage.node)][: count + 1]
        room = limits.question_names_bytes - sum(_cost(name) for name in look.targets)
        asked = [*names, *(name for name in look.targets if name not in names)]
        fits = fitting(asked, room, limits.names_max)
        ask = self._asks.send(
            Purpose.LOOK, vantage.number, fits, now, wait_s=wait_s, targets=look.targets, key=look.number
        )
        look.asks[ask.number] = frozenset(name for name in fits if name in names)
        self._agenda.put(("ask", ask.number), now + wait_s)
        return ask

    def _beside(self, batch: Sequence[Suspect], minority: Callable[[int], bool]) -> list[Vantage]:
        """The vantages on the suspects' side of a cut that there may be."""
        places = {place for one in batch for place in self._members.nodes[one.name].places if not place.endswith("=")}
        found: dict[tuple[str, ...], Vantage] = {}
        for vantage in self._vantages.usable():
            if vantage.number == self._vantages.home:
                continue
            node = self._members.nodes.get(vantage.node)
            near = node is not None and not places.isdisjoint(node.places)
            doubtful = node is not None and node.status != "alive"
            if node is not None and (doubtful or minority(vantage.number)):
                found.setdefault(node.places, vantage)  # one at each place, however narrow: the cut may run round it
            elif near:
                found.setdefault((self._place(vantage),), vantage)
        return list(found.values())

    def _place(self, vantage: Vantage) -> str:
        """Where a vantage's own neighbours are."""
        node = self._members.nodes.get(vantage.node)
        return next((place for place in node.places if not place.endswith("=")), "") if node is not None else ""

    def get(self, number: int) -> Look | None:
        """A look that is under way."""
        return self._open.get(number)

    def answered(self, one: Open, now: float) -> bool:
        """Whether the look of this question is ready to be judged."""
        look = self._open.get(one.key)
        return look is not None and self.ready(look, now)

    def ready(self, look: Look, now: float) -> bool:
        """All witnesses have answered and the suspects had time to, or nobody is waited for any more."""
        waited = now >= look.at + limits.own_s
        for number, witnesses in look.asks.items():
            one = self._asks.get(number)
            if one is None or one.over:
                continue
            if not waited or not witnesses <= one.answered.keys():
                return False
        return True

    def close(self, number: int) -> list[Suspect]:
        """End a look: the suspects that are still in it."""
        look = self._open.pop(number, None)
        if look is None:
            return []
        self._agenda.drop(("look", number))
        found = [self._suspicion.get(name) for name in look.targets]
        return [one for one in found if one is not None and one.looking == number]

    def clear(self) -> None:
        """No look is under way."""
        for number in list(self._open):
            self.close(number)


def _cost(name: str) -> int:
    return len(name.encode()) + limits.name_overhead_bytes
