"""CORE. Does the watcher see the ring at all? Chooses the vantage that judges, and says so when there is none.

A picture is asked for whenever something is suspected. If the home vantage hears less than half, another one that hears
more takes its place. If none does, twice, the watcher is isolated: it opens that incident, drops all suspicion, and
leaves the others as they are until it hears the majority again. Then it reads its list anew.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from inspector_coord.watch import limits
from inspector_coord.watch.agenda import NEVER
from inspector_coord.watch.asks import Open, Purpose, fitting
from inspector_coord.watch.conclusions import Action, Happening, Kind
from inspector_coord.watch.incidents import lasting
from inspector_coord.watch.model import ReadMembers, Tell
from inspector_coord.watch.pictures import Picture
from inspector_coord.watch.state import State
from inspector_coord.watch.witnesses import sample

__all__ = ["Isolation"]


class Isolation:
    """See the module's text. `thawed` is called when the watcher may conclude again, or from another vantage."""

    def __init__(self, state: State, thawed: Callable[[float], None]) -> None:
        self._state = state
        self._thawed = thawed
        self._rounds = 0
        self._same = False  # the next picture is of the same nodes as the last
        self._low_since = NEVER
        self._half: float | None = None  # when the picture was asked for that showed about half
        self._cut_from_entries = False  # the ring itself may be whole
        self._wary_until = -NEVER
        self.open: Happening | None = None
        self.healed_at = -NEVER

    def take_over(self, told: Happening) -> None:
        """The watcher was isolated when it ended."""
        self.open = told

    @property
    def doubtful(self) -> bool:
        """The last picture was that of a minority: nothing is told until the next."""
        return self._low_since < NEVER

    # ---- pictures ---------------------------------------------------------------------------------------------------

    def healing(self, since: float, now: float) -> bool:
        """Whether Serf may list a node, as failed since then, only because of a cut that is over."""
        return now < self.healed_at + limits.heal_s and since < self.healed_at + limits.heal_new_s

    def want(self, now: float) -> None:
        """A picture is wanted, unless there is a fresh one."""
        home = self._state.vantages.home
        latest = None if home is None else self._state.pictures.latest(home)
        if latest is None or now >= max(latest.at + self._state.settings.picture_s, latest.over_at):
            self._state.agenda.sooner(("picture", 0), now + self._state.asks.luck * limits.apart_s)

    def once_more(self, now: float) -> None:
        """Another picture, as soon as everybody can have heard the last one: it tells whose gossip reaches whom.

        It asks the same nodes: what they have heard of the last one says so, however long gossip takes.
        """
        self._same = True
        home = self._state.vantages.home
        latest = None if home is None else self._state.pictures.latest(home)
        if latest is not None:
            self._state.agenda.sooner(("picture", 0), max(now, latest.at + self._state.gossip_s + limits.own_s))

    def ask(self, now: float) -> None:
        """Ask the same sample through every vantage; the same again while there is doubt, so that what is late counts.

        Where nobody says anything at all, the ring may be so busy that questions are what it suffers from: then fewer
        are asked, and while the watcher is isolated through one vantage after the other.
        """
        state = self._state
        usable = state.vantages.usable()
        if not usable:
            return
        lost = self.open is not None  # then also those that have been told as down: they may be the first to be back
        mute = all(state.pictures.mute(one.number) for one in usable)
        if mute and lost:
            usable = [usable[self._rounds % len(usable)]]
        free = max(state.asks.free_at(one.number, now) for one in usable)
        if free > now:
            state.agenda.put(("picture", 0), free)
            return
        self._rounds += lost or not (self.doubtful or self._same)
        self._same = False
        count = limits.names_mute_max if mute and lost else limits.picture_names_max
        names = sample(state.members, f"picture {self._rounds}", count, everybody=lost)
        names = fitting(names, limits.question_names_bytes, limits.names_max)
        spare = {name for name in names if state.members.nodes[name].written_off}
        sides = {name: state.members.widest_place(name) for name in names}
        beside: list[Picture] = []
        low = max([int(now < self._wary_until), *(state.pictures.low(one.number) for one in usable)])
        usual_s = state.gossip_s + limits.answer_s
        wait_s = state.patience.wait_s(usual_s, low, now)
        for vantage in usable if names else ():
            ask = state.asks.send(Purpose.PICTURE, vantage.number, names, now, wait_s=wait_s, patient_s=wait_s)
            state.pictures.add(Picture(state.asked(ask), spare, sides, beside))
        state.agenda.put(("glance", 0), now + usual_s)
        if self.open is not None:
            gap = min(max(state.settings.picture_s, wait_s, (now - self.open.at) / 4), limits.isolated_picture_s_max)
            state.agenda.put(("picture", 0), now + gap + state.asks.luck * limits.apart_s)

    def glance(self, now: float) -> None:
        """The usual time of a picture is over: where only one place is heard, it needs no more patience.

        That is a cut, and its direction takes a second picture. If several do not show what it is, patience does.
        """
        state = self._state
        for one in state.pictures.decided():
            if state.pictures.low(one.vantage) < limits.pictures_kept - 1:
                state.agenda.put(("ask", one.number), now)
                self.once_more(now)
        if state.pictures.waiting:
            state.agenda.put(("glance", 0), now + limits.glance_s)

    def heard(self, one: Open, now: float) -> None:
        """Somebody has said something to a picture; it may show a majority before its end."""
        if (self.open is not None or self.doubtful or self._state.frozen) and self._state.vantages.majority(
            one.vantage, one.at
        ):
            self.decide(now)

    # ---- deciding ---------------------------------------------------------------------------------------------------

    def decide(self, now: float) -> None:
        """Something has changed: a picture is over, an entry has come or gone, a list was read."""
        state = self._state
        since = now - limits.picture_fresh_s
        before = state.vantages.home
        best = state.vantages.choose(since)
        if best is None:
            self._blind(now)
            return
        state.agenda.drop(("blind", 0))
        if best != before:
            state.frozen = True  # until it is known whether this one hears the majority
            state.effects.append(ReadMembers(best))
        majority = state.majority(best, now)
        if majority and self._hardly(best, since):
            state.agenda.sooner(("picture", 0), now + limits.own_s)
        elif majority:
            self._sees(now)
        elif majority is False and state.vantages.isolated(since, limits.pictures_low + (now < self._wary_until)):
            self._isolate(self._few(best, since), min(self._low_since, now), now)
        else:
            if majority is False:
                self._low_since = min(self._low_since, now)
            self._again(best, now)

    def _again(self, vantage: int, now: float) -> None:
        """Another picture, as soon as the last one is over."""
        state = self._state
        latest = state.pictures.latest(vantage)
        if latest is None or latest.over:
            state.agenda.sooner(("picture", 0), now + state.asks.luck * limits.apart_s)

    def _hardly(self, vantage: int, since: float) -> bool:
        """Whether an isolated watcher hears about half, and that for the first time: it could soon be less again."""
        clear = limits.majority_share + limits.majority_margin
        if self.open is None or self._state.vantages.share(vantage, since) > clear:
            return False
        picture = self._state.pictures.last(vantage, since)
        sure = self._half is not None and picture is not None and picture.asked.at > self._half
        self._half = picture.asked.at if picture is not None else None
        return not sure

    def _sees(self, now: float) -> None:
        """The majority is heard."""
        state = self._state
        self._low_since = NEVER
        if self.open is not None:
            known, self.open = self.open, None
            self._wary_until = now + limits.wary_s
            if not self._cut_from_entries:
                self.healed_at = now
            why = f"the majority is heard again after {lasting(now - known.since)}"
            state.effects.append(Tell(structs.replace(known, action=Action.CLOSED, at=now, evidence=why)))
        if state.frozen:
            state.frozen = False
            self._thawed(now)

    def _isolate(self, why: str, since: float, now: float) -> None:
        state = self._state
        self._cut_from_entries = state.vantages.home is None
        self._half = None
        state.frozen = True
        state.suspicion.clear()
        self._low_since = NEVER
        if self.open is None:
            first = Happening(
                number=state.gathering.new_number(), action=Action.OPENED, kind=Kind.ISOLATED, nodes=(), domain="",
                of=0, since=since, at=now, evidence=why,
            )  # fmt: skip
            self.open = first
            state.effects.append(Tell(first))
        state.agenda.sooner(("picture", 0), now + state.settings.picture_s)

    def _blind(self, now: float) -> None:
        """No entry can be used; one that restarts is away for a moment only."""
        state = self._state
        state.vantages.home = None
        if state.agenda.at(("blind", 0)) == NEVER and self.open is None:
            state.agenda.put(("blind", 0), now + limits.entry_away_s)

    def blind(self, now: float) -> None:
        """No entry could be used for a while."""
        if self._state.vantages.home is None and len(self._state.vantages):
            why = f"no entry can be reached: {self._state.vantages.problems() or 'none has answered yet'}"
            self._isolate(why, now - limits.entry_away_s, now)

    def _few(self, vantage: int, since: float) -> str:
        state = self._state
        share = state.vantages.share(vantage, since)
        node = state.vantages[vantage].node
        others = len(state.vantages.usable()) - 1
        also = (
            f", nor does any of {others} other entries"
            if others > 1
            else ", nor does the other entry"
            if others
            else ""
        )
        return f"{node} hears only {share:.0%} of the nodes it asks{also}; nobody is accused"
