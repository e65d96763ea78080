"""Kernel parameters, as sysctl(8) names them, from /proc/sys below the root; also of a network namespace.

And what the next boot makes of them, by the files of sysctl.d(5).
"""

from __future__ import annotations

from checklib import limits, parameters, sysctlfiles
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Parameter, Property
from checklib.several import WILD, decide, some
from checklib.sysctlfiles import expand, name_of, parse_key
from checklib.values import Observed, Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.sysctlfiles import Boot
    from checklib.values import Observation

    Told = str | CannotTell | None  # a parameter's text, or why it cannot be told; None: it is not there

PROC_SYS = "/proc/sys"
VALUE_BYTES_MAX = 65_536
DEPTH_MAX = 12  # directories below /proc/sys: the kernel has 5
OF_NAMESPACE = "net/"  # all others are the same in every network namespace
ALL = "all"
AT_BOOT = frozenset({"configured", "applied"})
_READABLE = 0o444


def observe(item: Item, node: Node) -> Observed:
    """What is seen of a parameter; one that this kernel does not have is absent. Of several, the one that decides."""
    if item.key == ALL:
        return _all_set(item, node)
    path = parse_key(item.key)
    if "except" in item.parameters and WILD.isdisjoint(path):
        raise CannotTell(f"`except` is for the names that a * stands for: there is none in {item.key}")
    netns = item.parameters.get("netns")
    if netns is not None:
        if not AT_BOOT.isdisjoint(item.expect):
            raise CannotTell("what files set at boot is not of a network namespace: ask it of the machine")
        return _several(item, node, path, list(_within(item, node, path, str(netns))))
    if not AT_BOOT.isdisjoint(item.expect):
        return _at_boot(item, node, path)
    if WILD.isdisjoint(path):
        text = _read(node, path)
        return Observed({"value": None}, exists=False) if text is None else Observed({"value": Words(text)})
    return _several(item, node, path, _found(node, path))


def _found(node: Node, path: str) -> list[tuple[str, str, Told]]:
    """(namespace: none, path, what is there) of all that a path with or without wildcards stands for."""
    return [("", found, _told(node, found)) for found in expand(path, _lister(node))]


def _lister(node: Node) -> Callable[[str], list[str]]:
    """Each directory is listed once for all items."""
    return lambda path: node.once(f"sysctl {path}", lambda: node.root.names(PROC_SYS + path))


def _read(node: Node, path: str) -> str | None:
    try:
        return node.root.text(f"{PROC_SYS}/{path}", VALUE_BYTES_MAX)
    except (FileNotFoundError, NotADirectoryError):
        _hold_parameters(node)
        return None


def _told(node: Node, path: str) -> Told:
    try:
        return _read(node, path)
    except OSError as error:
        return CannotTell(f"{PROC_SYS}/{path}: {error.strerror}")


def _hold_parameters(node: Node) -> None:
    """Where there are none, or an empty directory hides them, none is absent: nobody could look."""
    if not _lister(node)(""):
        raise NotApplicable(f"there is nothing in {PROC_SYS}{node.root.whereabouts()}")


def _several(
    item: Item, node: Node, path: str, told: list[tuple[str, str, Told]], boot: Boot | None = None
) -> Observed:
    """One value for all that a wildcard or several namespaces stand for. told: (namespace, path, what is there)."""
    passed = set(parameters.words(item, "except"))
    things: list[tuple[str, str, Told]] = []
    for namespace, found, text in told:
        names = [here for here, wanted in zip(found.split("/"), path.split("/")) if not WILD.isdisjoint(wanted)]
        if passed.isdisjoint(names):
            things.append(("/".join([namespace, *names] if namespace else names), found, text))
    there = [one for one in things if one[2] is not None]
    if not there:
        _hold_parameters(node)
    if not things and not any("absent" in expected for expected in item.expect.values()):
        raise NotApplicable(f"nothing here is called {item.key}")
    values: dict[str, Observation] = {}
    shown, notes = {}, []
    for name, expected in item.expect.items():
        looks = [(called, found, _look(name, found, text, boot)) for called, found, text in there]
        if name == "applied" and boot is not None:
            notes = [boot.change(found) for _, found, value in looks if value is False]
            # Nobody configures a name that a pattern of sysctl.d was told to leave out.
            looks = [one for one in looks if not isinstance(one[2], NotApplicable)] or looks
        if looks:
            values[name], shown[name] = decide([(called, value) for called, _, value in looks], expected)
    return Observed(values, exists=bool(there), shown=shown, note=some(notes))


def _look(name: str, path: str, text: Told, boot: Boot | None) -> Observation:
    """One property of a parameter that is there, or of which it cannot be told."""
    if boot is not None and name == "configured":
        return boot.configured(path)
    if not isinstance(text, str):
        return text
    return boot.applied(path, text) if boot is not None and name == "applied" else Words(text)


def _at_boot(item: Item, node: Node, path: str) -> Observed:
    """Also what is configured. Where only that is asked, no kernel needs to run: an image has files too."""
    boot = node.once("sysctl.d", lambda: sysctlfiles.read_boot(node))
    if not WILD.isdisjoint(path):
        return _several(item, node, path, _found(node, path), boot)
    text = _told(node, path) if {"value", "applied"} & set(item.expect) else None
    values = {name: _look(name, path, text, boot) for name in item.expect}
    exists = text is not None or "value" not in item.expect
    return Observed(values, exists=exists, note=boot.change(path) if values.get("applied") is False else "")


def _all_set(item: Item, node: Node) -> Observed:
    """Whether all that files set is as they set it. What cannot be read or is not there does not count."""
    none = NotApplicable(f"{ALL} parameters together have none: name one")
    values: dict[str, Observation] = dict.fromkeys(item.expect, none)
    if "applied" not in item.expect:
        return Observed(values)
    _hold_parameters(node)
    boot = node.once("sysctl.d", lambda: sysctlfiles.read_boot(node))
    looks = {path: _look("applied", path, text, boot) for path, text in _set_here(item, node, boot)}
    untold = [value for value in looks.values() if isinstance(value, CannotTell)]
    differing = [path for path, value in looks.items() if value is False]
    if differing:
        values["applied"] = False
    elif untold:
        values["applied"] = untold[0]
    else:
        values["applied"] = True if looks else NotApplicable("no file sets a parameter that this kernel has")
    shown = {"applied": lambda: f"false ({some(map(name_of, differing))})"} if differing else {}
    return Observed(values, shown=shown, note=some(map(boot.change, differing)))


def _set_here(item: Item, node: Node, boot: Boot) -> Iterator[tuple[str, Told]]:
    """The parameters that files set and this kernel has, and what they are now."""
    from fnmatch import fnmatchcase

    passed = parameters.words(item, "except")
    paths = dict.fromkeys(path for pattern in boot.settings for path in expand(pattern, _lister(node)))
    for path in paths:
        if boot.of(path) is None or any(fnmatchcase(name_of(path), pattern) for pattern in passed):
            continue
        text = None if _is_order(node, path) else _told(node, path)
        if text is not None:
            yield path, text


def _is_order(node: Node, path: str) -> bool:
    """Whether it can only be written to, as net.ipv4.route.flush; or is not there."""
    try:
        return not node.root.stat(f"{PROC_SYS}/{path}").st_mode & _READABLE
    except (FileNotFoundError, NotADirectoryError):
        return True


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
    title="a kernel parameter, or the same one of all interfaces; now, and after the next boot",
    chapter="system",
    key=(
        "the parameter's name, as sysctl(8) takes it; * stands for any name between two dots, as in "
        "net.ipv4.conf.*.rp_filter, and then all must be as expected; all: every parameter that files set at boot"
    ),
    main="value",
    properties={
        "value": Property("text", "its value; numbers compare as numbers, white space means nothing"),
        "configured": Property(
            "text", "what the files that are read at boot set it to, whatever it is now; absent where none does"
        ),
        "applied": Property(
            "bool",
            "whether it is now what those files set: where not, the next boot changes it, and it is said to what",
        ),
    },
    parameters={
        "except": Parameter(
            "list",
            "names that * does not stand for, such as lo (an error where the key has no *); of all: parameters, such "
            "as net.ipv4.* or vm.swappiness",
        ),
        "netns": Parameter(
            "text",
            "look in this network namespace: a name below /run/netns, where * means all that match, or process:NAME or "
            "process:/PID/FILE for those of a process",
        ),
    },
    example={
        "vm.swappiness": {"at_most": 10, "expect": {"configured": {"at_most": 10}}},
        "all": {"with": {"except": ["net.netfilter.*"]}, "expect": {"applied": True}},
    },
    outcomes=(
        "A parameter that this kernel does not have is absent; na where there is nothing in /proc/sys, where a * "
        "stands for nothing, and where there is no such network namespace. Of several those that deviate are named. "
        "Any root with a /proc/sys can be looked at; network namespaces are the machine's own, and entering one needs "
        "root, in a process that does nothing else. Files are read as systemd-sysctl does: one of /etc/sysctl.d hides "
        "its namesakes in the directories behind it, of all files the last by name counts, and a name before any "
        "pattern. /etc/sysctl.conf counts where a link in /etc/sysctl.d leads to it, or last where there is no "
        "systemd. configured can be asked of any root with these files. applied is na of what no file sets: a value "
        "that must outlive a boot is best held to by configured. all passes over what this kernel does not have and "
        "what can only be written. A list as 1,2,3 that the kernel writes as 1-3 is not taken for the same."
    ),
    reads=["/proc/sys", "/run/netns", "/proc/PID/ns/net", *sysctlfiles.DIRECTORIES, sysctlfiles.LAST],
    cost=(
        "one read below /proc/sys: 300 parameters take a few milliseconds, and so do 300 interfaces of one *; the "
        "files that are read at boot once for all items; one fork for each network namespace, for all items together"
    ),
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
