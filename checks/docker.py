"""Docker of a node: version, configuration, and what the daemon itself answers at its socket."""

from __future__ import annotations

import re

from checklib import engines, limits
from checklib.engines import NOBODY, OK, Engine
from checklib.errors import CannotTell, CheckError, NotApplicable
from checklib.kinds import MAY_SPAWN, Kind, Parameter, Property
from checklib.kube import CONFIG, plain
from checklib.structured import parse_json
from checklib.values import Observed, Version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from checklib.contract import Item
    from checklib.node import Node

# Key -> where Docker's Engine API tells it.
VERSIONS = {"version": "Version", "api": "ApiVersion"}
INFO = {
    "storage_driver": "Driver",
    "cgroup_driver": "CgroupDriver",
    "cgroup_version": "CgroupVersion",
    "logging_driver": "LoggingDriver",
    "live_restore": "LiveRestoreEnabled",
    "runtime": "DefaultRuntime",
    "data_root": "DockerRootDir",
    "security": "SecurityOptions",
}
KEYS = (*VERSIONS, "socket", *INFO)


def parse_settings(text: str) -> Any:
    """daemon.json; one without anything sets nothing. Raises CannotTell."""
    return parse_json(text) if text.strip("\ufeff \t\r\n") else {}


def parse_version(text: str) -> str:
    """`dockerd --version`: `Docker version 24.0.7, build 311b9ff` -> 24.0.7. Raises CannotTell."""
    found = re.search(r"Docker version (\d[\w.+~-]{0,64})", text[: limits.text_chars_max])
    if not found:
        raise CannotTell(f"dockerd says something unknown: {text.strip()[:80]!r}")
    return found[1]


DOCKER = Engine("Docker", "dockerd", "/etc/docker/daemon.json", parse_settings, "/run/docker.sock")


def _told(path: str, target: str, timeout_s: float, node: Node) -> tuple[str, dict[str, Any]]:
    """OK and what Docker tells there, asked once for all items; or why it tells nothing."""

    def load() -> tuple[str, dict[str, Any]]:
        state, body = engines.ask(path, target, timeout_s / 2)
        if state != OK:
            return state, {}
        try:
            tree = parse_json(body)
        except CannotTell:
            return "no JSON", {}
        return (OK, tree) if isinstance(tree, dict) else ("no JSON", {})

    return node.once(f"docker {path} {target}", load)


def observe(item: Item, node: Node) -> Observed:
    """One thing of Docker."""
    if item.key.startswith(CONFIG):
        return engines.configured(DOCKER, item, node)
    if item.key not in KEYS:
        raise CannotTell(f"docker has no {item.key[:80]!r}: known are {', '.join(KEYS)}, {CONFIG}NAME")
    engines.hold_to_host(DOCKER, node)
    path = engines.socket_of(DOCKER, item)
    state, fields = _told(path, "/info" if item.key in INFO else "/version", item.timeout_s, node)
    if item.key == "socket":
        return engines.missing(DOCKER, path, node) if state == NOBODY else Observed({"value": state})
    if state == OK:
        return _field(item.key, fields)
    if item.key == "version":
        ended = node.tool(
            "dockerd", "--version", timeout_s=item.timeout_s, na="no Docker answers, and there is no dockerd"
        )
        return Observed({"value": Version(parse_version(ended.stdout), "plain")}, note="of dockerd: none answers")
    if state == NOBODY:
        raise NotApplicable(f"no Docker answers: there is no {path}")
    raise CannotTell(f"Docker does not answer: {state}")


def _field(key: str, fields: dict[str, Any]) -> Observed:
    name = INFO.get(key) or VERSIONS[key]
    if name not in fields:
        raise NotApplicable(f"what answers there tells no {name}: an older Docker, or another engine")
    value = fields[name]
    if value is None or value == "":
        return Observed({}, exists=False)
    return Observed({"value": Version(str(value), "plain") if key in VERSIONS else plain(value)})


def discover(node: Node) -> Iterator[str]:
    """What its configuration sets, and what it answers where it answers."""
    yield from engines.list_settings(DOCKER, node)
    for target, keys in (("/version", VERSIONS), ("/info", INFO)) if node.root.is_host else ():
        try:
            state, fields = _told(DOCKER.socket, target, limits.timeout_s_default, node)
        except (CheckError, OSError):
            return
        if target == "/version" and state != NOBODY:
            yield "socket"
        yield from (key for key, field in keys.items() if fields.get(field) not in (None, ""))


KIND = Kind(
    "docker",
    title="Docker: version, configuration, and what its daemon answers",
    chapter="containers",
    key=(
        "version: of the daemon that runs, else of dockerd; api: the newest version of its API; socket: whether it "
        "answers; storage_driver, cgroup_driver, cgroup_version, logging_driver, live_restore, runtime (the default "
        "one), data_root and security as the daemon has them; config. and a key of daemon.json, dots between tables, "
        "as in config.log-opts.max-size"
    ),
    keys=(*KEYS, f"{CONFIG}*"),
    main="value",
    properties={
        "value": Property(
            "text",
            "what there is of the key; of version and api in the order of versions; of socket: ok, Connection refused, "
            "status 500, no HTTP, no JSON, too long an answer, no answer in time; of a table its keys",
        )
    },
    parameters={"socket": Parameter("text", f"the Unix socket it answers at, {DOCKER.socket} if left out")},
    example={
        "version": {"at_least": "24.0"},
        "socket": {"equals": "ok"},
        "storage_driver": {"equals": "overlay2"},
        "cgroup_driver": {"equals": "systemd"},
        "live_restore": {"equals": "true"},
        "config.log-opts.max-size": {"equals": "100m"},
    },
    outcomes=(
        "A key that daemon.json does not set is absent, also where dockerd is there and the file is not: its default "
        "is not known here. na where there is no Docker, where no daemon has a socket (of all that it answers), and "
        "of what its answer has no word for. An error where it has one and does not answer (but of socket, which "
        "tells that, and of version), or where only root may ask. Below another root only config. can be told. A "
        "value that may hold a password is compared, and not shown. Flags that dockerd was given are not in "
        "daemon.json: storage_driver and the others tell what holds. Logs of json-file and local lie below data_root "
        "(log-opts.max-size bounds each), of journald in /var/log/journal: whether that disk fills the kinds "
        "container and disk tell."
    ),
    reads=[DOCKER.config, f"{DOCKER.socket}: GET /version and GET /info", "dockerd --version"],
    cost="one request of each for all items (some 10 ms, /info more with many containers); dockerd where none answers",
    observe=observe,
    discover=discover,
    effort=MAY_SPAWN,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
