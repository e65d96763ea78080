"""CNI of a node: the network that its containers get, its plugins, and files that are in each other's way."""

from __future__ import annotations

import re
import stat

from checklib import limits, matchers
from checklib.errors import CannotTell, CheckError, NotApplicable
from checklib.kinds import Kind, Property
from checklib.structured import parse_json
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from checklib.contract import Item
    from checklib.node import Node

FOLDER = "/etc/cni/net.d"
ENDINGS = (".conf", ".conflist", ".json")  # libcni looks at no others
DIRECTORIES = ("/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni")
PLUGIN = "plugin."
EXECUTABLE = "executable"
_NAME = re.compile(r"[a-zA-Z0-9][\w.-]{0,252}", re.ASCII)


def parse_network(text: str) -> tuple[str, list[str]]:
    """A configuration -> the network's name and the types of its plugins, in order. Raises CannotTell.

    One with `plugins` is a list; any other is one plugin.
    """
    tree = parse_json(text)
    if not isinstance(tree, dict):
        raise CannotTell("it is no object")
    plugins = tree.get("plugins", [tree])
    types = [one.get("type") if isinstance(one, dict) else None for one in plugins] if isinstance(plugins, list) else []
    if not types or not all(isinstance(one, str) and _NAME.fullmatch(one) for one in types):
        raise CannotTell("it names no plugins by their type")
    name = tree.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CannotTell("it names no network")
    return name, [str(one) for one in types]


def _files(node: Node) -> list[str]:
    """Names of the configurations, in the order in which they count. Raises NotApplicable, CannotTell."""
    if not node.root.exists(FOLDER):
        raise NotApplicable(f"there is no {FOLDER}{node.root.whereabouts()}")
    names = [name for name in node.root.names(FOLDER) if name.endswith(ENDINGS)]
    if len(names) > limits.network_files_max:
        raise CannotTell(f"{FOLDER} has more than {limits.network_files_max} configurations")
    return names


def _read(node: Node, name: str) -> tuple[str, list[str]]:
    """One configuration, whose ending says whether it is to be a list. Raises CannotTell, OSError."""
    text = node.root.text(f"{FOLDER}/{name}")
    tree: Any = parse_json(text)
    if isinstance(tree, dict) and ("plugins" in tree) != name.endswith(".conflist"):
        raise CannotTell("a .conflist has plugins, and no other has")
    return parse_network(text)


def _network(node: Node) -> Observed:
    """The first that is valid, and what is before it."""
    invalid: list[str] = []
    reasons: list[str] = []
    for name in _files(node):
        try:
            network, types = _read(node, name)
        except (CannotTell, FileNotFoundError) as error:
            invalid.append(name)
            reasons.append(f"{name}: {error if isinstance(error, CannotTell) else 'it leads nowhere'}")
            continue
        lacking = [one for one in dict.fromkeys(types) if _state(node, one)[0] != EXECUTABLE]
        return Observed(
            {"value": network, "plugins": types, "missing": lacking, "file": name, "invalid": invalid},
            note="; ".join(reasons),
        )
    why = reasons or [f"there is none in {FOLDER}{node.root.whereabouts()}"]
    return Observed({"invalid": invalid}, exists=False, note="; ".join(why))


def _unread(item: Item, seen: Observed) -> Observed:
    """Where there are configurations, and none that could be read: what would pass as absent cannot be told."""
    of_network = ("value", "plugins", "missing", "file")
    told = {name: matchers.untold(None, item.expect.get(name, {}), seen.note) for name in of_network}
    return Observed({**seen.values, **told}, exists=False, note=seen.note)


def _state(node: Node, name: str) -> tuple[str | None, str | None]:
    """What the first file of a plugin's name is, and where; None where there is none."""
    for directory in DIRECTORIES:
        path = f"{directory}/{name}"
        try:
            mode = node.root.stat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue
        return (EXECUTABLE if stat.S_ISREG(mode) and mode & 0o111 else "not executable"), path
    return None, None


def observe(item: Item, node: Node) -> Observed:
    """The network, a plugin, or how many configurations there are."""
    if item.key == "config":
        seen = _network(node)
        return seen if seen.exists or not seen.values["invalid"] else _unread(item, seen)
    if item.key == "conflicts":
        names = _files(node)
        return Observed({"value": len(names)}, note=" ".join(names) if len(names) > 1 else "")
    name = item.key[len(PLUGIN) :]
    if not item.key.startswith(PLUGIN) or not _NAME.fullmatch(name):
        raise CannotTell(f"cni has no {item.key[:80]!r}: known are config, conflicts, {PLUGIN}NAME")
    if not any(map(node.root.exists, (FOLDER, *DIRECTORIES))):
        raise NotApplicable(f"there is neither {FOLDER} nor {DIRECTORIES[0]}{node.root.whereabouts()}")
    state, path = _state(node, name)
    return Observed({"value": state, "file": path}, exists=state is not None)


def discover(node: Node) -> Iterator[str]:
    """All that there is here."""
    try:
        network = _network(node)
    except (CheckError, OSError):
        network = None
    if network:
        yield from ("conflicts", "config") if network.exists else ("conflicts",)
    names = dict.fromkeys(name for directory in DIRECTORIES for name in node.root.names(directory))
    yield from (f"{PLUGIN}{name}" for name in names if _NAME.fullmatch(name) and _state(node, name)[0])


KIND = Kind(
    "cni",
    title="CNI: the network that containers get, its plugins, and how many configurations there are",
    chapter="containers",
    key=(
        "config: the first valid configuration, by file name, which is the one that counts; plugin. and the name of a "
        "plugin, as in plugin.portmap; conflicts: how many configuration files there are"
    ),
    keys=("config", "conflicts", f"{PLUGIN}*"),
    main="value",
    properties={
        "value": Property(
            "text",
            "of config the network's name; of a plugin executable or not executable; of conflicts a number: with more "
            "than one, the first by name decides",
        ),
        "plugins": Property("list", "of config: the types of its plugins, in order"),
        "missing": Property("list", "of config: those of its plugins that are not there, or not executable"),
        "file": Property("text", "of config: the file's name; of a plugin its path"),
        "invalid": Property("list", "of config: files before it that are no configuration; containerd stops at these"),
    },
    example={
        "config": {
            "equals": "cbr0",
            "expect": {"plugins": ["flannel", "portmap"], "missing": {"absent": True}, "invalid": {"absent": True}},
        },
        "plugin.portmap": {"equals": "executable"},
        "conflicts": {"at_most": 1},
    },
    outcomes=(
        f"na where there is no {FOLDER}, and for plugins where there is no folder of plugins either. A plugin "
        "that is not there is absent, and so is the network where no configuration is valid, but an error if it is "
        "to be absent and one of them cannot be read. All of it can be told below another root."
    ),
    reads=[FOLDER, *DIRECTORIES],
    cost="a few small files, well below 1 ms",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
