"""Item numbers in few bytes: sorted, as gaps, neighbours as runs, each in a variable-length integer.

One entry is a varint of `gap * 2 + is_run`, where `gap` counts the numbers left out since the last one listed. For a
run of three or more a second varint follows: how long it is, less three. So 300 failing items of 300 take 3 bytes, 300
scattered ones 300, and no list takes more than 3 bytes a number.

Varints as in LEB128: seven bits a byte, lowest first, the high bit says that more follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from inspector_agent import limits
from inspector_agent.errors import WireError

RUN_MIN = 3
VARINT_BYTES_MAX = 3


def varint(value: int) -> bytes:
    """A non-negative integer in LEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(first, length) of each stretch of neighbours in a strictly ascending sequence."""
    start = previous = -1
    for number in numbers:
        if number != previous + 1 or start < 0:
            if start >= 0:
                yield start, previous - start + 1
            start = number
        previous = number
    if start >= 0:
        yield start, previous - start + 1


def pack_numbers(numbers: Sequence[int], room: int) -> tuple[bytes, int]:
    """(bytes, how many numbers they hold): as many of `numbers`, lowest first, as fit into `room` bytes.

    Raises WireError if `numbers` is not strictly ascending within 0…item_number_max.
    """
    check_numbers(numbers)
    out = bytearray()
    held, following = 0, 0  # `following`: the number whose gap would be zero
    for first, length in runs(numbers):
        for entry, count in _entries(first - following, length):
            if len(out) + len(entry) > room:
                return bytes(out), held
            out += entry
            held += count
        following = first + length
    return bytes(out), held


def check_numbers(numbers: Sequence[int]) -> None:
    """Raise WireError unless the numbers ascend strictly within 0…item_number_max."""
    previous = -1
    for number in numbers:
        if not previous < number <= limits.item_number_max:
            raise WireError(
                f"item number {number} after {previous}: wanted ascending, at most {limits.item_number_max}"
            )
        previous = number


def _entries(gap: int, length: int) -> Iterator[tuple[bytes, int]]:
    """The encoded entries of one run, each with how many numbers it lists."""
    if length >= RUN_MIN:
        yield varint(gap * 2 + 1) + varint(length - RUN_MIN), length
        return
    for _ in range(length):
        yield varint(gap * 2), 1
        gap = 0


def unpack_numbers(raw: bytes) -> tuple[int, ...]:
    """The numbers that `pack_numbers` wrote.

    Raises WireError for anything else: a varint cut short or too long, a number above item_number_max, or more than
    numbers_listed_max of them (a run length of a few bytes could otherwise make millions).
    """
    found: list[int] = []
    following = at = 0
    size = len(raw)
    while at < size:
        value = raw[at]
        if value < 0x80:  # nearly all of them: 50,000 answers a second are read by this
            at += 1
        else:
            value, at = _varint_at(raw, at)
        following += value >> 1
        if value & 1:
            length, at = _varint_at(raw, at)
            length += RUN_MIN
            if len(found) + length > limits.numbers_listed_max:
                raise WireError(f"more than {limits.numbers_listed_max} item numbers in one list")
            found += range(following, following + length)
            following += length
        else:
            found.append(following)
            following += 1
    if following > limits.item_number_max + 1:
        raise WireError(f"item number {following - 1} is above {limits.item_number_max}")
    if len(found) > limits.numbers_listed_max:
        raise WireError(f"more than {limits.numbers_listed_max} item numbers in one list")
    return tuple(found)


def _varint_at(raw: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(raw[at : at + VARINT_BYTES_MAX]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise WireError(f"item numbers end or overflow in the integer at byte {at}")
