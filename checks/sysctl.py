"""Kernel parameters, as sysctl(8) names them, from /proc/sys below the root; also of a network namespace."""

from __future__ import annotations

from checklib import limits, parameters
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Parameter, Property
from checklib.several import WILD, decide
from checklib.values import Observed, Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.values import Observation

    Told = str | CannotTell | None  # a parameter's text, or why it cannot be told; None: it is not there

PROC_SYS = "/proc/sys"
VALUE_BYTES_MAX = 65_536
DEPTH_MAX = 12  # directories below /proc/sys: the kernel has 5
OF_NAMESPACE = "net/"  # all others are the same in every network namespace


def parse_key(key: str) -> str:
    """The file below /proc/sys that a parameter's name means. Raises CannotTell where it cannot be one.

    As sysctl(8): names are separated by dots, and then a slash stands for a dot within a name
    (net.ipv4.conf.eth0/100.rp_filter); where the first separator is a slash, it is the other way round.
    """
    dot, slash = key.find("."), key.find("/")
    path = key if slash >= 0 and not 0 <= dot < slash else key.translate({ord("."): "/", ord("/"): "."})
    if any(part in {"", ".", ".."} for part in path.split("/")):
        raise CannotTell(f"{key[:80]!r} names no kernel parameter")
    return path


def observe(item: Item, node: Node) -> Observed:
    """The parameter's value; one that this kernel does not have is absent. Of several, the one that decides."""
    path = parse_key(item.key)
    netns = item.parameters.get("netns")
    if netns is not None:
        return _several(item, path, list(_within(item, node, path, str(netns))))
    if WILD.isdisjoint(path):
        text = _read(node, path)
        return Observed({"value": None}, exists=False) if text is None else Observed({"value": Words(text)})
    return _several(item, path, [("", found, _told(node, found)) for found in expand(path, _lister(node))])


def expand(path: str, names: Callable[[str], list[str]]) -> list[str]:
    """The paths that a path with wildcards stands for; * does not cross a slash. names: what is in a directory."""
    from fnmatch import fnmatchcase  # seldom needed

    found = [""]
    for part in path.split("/"):
        if WILD.isdisjoint(part):
            found = [f"{one}/{part}" for one in found]
        else:
            found = [f"{one}/{name}" for one in found for name in names(one) if fnmatchcase(name, part)]
        if len(found) > limits.wildcard_matches_max:
            raise CannotTell(f"{path[:80]} stands for more than {limits.wildcard_matches_max} parameters")
    return [one[1:] for one in found]


def _lister(node: Node) -> Callable[[str], list[str]]:
    """Each directory is listed once for all items."""
    return lambda path: node.once(f"sysctl {path}", lambda: node.root.names(PROC_SYS + path))


def _read(node: Node, path: str) -> str | None:
    try:
        return node.root.text(f"{PROC_SYS}/{path}", VALUE_BYTES_MAX)
    except (FileNotFoundError, NotADirectoryError):
        node.once("sysctl", lambda: _has_parameters(node))
        return None


def _told(node: Node, path: str) -> Told:
    try:
        return _read(node, path)
    except OSError as error:
        return CannotTell(f"{PROC_SYS}/{path}: {error.strerror}")


def _has_parameters(node: Node) -> None:
    if not node.root.exists(PROC_SYS):
        raise NotApplicable(f"there is no {PROC_SYS}{node.root.whereabouts()}")


def _several(item: Item, path: str, told: list[tuple[str, str, Told]]) -> Observed:
    """One value for all that a wildcard or several namespaces stand for. told: (namespace, path, what is there)."""
    passed = set(parameters.words(item, "except"))
    things: list[tuple[str, Observation]] = []
    places = 0
    for namespace, found, text in told:
        names = [here for here, wanted in zip(found.split("/"), path.split("/")) if not WILD.isdisjoint(wanted)]
        if passed.isdisjoint(names):
            places += 1
            if text is not None:
                name = "/".join([namespace, *names] if namespace else names)
                things.append((name, Words(text) if isinstance(text, str) else text))
    if things:
        value, say = decide(things, item.expect["value"])
        return Observed({"value": value}, shown={"value": say})
    if not places and "absent" not in item.expect["value"]:
        raise NotApplicable(f"nothing here is called {item.key}")
    return Observed({"value": None}, exists=False)


def _within(item: Item, node: Node, path: str, netns: str) -> Iterator[tuple[str, str, Told]]:
    """The same in each network namespace that is meant; one process looks up all items' parameters there."""
    from checklib.netns import find, within

    if not path.startswith(OF_NAMESPACE):
        raise CannotTell(f"{item.key} is the same in every network namespace: only net.* differs")
    for name, place in node.once(f"netns {netns}", lambda: find(node, netns)).items():
        seen = node.once(f"sysctl in {place}", lambda place=place: within(place, lambda: _all(node)))  # type: ignore[misc]
        if isinstance(seen[path], str):
            raise CannotTell(seen[path])
        for found, text, error in seen[path]:
            yield name, found, CannotTell(error) if error else text


def _all(node: Node) -> dict[str, list[tuple[str, str | None, str]] | str]:
    """In a namespace: an item's path -> (path, its text, why it cannot be told) of all it means; or why that fails."""
    seen: dict[str, list[tuple[str, str | None, str]] | str] = {}
    for path in _paths(node):
        try:
            found = expand(path, lambda directory: node.root.names(PROC_SYS + directory))
        except CannotTell as error:
            seen[path] = str(error)
            continue
        told = [(one, _told(node, one)) for one in found]
        seen[path] = [(one, None, str(text)) if isinstance(text, CannotTell) else (one, text, "") for one, text in told]
    return seen


def _paths(node: Node) -> Iterator[str]:
    for key in node.keys("sysctl"):
        try:
            path = parse_key(key)
        except CannotTell:  # told when that item is looked at
            continue
        if path.startswith(OF_NAMESPACE):
            yield path


def discover(node: Node) -> Iterator[str]:
    """All parameters that can be read now: some refuse until something else is set."""
    waiting, looked = [""], 0
    while waiting and looked < limits.find_entries_max:
        directory = waiting.pop()
        looked += 1
        for name in node.root.names(PROC_SYS + directory):
            path = f"{directory}/{name}"
            try:
                node.root.text(PROC_SYS + path, VALUE_BYTES_MAX)
            except CannotTell:  # a directory
                waiting += [path] if path.count("/") < DEPTH_MAX else []
            except OSError:
                continue
            else:
                yield path[1:]


KIND = Kind(
    "sysctl",
    title="a kernel parameter, or the same one of all interfaces",
    chapter="system",
    key=(
        "the parameter's name, as sysctl(8) takes it; * stands for any name between two dots, as in "
        "net.ipv4.conf.*.rp_filter, and then all must be as expected"
    ),
    main="value",
    properties={"value": Property("text", "its value; numbers compare as numbers, white space means nothing")},
    parameters={
        "except": Parameter("list", "names that * does not stand for, such as lo"),
        "netns": Parameter(
            "text",
            "look in this network namespace: a name below /run/netns, where * means all that match, or process:NAME or "
            "process:/PID/FILE for those of a process",
        ),
    },
    example={"vm.swappiness": {"at_most": 10}},
    outcomes=(
        "A parameter that this kernel does not have is absent; na where there is no /proc/sys, where a * stands for "
        "nothing, and where there is no such network namespace. Of several parameters those that deviate are named. "
        "Any root with a /proc/sys can be looked at; network namespaces are the machine's own, and entering one needs "
        "root, in a process that does nothing else."
    ),
    reads=["/proc/sys", "/run/netns", "/proc/PID/ns/net"],
    cost=(
        "one read below /proc/sys: 300 parameters take a few milliseconds, and so do 300 interfaces of one *; one "
        "fork for each network namespace, for all items together"
    ),
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
