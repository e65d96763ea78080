"""A small simulated ring whose agents answer at once, for tests of the model itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from inspector_coord.signals import Acked, Answered, Ask, Event
from inspector_lab.simulated.chance import Chance
from inspector_lab.simulated.network import Network
from inspector_lab.simulated.profile import Profile, profile_named
from inspector_lab.simulated.serf_ring import RingSpec, SerfRing, SimMember
from inspector_lab.simulated.timeline import Timeline


@dataclass
class Bench:
    """`nodes` members in zones a, b, c by turns; members 0, 1, … are the entries. `events`: what came to client 0."""

    nodes: int = 40
    seed: int = 1
    entries: int = 2
    network: Network = field(default_factory=Network)
    profile: Profile = field(default_factory=lambda: profile_named("lan"))
    socket_bytes: int = 2 * 212_992
    answers: bytes | None = b"fine"
    tags: Mapping[int, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.timeline = Timeline()
        self.names = [f"n{index:03}" for index in range(self.nodes)]
        members = tuple(
            SimMember(name, f"127.0.0.{index}", "abc"[index % 3], self.tags.get(index, {}))
            for index, name in enumerate(self.names)
        )
        spec = RingSpec(
            name="main",
            members=members,
            entries=tuple(range(self.entries)),
            profile=self.profile,
            socket_bytes=self.socket_bytes,
        )
        self.ring = SerfRing(self.timeline, Chance(self.seed), spec, self.network)
        self.ring.heard = self._heard
        self.heard: list[tuple[float, int, int]] = []  # when, member, query
        self.events: list[tuple[float, Event]] = []

    def _heard(self, member: int, query: int, _payload: bytes) -> None:
        self.heard.append((self.timeline.now, member, query))
        if self.answers is not None:
            self.ring.respond(member, query, self.answers)

    def sink(self, event: Event) -> None:
        """Where client 0's events go."""
        self.events.append((self.timeline.now, event))

    def ask(self, number: int = 1, client: int = 0, **changes: object) -> Ask:
        """Ask everybody, or as `changes` say."""
        wish: dict[str, object] = {
            "query": number, "entry": 0, "payload": b"?" * 150, "names": (), "ack": False, "relay": 0, "timeout_s": 5.0
        }  # fmt: skip
        ask = Ask(**(wish | changes))  # type: ignore[arg-type]
        self.ring.ask(ask, self.sink, client)
        return ask

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        self.timeline.run_until(self.timeline.now + seconds)

    def got(self, kind: type[Event], query: int = 1) -> list[Event]:
        """Events of one kind about one question."""
        return [event for _, event in self.events if isinstance(event, kind) and event.query == query]  # type: ignore[union-attr]

    def acked(self, query: int = 1) -> list[str]:
        """Names whose Serf agents acknowledged, in the order in which they came."""
        return [event.name for event in self.got(Acked, query) if isinstance(event, Acked)]

    def answered(self, query: int = 1) -> list[str]:
        """Names whose answers came, in the order in which they came."""
        return [event.name for event in self.got(Answered, query) if isinstance(event, Answered)]
