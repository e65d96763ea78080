"""CORE. Roll calls: is everybody there, and is everybody as quick and well as the others?

One question to all, without targets and without acks, its answers spread. An answer is one packet and may get lost; so
who is missing once is only remembered. Who is missing twice in a row is asked by name, with acks and relay, three times
over longer than an agent takes to restart. Then an ack without an answer is a stalled inspection agent, and who does
neither is a suspect.
"""

from __future__ import annotations

from inspector_coord.watch import limits
from inspector_coord.watch.agenda import NEVER
from inspector_coord.watch.asks import Open, Purpose, fitting
from inspector_coord.watch.conclusions import Finding, Kind
from inspector_coord.watch.gray import Usual, mark, usual
from inspector_coord.watch.incidents import Basis
from inspector_coord.watch.isolation import Isolation
from inspector_coord.watch.members import Node
from inspector_coord.watch.state import State
from inspector_coord.watch.suspicion import Cause
from inspector_coord.watch.witnesses import choose

__all__ = ["Rolls"]

CLOSER = 1
"""The key of questions by name that look closer at nodes that seem slow; other ones look for missing nodes."""


class Rolls:
    """See the module's text."""

    def __init__(self, state: State, isolation: Isolation) -> None:
        self._state, self._isolation = state, isolation
        self._missing: dict[str, int] = {}  # asked by name so often, in vain
        self._acked: dict[str, None] = {}  # of those, who has acknowledged
        self._asking: dict[str, int] = {}
        self._named_at = -NEVER
        self._closer: dict[str, None] = {}

    # ---- everybody --------------------------------------------------------------------------------------------------

    def call(self, now: float) -> None:
        """Ask everybody."""
        state = self._state
        home = state.vantages.home
        state.agenda.put(("roll", 0), now + state.settings.roll_s)
        if home is None or state.frozen:
            return
        free = state.asks.free_at(home, now)
        if free > now:
            state.agenda.put(("roll", 0), free)
            return
        spread_s = min(len(state.members) / limits.roll_rate_per_s, limits.roll_spread_s_max)
        wait_s = limits.answer_within_s + spread_s + state.gossip_s + limits.roll_slack_s
        state.asked(state.asks.send(Purpose.ROLL, home, (), now, wait_s=wait_s, spread_s=spread_s))
        state.agenda.put(("roll", 0), now + max(state.settings.roll_s, wait_s + limits.roll_slack_s))  # one at a time
        self._isolation.want(now)

    def over(self, one: Open, now: float) -> None:
        """Nobody else is waited for: who was missing, and who stood out?"""
        state = self._state
        if state.frozen or one.vantage != state.vantages.home:
            return
        answered = [node for node in state.members.nodes.values() if node.roll == one.number]
        bounds = usual(answered)
        for node in answered:
            node.missed = 0
            if bounds is not None:
                self._marked(node, bounds, now)
        for node in state.members.nodes.values():
            if node.roll != one.number and node.agent and node.status == "alive" and one.at >= node.listed_at:
                node.missed += 1
                if node.missed >= limits.missed_max and self._unexplained(node):
                    self._missing.setdefault(node.name, 0)
        if self._missing:
            state.agenda.sooner(("named", 0), now)
        if self._closer:
            state.agenda.sooner(("closer", 0), now + limits.closer_s)

    def _unexplained(self, node: Node) -> bool:
        """Neither looked at, nor in an incident that says why it is silent: who was slow may have died of it."""
        state = self._state
        one = state.gathering.of(node.name)
        return node.name not in state.suspicion and (one is None or one.kind is Kind.GRAY)

    def forget(self) -> None:
        """The watcher was isolated: who did not answer then was not missing."""
        self._missing.clear()
        self._asking.clear()
        self._acked.clear()
        self._closer.clear()
        for node in self._state.members.nodes.values():
            node.missed = 0

    # ---- those that are missing -------------------------------------------------------------------------------------

    def named(self, now: float) -> None:
        """Ask those that are missing by name, as many as questions may be asked."""
        state = self._state
        home = state.vantages.home
        if home is None or state.frozen or not self._missing:
            return
        waited = now >= self._named_at + limits.named_rest_s
        free = state.asks.free_at(home, now, spare=0 if waited else limits.named_spare)
        if free > now:
            state.agenda.put(("named", 0), min(free, max(now, self._named_at) + limits.named_rest_s))
            return
        self._named_at = now
        names = fitting(self._missing, limits.question_names_bytes, limits.names_max)
        wait_s = limits.named_gap_s
        ask = state.asks.send(Purpose.NAMED, home, names, now, wait_s=wait_s, relay=limits.named_relay)
        one = state.asked(ask)
        for name in one.names:
            self._asking[name] = self._missing.pop(name)
        if self._missing:
            state.agenda.sooner(("named", 0), now)

    def named_over(self, one: Open, now: float) -> None:
        """Those that were asked by name have answered, or acknowledged, or neither."""
        if one.key == CLOSER:
            self._closer_over(one, now)
            return
        state = self._state
        for name in one.names:
            tries = self._asking.pop(name, 0) + 1
            node = state.members.nodes.get(name)
            if node is None or name in one.answered or state.frozen or node.status != "alive":
                self._acked.pop(name, None)
                continue
            if name in one.acked:
                self._acked[name] = None
            if tries < limits.named_tries:
                self._missing[name] = tries
                continue
            acked = name in self._acked
            self._acked.pop(name, None)
            self._lost(node, now, acked=acked)
        if self._missing:
            state.agenda.sooner(("named", 0), now)
            self._isolation.want(now)

    def _lost(self, node: Node, now: float, *, acked: bool) -> None:
        state = self._state
        if state.majority(state.vantages.home or 0, now) is not True or not self._unexplained(node):
            return
        if acked:
            finding = Finding(Kind.STALLED, "its Serf agent acknowledges questions, its inspection agent answers none")
            state.gathering.put(node.name, finding, Basis.AGENT, now, now)
        else:
            state.suspicion.begin(node.name, Cause.SILENT, now, now)

    # ---- those that stand out ---------------------------------------------------------------------------------------

    def _marked(self, node: Node, bounds: Usual, now: float) -> None:
        """Book a look at a node against its peers."""
        state = self._state
        why = bounds.stands_out(node)
        gray = mark(node, out=bool(why))
        one = state.gathering.of(node.name)
        if one is not None and one.kind is Kind.GRAY:
            self._closer[node.name] = None
            if node.looks >= limits.gray_looks and node.marks.bit_count() <= limits.gray_marks_left:
                self._closer.pop(node.name)
                state.gathering.returned(node.name, now)
            return
        if gray and one is None:
            if node.name not in state.suspicion:
                state.gathering.put(node.name, Finding(Kind.GRAY, why or "unwell lately"), Basis.GRAY, now, now)
        elif why and one is None and len(self._closer) < limits.closer_names_max:
            self._closer[node.name] = None
        elif not node.marks & limits.gray_recent:
            self._closer.pop(node.name, None)

    def closer(self, now: float) -> None:
        """Ask those that stood out, and some others beside whom they are measured."""
        state = self._state
        home = state.vantages.home
        if home is None or state.frozen or not self._closer:
            return
        free = state.asks.free_at(home, now)
        if free > now:
            state.agenda.put(("closer", 0), free)
            return
        self._closer = {name: None for name in self._closer if self._may_be_gray(name)}
        names = fitting(self._closer, limits.question_names_bytes // 2, limits.closer_names_max)
        peers = choose(state.members, f"peers {now:.0f}", 2 * limits.gray_peers_min, (self._closer,))
        asked = fitting([*names, *peers], limits.question_names_bytes, limits.names_max)
        wait_s = limits.answer_within_s + state.gossip_s + limits.closer_s / 2
        state.asked(state.asks.send(Purpose.NAMED, home, asked, now, wait_s=wait_s, key=CLOSER))

    def _may_be_gray(self, name: str) -> bool:
        one = self._state.gathering.of(name)
        return name in self._state.members.nodes and (one is None or one.kind is Kind.GRAY)

    def _closer_over(self, one: Open, now: float) -> None:
        state = self._state
        nodes = [state.members.nodes[name] for name in one.answered if name in state.members.nodes]
        bounds = usual(nodes)
        if bounds is not None and not state.frozen:
            for node in nodes:
                if node.name in self._closer:
                    self._marked(node, bounds, now)
        for name in [name for name in one.names if name in self._closer]:
            self._closer[name] = self._closer.pop(name)  # the others' turn, where there are many
        if self._closer:
            known = all(state.gathering.of(name) is not None for name in self._closer)
            state.agenda.put(("closer", 0), now + (limits.closer_known_s if known else limits.closer_s))
