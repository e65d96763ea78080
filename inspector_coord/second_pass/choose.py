"""Which nodes are looked at, and which are spoken for by others (core: no I/O, no chance).

When 400 nodes are wrong in the same way, looking at three tells as much as looking at all, and does not make the fleet
busy. The sample is spread over the nodes that share a fingerprint (first, middle, last), as neighbours are likelier to
share more than the fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

import msgspec

from inspector_coord.second_pass import limits
from inspector_coord.second_pass.model import Key, Outcome, Subject

__all__ = ["Plan", "choose"]

Fingerprint = tuple[str, str]

LOOK_ONLY_STATES = frozenset({"silent", "stalled", "down", "stale"})
"""States without findings on this release's items: the host is looked at, no item is."""


class Plan(msgspec.Struct, frozen=True):
    """Every subject is in exactly one of the two: to be looked at, or already decided."""

    look_at: tuple[Subject, ...]
    decided: dict[Key, Outcome]


def choose(subjects: Sequence[Subject], *, sample: int, nodes_max: int) -> Plan:
    """Take `sample` nodes of every fingerprint, every node that gave no verdict, and at most nodes_max altogether.

    Where nodes_max binds, one node of every fingerprint comes before a second one.
    """
    picked = _picked(subjects, sample)
    first = {keys[0] for keys in picked.values()}
    wanted = [subject for subject in subjects if _is_wanted(subject, picked)]
    unanswered = [subject.key for subject in wanted if not subject.items]
    late = set(unanswered[limits.unanswered_max :])
    ranked = sorted((subject for subject in wanted if subject.key not in late), key=lambda one: one.key not in first)
    chosen = {subject.key: subject.told for subject in ranked[:nodes_max]}
    decided = {
        subject.key: _passed_over(subject, picked, chosen, late, nodes_max)
        for subject in subjects
        if subject.key not in chosen
    }
    return Plan(tuple(subject for subject in subjects if subject.key in chosen), decided)


def _is_wanted(subject: Subject, picked: Mapping[Fingerprint, tuple[Key, ...]]) -> bool:
    prints = fingerprints(subject)
    if not prints:
        return subject.state in LOOK_ONLY_STATES
    return any(subject.key in picked[mark] for mark in prints)


def _passed_over(
    subject: Subject,
    picked: Mapping[Fingerprint, tuple[Key, ...]],
    chosen: Mapping[Key, str],
    late: Set[Key],
    nodes_max: int,
) -> Outcome:
    """Why a node is not looked at, and who speaks for it. `chosen` says how those that are looked at are called."""
    prints = fingerprints(subject)
    if not prints and subject.state not in LOOK_ONLY_STATES:
        return Outcome("skipped", f"nothing to look at again on a node that is {subject.state}")
    if subject.key in late:
        return Outcome("skipped", f"{limits.unanswered_max} other nodes without a verdict were looked at first")
    speakers = _names(tuple(chosen[key] for key in picked[mark] if key in chosen) for mark in prints)
    if speakers and not _is_wanted(subject, picked):
        return Outcome("skipped", _spoken_for(speakers), represented_by=speakers)
    return Outcome("skipped", f"{nodes_max} other nodes were looked at first (nodes_max)")


def fingerprints(subject: Subject) -> tuple[Fingerprint, ...]:
    """In which ways this node is wrong; empty for a node without a verdict on this release's items."""
    if not subject.items:
        return ()
    return subject.fingerprints or tuple((item.id, subject.observed.get(item.id, "")) for item in subject.items)


def _picked(subjects: Sequence[Subject], sample: int) -> dict[Fingerprint, tuple[Key, ...]]:
    """The sample of every fingerprint, spread evenly over the nodes that share it."""
    sharing: dict[Fingerprint, list[Key]] = {}
    for subject in subjects:
        for mark in fingerprints(subject):
            sharing.setdefault(mark, []).append(subject.key)
    return {mark: tuple(keys[index] for index in _spread(len(keys), sample)) for mark, keys in sharing.items()}


def _spread(count: int, sample: int) -> list[int]:
    """`sample` indexes out of `count`, the first and the last among them."""
    if count <= sample:
        return list(range(count))
    if sample == 1:
        return [0]
    return [step * (count - 1) // (sample - 1) for step in range(sample)]


def _names(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Node names of several samples, each once, in order."""
    return tuple(dict.fromkeys(name for names in groups for name in names))


def _spoken_for(representatives: tuple[str, ...]) -> str:
    shown = ", ".join(representatives[:3]) + (" …" if len(representatives) > 3 else "")
    return f"sampled out: wrong in the same way as {shown}"
