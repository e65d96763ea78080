"""containerd of a node: version, configuration, and whether anybody listens at its socket."""

from __future__ import annotations

import re

from checklib import engines, limits
from checklib.engines import NOBODY, Engine
from checklib.errors import CannotTell
from checklib.kinds import MAY_SPAWN, Kind, Parameter, Property
from checklib.kube import CONFIG
from checklib.structured import parse_toml
from checklib.values import Observed, Version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from checklib.contract import Item
    from checklib.node import Node

KEYS = ("version", "socket")
CONTAINERD = Engine(
    "containerd", "containerd", "/etc/containerd/config.toml", parse_toml, "/run/containerd/containerd.sock"
)


def parse_version(text: str) -> str:
    """`containerd containerd.io 1.6.24 61f9fd8` of `containerd --version` -> 1.6.24. Raises CannotTell."""
    found = re.match(r"containerd \S{1,128} v?(\d[\w.+~-]{0,64})(?:\s|$)", text[: limits.text_chars_max])
    if not found:
        raise CannotTell(f"containerd says something unknown: {text.strip()[:80]!r}")
    return found[1]


def observe(item: Item, node: Node) -> Observed:
    """One thing of containerd."""
    if item.key.startswith(CONFIG):
        return engines.configured(CONTAINERD, item, node)
    if item.key == "version":
        ended = node.tool("containerd", "--version", timeout_s=item.timeout_s)
        return Observed({"value": Version(parse_version(ended.stdout), "plain")})
    if item.key != "socket":
        raise CannotTell(f"containerd has no {item.key[:80]!r}: known are {', '.join(KEYS)}, {CONFIG}NAME")
    engines.hold_to_host(CONTAINERD, node)
    path = engines.socket_of(CONTAINERD, item)
    state = engines.knock(path, item.timeout_s / 2)
    return engines.missing(CONTAINERD, path, node) if state == NOBODY else Observed({"value": state})


def discover(node: Node) -> Iterator[str]:
    """What its configuration sets, and its socket."""
    yield from engines.list_settings(CONTAINERD, node)
    if node.root.is_host:
        try:
            state = engines.knock(CONTAINERD.socket, limits.timeout_s_default / 2)
        except OSError:
            return
        yield from () if state == NOBODY else ("socket",)


KIND = Kind(
    "containerd",
    title="containerd: version, configuration and socket",
    chapter="containers",
    key=(
        "version; socket: whether anybody listens there; config. and a key of config.toml, dots between tables, names "
        'with dots in quotes, as in config.plugins."io.containerd.grpc.v1.cri".sandbox_image'
    ),
    keys=(*KEYS, f"{CONFIG}*"),
    main="value",
    properties={
        "value": Property(
            "text",
            "what there is of the key; of version without its v, in the order of versions; of socket: ok, Connection "
            "refused, no answer in time; of a table its keys",
        )
    },
    parameters={"socket": Parameter("text", f"the Unix socket it listens at, {CONTAINERD.socket} if left out")},
    example={
        "version": {"at_least": "1.6.24"},
        "socket": {"equals": "ok"},
        'config.plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options.SystemdCgroup': {"equals": "true"},
    },
    outcomes=(
        "A key that config.toml does not set is absent, also where containerd is there and the file is not: its "
        "default is not known here. Files that it imports are not looked into: where there is one, a key that "
        "config.toml does not set is an error. na where there is no containerd; below another root only config. can be "
        "told. An error where only root may ask, and of config. where the node's Python is older than 3.11, which "
        "cannot read TOML. A value that may hold a password is compared, and not shown."
    ),
    reads=[CONTAINERD.config, f"{CONTAINERD.socket}: whether a line is taken", "containerd --version"],
    cost="one run of containerd for version (some 30 ms), a small file and one connection for all else",
    observe=observe,
    discover=discover,
    effort=MAY_SPAWN,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
