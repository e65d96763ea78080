"""etcd of a node: its version, and whether it answers that it is healthy."""

from __future__ import annotations

import re

from checklib import kube, limits, reaching, tls
from checklib.errors import CannotTell, NotApplicable
from checklib.kernelfs import pids_of
from checklib.kinds import SPAWNS, Kind, Parameter, Property
from checklib.values import Observed, Version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.node import Node

KEYS = ("version", "health")
ADDRESS = "127.0.0.1:2379"


def parse_version(text: str) -> str:
    """`etcd --version`: `etcd Version: 3.4.23` -> 3.4.23. Raises CannotTell."""
    found = re.search(r"etcd Version: (\d[\w.+-]{0,64})", text[: limits.text_chars_max])
    if not found:
        raise CannotTell(f"etcd says something unknown: {text.strip()[:80]!r}")
    return found[1]


def observe(item: Item, node: Node) -> Observed:
    """Version or health."""
    if item.key == "version":
        ended = node.tool("etcd", "--version", timeout_s=item.timeout_s)
        return Observed({"value": Version(parse_version(ended.stdout), "plain")})
    if item.key != "health":
        raise CannotTell(f"etcd has no {item.key[:80]!r}: known are {', '.join(KEYS)}")
    reaching.hold_to_host(node)
    address = str(item.parameters.get("address", ADDRESS))
    host, _, port = address.rpartition(":")
    number = reaching.parse_port(port)
    if not host:
        raise CannotTell(f"{address[:80]!r} is no address with a port, such as {ADDRESS}")
    if "address" not in item.parameters and not pids_of(node, "etcd"):
        raise NotApplicable("no etcd runs here")
    context = tls.context(item, node) if tls.is_wanted(item) else None
    status = kube.ask(host.strip("[]"), number, "/health", item.timeout_s, context)
    return Observed({"value": "ok" if status == kube.OK else status if isinstance(status, str) else f"status {status}"})


KIND = Kind(
    "etcd",
    title="etcd: its version, and whether it is healthy by its own word",
    chapter="containers",
    key="version; health: what it answers to /health: it has a leader, and its disk can be written to",
    keys=KEYS,
    main="value",
    properties={
        "value": Property(
            "text",
            "of version in the order of versions; of health: ok, status 503, Connection refused, no HTTP (it wants "
            "TLS), no answer in time, its certificate does not hold, TLS: … with what is wrong",
        ),
    },
    parameters={
        "address": Parameter(
            "text", f"of health: where it answers, {ADDRESS} if left out; of kubeadm's without TLS 127.0.0.1:2381"
        ),
        **tls.PARAMETERS,
    },
    example={
        "version": {"at_least": "3.4"},
        "health": {
            "with": {
                "ca": "/etc/kubernetes/pki/etcd/ca.crt",
                "cert": "/etc/kubernetes/pki/etcd/healthcheck-client.crt",
                "key": "/etc/kubernetes/pki/etcd/healthcheck-client.key",
            },
            "equals": "ok",
        },
    },
    outcomes=(
        "na below another root, where etcd is not installed (version), and where none runs and no address says where "
        "to ask (health). Where ca, cert or key is given it is asked over TLS, and must prove by its certificate that "
        "it is who the address says. An error where these files cannot be read: keys are usually root's."
    ),
    reads=["etcd --version", f"http://{ADDRESS}/health, https with certificates", "the files of ca, cert and key"],
    cost="one run of etcd (some 30 ms), or one request",
    observe=observe,
    effort=SPAWNS,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
