"""CORE. A look: some suspects, the witnesses who are asked about them, and when they have said enough.

The suspects are asked themselves, too: one that answers is well, whatever others say. Beside the home vantage those are
asked that may stand on the suspects' side of a cut: they share a place with one of them, are listed as failed or not at
all, or hear only a minority.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from inspector_coord.watch import limits
from inspector_coord.watch.agenda import Agenda
from inspector_coord.watch.asks import Asks, Purpose, fitting
from inspector_coord.watch.members import Members
from inspector_coord.watch.model import Ask
from inspector_coord.watch.suspicion import Suspect, Suspicion
from inspector_coord.watch.vantages import Vantage, Vantages
from inspector_coord.watch.witnesses import choose

__all__ = ["Look", "Looks"]


class Look(msgspec.Struct):
    """One look.

    asks      the witnesses, by the number of their question
    acked_by  a witness that has not even acknowledged it by then is not waited for, if enough others have answered
    patient_until  nor is anybody then who has not acknowledged it
    """

    number: int
    targets: tuple[str, ...]
    at: float
    acked_by: float
    patient_until: float
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

    def begin(
        self,
        batch: Sequence[Suspect],
        waits_s: tuple[float, float, float],
        minority: Callable[[int], bool],
        now: float,
    ) -> list[Ask]:
        """Ask about these suspects; those for whom the question has no room wait for the next.

        waits_s  for acknowledgements; for them where too few have answered; for answers
        """
        ack_s, patient_s, wait_s = waits_s
        home = self._vantages.home
        if home is None:
            return []
        named = fitting((one.name for one in batch), limits.question_names_bytes // 2, limits.targets_max)
        for suspect in batch[len(named) :]:
            self._suspicion.postponed(suspect, now + limits.collect_s)
        self._count += 1
        look = Look(self._count, tuple(named), now, now + max(ack_s, limits.own_s), now + patient_s, {})
        asks = [self._ask(look, self._vantages[home], "", self._witnesses, wait_s, now)]
        beside = self._beside(batch[: len(named)], minority)
        count = max(1, limits.witnesses_beside + 1 - len(named))  # suspects that live look at each other
        asks += [self._ask(look, one, self._place(one), count, wait_s, now) for one in beside]
        for suspect in batch[: len(named)]:
            suspect.looks += 1
            suspect.looked_at = now
            suspect.looking = look.number
            suspect.asked_beside |= bool(beside)
        self._open[look.number] = look
        self._agenda.put(("look", look.number), now + limits.own_s)
        return asks

    def _ask(self, look: Look, vantage: Vantage, within: str, count: int, wait_s: float, now: float) -> Ask:
        tired = self._asks.tired(now)
        key = f"{vantage.number} {look.number} {look.targets[0]}"
        names = choose(self._members, key, count, (self._suspicion, tired), within)
        if within and not names:  # all of that place are suspects: those that are not asked about can be witnesses
            names = choose(self._members, key, count, (look.targets, tired), within)
        if within and vantage.node in self._members.nodes and vantage.node not in tired:
            names = [vantage.node, *(name for name in names if name != vantage.node)][: count + 1]
        room = limits.question_names_bytes - sum(_cost(name) for name in look.targets)
        asked = [*names, *(name for name in look.targets if name not in names)]
        fits = fitting(asked, room, limits.names_max)
        ask = self._asks.send(
            Purpose.LOOK,
            vantage.number,
            fits,
            now,
            wait_s=wait_s,
            targets=look.targets,
            key=look.number,
            patient_s=wait_s - limits.answer_s,
        )
        look.asks[ask.number] = frozenset(name for name in fits if name in names)
        self._agenda.put(("ask", ask.number), now + wait_s)
        return ask

    def _beside(self, batch: Sequence[Suspect], minority: Callable[[int], bool]) -> list[Vantage]:
        """The vantages that may be on their side of a cut: one at each place, however narrow: it may run round that."""
        places = {place for one in batch for place in self._members.nodes[one.name].places if not place.endswith("=")}
        found: dict[tuple[str, ...], Vantage] = {}
        for vantage in self._vantages.usable():
            if vantage.number == self._vantages.home:
                continue
            node = self._members.nodes.get(vantage.node)
            if node is None:  # it has left, as far as home knows: it may stand anywhere
                found[(vantage.node,)] = vantage
            elif node.status != "alive" or minority(vantage.number) or not places.isdisjoint(node.places):
                found.setdefault(node.places, vantage)
        return list(found.values())

    def _place(self, vantage: Vantage) -> str:
        """Where a vantage's own neighbours are."""
        node = self._members.nodes.get(vantage.node)
        return next((place for place in node.places if not place.endswith("=")), "") if node is not None else ""

    def get(self, number: int) -> Look | None:
        """A look that is under way."""
        return self._open.get(number)

    def ready(self, look: Look, now: float) -> bool:
        """The witnesses have answered and the suspects had time to, or nobody is waited for any more."""
        if now < look.at + limits.own_s:
            return False
        for number, witnesses in look.asks.items():
            one = self._asks.get(number)
            if one is None or one.over:
                continue
            until = look.acked_by
            if sum(name in one.answered for name in witnesses) < min(limits.witnesses_min, len(witnesses)):
                until = max(until, look.patient_until)
            early = now < until
            if any(name not in one.answered and (early or name in one.acked) for name in witnesses):
                if early:
                    self._agenda.put(("look", look.number), until)
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
