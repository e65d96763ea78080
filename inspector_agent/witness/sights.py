"""CORE. Who is looked at, and how often: one look at a member serves all who ask for it within `look_again_s`."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from ipaddress import ip_address

from inspector_agent.ring.records import Member
from inspector_agent.witness import limits
from inspector_agent.witness.encoding import STATUSES
from inspector_agent.witness.events import Look, Looked
from inspector_agent.witness.messages import Reach, Sight

LOOKED_AT = ("alive", "leaving", "failed")  # who has left may have given its address to another


class Sights:
    """Looks under way, and what was seen lately. Only members of the ring are looked at, where the own Serf has them.

    A target that is no member, has left, is this node itself, or has an address that no single node has, is seen at
    once: with its status, and all else skipped.
    """

    def __init__(self) -> None:
        self._under_way: dict[str, str | None] = {}  # by name: the status, once it is known
        self._lately: dict[str, tuple[float, Sight]] = {}
        self._questions: deque[float] = deque(maxlen=limits.looks_per_s_max)

    def admit(self, now: float) -> bool:
        """Whether one more question may have its targets looked at."""
        if len(self._questions) == limits.looks_per_s_max and now - self._questions[0] < 1.0:
            return False
        self._questions.append(now)
        return True

    def begin(self, targets: tuple[str, ...], now: float) -> tuple[dict[str, Sight], tuple[str, ...]]:
        """(sights of those that were looked at just now, those to be looked at that are not already)."""
        self._lately = {
            name: (at, sight) for name, (at, sight) in self._lately.items() if now - at < limits.look_again_s
        }
        known = {name: self._lately[name][1] for name in targets if name in self._lately}
        unseen = tuple(name for name in targets if name not in known and name not in self._under_way)
        self._under_way.update(dict.fromkeys(unseen))
        return known, unseen

    def found(
        self, names: tuple[str, ...], members: Mapping[str, Member] | None, own: str, now: float
    ) -> tuple[list[Look], dict[str, Sight]]:
        """What the own Serf knows of targets: (looks to be done, sights of those that will not be looked at).

        members: by name, without those that it does not have; None: it did not say, and nobody is seen.
        own: this node's name.
        """
        looks: list[Look] = []
        seen: dict[str, Sight] = {}
        for name in names:
            if self._under_way.get(name, "") is not None:
                continue  # an answer to what was asked on an older connection
            member = None if members is None else members.get(name)
            status = member.status if member is not None and member.status in STATUSES else ""
            if members is None:
                del self._under_way[name]
            elif member is not None and status in LOOKED_AT and name != own and _is_of_a_node(member):
                self._under_way[name] = status
                looks.append(Look(name, member.address, member.port))
            else:
                del self._under_way[name]
                seen[name] = Sight(status, Reach.SKIPPED, Reach.SKIPPED, Reach.SKIPPED)
        self._lately.update((name, (now, sight)) for name, sight in seen.items())
        return looks, seen

    def looked(self, event: Looked, now: float) -> Sight | None:
        """What was seen by a look; None where nobody waits for it any more."""
        if event.name not in self._under_way:
            return None
        status = self._under_way.pop(event.name) or ""
        sight = Sight(status, event.gossip, event.ssh, event.ping, event.took_ms)
        self._lately[event.name] = (now, sight)
        return sight

    def forget(self) -> None:
        """The connection to Serf is gone: what comes next may be another ring."""
        self._under_way.clear()
        self._lately.clear()


def _is_of_a_node(member: Member) -> bool:
    """Whether one machine may have this address; a member announces its own, and could announce anything."""
    try:
        address = ip_address(member.address)
    except ValueError:
        return False
    return member.port > 0 and not (
        address.is_multicast or address.is_unspecified or member.address == "255.255.255.255"
    )
