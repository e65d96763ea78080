"""CORE. Oracle: the watcher is no burden: questions a second, who acks, how many are named, looks that nodes refuse."""

from __future__ import annotations

from collections import deque

from inspector_agent.witness import limits as witness_limits
from inspector_coord.watch.model import Ask
from inspector_lab.liveness import limits
from inspector_lab.liveness.result import Result

__all__ = ["check"]


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    wrong = [sentence for at, ask in result.asked for sentence in _one(result, at, ask)]
    for vantage in range(len(result.land.vantages)):
        recent: deque[float] = deque()
        for at in (at for at, ask in result.asked if ask.vantage == vantage):
            recent.append(at)
            while recent[0] < at - limits.asks_window_s:
                recent.popleft()
            if len(recent) > limits.asks_in_window_max:
                wrong.append(
                    f"{len(recent)} questions through vantage {vantage} in {limits.asks_window_s:g} s at {at:.1f} s"
                )
                break
    rolls = [at for at, ask in result.asked if not ask.names]
    most = 1 + len(result.starts) + result.scenario.seconds / limits.roll_s_min * len(result.land.vantages)
    if len(rolls) > most:
        wrong.append(f"everybody was asked {len(rolls)} times in {result.scenario.seconds:.0f} s")
    refused = result.counted["refused looks"]
    looks = sum(len(set(ask.names).difference(ask.targets)) for _, ask in result.asked if ask.targets)
    if refused > limits.refused_share * looks:
        wrong.append(f"{refused} of {looks} looks were refused by witnesses that are asked too often")
    return wrong


def _one(result: Result, at: float, ask: Ask) -> list[str]:
    wrong = []
    everybody = not ask.names
    about = f"question {ask.number} at {at:.1f} s"
    if everybody and (ask.ack or ask.targets):
        wrong.append(f"{about} wants acks or looks of everybody")
    if everybody and len(result.land) > limits.spread_from * max(ask.spread_s, 0.0) + limits.spread_free:
        wrong.append(f"{about} wants {len(result.land)} answers within {ask.spread_s:g} s")
    if len(ask.targets) > witness_limits.targets_max or len(set(ask.targets)) < len(ask.targets):
        wrong.append(f"{about} has {len(ask.targets)} targets")
    size = sum(len(name) + limits.name_overhead_bytes for name in (*ask.names, *ask.targets))
    if size > limits.question_bytes_max:
        wrong.append(f"{about} has {size} bytes of names")
    return wrong
