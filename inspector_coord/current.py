"""CORE. What is current: the releases that a pointer names, and which of them each node should be judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from config_center.match import Match, Terms
from config_center.pointer import Pointer
from config_center.release import Release
from config_center.resolve import Resolver
from config_center.traits import FACT_PREFIX, traits_of
from inspector_agent.limits import id_bytes

__all__ = ["Current", "Known", "KnownNode", "prefix_of"]


class KnownNode(msgspec.Struct, frozen=True):
    """What the config center was told by a node itself. seen: RFC 3339, when."""

    facts: Mapping[str, str] = {}
    seen: str = ""


class Known(msgspec.Struct, frozen=True):
    """Nodes by name. `note`: where they are from if not fresh from the config center, else ""."""

    nodes: Mapping[str, KnownNode] = {}
    note: str = ""


def prefix_of(release: Release) -> bytes:
    """What stands for a release in questions and answers: the first bytes of its digest."""
    return bytes.fromhex(release.digest)[:id_bytes]


class Current:
    """The release for everybody and, while one is out, the canary's; and what is known of the nodes, if that matters.

    note: where the releases are from if not fresh from the config center, else "". resolvers: by the prefix of the
    digest. asked_facts: keys of traits, `fact.…`, that some layer, variable, waiver or the canary asks about.
    """

    def __init__(
        self, release: Release, pointer: Pointer | None = None, canary: Release | None = None, note: str = ""
    ) -> None:
        """`canary`: the release of the pointer's canary."""
        self.release = release
        self.canary = canary
        self.note = note
        self.match: Terms = pointer.canary.match if pointer is not None and pointer.canary is not None else {}
        self.known = Known()
        self.releases: Sequence[Release] = (release,) if canary is None else (release, canary)
        self.resolvers = {prefix_of(each): Resolver(each) for each in self.releases}
        self._main = prefix_of(release)
        self._canary = b"" if canary is None else prefix_of(canary)
        self._covers = Match.of(self.match).covers
        asked = {key for resolver in self.resolvers.values() for key in resolver.asks} | set(self.match)
        self.asked_facts = frozenset(key for key in asked if key.startswith(FACT_PREFIX))

    @property
    def prefix(self) -> bytes:
        """Of the release for everybody."""
        return self._main

    @property
    def canary_prefix(self) -> bytes:
        """Of the canary's release; b"" without one."""
        return self._canary

    @property
    def by_prefix(self) -> dict[bytes, Release]:
        """The releases by the prefix of their digest."""
        return {prefix_of(each): each for each in self.releases}

    @property
    def numbers(self) -> dict[bytes, int]:
        """The numbers of the releases by the prefix of their digest."""
        return {prefix_of(each): each.number for each in self.releases}

    def facts_of(self, name: str) -> tuple[dict[str, str], str]:
        """(those facts of a node that are asked about, when the center was told them); ({}, "") of a node not known."""
        known = self.known.nodes.get(name) if self.asked_facts else None
        if known is None:
            return {}, ""
        return {
            key: value for key, value in known.facts.items() if f"{FACT_PREFIX}{key}" in self.asked_facts
        }, known.seen

    def wants(self, name: str, tags: Mapping[str, str], facts: Mapping[str, str]) -> bytes:
        """The prefix of the release of a node, as `Pointer.assigned` has it."""
        if self._canary and self._covers(name, traits_of(tags, facts)):
            return self._canary
        return self._main
