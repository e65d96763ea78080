"""CORE. How to ask the missing again: by their names, by filters over slices of the fleet, or everybody once more.

What a question costs
=====================
Costs are seconds until all who were asked have answered, which holds two things that pull apart:

    questions   Gossip carries one packet to each of a few peers in every interval. Questions that fit into it together
                travel as fast as one; `p` packets of them slow the epidemic, which then needs ln(N) / ln(1 + peers / p)
                intervals.
    answers     One entry takes so many a second, relayed copies included. A Bloom filter of n names in b bits also asks
                a share of about 0.6185 ** (b / n) of all the others, by accident.

One packet holds 64 short names, or three filters of 1,360 bits. So few are asked by name: nobody answers by accident,
and Serf's acks tell the stalled from the silent. Some hundreds fit into one filter: ten bits a name ask 1 % of the
others. Thousands are cut into slices by hash, each with a filter of its own: more filters, fewer answers by accident,
but a slower epidemic. Beyond, a filter is so full that it says nothing, and the slice is asked without one; if that is
so for all slices, everybody is asked once more. Whatever comes out, the answers are spread by the rate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from inspector_agent.who import Bloom, Everyone, Slice, Who, bloom_of, slice_of
from inspector_coord import limits

__all__ = ["Choice", "Part", "Scene", "choose", "gossip_s"]


class Scene(msgspec.Struct, frozen=True):
    """What the costs depend on.

    members         of the ring: how far the epidemic goes
    hearers         agents that a question without names reaches: who may answer by accident
    rate_per_s      answers that may be caused
    question_bytes  on the wire, of one question with a full filter
    bloom_bytes     room for the bits of a filter
    named_worth_s   see limits
    """

    sweep: bytes
    members: int
    hearers: int
    rate_per_s: float
    question_bytes: int
    bloom_bytes: int
    named_worth_s: float = limits.named_worth_s


class Part(msgspec.Struct, frozen=True):
    """One question without names: whom it asks, and the places of those who are meant in the list that was given."""

    who: Who
    places: tuple[int, ...]


class Choice(msgspec.Struct, frozen=True):
    """How to ask. No parts: by name.

    answers   that are to be expected, those by accident included
    spread_s  over which they have to be spread, with their relayed copies
    hear_s    that the questions take longer through the ring than a single one
    """

    parts: tuple[Part, ...] = ()
    answers: float = 0.0
    spread_s: float = 0.0
    relay: int = 0
    hear_s: float = 0.0


def gossip_s(members: int, packets: float) -> float:
    """Seconds until the last of a ring has heard questions that fill so many packets of 1,400 bytes."""
    growth = math.log(1 + limits.gossip_peers / max(1.0, packets))
    return limits.gossip_interval_s * math.log(members + 1) / growth


def choose(names: Sequence[str], named_questions: int, scene: Scene, relay: int, salt: int) -> Choice:
    """The cheapest way to ask these names again; see the module's text.

    named_questions  how many questions their names would fill
    relay            factor for the answers, where their copies cost less than another round
    salt             of the first filter; the others count on from it
    """
    most = max(1, limits.reask_bytes_max // scene.question_bytes) if scene.bloom_bytes >= limits.bloom_bytes_min else 1
    ways = [
        (_cost_s(len(names), count, scene, copied, relay), count, copied)
        for count in range(1, min(most, len(names)) + 1)
        for copied in {0, relay}
    ]
    best_s, count, copied = min(ways)
    copies = 2 * len(names) * (1 + relay)  # each acknowledges, too
    if gossip_s(scene.members, named_questions) + copies / scene.rate_per_s <= best_s + scene.named_worth_s:
        return Choice(relay=relay, hear_s=_delay_s(scene.members, named_questions))
    parts = _parts(names, count, scene, salt)
    asked = _asked(len(names), count, scene)
    return Choice(
        parts=parts,
        answers=asked,
        spread_s=asked * (1 + copied) / scene.rate_per_s,
        relay=copied,
        hear_s=_delay_s(scene.members, _packets(len(parts), scene)),
    )


def _delay_s(members: int, packets: float) -> float:
    return gossip_s(members, packets) - gossip_s(members, 1)


def _packets(questions: int, scene: Scene) -> int:
    return math.ceil(questions / max(1, limits.gossip_packet_bytes // scene.question_bytes))


def _cost_s(missing: int, count: int, scene: Scene, relay: int, wanted: int) -> float:
    """Of so many filters: the epidemic, the answers, another round for what is lost without relay."""
    answers = _asked(missing, count, scene) * (1 + relay)
    lost_s = limits.unrelayed_s if relay < wanted else 0.0
    questions_s = gossip_s(scene.members, _packets(count, scene)) + count * limits.question_s
    return questions_s + answers / scene.rate_per_s + lost_s


def _asked(missing: int, count: int, scene: Scene) -> float:
    """Who is expected to answer if the missing are named by so many filters."""
    others = max(0, scene.hearers - missing)
    return missing + others * _accidents(missing / count, scene.bloom_bytes)


def _accidents(names: float, bytes_max: int) -> float:
    """The share of all others that a filter of so many names asks."""
    if bytes_max < limits.bloom_bytes_min:
        return 1.0
    names = max(1.0, names)
    bits = 8 * min(bytes_max, math.ceil(names * 10 / 8))
    hashes = max(1, round(0.693 * bits / names))  # as `bloom_of` does
    return float((1 - math.exp(-hashes * names / bits)) ** hashes)


def _parts(names: Sequence[str], count: int, scene: Scene, salt: int) -> tuple[Part, ...]:
    slices: list[list[int]] = [[] for _ in range(count)]
    for place, name in enumerate(names):
        slices[slice_of(scene.sweep, name, count) if count > 1 else 0].append(place)
    hearers = max(1.0, scene.hearers / count)
    parts = []
    for index, places in enumerate(slices):
        asked = len(places) + max(0.0, hearers - len(places)) * _accidents(len(places), scene.bloom_bytes)
        who: Who
        if asked < limits.slice_share * hearers:
            who = _bloom([names[place] for place in places], scene, salt + index, index, count)
        else:
            who = Slice(index, count) if count > 1 else Everyone()
        if places:
            parts.append(Part(who, tuple(places)))
    if all(isinstance(part.who, Slice) for part in parts) and len(parts) == count:
        return (Part(Everyone(), tuple(range(len(names)))),)
    return tuple(parts)


def _bloom(names: Sequence[str], scene: Scene, salt: int, index: int, count: int) -> Bloom:
    return bloom_of(names, salt=salt & 0xFFFF, bytes_max=scene.bloom_bytes, index=index, count=count)
