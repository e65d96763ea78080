"""Where a lab in namespaces gets room: one of the machine's few worlds, and the rights that it takes to make one."""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import IPv4Network
from typing import Any

from inspector_lab import processes, tools
from inspector_lab.commands import call
from inspector_lab.errors import UpError
from inspector_lab.ground import Ground
from inspector_lab.layout import Layout, NodeLayout
from inspector_lab.namespaces import inside, kernel, limits, making
from inspector_lab.namespaces.world import World, WorldPlan, lay_out
from inspector_lab.plan import Plan, Wish

NEEDS_ROOT = (
    "needs root: it makes network, PID and mount namespaces, the links between them, and a packet filter. "
    "Run it with sudo, or leave --namespaces out: a lab on loopback addresses needs no right at all"
)


class NamespaceGround(Ground):
    """Nodes in namespaces."""

    keeper = "inspector_lab.namespaces.keeper"

    @contextmanager
    def claimed(self) -> Iterator[tuple[int, socket.socket]]:
        """The first world that no other lab holds. The socket is the claim: the keeper inherits it."""
        for program in ("ip", "nft"):
            tools.find(program)
        for number in range(limits.worlds_max):
            with closing(socket.socket(socket.AF_UNIX)) as claim:
                try:
                    claim.bind(f"\0{World(number).cable}")
                except OSError:
                    continue
                if not routed_already(World(number)):
                    yield number, claim
                    return
        raise UpError(
            f"no room for a lab in namespaces: {limits.worlds_max} of them run, or this machine has routes of its own "
            "into 198.18.0.0/15; end other labs with `inspector-lab down`"
        )

    def lay_out(self, wish: Wish, number: int) -> WorldPlan:
        """The fleet there."""
        return lay_out(wish, number)

    def prepare(self, layout: Layout, plan: Plan) -> None:
        """Leave the keeper word of what to make."""
        making.save_world(layout, plan.octet, plan.wish)

    def agent_command(self, files: NodeLayout) -> list[str]:
        """An inspection agent whose clock can be put wrong."""
        return processes.python("inspector_lab.namespaces.agent", str(files.agent), str(files.skew))

    def root(self, layout: Layout, name: str, keeper: int) -> str:
        """On the node's own disk, which only the keeper sees: through its eyes."""
        return f"/proc/{keeper}/root{layout.disks}/{name}/{inside.LAB}/{layout.node(name).root.name}"


def refuse_powerless() -> None:
    """Raise UpError unless we may make namespaces: asked of the kernel, in a process that ends at once."""
    if os.geteuid() != 0:
        raise UpError(f"--namespaces {NEEDS_ROOT}")
    child = os.fork()
    if child == 0:
        try:
            kernel.unshare(inside.NAMESPACES | kernel.CLONE_NEWPID)
        except OSError as failure:
            os._exit(failure.errno or errno.EPERM)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        raise UpError(
            f"this machine lets not even root make namespaces ({os.strerror(code)}): in a container, start it with "
            "--privileged, or leave --namespaces out"
        )


def routed_already(world: World) -> bool:
    """Whether this machine already knows a way to addresses of that world, other than its default route.

    What a lab that has just ended leaves for a moment does not count.
    """
    routes: list[dict[str, Any]] = json.loads(call([str(tools.find("ip")), "-4", "-json", "route"], failure=UpError))
    taken = [
        IPv4Network(route["dst"], strict=False)
        for route in routes
        if route["dst"] != "default" and route.get("dev") != world.cable
    ]
    return any(network.overlaps(world.network) for network in taken)
