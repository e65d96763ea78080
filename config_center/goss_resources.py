"""CORE. Goss's resources: which kind of ours each is, and where each of its attributes goes. Tables only.

docs/goss.md says the same for people, with the differences; a test holds the two to each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from config_center.goss_matchers import Shape

Body = Mapping[str, str | int | bool | tuple[str, ...]]  # matcher -> operand


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute that expects something.

    property  of our kind
    shape     how it reads
    in_order  our list is sorted
    words     Goss's words -> ours, where they differ
    chomped   we observe it without its last line end
    elsewhere the kind that has the property, where it is another one, under the same key
    headers   lines `Name: value`, whose names we have in small letters
    """

    property: str
    shape: Shape
    in_order: bool = False
    words: Mapping[str, str] = field(default_factory=dict)
    chomped: bool = False
    elsewhere: str = ""
    headers: bool = False


@dataclass(frozen=True, slots=True)
class Presence:
    """An attribute that is true or false, where ours is not: what each of the two expects of the property."""

    property: str
    yes: Body
    no: Body


@dataclass(frozen=True, slots=True)
class Option:
    """An attribute that says how to look: a parameter of ours.

    values  Goss's words -> ours, and no others are taken; empty: as it is
    unsaid  what the parameter is where Goss is not told; None: left out
    """

    parameter: str
    values: Mapping[str, str | int | bool] = field(default_factory=dict)
    unsaid: int | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of Goss.

    kind        ours
    name        the attribute that names the thing where the resource's own key does not
    first       the attribute by which Goss decides whether to look at the others: whether the thing is there
    attributes  what expects something
    options     what says how to look
    refused     attributes without a counterpart -> what to do instead
    prefixes    what a name begins with in Goss -> what ours begins with
    timeout_s   an item's time where the resource says none, if it is longer than ours
    refused_names  what a name begins with that has no counterpart -> what to do instead
    """

    kind: str
    name: str
    first: str
    attributes: Mapping[str, Attribute | Presence]
    options: Mapping[str, Option] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    prefixes: Mapping[str, str] = field(default_factory=dict)
    refused_names: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float | None = None


_THERE: Final[Body] = MappingProxyType({"any": True})
_ABSENT: Final[Body] = MappingProxyType({"absent": True})
_FILE_TYPES: Final = MappingProxyType(
    {"pipe": "fifo", "character-device": "character device", "block-device": "block device"}
)
# Which words of systemd's `systemctl is-enabled` and `is-active` take for a yes: Goss asks them.
_ENABLED: Final = ("enabled", "enabled-runtime", "static", "indirect", "alias", "generated")
_NOT_ENABLED: Final = ("disabled", "masked", "masked-runtime", "linked", "linked-runtime", "transient")
_RUNNING: Final = ("active", "reloading")
_NOT_RUNNING: Final = ("inactive", "failed", "activating", "deactivating")
_RECORDS: Final = ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SRV", "SSHFP", "TXT")
_REDIRECTS: Final = 10  # as many as Goss follows
_READS_ONLY: Final = "a check only asks: GET or HEAD"
_NO_SECRETS: Final = "a layer holds no secrets: look with a check of your own"

RESOURCES: Final[Mapping[str, Resource]] = {
    "file": Resource(
        "file",
        "path",
        "exists",
        {
            "exists": Attribute("exists", "flag"),
            "mode": Attribute("mode", "text"),
            "size": Attribute("size", "number"),
            "owner": Attribute("owner", "text"),
            "uid": Attribute("uid", "number"),
            "group": Attribute("group", "text"),
            "gid": Attribute("gid", "number"),
            "linked-to": Attribute("target", "text"),
            "filetype": Attribute("type", "text", words=_FILE_TYPES),
            "contents": Attribute("content", "lines"),
            "contains": Attribute("content", "lines"),
            "md5": Attribute("md5", "text"),
            "sha256": Attribute("sha256", "text"),
            "sha512": Attribute("sha512", "text"),
        },
    ),
    "package": Resource(
        "package",
        "name",
        "installed",
        {
            "installed": Presence("version", _THERE, _ABSENT),
            "versions": Attribute("version", "one"),
        },
    ),
    "service": Resource(
        "service",
        "name",
        "",
        {
            "enabled": Presence("enabled", {"one_of": _ENABLED}, {"one_of": _NOT_ENABLED}),
            "running": Presence("active", {"one_of": _RUNNING}, {"one_of": _NOT_RUNNING}),
        },
        refused={"runlevels": "only systemd's services are looked at"},
    ),
    "port": Resource(
        "port",
        "port",
        "listening",
        {
            "listening": Attribute("listening", "flag"),
            "ip": Attribute("addresses", "list", in_order=True),
        },
        prefixes={"tcp:": "tcp4:", "udp:": "udp4:"},
    ),
    "user": Resource(
        "user",
        "username",
        "exists",
        {
            "exists": Presence("uid", _THERE, _ABSENT),
            "uid": Attribute("uid", "number"),
            "gid": Attribute("gid", "number"),
            "groups": Attribute("groups", "list"),
            "home": Attribute("home", "text"),
            "shell": Attribute("shell", "text"),
        },
    ),
    "group": Resource(
        "group",
        "groupname",
        "exists",
        {
            "exists": Presence("gid", _THERE, _ABSENT),
            "gid": Attribute("gid", "number"),
        },
    ),
    "process": Resource(
        "process",
        "comm",
        "running",
        {"running": Presence("count", {"at_least": 1}, {"equals": 0})},
    ),
    "kernel-param": Resource("sysctl", "name", "", {"value": Attribute("value", "text")}),
    "mount": Resource(
        "mount",
        "mountpoint",
        "exists",
        {
            "exists": Attribute("mounted", "flag"),
            "opts": Attribute("options", "list"),
            "vfs-opts": Attribute("options", "list"),
            "source": Attribute("source", "text"),
            "filesystem": Attribute("fstype", "text"),
            "usage": Attribute("used_percent", "number", elsewhere="disk"),
        },
    ),
    "interface": Resource(
        "interface",
        "name",
        "exists",
        {
            "exists": Presence("state", _THERE, _ABSENT),
            "addrs": Attribute("addresses", "list", in_order=True),
            "mtu": Attribute("mtu", "number"),
        },
    ),
    "dns": Resource(
        "dns",
        "resolve",
        "resolvable",
        {
            "resolvable": Attribute("resolves", "flag"),
            "addrs": Attribute("addresses", "list", in_order=True),
        },
        options={"server": Option("server")},
        refused={"resolveable": "Goss calls it resolvable by now"},
        refused_names={f"{name}:": "only addresses are looked up here" for name in _RECORDS},
    ),
    "addr": Resource(
        "tcp",
        "address",
        "",
        {"reachable": Attribute("reachable", "flag")},
        refused={"local-address": "the kernel chooses the address to ask from"},
        prefixes={"tcp://": ""},
        refused_names={"udp://": "a UDP port takes everything in silence: look with a check of your own"},
    ),
    "command": Resource(
        "command",
        "exec",
        "",
        {
            "exit-status": Attribute("exit", "number"),
            "stdout": Attribute("stdout", "lines", chomped=True),
            "stderr": Attribute("stderr", "lines", chomped=True),
        },
        timeout_s=10,
    ),
    "http": Resource(
        "http",
        "url",
        "status",
        {
            "status": Attribute("status", "number"),
            "body": Attribute("body", "lines"),
            "headers": Attribute("headers", "lines", headers=True),
        },
        options={
            "method": Option("method", {"GET": "GET", "HEAD": "HEAD"}),
            "request-headers": Option("headers"),
            "allow-insecure": Option("verify", {"true": False, "false": True}),
            "no-follow-redirects": Option("redirects", {"true": 0, "false": _REDIRECTS}, unsaid=_REDIRECTS),
            "ca-file": Option("ca"),
            "cert-file": Option("cert"),
            "key-file": Option("key"),
        },
        refused={
            "request-body": _READS_ONLY,
            "username": _NO_SECRETS,
            "password": _NO_SECRETS,
            "proxy": "no proxy is used here",
        },
        timeout_s=5,
    ),
}

# Attributes of any resource that expect nothing.
COMMON: Final = ("title", "meta", "skip", "timeout", "retry_count", "retry_delay")

# Whole sections without a counterpart -> why, and what to do instead.
REFUSED: Final[Mapping[str, str]] = {
    "gossfile": "name each file in the layer's goss: list, or render them into one with `goss render`",
    "matching": "it compares what the file itself holds, and says nothing of a node: remove it",
}
