"""When a look at the rings is over, and what the command ends with."""

from __future__ import annotations

import trio

from inspector_coord.watch import shell_limits as limits
from inspector_coord.watch.commands import OPEN, QUIET, UNSEEN, Looker
from inspector_coord.watch.conclusions import Kind
from tests.support.watched import Paper, happening

ISOLATED = happening(kind=Kind.ISOLATED)


class Healing(Paper):
    """Its majority is heard from the fourth second on."""

    @property
    def judging(self) -> bool:
        """By trio's clock, which begins with the test."""
        return trio.current_time() >= 4.0

    @judging.setter
    def judging(self, _: bool) -> None:
        """What a `Paper` is made with."""


async def took(looker: Looker) -> float:
    """Seconds until the look is over."""
    began = trio.current_time()
    await looker.looked()
    return trio.current_time() - began


async def test_isolation_that_an_earlier_watch_has_left_open_is_no_end_of_a_look(autojump_clock: object) -> None:
    """The ring may be whole again: it is waited for, and judged."""
    looker, ring = Looker(), Healing(open_incidents=[ISOLATED])
    looker.sees({"main": ring})
    assert 4.0 <= await took(looker) < 5.0
    assert looker.code() == OPEN, "the watcher has not closed it yet"
    ring.open_incidents = []
    assert looker.code() == QUIET


async def test_isolation_of_this_run_is_the_end_of_a_look(autojump_clock: object) -> None:
    """More is not to be seen of that ring; others are waited for."""
    dark, well = Paper(judging=False), Paper("other")
    looker = Looker()
    looker.sees({"main": dark, "other": well})
    looker.told("main", ISOLATED, 0.0)
    assert await took(looker) <= limits.once_least_s + limits.screen_s
    assert looker.code() == UNSEEN


async def test_who_is_listed_as_failed_is_waited_for_until_it_is_judged(autojump_clock: object) -> None:
    """A look takes no longer than its bound, whatever is not known by then."""
    ring = Paper(roster={"n001": "failed"})
    looker = Looker()
    looker.sees({"main": ring})
    assert await took(looker) == limits.once_s
    ring.open_incidents = [happening("n001")]
    assert await took(looker) == 0.0
    assert looker.code() == OPEN
