"""The baselines that an agent has at hand, and the releases that it is fetching."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector_agent import limits
from inspector_agent.messages import ANY_RELEASE

if TYPE_CHECKING:
    from config_center.resolve import Baseline


def prefix_of(baseline: Baseline) -> bytes:
    """The first bytes of a release's digest, as questions name it."""
    return bytes.fromhex(baseline.digest[: 2 * limits.id_bytes])


class Baselines:
    """A few baselines by digest prefix. `current` is the one of the node's current release, None before the first."""

    def __init__(self) -> None:
        self.current: Baseline | None = None
        self._held: dict[bytes, Baseline] = {}
        self._fetching: set[bytes] = set()

    def get(self, wanted: bytes) -> Baseline | None:
        """The baseline of this release, if it is at hand. Of two releases only the pointer knows which one: never."""
        return self.current if wanted == ANY_RELEASE else self._held.get(wanted)

    def hold(self, baseline: Baseline) -> None:
        """Keep this baseline at hand, in the place of the one longest there."""
        self._held.pop(prefix_of(baseline), None)
        self._held[prefix_of(baseline)] = baseline
        for release in list(self._held)[: -limits.baselines_held_max]:
            del self._held[release]

    def want(self, wanted: bytes) -> bool:
        """Whether to fetch this now: nobody does yet, and few others are being fetched."""
        if wanted in self._fetching or len(self._fetching) >= limits.fetches_max:
            return False
        self._fetching.add(wanted)
        return True

    def wanted(self, wanted: bytes) -> bool:
        """Whether this is being fetched."""
        return wanted in self._fetching

    def arrived(self, wanted: bytes, baseline: Baseline | None) -> Baseline | None:
        """A fetch ended. Returns the baseline, and holds it, if it is of a release that was wanted."""
        self._fetching.discard(wanted)
        if baseline is None or prefix_of(baseline) not in (wanted[: limits.id_bytes], wanted[limits.id_bytes :]):
            return None
        self.hold(baseline)
        return baseline
