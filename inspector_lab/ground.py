"""Where the nodes of a lab live: which addresses are free for them, and what of a lab depends on it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager

from inspector_lab import limits
from inspector_lab.errors import UpError
from inspector_lab.layout import Layout, NodeLayout
from inspector_lab.plan import Plan, Wish, address, claim_address, lay_out
from inspector_lab.writing import SCRIPTS


class Ground:
    """Where the nodes of a lab live: addresses of this machine's loopback interface.

    keeper  the module that keeps such a lab
    """

    keeper = "inspector_lab.keeper"

    def claimed(self) -> AbstractContextManager[tuple[int, socket.socket]]:
        """Room that no other lab holds, by its number. The socket is the claim: the keeper inherits it."""
        return claimed_octet()

    def lay_out(self, wish: Wish, number: int) -> Plan:
        """The fleet, on claimed ground of this number; raises PlanError."""
        return lay_out(wish, number)

    def prepare(self, layout: Layout, plan: Plan) -> None:
        """Write what else the keeper needs to know."""

    def agent_command(self, files: NodeLayout) -> list[str]:
        """What starts a node's inspection agent."""
        return [str(SCRIPTS / "inspector-agent"), "run", "--config", str(files.agent)]

    def root(self, layout: Layout, name: str, keeper: int) -> str:  # noqa: ARG002 - loopback nodes need none for it
        """Where everybody finds what a node's checks look at, as long as that keeper runs."""
        return str(layout.node(name).root)


LOOPBACK = Ground()


def ground_for(wish: Wish) -> Ground:
    """Where such a lab lives; raises UpError where this machine or user has no such ground."""
    if not wish.namespaces:
        return LOOPBACK
    from inspector_lab.namespaces.ground import NamespaceGround, refuse_powerless

    refuse_powerless()
    return NamespaceGround()


@contextmanager
def claimed_octet() -> Iterator[tuple[int, socket.socket]]:
    """The first 127.K.x.y that no other lab holds. The socket is the claim: the keeper inherits it."""
    for octet in range(limits.octet_min, limits.octet_max + 1):
        claim = listener_on(*claim_address(octet))
        if claim is None:
            continue
        with closing(claim):
            if first_node_is_free(octet):
                yield octet, claim
                return
    raise UpError(
        f"no free addresses from 127.{limits.octet_min}.x.y to 127.{limits.octet_max}.x.y: end other labs with "
        f"`inspector-lab down`, or what listens on port {limits.gossip_port}, {limits.rpc_port} or {limits.ssh_port}"
    )


def listener_on(host: str, port: int) -> socket.socket | None:
    """A listening socket, or None when somebody else has it."""
    listener = socket.socket()
    # Connections of a lab that has just ended linger for a minute; they are no obstacle to Serf or sshd either.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1)
    except OSError:
        listener.close()
        return None
    return listener


def first_node_is_free(octet: int) -> bool:
    """Whether the ports of n001 can be had. Another program may well listen on all addresses of one of them."""
    for port in (limits.gossip_port, limits.rpc_port, limits.ssh_port):
        listener = listener_on(address(octet, 0), port)
        if listener is None:
            return False
        listener.close()
    return True
