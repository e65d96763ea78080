"""What an answer says beyond its counts, cut to the room there is: item numbers, short hashes, values in clear.

Least needed goes first: values in clear (the least bad first), then hashes, then the numbers of waived items, of erring
ones, and last of failing ones. A value in clear needs no hash beside it, because whoever reads it can make the hash:
each one costs its own bytes less three.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b

import msgspec

from inspector_agent import limits
from inspector_agent.errors import WireError
from inspector_agent.numbers import pack_numbers

_encode = msgspec.msgpack.Encoder().encode


def clear_text(observed: str) -> str:
    """An observed value as it travels: one printable line of at most clear_chars_max characters."""
    text = observed if len(observed) <= limits.clear_chars_max else observed[: limits.clear_chars_max - 1] + "…"
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)


def observed_hash(observed: str) -> bytes:
    """Three bytes that stand for an observed value; the same for a value and for its `clear_text`."""
    return blake2b(clear_text(observed).encode(), digest_size=limits.observed_hash_bytes).digest()


@lru_cache(maxsize=limits.texts_known_max)
def heard_text(text: str) -> tuple[str, bytes]:
    """(clear text, hash) of a value as it came in an answer: nodes that are wrong in the same way say the same."""
    return clear_text(text), observed_hash(text)


class Details(msgspec.Struct, frozen=True):
    """The encoded lists of one answer, and whether something had to be left out."""

    failing: bytes
    erring: bytes
    waived: bytes
    hashes: bytes
    clear: dict[int, str]
    cut: bool


def fit(
    failing: Sequence[int],
    erring: Sequence[int],
    waived: Sequence[int],
    hashes: Sequence[bytes | None],
    clear: Mapping[int, str],
    room: int,
) -> Details:
    """As much as fits into `room` bytes (headers of longer lists not counted).

    `hashes` belongs to `failing` followed by `erring`, up to its first None. `clear` is taken in its own order. Raises
    WireError for numbers out of order, a hash of another length, or a clear value of an item that is in neither list.
    """
    listed = [*failing, *erring]
    if not clear.keys() <= set(listed):
        raise WireError("a value in clear belongs to an item that neither fails nor errs")
    packed, whole = _numbers((failing, erring, waived), room)
    fails, errs, lets = packed
    if not whole:
        return Details(fails, errs, lets, b"", {}, cut=True)
    room -= sum(map(len, packed))
    known = _known(hashes)
    kept = known[: room // limits.observed_hash_bytes]
    if len(kept) < len(known):
        return Details(fails, errs, lets, b"".join(kept), {}, cut=True)
    texts = _texts(clear, dict(zip(listed, known, strict=False)), room - len(kept) * limits.observed_hash_bytes)
    left = b"".join(value for number, value in zip(listed, known, strict=False) if number not in texts)
    return Details(fails, errs, lets, left, texts, cut=len(texts) < len(clear))


def _numbers(lists: Sequence[Sequence[int]], room: int) -> tuple[list[bytes], bool]:
    """The lists packed, the first ones first, and whether all of them fitted; after a cut the others stay empty."""
    packed: list[bytes] = []
    places = limits.numbers_listed_max
    for numbers in lists:
        raw, held = pack_numbers(numbers[:places], room)
        packed.append(raw)
        room -= len(raw)
        places -= held
        if held < len(numbers):
            return packed + [b""] * (len(lists) - len(packed)), False
    return packed, True


def _known(hashes: Sequence[bytes | None]) -> list[bytes]:
    known: list[bytes] = []
    for value in hashes:
        if value is None:
            break
        if len(value) != limits.observed_hash_bytes:
            raise WireError(f"a hash of {len(value)} bytes instead of {limits.observed_hash_bytes}")
        known.append(value)
    return known


def _texts(clear: Mapping[int, str], hashed: Mapping[int, bytes], room: int) -> dict[int, str]:
    texts: dict[int, str] = {}
    for number, observed in clear.items():
        text = clear_text(observed)
        room -= len(_encode(number)) + len(_encode(text)) - len(hashed.get(number, b""))
        if room < 0 or len(texts) == limits.clear_texts_max:
            break
        texts[number] = text
    return texts


def hashes_of(listed: Sequence[int], packed: bytes, clear: Mapping[int, str]) -> tuple[bytes | None, ...]:
    """The hash of each listed item, None where unknown: from `packed` in order, or made from the value in clear."""
    size = limits.observed_hash_bytes
    if not packed and not clear:
        return (None,) * len(listed)
    at = 0
    found: list[bytes | None] = []
    for number in listed:
        text = clear.get(number)
        if text is not None:
            found.append(heard_text(text)[1])
        else:
            found.append(packed[at : at + size] or None)
            at += size
    return tuple(found)
