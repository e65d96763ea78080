"""`inspector-lab break`: faults on purpose, and their end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from inspector_coord.errors import TargetError
from inspector_coord.fold import fold_names
from inspector_coord.groups import Groups
from inspector_coord.targets import select
from inspector_lab import drift
from inspector_lab.control import give_order
from inspector_lab.errors import BreakError
from inspector_lab.layout import Layout
from inspector_lab.state import LabState, NodeRecord, require_running

# How -> (order to the keeper, services it is about: none for all of the node's).
FAULTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "kill": ("kill", ()),
    "stop-agent": ("stop", ("agent",)),
    "freeze": ("freeze", ()),
    "heal": ("heal", ()),
}
HOWS = (*FAULTS, "drift")


def break_nodes(
    layout: Layout, targets: Sequence[str], how: str, items: Sequence[str] = (), settings: Sequence[str] = ()
) -> list[dict[str, str]]:
    """Make the fault on every node the targets mean. Returns one record a node (and item): what was done.

    Raises NotRunningError, or BreakError for targets that match nobody, a `how` there is none of, or a bad setting.
    """
    if how not in HOWS:
        raise BreakError(f"--how {how}: no way to break a node is called so: use one of {', '.join(HOWS)}")
    state = require_running(layout)
    nodes = matching(state, targets)
    if how == "drift":
        return drift_nodes(layout, state, nodes, items, settings)
    if items or settings:
        raise BreakError(f"--item and --set go with --how drift, not with {how}")
    order, services = FAULTS[how]
    give_order(layout.socket, {"do": order, "nodes": [node.name for node in nodes], "services": list(services)})
    return [{"node": node.name, "how": how} for node in nodes]


def matching(state: LabState, targets: Sequence[str]) -> list[NodeRecord]:
    """The nodes that node sets, globs, tags and roles mean, as the coordinator understands them; raises BreakError."""
    by_role: dict[str, str] = {}
    for node in state.nodes:
        role = node.tags["role"]
        by_role[role] = f"{by_role[role]},{node.name}" if role in by_role else node.name
    try:
        selection = select(state.nodes, targets, (), Groups(by_role))
    except TargetError as failure:
        raise BreakError(str(failure)) from failure
    if selection.absent:
        raise BreakError(f"no such node: {fold_names(selection.absent)}; `inspector-lab status` lists the nodes")
    return [state.nodes[index] for index in selection.chosen]


def drift_nodes(
    layout: Layout, state: LabState, nodes: Sequence[NodeRecord], items: Sequence[str], settings: Sequence[str]
) -> list[dict[str, str]]:
    """Change what these nodes are, below their roots: the items named, the values set, or one drawn by the seed."""
    changes = [drift.known(item) for item in items] + [drift.wished(setting) for setting in settings]
    done = []
    for node in nodes:
        for change in changes or [drift.chosen(state.wish.seed, node.name)]:
            apply(layout.node(node.name).root, change)
            done.append({"node": node.name, "how": "drift", "item": change.item, "value": change.value})
    return done


def apply(root: Path, change: drift.Change) -> None:
    """Make one change below a root, all or nothing: a check never sees half a file."""
    target = root / change.path
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.new")
    aside.unlink(missing_ok=True)
    if change.edit is None:
        os.mkfifo(aside)
    else:
        old = target.read_text() if target.is_file() else ""
        aside.write_text(change.edit(old))
        if target.is_file():
            aside.chmod(target.stat().st_mode)
    aside.rename(target)
