"""The baselines that an agent has at hand, and the releases that it is fetching."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inspector_agent import limits

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

    def get(self, release: bytes) -> Baseline | None:
        """The baseline of this release, if it is at hand."""
        return self._held.get(release)

    def hold(self, baseline: Baseline) -> None:
        """Keep this baseline at hand, in the place of the one longest there."""
        self._held.pop(prefix_of(baseline), None)
        self._held[prefix_of(baseline)] = baseline
        for release in list(self._held)[: -limits.baselines_held_max]:
            del self._held[release]

    def want(self, release: bytes) -> bool:
        """Whether to fetch this release now: nobody does yet, and few others are being fetched."""
        if release in self._fetching or len(self._fetching) >= limits.fetches_max:
            return False
        self._fetching.add(release)
        return True

    def wanted(self, release: bytes) -> bool:
        """Whether this release is being fetched."""
        return release in self._fetching

    def arrived(self, release: bytes, baseline: Baseline | None) -> Baseline | None:
        """A fetch ended. Returns the baseline, and holds it, if it is of the release that was wanted."""
        self._fetching.discard(release)
        if baseline is None or prefix_of(baseline) != release:
            return None
        self.hold(baseline)
        return baseline
