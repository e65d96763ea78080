"""What a second look says about the first one (core: no I/O).

confirmed: both looks agree. recovered: the item passes now. disagrees: the second look sees something else, and
both are said. unreachable: Ansible could not get there. skipped: nothing could be compared, and why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from config_center.resolve import Item
from inspector_agent.details import clear_text, observed_hash
from inspector_agent.findings import Reported
from inspector_coord.plain import plain
from inspector_coord.second_pass.model import ItemOutcome, Kind, Look, Outcome, Process, Subject
from inspector_coord.second_pass.sight import Recheck

__all__ = ["Sight", "judge", "same_text"]

# Worst news first: one item seen otherwise makes the node's word "disagrees".
ORDER: tuple[Kind, ...] = ("disagrees", "confirmed", "recovered", "skipped")


class Sight(msgspec.Struct, frozen=True):
    """All that came back from one node.

    `unreachable` is Ansible's message when it could not get there. `trouble` is why there is no recheck
    though the host was reached. `not_asked` maps items that could not be sent along to the reason.
    """

    look: Look | None = None
    recheck: Recheck | None = None
    unreachable: str = ""
    trouble: str = ""
    not_asked: Mapping[str, str] = {}
    seconds: float | None = None


def judge(subject: Subject, sight: Sight) -> Outcome:
    """The outcome for one node that was looked at."""
    if sight.unreachable:
        return Outcome("unreachable", sight.unreachable, host=sight.look, seconds=sight.seconds)
    if not subject.items:
        kind, message = _judge_state(subject.state, sight)
        return Outcome(kind, message, host=sight.look, seconds=sight.seconds)
    if sight.recheck is None and set(sight.not_asked) != {item.id for item in subject.items}:
        return Outcome("skipped", sight.trouble or "no finding came back", host=sight.look, seconds=sight.seconds)
    items = tuple(_judge_item(item, subject, sight) for item in subject.items)
    counts = Counter(each.outcome for each in items)
    kind = next(kind for kind in ORDER if counts[kind])
    return Outcome(kind, _summary(items, kind), items, host=sight.look, seconds=sight.seconds)


def same_text(first: str, second: str) -> bool:
    """Whether a value seen now is the one the node reported: cut to fit into its packet, or as a hash, `#0a1b2c`."""
    return first in (second, clear_text(second), f"#{observed_hash(second).hex()}")


def _judge_item(item: Item, subject: Subject, sight: Sight) -> ItemOutcome:
    first = subject.first_outcome(item.id)
    known = subject.observed.get(item.id)
    recheck = sight.recheck or Recheck()
    finding = recheck.findings.get(item.id)
    remediation = item.remediation or item.remedy
    if finding is None:
        reason = sight.not_asked.get(item.id) or recheck.notes.get(item.id) or sight.trouble or "no finding came back"
        return ItemOutcome(item.id, "skipped", first, known or "", message=reason, remediation=remediation)
    kind, message = _compare(first, known, finding)
    now = finding.observed
    return ItemOutcome(item.id, kind, first, known or "", finding.outcome, now, plain(message), remediation)


def _compare(first: str, known: str | None, finding: Reported) -> tuple[Kind, str]:
    if finding.outcome == "pass":
        return "recovered", f"passes now: {finding.observed}" if finding.observed else "passes now"
    if finding.outcome != first:
        seen = finding.observed or finding.message
        return "disagrees", f"{first} in the sweep{_value(known)}, {finding.outcome} now{_value(seen)}"
    if first == "error" or known is None or same_text(known, finding.observed):
        return "confirmed", f"still {finding.observed or finding.message or first}"
    return "disagrees", f"{known or 'nothing'} in the sweep, {finding.observed or 'nothing'} now"


def _value(text: str | None) -> str:
    return f" ({text})" if text else ""


def _summary(items: tuple[ItemOutcome, ...], kind: Kind) -> str:
    """One line for the node: its only item, or how many of each and the first that decided."""
    if len(items) == 1:
        return f"{items[0].item}: {items[0].message}"
    counts = Counter(each.outcome for each in items)
    if len(counts) == 1 and kind in ("confirmed", "recovered"):
        return f"all {len(items)} items {'are as the sweep saw them' if kind == 'confirmed' else 'pass now'}"
    told = ", ".join(f"{counts[each]} {each}" for each in ORDER if counts[each])
    leading = next(each for each in items if each.outcome == kind)
    return f"{told}; {leading.item}: {leading.message}" if kind in ("disagrees", "skipped") else told


def _judge_state(state: str, sight: Sight) -> tuple[Kind, str]:
    """What the host itself says about a node that gave no verdict."""
    look = sight.look
    if look is None or not look.complete:
        return "skipped", sight.trouble or "the host was reached, but its look did not come to an end"
    if not look.sees_processes:
        return "skipped", "the host answers, but this account may not see other users' processes (hidepid)"
    if state == "stale":
        return "skipped", f"serf and the agent answer, for another release{_last_log(look)}"
    serf = _fault("serf", look.serf)
    agent = _fault("inspector-agent", look.agent)
    if state == "stalled":
        if agent:
            return "confirmed", agent
        return "disagrees", f"inspector-agent runs, yet gave no verdict{_busy(look)}"
    if serf:
        return "confirmed", f"the host answers over ssh; {serf}"
    if state == "down":
        return "disagrees", "membership says failed, yet the host answers and serf runs: look at the path between them"
    if agent:
        return "confirmed", f"serf runs; {agent}"
    return "disagrees", f"serf and inspector-agent both run, yet nothing was heard{_busy(look)}"


def _fault(name: str, processes: tuple[Process, ...]) -> str:
    """Why this program cannot answer; empty when it can."""
    alive = [each for each in processes if each.state not in "ZX"]
    if not alive:
        return f"{name} is not running"
    stopped = [each for each in alive if each.state in "Tt"]
    return f"{name} is stopped (pid {stopped[0].pid}, SIGSTOP or a debugger)" if stopped else ""


def _last_log(look: Look) -> str:
    return f"; last logged: {look.log[-1]}" if look.log else ""


def _busy(look: Look) -> str:
    if look.load is None:
        return ""
    return f" (load {look.load[0]:g}" + (f" on {look.cpus} cpus)" if look.cpus else ")")
