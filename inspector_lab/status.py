"""`inspector-lab status`: what of a lab runs, as the keeper knows it and as the ring sees it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import trio

from inspector_agent.ring import RingError, connect
from inspector_lab import limits
from inspector_lab.control import give_order
from inspector_lab.hows import SERVICES
from inspector_lab.layout import Layout
from inspector_lab.state import LabState, require_running

SCHEMA = "inspector.lab.status/1"
ABSENT = {"state": "absent", "pid": None, "exit": None}


def status(layout: Layout) -> dict[str, Any]:
    """Everything `status --json` prints; raises NotRunningError.

    `nodes` maps names to {address, tags, root, member, processes: {serf|agent|sshd: {state, pid, exit}}}; `member` is
    what the ring says of the node ("" when no Serf agent could be asked). `hollow`, of a hollow ring alone, has its
    process and what that tells: phase, members, seconds of each phase, counted. `faults`, of nodes in namespaces alone:
    what is broken of their world, each {how, nodes} and what more its kind has.
    """
    lab = require_running(layout)
    report = give_order(layout.socket, {"do": "status"})
    by_node: dict[str, dict[str, Any]] = {}
    for service in report["services"]:
        entry = {key: service[key] for key in ("state", "pid", "exit")}
        by_node.setdefault(service["node"], {})[service["service"]] = entry
    members = trio.run(members_seen, layout, lab, living(lab, by_node))
    found = {
        "schema": SCHEMA,
        "directory": str(layout.home),
        "keeper": {"pid": lab.keeper.pid, "guard": lab.guard.pid},
        "center": {"url": lab.center, **by_node[""]["center"]},
        "release": lab.release,
        "profile": lab.wish.profile,
        "nodes": {
            node.name: {
                "address": node.address,
                "tags": node.tags,
                "root": node.root,
                "member": members.get(node.name, ""),
                "processes": {name: by_node[node.name].get(name, ABSENT) for name in SERVICES},
            }
            for node in lab.nodes
        },
    }
    if "faults" in report:
        found["faults"] = report["faults"]
    if lab.hollow:
        told = json.loads(layout.hollow.read_bytes()) if layout.hollow.exists() else {}
        found["hollow"] = {**by_node[""]["hollow"], **told}
    return found


def living(lab: LabState, processes: dict[str, dict[str, Any]]) -> list[str]:
    """RPC addresses of nodes whose Serf agent runs."""
    return [
        f"{node.address}:{limits.rpc_port}" for node in lab.nodes if processes[node.name]["serf"]["state"] == "running"
    ]


async def members_seen(layout: Layout, lab: LabState, entries: Iterable[str]) -> dict[str, str]:
    """Membership by node name, from the first entry that answers; empty when none does."""
    key = layout.rpc_key.read_text().strip()
    names = {node.name for node in lab.nodes}
    for entry in entries:
        try:
            async with connect(entry, auth_key=key, timeout_s=limits.control_s_max) as client:
                return {member.name: member.status for member in await client.members() if member.name in names}
        except RingError:
            continue
    return {}
