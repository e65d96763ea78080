"""Who should answer a question, and when: decided alike by every node from the question alone.

Serf filters by node name or tag before anybody hears the question. For thousands of missing nodes neither fits into a
packet, so later rounds name them inside the question: a slice of the fleet by hash, or a Bloom filter of the silent
ones. A name the filter holds by accident answers once more from memory, which harms nobody.
"""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b
from typing import Annotated

import msgspec
from msgspec import Meta

from inspector_agent import limits
from inspector_agent.errors import WireError


class Everyone(msgspec.Struct, frozen=True, array_like=True, tag=0, forbid_unknown_fields=True):
    """All who hear the question."""


class Slice(msgspec.Struct, frozen=True, array_like=True, tag=1, forbid_unknown_fields=True):
    """The nodes whose hash with the sweep id, modulo `count`, is `index`."""

    index: Annotated[int, Meta(ge=0)]
    count: Annotated[int, Meta(ge=1, le=limits.slices_max)]

    def __post_init__(self) -> None:
        _check_slice(self.index, self.count)


class Bloom(msgspec.Struct, frozen=True, array_like=True, tag=2, forbid_unknown_fields=True):
    """The nodes of one slice (as `Slice`) whose name is in a Bloom filter.

    The filter has `hashes` positions of 8 * len(bits), drawn anew by each `salt`. Several questions, each with a filter
    over its own slice, name more nodes than one packet can.
    """

    bits: Annotated[bytes, Meta(min_length=1, max_length=limits.bloom_bytes_max)]
    hashes: Annotated[int, Meta(ge=1, le=limits.bloom_hashes_max)]
    salt: Annotated[int, Meta(ge=0, le=0xFFFF)]
    index: Annotated[int, Meta(ge=0)] = 0
    count: Annotated[int, Meta(ge=1, le=limits.bloom_slices_max)] = 1

    def __post_init__(self) -> None:
        _check_slice(self.index, self.count)


Who = Everyone | Slice | Bloom


def asks_me(who: Who, sweep: bytes, name: str) -> bool:
    """Whether the node called `name` is asked in this round of `sweep`."""
    if isinstance(who, Slice):
        return slice_of(sweep, name, who.count) == who.index
    if isinstance(who, Bloom):
        if who.count > 1 and slice_of(sweep, name, who.count) != who.index:
            return False
        places = _positions(name, who.salt, who.hashes, 8 * len(who.bits))
        return all(who.bits[at >> 3] >> (at & 7) & 1 for at in places)
    return True


def slice_of(sweep: bytes, name: str, count: int) -> int:
    """Which of `count` slices of the fleet a node is in, in this sweep."""
    return _hash(b"slice", sweep, name) % count


def bloom_of(
    names: Collection[str],
    *,
    salt: int,
    bytes_max: int = limits.bloom_bytes_max,
    index: int = 0,
    count: int = 1,
) -> Bloom:
    """A filter of `names`: ten bits a name (1 % answer by accident) while they fit, fewer bits beyond `bytes_max`.

    All of them must be in slice `index` of `count`. The number of hashes is the best for the bits there are (Bloom
    1970: ln 2 × bits ÷ names).
    """
    size = max(1, min(bytes_max, (len(names) * 10 + 7) // 8))
    hashes = min(limits.bloom_hashes_max, max(1, round(0.693 * 8 * size / max(1, len(names)))))
    bits = bytearray(size)
    for name in names:
        for at in _positions(name, salt, hashes, 8 * size):
            bits[at >> 3] |= 1 << (at & 7)
    return Bloom(bits=bytes(bits), hashes=hashes, salt=salt, index=index, count=count)


def answer_slot_ms(sweep: bytes, name: str, spread_ms: int) -> int:
    """Milliseconds after hearing at which this node's turn to answer comes: even over 0 … spread_ms - 1."""
    return _hash(b"slot", sweep, name) % spread_ms if spread_ms > 0 else 0


def _check_slice(index: int, count: int) -> None:
    if not index < count:
        raise WireError(f"slice {index} of {count}: the index must be below the count")


def _hash(purpose: bytes, sweep: bytes, name: str) -> int:
    raw = name.encode("utf-8", "replace")
    return int.from_bytes(blake2b(raw, digest_size=8, key=sweep, person=purpose).digest(), "big")


def _positions(name: str, salt: int, hashes: int, size: int) -> list[int]:
    """Kirsch and Mitzenmacher 2006: two hashes make all the others."""
    value = _hash(b"bloom", salt.to_bytes(2, "big"), name)
    first, step = value >> 32, value & 0xFFFF_FFFF | 1
    return [(first + index * step) % size for index in range(hashes)]
