"""CORE. Chance, drawn from a seed.

A draw depends on what it is for (which stream, and up to two numbers in it), not on what was drawn before: a packet
more here does not change what happens there, and the same seed gives the same run on every machine. Streams are told
apart by a hash; the draws in one are a multiply-and-fold mix of their numbers (half a microsecond each), good enough
that peers are picked evenly, and worth nothing against somebody who wants to guess.
"""

from __future__ import annotations

import math
import struct
from hashlib import blake2b, shake_128

__all__ = ["Chance"]

_MASK = (1 << 128) - 1
# Odd, without structure: golden ratio and the multipliers of well-known 128-bit generators.
_STEP_A = 0x9E3779B97F4A7C15F39CC0605CEDC835
_STEP_B = 0xDA942042E4DD58B59FB21C651E98DF25
_MIX = 0x2360ED051FC65DA44385DF649FCCF645
_REAL = 1.0 / (1 << 53)


class Chance:
    """One stream of draws."""

    __slots__ = ("seed",)

    def __init__(self, seed: int) -> None:
        """`seed`: any whole number."""
        self.seed = int.from_bytes(blake2b(str(seed).encode(), digest_size=16).digest(), "big")

    def part(self, *what: str | int) -> Chance:
        """The stream for something: the same words give the same one."""
        made = Chance.__new__(Chance)
        made.seed = int.from_bytes(blake2b(repr((self.seed, *what)).encode(), digest_size=16).digest(), "big")
        return made

    def bits(self, a: int = 0, b: int = 0) -> int:
        """128 even bits for this purpose."""
        x = (self.seed + a * _STEP_A + b * _STEP_B) & _MASK
        x = (x ^ x >> 64) * _MIX & _MASK
        return x ^ x >> 64

    def words(self, count: int) -> tuple[int, ...]:
        """So many times 64 even bits, all at once: for a tenth of the price of `bits` for each."""
        raw = shake_128(self.seed.to_bytes(16, "big")).digest(8 * count)
        return struct.unpack(f"<{count}Q", raw)

    def real(self, a: int = 0, b: int = 0) -> float:
        """From 0 up to, but not, 1."""
        return (self.bits(a, b) >> 75) * _REAL

    def below(self, count: int, a: int = 0, b: int = 0) -> int:
        """A whole number from 0 up to, but not, `count` (at most 2**64)."""
        return ((self.bits(a, b) & 0xFFFFFFFFFFFFFFFF) * count) >> 64

    def exponential(self, mean: float, a: int = 0, b: int = 0) -> float:
        """A waiting time with that mean."""
        return -mean * math.log(1.0 - self.real(a, b))
