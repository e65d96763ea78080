"""What goes into the second pass and what comes out (core: plain data)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from config_center.resolve import Item

__all__ = ["ItemOutcome", "Key", "Kind", "Look", "Outcome", "Process", "Subject"]

Key = tuple[str, str]
"""(ring, node name): names are unique within a ring only."""

Kind = Literal["confirmed", "recovered", "disagrees", "unreachable", "skipped"]


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A node the sweep left with something to explain.

    `items` are those that fail or err (empty where the node gave no verdict). `observed` maps an item's id to
    what the node reported, where its answer had room for it in clear. `erring` names the items among them whose
    first outcome was `error`; a node whose state is `error` has no others. `fingerprints` are (item id, observed)
    pairs, shared by nodes that are wrong in the same way; left empty, they are made of items and observed.
    `site_checks` maps the site's own checks to paths of their executables, where these are others for this node than in
    the settings. `twin`: another ring has a node of this name, too, be it a subject or not.
    """

    ring: str
    name: str
    address: str
    state: str
    tags: Mapping[str, str] = {}
    items: tuple[Item, ...] = ()
    observed: Mapping[str, str] = {}
    erring: frozenset[str] = frozenset()
    fingerprints: tuple[tuple[str, str], ...] = ()
    site_checks: Mapping[str, str] | None = None
    twin: bool = False

    @property
    def told(self) -> str:
        """Its name to a person, with its ring where the name alone is not enough."""
        return f"{self.ring}:{self.name}" if self.twin else self.name

    @property
    def key(self) -> Key:
        """How the ledger names this node."""
        return (self.ring, self.name)

    def first_outcome(self, item: str) -> str:
        """`fail` or `error`, as the node itself said."""
        if self.state == "error" or item in self.erring:
            return "error"
        return "fail"


class Process(msgspec.Struct, frozen=True):
    """One running process: state is the kernel's letter (R S D running, T stopped, Z dead but not reaped)."""

    pid: int
    state: str


class Look(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the host says of itself without Python; a field the host could not tell is None.

    `sees_processes`: the account Ansible uses may see other users' processes, so an absent one is really absent.
    `complete`: the look came to its end.
    """

    uptime_s: float | None = None
    load: tuple[float, float, float] | None = None
    cpus: int | None = None
    memory_total_kb: int | None = None
    memory_available_kb: int | None = None
    disk_used_percent: int | None = None
    disk_available_kb: int | None = None
    serf: tuple[Process, ...] = ()
    agent: tuple[Process, ...] = ()
    log: tuple[str, ...] = ()
    sees_processes: bool = False
    complete: bool = False


class ItemOutcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """One item looked at twice: what the node said in the sweep, what Ansible's look says now."""

    item: str
    outcome: Kind
    first: str = ""
    first_observed: str = ""
    second: str = ""
    second_observed: str = ""
    message: str = ""
    remediation: str = ""


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """The second pass's word on one node.

    `represented_by` names the sampled nodes with the same fingerprints. `seconds` is from the start of the node's
    batch to its last result. `host` is what the host said of itself.
    """

    outcome: Kind = msgspec.field()
    message: str = msgspec.field()
    items: tuple[ItemOutcome, ...] = ()
    host: Look | None = None
    represented_by: tuple[str, ...] = ()
    seconds: float | None = None

    def as_json(self) -> dict[str, Any]:
        """What stands under `second_pass` of a node in the report (`inspector.sweep/1`)."""
        built: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return built
