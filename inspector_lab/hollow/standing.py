"""CORE. Who is there and who is not: the truth about all members, and what the members themselves believe."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from inspector_lab.hollow.fleet import FAILED, LEFT, Life, Member


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands with the hollow members, as hollow.json holds it.

    alive               how many are there; the entry is not one of them
    failed, left        names of those that are not
    churn_percent       of the members that go in a minute; 0: nobody goes, and nobody comes back
    to_failed, to_left, to_alive  how often a member has become that
    """

    alive: int = 0
    failed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    churn_percent: float = 0.0
    to_failed: int = 0
    to_left: int = 0
    to_alive: int = 0


class Standing:
    """See the module's text.

    Attributes:
        version: changes with everything here.
        churn_percent: as in Truth.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        """`members` by node, the real entry as number 0, all of them there."""
        self.version = 0
        self.churn_percent = 0.0
        self._members = len(members)
        self._away: dict[Life, dict[str, None]] = {Life.FAILED: {}, Life.LEFT: {}}
        self._listed = {FAILED: 0, LEFT: 0}
        self._became = dict.fromkeys(Life, 0)

    def becomes(self, member: Member, life: Life) -> None:
        """What is true of a member changes."""
        if member.life in self._away:
            del self._away[member.life][member.name]
        if life in self._away:
            self._away[life][member.name] = None
        self._became[life] += 1
        member.life = life
        self.version += 1

    def lists(self, member: Member, status: str) -> None:
        """What the members' lists say of one of them changes. `status`: Serf's word."""
        for word, change in ((member.listed, -1), (status, 1)):
            if word in self._listed:
                self._listed[word] += change
        member.listed = status
        self.version += 1

    @property
    def listed_alive(self) -> int:
        """How many the lists of the members have as alive, or leaving; the entry too."""
        return self._members - self._listed[FAILED] - self._listed[LEFT]

    @property
    def listed_failed(self) -> int:
        """How many the lists of the members have as failed."""
        return self._listed[FAILED]

    @property
    def truth(self) -> Truth:
        """For hollow.json."""
        failed, left = self._away[Life.FAILED], self._away[Life.LEFT]
        return Truth(
            alive=self._members - 1 - len(failed) - len(left),
            failed=tuple(sorted(failed)),
            left=tuple(sorted(left)),
            churn_percent=self.churn_percent,
            to_failed=self._became[Life.FAILED],
            to_left=self._became[Life.LEFT],
            to_alive=self._became[Life.ALIVE],
        )
