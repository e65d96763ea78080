"""What kubelet and kube-proxy have in common: flags, a configuration file, a version, and a health port."""

from __future__ import annotations

import json
import re
import time

from checklib import limits
from checklib.errors import CannotTell, CheckError, NotApplicable
from checklib.kernelfs import pids_of
from checklib.settings_yaml import parse_yaml
from checklib.structured import find, parse_names
from checklib.values import Observed, Version

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from typing import Any

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.values import Observation, Value

FLAG, CONFIG = "flag.", "config."
OK = 200  # of HTTP


class Component:
    """One of the two.

    name    of its program and process
    config  where its configuration usually is: the flag --config says otherwise
    port    of its health, and the key of the configuration and the flag that say otherwise
    pki     a certificate of its own, if it has one
    """

    __slots__ = ("config", "name", "pki", "port", "port_flag", "port_key")

    def __init__(self, name: str, config: str, port: int, port_key: str, port_flag: str, pki: str = "") -> None:
        self.name = name
        self.config = config
        self.port = port
        self.port_key = port_key
        self.port_flag = port_flag
        self.pki = pki


def parse_version(text: str) -> str:
    """`Kubernetes v1.28.3` -> 1.28.3. Raises CannotTell."""
    found = re.search(r"\bv(\d{1,6}\.\d{1,6}\.[\w.+-]{1,64})", text[: limits.text_chars_max])
    if not found:
        raise CannotTell(f"{text.strip()[:80]!r} names no version")
    return found[1]


def parse_flags(text: str) -> dict[str, str]:
    """/proc/PID/cmdline -> flags by their names; one without a value is true. Of two of the same the last counts."""
    found: dict[str, str] = {}
    words = text.split("\0")[1:]
    for place, word in enumerate(words):
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("-") or not name:
            continue
        after = words[place + 1] if place + 1 < len(words) else ""
        found[name.replace("_", "-")] = value if equals else "true" if not after or after.startswith("-") else after
    return found


def parse_port(text: str) -> int:
    """`10248`, `127.0.0.1:10256` or `[::1]:10256` -> the port; 0 where there is to be none. Raises CannotTell."""
    digits = text.rpartition(":")[2]
    if not (digits.isascii() and digits.isdecimal()) or int(digits[:6]) > 65_535:
        raise CannotTell(f"{text[:40]!r} names no port")
    return int(digits[:6])


def flags(of: Component, node: Node) -> dict[str, str] | None:
    """Those of the process that runs; None where none does. Raises CannotTell where they cannot be told."""

    def look() -> dict[str, str] | None:
        pids = pids_of(node, of.name)
        if not pids:
            return None
        text = node.root.text(f"/proc/{pids[0]}/cmdline", limits.arguments_bytes_max)
        if not text.strip("\0\n"):
            raise CannotTell(f"{of.name} runs, and its arguments are not told: it is just ending, or is hidden")
        return parse_flags(text)

    return node.once(f"flags of {of.name}", look)


def _flags_or_none(of: Component, node: Node) -> dict[str, str]:
    try:
        return flags(of, node) or {}
    except CheckError:  # of a tree without /proc
        return {}


def config(of: Component, node: Node) -> Any:
    """The configuration file, as a tree. Raises NotApplicable where there is none, CannotTell, OSError."""
    path = _flags_or_none(of, node).get("config", of.config)

    def load() -> Any:
        if not path.startswith("/") or not node.root.exists(path):
            raise NotApplicable(f"{of.name} has no configuration: there is no {path[:200]}{node.root.whereabouts()}")
        try:
            tree = parse_yaml(node.root.written(path))
        except CannotTell as error:
            raise CannotTell(f"{path}: {error}") from error
        if not isinstance(tree, dict) or not tree.get("kind"):
            raise CannotTell(f"{path} is no configuration of {of.name}: it says no kind")
        return tree

    return node.once(f"configuration of {of.name}", load)


def observe(of: Component, item: Item, node: Node) -> Observed:
    """One key of a component."""
    if item.key.startswith(FLAG):
        running = flags(of, node)
        if running is None:
            raise NotApplicable(f"no {of.name} runs here")
        value = running.get(item.key[len(FLAG) :].lstrip("-").replace("_", "-"))
        return Observed({"value": value}, exists=value is not None)
    if item.key.startswith(CONFIG):
        there, tree = find(config(of, node), parse_names(item.key[len(CONFIG) :]))
        return Observed({"value": plain(tree) if there else None}, exists=there)
    if item.key == "version":
        ended = node.tool(of.name, "--version", timeout_s=item.timeout_s, na=f"there is no {of.name} here")
        return Observed({"value": Version(parse_version(ended.stdout), "plain")})
    if item.key == "health":
        return Observed({"value": _health(of, item, node)})
    if item.key == "certificate" and of.pki:
        return _certificate(of, node)
    known = ["version", "health", *(["certificate"] if of.pki else []), f"{FLAG}NAME", f"{CONFIG}NAME"]
    raise CannotTell(f"a {of.name} has no {item.key[:80]!r}: known are {', '.join(known)}")


def plain(tree: Any) -> Value:
    """A value of the configuration as matchers compare it; of a table its keys, of what a list holds JSON."""
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return tree
    if isinstance(tree, dict):
        return [str(name) for name in tree]
    if isinstance(tree, list):
        few = tree[: limits.settings_told_max]
        return [one if isinstance(one, str) else json.dumps(one, default=str) for one in few]
    return str(tree)


def _port(of: Component, node: Node) -> int:
    given = _flags_or_none(of, node).get(of.port_flag)
    if given is None:
        try:
            there, told = find(config(of, node), [of.port_key])
        except NotApplicable:
            there = False
        given = str(told) if there and told else str(of.port)
    return parse_port(given)


def _health(of: Component, item: Item, node: Node) -> Observation:
    """ok, or what is wrong, in words that are the same on every node."""
    if not node.root.is_host:
        raise NotApplicable(f"whether {of.name} answers says nothing of {node.root.path}")
    if flags(of, node) is None and not node.root.exists(of.config):
        raise NotApplicable(f"no {of.name} runs here, and it has no {of.config}")
    port = _port(of, node)
    if not port:
        raise NotApplicable(f"{of.name} is told to have no health port")
    status = ask("127.0.0.1", port, "/healthz", item.timeout_s)
    return "ok" if status == OK else status if isinstance(status, str) else f"status {status}"


def ask(host: str, port: int, path: str, timeout_s: float, tls: ssl.SSLContext | None = None) -> int | str:
    """The status that an HTTP server gives, or why there is none. Little of its body is read. tls: None for plain."""
    from http.client import HTTPConnection, HTTPException, HTTPSConnection

    from checklib.tls import explain

    within_s = max(0.05, timeout_s / 2)
    line = (
        HTTPSConnection(host, port, timeout=within_s, context=tls)
        if tls
        else HTTPConnection(host, port, timeout=within_s)
    )
    try:
        line.request("GET", path, headers={"Connection": "close"})
        return line.getresponse().status
    except HTTPException:
        return "no HTTP"
    except OSError as error:
        return explain(error)
    finally:
        line.close()


def _certificate(of: Component, node: Node) -> Observed:
    from checklib import x509

    if not node.root.exists(of.pki):
        raise NotApplicable(f"there is no {of.pki}{node.root.whereabouts()}")
    found = x509.read_certificates(node.root.read(of.pki, limits.certificate_file_bytes_max))
    if not found:
        raise CannotTell(f"{of.pki} holds no certificate")
    return Observed({"days_left": x509.days_between(found[0].not_after, time.time()), "value": found[0].subject()})


def discover(of: Component, node: Node) -> Iterator[str]:
    """What can be told here without starting a program."""
    running = _flags_or_none(of, node)
    yield from (f"{FLAG}{name}" for name in running)
    try:
        tree = config(of, node)
    except (CheckError, OSError):
        return
    told = tree.items() if isinstance(tree, dict) else ()
    yield from (f"{CONFIG}{name}" for name, value in told if value is not None and re.fullmatch(r"\w+", str(name)))
