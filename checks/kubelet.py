"""The kubelet of a node: version, configuration, effective flags, its certificate, and its own health port."""

from __future__ import annotations

from checklib import kube
from checklib.kinds import MAY_SPAWN, Kind, Property
from checklib.kube import Component

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.values import Observed

KUBELET = Component(
    "kubelet",
    "/var/lib/kubelet/config.yaml",
    10248,
    "healthzPort",
    "healthz-port",
    "/var/lib/kubelet/pki/kubelet-client-current.pem",
)


def observe(item: Item, node: Node) -> Observed:
    """One thing of the kubelet."""
    return kube.observe(KUBELET, item, node)


def discover(node: Node) -> Iterator[str]:
    """Its flags and what its configuration sets."""
    return kube.discover(KUBELET, node)


KIND = Kind(
    "kubelet",
    title="the kubelet: version, configuration, effective flags, certificate and health",
    chapter="containers",
    key=(
        "version; health: of its health port on this node; certificate: the one that it is known by to the API server; "
        "flag. and the name of a flag that the running one was given, without dashes; config. and a key of its "
        "configuration file, dots between tables, as in config.authentication.anonymous.enabled"
    ),
    keys=("version", "health", "certificate", "flag.*", "config.*"),
    main="value",
    properties={
        "value": Property(
            "text",
            "what there is of the key; of version without its v, in the order of versions; of health: ok, status 500, "
            "Connection refused, no answer in time; of certificate its subject; of a table its keys",
        ),
        "days_left": Property(
            "number", "of certificate: how long it is still valid, below 0 when it is over", unit="days"
        ),
    },
    example={
        "version": {"at_least": "1.28"},
        "health": {"equals": "ok"},
        "certificate": {"expect": {"days_left": {"at_least": 14}}},
        "config.maxPods": {"equals": 110},
        "flag.node-labels": {"contains": "zone="},
    },
    outcomes=(
        "A flag or a key that is not set is absent: its default is not known here. na where no kubelet runs (flag.), "
        "where it has no configuration (config.), no certificate, or is not installed; an error where its "
        "configuration is empty or says no kind. Below another root version and health are na. The health port tells "
        "whether the kubelet keeps its pods in step; the conditions that it reports to the API server (memory, disk, "
        "PIDs) are told by the kinds memory, disk, container and fault."
    ),
    reads=[KUBELET.config, KUBELET.pki, "/proc/PID/cmdline", "kubelet --version", "http://127.0.0.1:10248/healthz"],
    cost="one run of kubelet for version (some 50 ms), one request for health, small files for all else",
    observe=observe,
    discover=discover,
    effort=MAY_SPAWN,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
