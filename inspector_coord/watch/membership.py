"""CORE. What follows when the home vantage lists a member otherwise than before."""

from __future__ import annotations

from inspector_agent.limits import node_name_bytes_max
from inspector_agent.ring import Member
from inspector_coord.watch import limits
from inspector_coord.watch.conclusions import Finding, Kind
from inspector_coord.watch.incidents import Basis, lasting
from inspector_coord.watch.members import Node
from inspector_coord.watch.model import ReadMembers
from inspector_coord.watch.roster_mirror import GONE
from inspector_coord.watch.state import State
from inspector_coord.watch.suspicion import Cause
from inspector_coord.watch.vantages import Vantage

__all__ = ["Membership"]


class Membership:
    """Lists, events and comparisons in; suspects, flaps and nodes that are back out.

    nameless: how many members of the list that was read last have a name that no question can carry; nothing is
    known of them.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.nameless = 0

    def read(self, vantage: Vantage, members: tuple[Member, ...], now: float) -> None:
        """A vantage's whole list. What differs from what was known is a change like any other."""
        state = self._state
        named = _named(members)
        self.nameless, members = len(members) - len(named), named
        sure = vantage.mirror.read(members, now)
        if vantage.number == state.vantages.home or not state.members.nodes:
            sure = self._compare(vantage.mirror.statuses, members, now) and sure
        state.agenda.put(("roster", vantage.number), now + (state.settings.roster_s if sure else limits.reread_s))

    def _compare(self, statuses: dict[str, str], members: tuple[Member, ...], now: float) -> bool:
        """False: more than half of those that were alive are not listed at all, so the entry has lost its ring."""
        state = self._state
        gone = {member.name: member.status for member in members if member.status in GONE}
        missing = [name for name in state.members.nodes if name not in statuses]
        lost = sum(1 for name in missing if name not in gone and state.members.nodes[name].status == "alive")
        if lost > limits.shrunk_nodes_min and lost * 2 > len(state.members) - state.members.failed_count:
            return False
        for member in members:
            status = statuses.get(member.name, "")
            node = state.members.nodes.get(member.name)
            if status and (node is None or not node.is_as(member, status)):
                self.listed(member, status, "compared", now)
        for name in missing:
            self._gone(name, gone.get(name, "forgotten"), now)
        return True

    def changed(self, vantage: Vantage, what: str, members: tuple[Member, ...], now: float) -> bool:
        """Serf's events; whether another vantage than home has seen somebody fail whom home lists as alive."""
        state = self._state
        members = _named(members)
        news = vantage.mirror.changed(what, members, now)
        for member, _ in news:
            state.patience.changed(member.name, now)
        if vantage.number == state.vantages.home:
            for member, status in news:
                self.listed(member, status, what, now)
            if what == "update":
                for member in members:
                    if member.name in state.members.nodes:
                        state.gathering.retag(state.members.put(member))
            return False
        nodes = state.members.nodes
        return any(
            status == "failed" and (node := nodes.get(member.name)) is not None and node.status == "alive"
            for member, status in news
        )

    def resync(self, now: float) -> None:
        """The watcher may conclude again: take what home lists now for what has happened meanwhile."""
        state = self._state
        if state.vantages.home is None:
            return
        statuses = state.vantages[state.vantages.home].mirror.statuses
        state.gathering.recognise(now)
        state.flaps.recognise(now)
        for name in state.flaps.flapping:
            state.agenda.sooner(("flap", name), now)
        for name, node in list(state.members.nodes.items()):
            state.members.list_as(node, statuses.get(name, node.status), now)
            self._settle(node, now)

    def _settle(self, node: Node, now: float) -> None:
        """Bring suspicion and incidents of a node in line with how it is listed, as no event has done it."""
        state = self._state
        one = state.gathering.of(node.name)
        if node.status == "failed":
            if one is None and not node.written_off:
                state.suspicion.begin(node.name, Cause.SERF, now, now)
            elif one is not None:
                self._failed_again(node, now)
        else:
            state.suspicion.drop(node.name)
            if one is not None and self._ends(node.name):
                state.gathering.returned(node.name, now)
            elif one is None:
                state.members.write_off(node, off=False)

    # ---- one member -------------------------------------------------------------------------------------------------

    def listed(self, member: Member, status: str, what: str, now: float) -> None:
        """Home lists a member as `status` now, "" if not at all; `what` Serf called that."""
        state = self._state
        if not status:
            self._gone(member.name, what, now)
            return
        known = state.members.nodes.get(member.name)
        before = known.status if known is not None else ""
        node = state.members.put(member)
        state.gathering.retag(node)
        state.members.list_as(node, status, now)
        if state.frozen or before == status or {before, status} == {"alive", "leaving"}:
            return
        if status == "failed":
            self._flap(node, now, gone=True)
            self._failed(node, now)
        else:
            if before == "failed" or state.gathering.of(node.name) is not None:
                self._flap(node, now, gone=False)
            self._back(node, now)

    def _failed(self, node: Node, now: float) -> None:
        if node.name in self._state.flaps.flapping:
            return
        if self._state.gathering.of(node.name) is None:
            self._state.suspicion.begin(node.name, Cause.SERF, now, now)
        else:
            self._failed_again(node, now)

    def _failed_again(self, node: Node, now: float) -> None:
        """It is in an incident already, where it may have been back; what it is now has to be looked at."""
        state = self._state
        one = state.gathering.of(node.name)
        if one is None or node.name in state.flaps.flapping:
            return
        if one.entries[node.name].basis is not Basis.SERF:
            state.suspicion.begin(node.name, Cause.SERF, now, now)
        elif one.entries[node.name].back:
            state.gathering.relapsed(node.name, now)
            # It may be something else this time; of a domain that is less likely, and can wait.
            state.suspicion.begin(node.name, Cause.REVIEW if one.wide else Cause.SERF, now, now)

    def _back(self, node: Node, now: float) -> None:
        state = self._state
        state.suspicion.drop(node.name)
        if self._ends(node.name):
            state.gathering.returned(node.name, now)
        elif state.gathering.of(node.name) is None:
            state.members.write_off(node, off=False)

    def _ends(self, name: str) -> bool:
        """Whether what a node is in an incident for ends with Serf listing it as alive."""
        one = self._state.gathering.of(name)
        if one is None:
            return False
        basis = one.entries[name].basis
        return basis in (Basis.SERF, Basis.LEFT) or (basis is Basis.FLAP and name not in self._state.flaps.flapping)

    def _gone(self, name: str, what: str, now: float) -> None:
        """It is no member any more: it has left, was made to, or Serf has forgotten it."""
        state = self._state
        node = state.members.nodes.get(name)
        if node is None:
            return
        known = state.gathering.of(name)
        state.suspicion.drop(name)
        if what in ("leave", "left") and node.status in ("alive", "leaving"):
            self._left(node, now)
        elif known is not None and known.kind is not Kind.LEFT:
            forced = what in ("leave", "left")
            state.gathering.removed(name, "removed from the ring (force-leave)" if forced else "forgotten by Serf", now)
        state.members.remove(name)

    def _left(self, node: Node, now: float) -> None:
        """In good order, which only it can say itself: so it is true however little the watcher sees now."""
        state = self._state
        before = state.gathering.of(node.name)
        self._flap(node, now, gone=True)
        if node.name not in state.flaps.flapping:
            left = Finding(Kind.LEFT, "left in good order")
            state.gathering.put(node.name, left, Basis.LEFT, now, now, settled=True)
        elif before is not None and before is state.gathering.of(node.name):
            state.gathering.removed(node.name, "left in good order", now)

    # ---- flapping ---------------------------------------------------------------------------------------------------

    def _flap(self, node: Node, now: float, *, gone: bool) -> None:
        """It has come or gone once more."""
        state = self._state
        known = state.flaps.flapping.get(node.name)
        flapping = state.flaps.note(node.name, now, gone=gone)
        if flapping is None:
            return
        if known is None:
            evidence = f"{flapping.count} times gone or back within {lasting(now - flapping.since)}"
            finding = Finding(Kind.FLAPPING, evidence)
            if not state.gathering.put(node.name, finding, Basis.FLAP, flapping.since, now):
                state.flaps.end(node.name)  # what happens to its domain happens to it
                return
            state.suspicion.drop(node.name)
        state.gathering.counted(node.name, flapping.count)
        self.watch_flapping(node, now)

    def watch_flapping(self, node: Node, now: float) -> None:
        """Look again when it could be still."""
        at = self._state.flaps.still_at(node.name, failed=node.status == "failed")
        self._state.agenda.put(("flap", node.name), max(now, at))

    def still(self, name: str, now: float) -> None:
        """A flapping node may have come to rest: well, or failed for good, which has to be looked at."""
        state = self._state
        node = state.members.nodes.get(name)
        if state.frozen:
            return  # nobody knows; it is asked again when the watcher may conclude
        if node is None or name not in state.flaps.flapping:
            state.flaps.forget(name)
            if node is None:
                state.gathering.removed(name, "left in good order", now)
            return
        if now < state.flaps.still_at(name, failed=node.status == "failed"):
            self.watch_flapping(node, now)
            return
        state.flaps.end(name)
        if node.status == "failed":
            state.suspicion.begin(name, Cause.SERF, now, now)
        else:
            state.gathering.returned(name, now)

    def read_again(self, vantage: int, now: float) -> None:
        """The list of a vantage is old, or not to be believed."""
        state = self._state
        if vantage in state.vantages and state.vantages[vantage].up:
            state.effects.append(ReadMembers(vantage))
            state.agenda.put(("roster", vantage), now + state.settings.roster_s)


def _named(members: tuple[Member, ...]) -> tuple[Member, ...]:
    """Those that questions can name. Serf takes names of any length, and the wire does not."""
    return tuple(one for one in members if 0 < len(one.name.encode()) <= node_name_bytes_max)
