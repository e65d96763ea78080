"""The kube-proxy of a node: version, configuration, effective flags, and its own health port."""

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

KUBE_PROXY = Component(
    "kube-proxy", "/var/lib/kube-proxy/config.conf", 10256, "healthzBindAddress", "healthz-bind-address"
)


def observe(item: Item, node: Node) -> Observed:
    """One thing of kube-proxy."""
    return kube.observe(KUBE_PROXY, item, node)


def discover(node: Node) -> Iterator[str]:
    """Its flags and what its configuration sets."""
    return kube.discover(KUBE_PROXY, node)


KIND = Kind(
    "kube_proxy",
    title="kube-proxy: version, configuration, effective flags and health",
    chapter="containers",
    key=(
        "version; health: of its health port on this node; flag. and the name of a flag that the running one was "
        "given, without dashes; config. and a key of its configuration file, as in config.mode or config.conntrack.min"
    ),
    keys=("version", "health", "flag.*", "config.*"),
    main="value",
    properties={
        "value": Property(
            "text",
            "what there is of the key; of version without its v, in the order of versions; of health: ok, status 503, "
            "Connection refused, no answer in time; of a table its keys",
        ),
    },
    example={"health": {"equals": "ok"}, "config.mode": {"equals": "ipvs"}, "flag.hostname-override": {"any": True}},
    outcomes=(
        "A flag or a key that is not set is absent: its default is not known here. na where no kube-proxy runs "
        "(flag.), where it has no configuration (config.), as where it is in its pod alone, or is not installed; an "
        "error where that is empty or says no kind. Below another root version and health are na."
    ),
    reads=[KUBE_PROXY.config, "/proc/PID/cmdline", "kube-proxy --version", "http://127.0.0.1:10256/healthz"],
    cost="one run of kube-proxy for version (some 50 ms), one request for health, small files for all else",
    observe=observe,
    discover=discover,
    effort=MAY_SPAWN,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
