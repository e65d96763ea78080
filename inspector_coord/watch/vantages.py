"""CORE. The entries the watcher is connected to, and which of them judges: the one that hears the majority.

Serf in a minority lists the others as alive for minutes, or as failed although they are well. So what is concluded
comes from one vantage, the *home*, and only while pictures show that it hears at least half of the ring. Of two living
halves a sample shows now the one and now the other as the bigger: once it has been chosen between them, it takes
pictures which chance does not make to choose again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from inspector_coord.watch import limits
from inspector_coord.watch.pictures import Pictures
from inspector_coord.watch.roster_mirror import RosterMirror

__all__ = ["Vantage", "Vantages"]


class Vantage:
    """One entry. node: its own name in the ring; up: it is connected; problem: why not."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.node = ""
        self.up = False
        self.problem = ""
        self.mirror = RosterMirror()

    @property
    def usable(self) -> bool:
        """It is connected and its list was read."""
        return self.up and self.mirror.whole

    @property
    def failed(self) -> int:
        """How many members it lists as failed."""
        return sum(1 for status in self.mirror.statuses.values() if status == "failed")


class Vantages:
    """All entries of a ring; home: the number of the one that judges, None while there is none.

    expected  how many members of the ring something is expected of;  place: the widest place of a member, "": not known
    """

    def __init__(self, pictures: Pictures, expected: Callable[[], int], place: Callable[[str], str]) -> None:
        self._all: dict[int, Vantage] = {}
        self._pictures, self._expected, self._place = pictures, expected, place
        self._chosen_between = False  # home is one of two living sides, and the other one was left for it
        self.home: int | None = None

    def __getitem__(self, number: int) -> Vantage:
        return self._all[number]

    def __contains__(self, number: int) -> bool:
        return number in self._all

    def __iter__(self) -> Iterator[Vantage]:
        return (self._all[number] for number in sorted(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def up(self, number: int, node: str) -> Vantage:
        """It is connected. What its list was before the connection does not count."""
        one = self._all.setdefault(number, Vantage(number))
        one.node, one.up, one.problem = node, True, ""
        one.mirror = RosterMirror()
        self._pictures.forget(number)
        return one

    def down(self, number: int, problem: str) -> None:
        """Its connection is gone, or could not be made."""
        one = self._all.setdefault(number, Vantage(number))
        one.up, one.problem = False, problem
        one.mirror = RosterMirror()
        self._pictures.forget(number)

    def usable(self) -> list[Vantage]:
        """Those that can be asked through, a bounded number: home first, then of each other place one, then others."""
        found = sorted((one for one in self if one.usable), key=lambda one: one.number != self.home)
        if len(found) > limits.vantages_asked_max:
            firsts = {self._place(one.node): one.number for one in reversed(found)}.values()
            found.sort(key=lambda one: one.number not in firsts)
        return found[: limits.vantages_asked_max]

    def majority(self, number: int, since: float) -> bool | None:
        """Whether a vantage hears at least half of the ring, by its last picture since then; None: not known.

        A sample that shows about half does not tell, unless other vantages hear the rest. Of two halves, a vantage has
        to list those that it hears as alive: in a half that nobody hears, Serf believes what the other half says of it.
        """
        picture = self._pictures.last(number, since)
        if picture is None:
            return None
        share = picture.share
        if share > limits.majority_share + limits.majority_margin:
            return True
        if picture.low or not self._holds(number, since):
            if share < limits.majority_share - limits.majority_margin:
                return False
            whole = len(picture.asked.names) >= self._expected() and share >= limits.majority_share
            if not whole and picture.low:
                return False
        statuses = self._all[number].mirror.statuses
        alive = sum(1 for name in picture.heard if statuses.get(name) == "alive")
        return alive * 2 >= len(picture.heard)

    def share(self, number: int, since: float) -> float:
        """Of the nodes asked in its last picture, how many said anything; 0 where none is known."""
        picture = self._pictures.last(number, since)
        return 0.0 if picture is None else picture.share

    def apart(self, number: int, since: float) -> bool | None:
        """Whether a vantage hears others than home does, by their last pictures of the same sample; None: not known."""
        if self.home is None or number == self.home:
            return False
        pairs = self._pictures.pairs(number, self.home)
        return next((ours.apart(home) for ours, home in pairs if home.asked.over_at >= since), None)

    def choose(self, since: float) -> int | None:
        """Choose which vantage judges: home as long as it hears more than half, else the one that hears most.

        Of two that hear half each, the one that misses more: it can tell what is wrong. None: none can be used.
        """
        best = self._best(since)
        if best is None or self.home is None or not self[self.home].usable:
            self._chosen_between = False
        elif best != self.home:
            self._chosen_between = bool(self.apart(best, since))
        elif self._chosen_between:
            known = [self.apart(one.number, since) for one in self.usable() if one.number != self.home]
            self._chosen_between = any(known) or None in known
        self.home = best
        return best

    def _holds(self, number: int, since: float) -> bool:
        """Whether it is home, one of two living sides, and the other is not seen to be the bigger."""
        others = [one.number for one in self.usable() if self.apart(one.number, since)]
        return number == self.home and bool(others) and not any(self._more(other) for other in others)

    def _halfway(self, number: int, since: float) -> bool:
        """Whether its last picture is over, and one of the same sample through another vantage is not."""
        picture = self._pictures.last(number, since)
        usable = {one.number for one in self.usable()}
        return picture is not None and any(not one.told and one.asked.vantage in usable for one in picture.beside)

    def _more(self, number: int) -> bool:
        """Whether a vantage of another side hears more than home does, and not by chance."""
        sure = limits.sure_deviations if self._chosen_between else limits.chance_deviations
        return self.home is not None and self._pictures.more(number, self.home, sure, self._expected())

    def _may_judge(self, one: Vantage, since: float) -> bool:
        """Whether it is of home's side, or of a bigger one, or knows better.

        Serf in one half may list everybody as alive: where home lists hardly anybody as failed, and a vantage of the
        other side lists home's side, that one can tell what is wrong.
        """
        home = None if self.home is None else self[self.home]
        if home is None or not self.apart(one.number, since) or self._more(one.number):
            return True
        knows = not self._chosen_between or one.failed * 4 >= self._expected() > 16 * home.failed
        return knows and one.failed >= 2 * home.failed + 1

    def _best(self, since: float) -> int | None:
        usable = self.usable()
        if not usable:
            return None
        hears = {one.number: self.majority(one.number, since) for one in usable}
        home = next((one for one in usable if one.number == self.home), None)
        clear = limits.majority_share + limits.majority_margin
        if home is not None and (
            hears[home.number] is None
            or (hears[home.number] and self.share(home.number, since) > clear)
            or self._halfway(home.number, since)
        ):
            return home.number
        hearing = [one for one in usable if hears[one.number] and self._may_judge(one, since)]
        if not hearing:
            return home.number if home is not None else usable[0].number
        most = max(hearing, key=lambda one: (self.share(one.number, since) > clear, one.failed, -one.number))
        if home in hearing and self.share(most.number, since) <= clear and most.failed < 2 * home.failed + 1:
            return home.number
        return most.number

    def isolated(self, since: float, count: int) -> bool:
        """Whether every vantage that can be used has been found, `count` times, to hear a minority."""
        return all(
            self._pictures.proven(one.number, count) and self.majority(one.number, since) is False
            for one in self.usable()
        )

    def problems(self) -> str:
        """Why those that cannot be used cannot."""
        return "; ".join(f"{one.node or f'entry {one.number}'}: {one.problem}" for one in self if one.problem)
