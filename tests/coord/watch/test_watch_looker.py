"""When a look at the rings is over, and what the command ends with."""

from __future__ import annotations

import trio

from inspector_coord.watch import shell_limits as limits
from inspector_coord.watch.commands import OPEN, QUIET, UNSEEN, Looker
from inspector_coord.watch.conclusions import Kind
from tests.support.watched import Paper, happening

ISOLATED = happening(kind=Kind.ISOLATED)


async def took(looker: Looker) -> float:
    """Seconds until the look is over."""
    began = trio.current_time()
    await looker.looked()
    return trio.current_time() - began


async def test_isolation_that_an_earlier_watch_has_left_open_is_no_end_of_a_look(autojump_clock: object) -> None:
    """The ring may be whole again: it is waited for, and judged."""
    ring = Paper(open_incidents=[ISOLATED], judging=False)
    looker = Looker()
    looker.sees({"main": ring})

    async def heals() -> None:
        await trio.sleep(4.0)
        ring.open_incidents, ring.judging = [], True

    async with trio.open_nursery() as nursery:
        nursery.start_soon(heals)
        assert 4.0 <= await took(looker) < 5.0
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
