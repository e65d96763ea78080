"""CORE. Who is asked: chosen by hashes of names and occasions, so that the same events make the same choice."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from zlib import crc32

from inspector_coord.watch import limits
from inspector_coord.watch.members import Members, Names, Node

__all__ = ["choose", "landmarks", "sample", "weight"]


def weight(node: Node) -> float:
    """What an observer's word is worth, 0 … 1: one that is unwell itself sees ghosts (after Lifeguard)."""
    return 0.0 if node.minority else 1.0 / (1 + node.health)


def choose(members: Members, key: str, count: int, avoid: Iterable[Container[str]], within: str = "") -> list[str]:
    """Up to `count` alive nodes, spread over places.

    key      of the occasion: another one takes others
    avoid    names that are not taken: suspects, and those that were asked too often
    within   only at this place, e.g. "zone=b", those that are listed as failed among them if there are no others
    """
    level = next((level for level in range(members.levels) if len(members.groups(level)) > 1), None)
    groups = [members.everyone] if level is None else [members.group(level, value) for value in members.groups(level)]
    if within:
        groups = [members.at_place(within)]
    seed = crc32(key.encode())
    taken: dict[str, None] = {}
    used: set[str] = set()
    passed = (*avoid, taken)
    for slot in range(3 * count):  # places that are empty, or full of suspects, leave room for the others
        group = groups[(seed + slot) % len(groups)]
        best = _best(members, group, crc32(f"{key} {slot}".encode()), passed, used, at_all=bool(within))
        if best is not None:
            taken[best.name] = None
            used.add(_narrow(best))
        if len(taken) == count:
            break
    return list(taken)


def _narrow(node: Node) -> str:
    return " ".join(node.places)


def _best(
    members: Members,
    group: Names,
    seed: int,
    avoid: Sequence[Container[str]],
    used: Container[str],
    *,
    at_all: bool,
) -> Node | None:
    """The best of a few by hash: one that answers, is well, and stands where no other witness does."""
    best: tuple[int, Node] | None = None
    size = len(group)
    for step in range(min(size, limits.witness_tries)):
        node = members.nodes[group[(seed + step * limits.hash_step) % size]]
        if not node.agent or node.written_off or any(node.name in names for names in avoid):
            continue
        if node.status != "alive" and not at_all:
            continue
        score = 4 * (node.status == "alive") + 2 * node.well + (_narrow(node) not in used)
        if best is None or score > best[0]:
            best = (score, node)
            if score == 7:
                break
    return None if best is None else best[1]


def sample(members: Members, key: str, count: int, *, everybody: bool = False) -> list[str]:
    """`count` members, each place in proportion: every n-th of them ordered by place.

    Only those of whom something is expected, unless `everybody`.
    """
    groups: list[Names] = [members.everyone]
    for level in reversed(range(members.levels)):
        values = members.groups(level)
        if 2 <= len(values) <= limits.sample_groups_max:
            groups = [members.group(level, value) for value in values]
            break
    total = sum(len(group) for group in groups)
    count = min(count, total)
    seed = crc32(key.encode())
    taken: dict[str, None] = {}
    group_index, before = 0, 0
    for step in range(count):
        place = (step * total + seed % total) // count if count < total else step
        while place - before >= len(groups[group_index]):
            before += len(groups[group_index])
            group_index += 1
        group = groups[group_index]
        name = _expected(members, group, place - before + seed, taken, everybody=everybody)
        if name:
            taken[name] = None
    return list(taken)


def _expected(members: Members, group: Names, start: int, taken: Container[str], *, everybody: bool) -> str:
    size = len(group)
    for step in range(min(size, limits.witness_tries)):
        name = group[(start + step) % size]
        if name not in taken and (everybody or not members.nodes[name].written_off):
            return name
    return ""


def landmarks(members: Members, key: str, level: int, values: Sequence[str], count: int) -> list[str]:
    """Alive nodes at these places, as many at each, `count` altogether at most."""
    each = max(1, count // max(1, len(values)))
    taken: list[str] = []
    start = crc32(key.encode()) % max(1, len(values))
    for index in range(len(values)):
        value = values[(start + index) % len(values)]
        group = members.group(level, value)
        found: dict[str, None] = {}
        used: set[str] = set()
        for slot in range(each):
            best = _best(members, group, crc32(f"{key} {value} {slot}".encode()), (found,), used, at_all=False)
            if best is not None:
                found[best.name] = None
                used.add(_narrow(best))
        taken += list(found)[: count - len(taken)]
    return taken
