"""CORE. What the parts of one watcher share: the ring as it is known, what is asked, and what is to be done."""

from __future__ import annotations

from math import ceil, log10

from inspector_coord.watch import limits
from inspector_coord.watch.agenda import Agenda
from inspector_coord.watch.asks import Asks, Open, Purpose
from inspector_coord.watch.cuts import Hearing
from inspector_coord.watch.flaps import Flaps
from inspector_coord.watch.gathering import Gathering
from inspector_coord.watch.members import Members
from inspector_coord.watch.model import Ask, Effect
from inspector_coord.watch.patience import Patience
from inspector_coord.watch.pictures import Pictures
from inspector_coord.watch.settings import Settings
from inspector_coord.watch.suspicion import Suspicion
from inspector_coord.watch.vantages import Vantages

__all__ = ["State"]


class State:
    """See the module's text.

    frozen  the watcher sees too little: nothing is concluded, and nothing is told of any incident
    loss    the share of single packets that get lost, as acks without answers and answers without acks tell
    """

    def __init__(self, ring: str, ring_id: int, settings: Settings, first_number: int) -> None:
        self.settings = settings
        self.agenda = Agenda()
        self.members = Members(settings.place_tags, settings.without_agent)
        self.asks = Asks(ring, ring_id)
        self.pictures = Pictures()
        self.patience = Patience()
        self.vantages = Vantages(
            self.pictures, lambda: len(self.members) - self.members.written_off, self.members.widest_place
        )
        self.suspicion = Suspicion(limits.collect_s + self.asks.luck * limits.apart_s)
        self.hearing = Hearing()
        self.flaps = Flaps(settings)
        self.gathering = Gathering(self.members, settings, self.agenda, first_number)
        self.effects: list[Effect] = []
        self.frozen = True
        self.loss = 0.0

    @property
    def gossip_s(self) -> float:
        """Until everybody has heard a question (Serf spreads in logarithmic time)."""
        return limits.gossip_s + limits.gossip_decade_s * ceil(log10(len(self.members) + 1))

    def settle_s(self, now: float) -> float:
        """The same as it was lately: who says that it has not heard a question by then, would have."""
        return max(self.gossip_s, limits.settle_slack * self.patience.slowest_s(now))

    @property
    def lossy(self) -> bool:
        """Whether so many packets get lost that one look is not enough."""
        return self.loss > limits.lossy_share

    def asked(self, ask: Ask) -> Open:
        """A question goes out; its end is on the agenda."""
        self.effects.append(ask)
        one = self.asks.known(ask.number)
        self.agenda.put(("ask", ask.number), one.over_at)
        return one

    def seen_loss(self, one: Open) -> None:
        """A question asked by name is over: who said one thing of two has lost the other.

        With acks and answers lost alike, p of all are lost where p = one / (one + 2 * both).
        """
        if one.purpose is Purpose.NAMED or not one.names:
            return
        both = len(one.answered.keys() & one.acked.keys())
        single = len(one.answered.keys() ^ one.acked.keys())
        if both + single >= limits.loss_nodes_min:
            self.loss += limits.loss_step * (single / (single + 2 * both) - self.loss)

    def majority(self, vantage: int, now: float) -> bool | None:
        """Whether a vantage has been seen lately to hear the majority; None: not known."""
        return self.vantages.majority(vantage, now - limits.picture_fresh_s) if vantage in self.vantages else None

    def with_home(self, vantage: int, now: float) -> bool:
        """Whether it is the home vantage, or hears nodes that home hears, too: who hears more than half must."""
        since, clear = now - limits.picture_fresh_s, limits.majority_share + limits.majority_margin
        apart = self.vantages.apart(vantage, since)
        return self.vantages.share(vantage, since) > clear if apart is None else not apart

    def minority(self, vantage: int, now: float) -> bool:
        """Whether it has been seen lately not to."""
        return self.majority(vantage, now) is False

    def at_place(self, name: str, place: str) -> bool:
        """Whether a node is at a place, e.g. "zone=b"."""
        node = self.members.nodes.get(name)
        return node is not None and place in node.places
