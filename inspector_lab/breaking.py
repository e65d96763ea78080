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
from inspector_lab.hows import HOWS, NO_CHOICES, Choices, checked
from inspector_lab.layout import Layout
from inspector_lab.state import LabState, NodeRecord, require_running


def break_nodes(
    layout: Layout, targets: Sequence[str], how: str, choices: Choices = NO_CHOICES
) -> list[dict[str, str]]:
    """Make the fault on every node the targets mean. Returns one record a node (and item): what was done.

    Raises NotRunningError, or BreakError for targets that match nobody, a `how` there is none of, or a choice that
    makes no sense with it.
    """
    checked(how, choices)
    state = require_running(layout)
    kind = HOWS[how]
    if kind.world and not state.wish.namespaces:
        raise BreakError(
            f"--how {how} is for nodes with networks and disks of their own: start the lab as root with "
            "`inspector-lab up --namespaces`"
        )
    nodes = matching(state, targets)
    if how == "drift":
        return drift_nodes(state, nodes, choices)
    names = [node.name for node in nodes]
    services = kind.services or choices.services
    order: dict[str, object] = {
        "do": kind.undo if choices.undo else kind.do,
        "nodes": names,
        "services": list(services),
        "how": how,
    }
    if kind.world and not choices.undo:
        order |= {"amount": choices.amount, "direction": choices.direction or "both", "others": [], "rest": False}
        order |= other_side(state, names, choices.other_side) if how == "cut" else {}
    give_order(layout.socket, order)
    return [{"node": name, "how": f"{how} undone" if choices.undo else how} for name in names]


def other_side(state: LabState, names: Sequence[str], targets: Sequence[str]) -> dict[str, object]:
    """From whom nodes are cut: those that targets mean, or everybody else; raises BreakError where that is nobody."""
    chosen = matching(state, targets) if targets else state.nodes
    others = [node.name for node in chosen if node.name not in names]
    if not others or (targets and len(others) != len(chosen)):
        raise BreakError("a cut needs two sides: some nodes, and other ones")
    return {"others": others, "rest": not targets}


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


def drift_nodes(state: LabState, nodes: Sequence[NodeRecord], choices: Choices) -> list[dict[str, str]]:
    """Change what these nodes are, below their roots: the items named, the values set, or one drawn by the seed."""
    changes = [drift.known(item) for item in choices.items] + [drift.wished(setting) for setting in choices.settings]
    done = []
    for node in nodes:
        for change in changes or [drift.chosen(state.wish.seed, node.name)]:
            apply(Path(node.root), change)
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
