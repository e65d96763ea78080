"""A ring on paper, for what only looks at rings; and incidents."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from inspector_coord.watch.conclusions import Action, Happening, Kind

__all__ = ["Paper", "happening"]


@dataclass
class Paper:
    """A `Watched` ring that says what the test wants it to say."""

    name: str = "main"
    counted: Counter[str] = field(default_factory=Counter)
    turned_at: float = 0.0
    roster: dict[str, str] = field(default_factory=dict)
    open_incidents: list[Happening] = field(default_factory=list)
    judging: bool = True
    entries_up: int = 1
    entries: int = 1


def happening(
    *nodes: str,
    kind: Kind = Kind.DOWN,
    domain: str = "",
    action: Action = Action.OPENED,
    number: int = 1,
    at: float = 10.0,
    since: float = 9.0,
    **more: object,
) -> Happening:
    """A word on an incident."""
    return Happening(
        number=number, action=action, kind=kind, nodes=nodes, domain=domain, of=40 if domain else 0, since=since, at=at,
        evidence="no witness reaches it", **more,  # type: ignore[arg-type]
    )  # fmt: skip
