"""CORE. Whether the question to everybody went astray, as a verdict that came only to a later question tells."""

from __future__ import annotations

from inspector_agent.wire import answer_slot_ms
from inspector_coord import limits
from inspector_coord.asking import Asker, Plan
from inspector_coord.waiting import Query

__all__ = ["astray"]


def astray(asker: Asker, plan: Plan, query: Query, name: str, took_s: float, now: float, *, silence: bool) -> bool:
    """Whether everybody is to be asked again, as `name` had its verdict after `took_s` and `query` brought it.

    The entry in use is not heard, but that of the query is. Or two questions collided: the verdict was ready long
    before it was asked for by name, and there is `silence`: no answer at all has come to the question to everybody.
    """
    if query.at <= asker.whole_at:
        return False
    entries = asker.entries
    if entries.outdone(query.entry, now) and len(asker.waits) > limits.filter_names_max:
        return True
    timing = plan.timing
    turn_s = answer_slot_ms(plan.sweep, name, round(timing.spread_s * 1000)) / 1000
    hear_s = 0.0 if name == asker.own else timing.hear_s
    overdue = query.at - asker.whole_at > hear_s + max(turn_s, took_s) + limits.collision_margin_s
    return overdue and silence and query.entry == entries.home and entries.collided()
