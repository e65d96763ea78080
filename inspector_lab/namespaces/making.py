"""What the keeper of a lab in namespaces makes before its first service: the world, and the nodes without power."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

from inspector_lab import tools
from inspector_lab.layout import Layout
from inspector_lab.namespaces import cpu, disks, inside, kernel, world
from inspector_lab.namespaces.machine import Machine
from inspector_lab.namespaces.programs import run_ip
from inspector_lab.namespaces.world import World, WorldPlan
from inspector_lab.plan import Node, Wish


def save_world(layout: Layout, number: int, wish: Wish) -> None:
    """Write what the keeper is to make."""
    layout.world.write_text(json.dumps({"number": number, "wish": asdict(wish)}, indent=1) + "\n")


def load_world(layout: Layout) -> WorldPlan:
    """Read what to make."""
    document = json.loads(layout.world.read_text())
    return world.lay_out(Wish(**document["wish"]), document["number"])


def make_world(world_: World, ip: str, guard: int) -> None:
    """Move into a network of our own, with a cable to the machine's, where process `guard` is; raises OSError."""
    kernel.unshare(kernel.CLONE_NEWNET | kernel.CLONE_NEWNS)
    disks.make_private()
    inside.quiet_network()
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    outside = partial(kernel.enter, f"/proc/{guard}/ns/net", kernel.CLONE_NEWNET)
    run_ip(ip, world.machine_cable(world_, os.getpid()), outside)
    run_ip(ip, world.world_links(world_))


def make_machines(layout: Layout, plan: WorldPlan, ip: str, slices: cpu.Slices | None) -> dict[str, Machine]:
    """The nodes, without power."""
    programs = {Path(service["argv"][0]).parent for service in json.loads(layout.services.read_text())}
    visible = (layout.home, tools.REPOSITORY, Path(sys.prefix), Path(sys.base_prefix), *sorted(programs))
    hosts = world.hosts_file(plan)

    def machine(node: Node) -> Machine:
        frame = inside.Frame(
            name=node.name,
            files=layout.node(node.name),
            disks=layout.disks,
            visible=visible,
            ip=ip,
            links=tuple(world.node_links(node, plan.world)),
            hosts=hosts,
            machine_id=hashlib.blake2b(f"{layout.home} {node.name}".encode(), digest_size=16).hexdigest(),
        )
        return Machine(
            frame,
            log=layout.node(node.name).log("boot"),
            plug=partial(plug, ip, node, plan.world),
            settle=None if slices is None else partial(slices.join, node.name),
        )

    return {node.name: machine(node) for node in plan.nodes}


def plug(ip: str, node: Node, world_: World, pid: int) -> None:
    """Lay a node's cable, in place of the one it may have had; raises OSError."""
    if node.name in {name for _, name in socket.if_nameindex()}:
        run_ip(ip, world.unplug(node))
    run_ip(ip, world.plug(node, world_, pid))


def clear_up(cable: str, ip: str) -> None:
    """Remove what a lab in this world leaves: the kernel would see to its cable a moment later, to cgroups never."""
    if cable in {name for _, name in socket.if_nameindex()}:
        subprocess.run([ip, "link", "delete", cable], capture_output=True, check=False)  # gone since: as it should be
    if (slices := cpu.slices(cable)) is not None:
        slices.clear()
