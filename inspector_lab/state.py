"""lab.json: what `up` left running in a directory, for status, break, down, and for people."""

from __future__ import annotations

import msgspec

from inspector_lab.errors import NotRunningError, StateError
from inspector_lab.layout import Layout
from inspector_lab.plan import Wish
from inspector_lab.processes import Identity

SCHEMA = "inspector.lab/1"


class NodeRecord(msgspec.Struct, frozen=True):
    """One node as planned."""

    name: str
    address: str
    tags: dict[str, str]
    root: str


class LabState(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of lab.json. `guard` outlives `keeper`: the lab is gone when both are.

    `hollow` members more than the `nodes` are played by one process.
    """

    schema: str = SCHEMA
    octet: int
    wish: Wish
    guard: Identity
    keeper: Identity
    center: str
    release: str
    nodes: tuple[NodeRecord, ...]
    hollow: int = 0

    @property
    def running(self) -> bool:
        """Whether the processes that `up` started are still there: the same ones, not later ones of the same id."""
        return self.guard.alive() or self.keeper.alive()


def save(layout: Layout, state: LabState) -> None:
    """Write lab.json, all or nothing."""
    aside = layout.state.with_suffix(".new")
    aside.write_bytes(msgspec.json.format(msgspec.json.encode(state), indent=1) + b"\n")
    aside.rename(layout.state)


def load(layout: Layout) -> LabState | None:
    """Read lab.json; None if there is none. Raises StateError when it is something else."""
    try:
        raw = layout.state.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        state = msgspec.json.decode(raw, type=LabState)
    except (msgspec.DecodeError, UnicodeDecodeError) as failure:
        raise StateError(f"{layout.state} is not what a lab writes: {failure}") from failure
    if state.schema != SCHEMA:
        raise StateError(f"{layout.state} was written by another version: {state.schema}, not {SCHEMA}")
    return state


def require_running(layout: Layout) -> LabState:
    """The state of the lab that runs here; raises NotRunningError saying what is there instead."""
    state = load(layout)
    if state is None:
        raise NotRunningError(
            f"no lab in {layout.home}: start one with `inspector-lab up --nodes 20 --dir {layout.home}`"
        )
    if not state.running:
        again = (
            f"hollow --members {len(state.nodes) + state.hollow}" if state.hollow else f"up --nodes {state.wish.nodes}"
        )
        raise NotRunningError(
            f"the lab in {layout.home} does not run any more: start it anew with "
            f"`inspector-lab {again} --dir {layout.home}`"
        )
    return state
