"""All that lies below a directory, each held to what is expected of all; those that deviate are named."""

from __future__ import annotations

import stat

from checklib import matchers, parameters
from checklib.accounts import name_of
from checklib.errors import CannotTell, NotApplicable
from checklib.values import Mode, Observed, Value, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator

    from checklib.contract import Expect, Item
    from checklib.node import Node
    from checklib.values import Observation

TREES: dict[str, Callable[[int], bool]] = {
    "files": stat.S_ISREG,
    "directories": stat.S_ISDIR,
    "all": lambda mode: not stat.S_ISLNK(mode),  # a link has no mode of its own
}
OF_EACH = frozenset({"mode", "owner", "group", "size"})
OF_THE_WHOLE = frozenset({"exists", "type", "entries"})
PATHS_TOLD = 5  # of those that deviate
VALUES_SHOWN = 10


def below(path: str, node: Node, depth: int | None) -> Iterator[tuple[str, os.stat_result]]:
    """Path and lstat(2) of what lies below a directory. Raises CannotTell where it is none, or holds too much."""
    if not stat.S_ISDIR(node.root.stat(path).st_mode):
        raise CannotTell(f"{path} is no directory, so that nothing lies below it")
    return node.root.find(path, depth=depth)


def look_through(item: Item, node: Node, values: dict[str, Observation]) -> Observed:
    """What is expected of mode, owner, group and size is expected of each; values: what is known of the whole.

    Each of these properties is told as the first that deviates in it has it: so the judge finds what is found here.
    """
    which = str(item.parameters["tree"])
    if which not in TREES:
        raise CannotTell(f"the parameter tree is one of {', '.join(TREES)}")
    strange = sorted(set(item.expect) - OF_EACH - OF_THE_WHOLE)
    if strange:
        raise CannotTell(f"{strange[0]} is of one file, and not of a tree")
    depth = item.parameters.get("depth")
    if isinstance(depth, (int, float)) and depth < 1:
        raise CannotTell("the parameter depth is at least 1")
    patterns = parameters.words(item, "names")
    each = _Each({name: expected for name, expected in item.expect.items() if name in OF_EACH}, node)
    for path, status in below(item.key, node, int(depth) if isinstance(depth, (int, float)) else None):
        if TREES[which](status.st_mode) and (not patterns or _fits(path.rpartition("/")[2], patterns)):
            each.add(path, status)
    return each.observed(values, f"there are no {which.replace('all', 'files')} of that kind below {item.key}")


def _fits(name: str, patterns: list[str]) -> bool:
    from fnmatch import fnmatchcase

    return any(fnmatchcase(name, pattern) for pattern in patterns)


class _Each:
    """Holds one file after the other to what is expected of all."""

    def __init__(self, expect: Expect, node: Node) -> None:
        self._expect = expect
        self._node = node
        self._judged: dict[tuple[Value, ...], list[str]] = {}  # values -> the properties that deviate: most are alike
        self._seen: dict[str, dict[Value, None]] = {name: {} for name in expect}
        self._wrong: dict[str, dict[Value, None]] = {name: {} for name in expect}
        self._paths: list[str] = []
        self._count = self._deviating = 0

    def add(self, path: str, status: os.stat_result) -> None:
        """One file."""
        self._count += 1
        values = {name: _of_each(name, status, self._node) for name in self._expect}
        key = tuple(values.values())
        if key not in self._judged:
            self._judged[key] = [name for name, value in values.items() if not self._holds(name, value)]
        for name, value in values.items():
            self._seen[name][value] = None
        for name in self._judged[key]:
            self._wrong[name][values[name]] = None
        if self._judged[key]:
            self._deviating += 1
            self._paths += [path] if self._deviating <= PATHS_TOLD else []

    def _holds(self, name: str, value: Value) -> bool:
        expected = self._expect[name].items()
        return all(matchers.holds(matcher, value, operand, exists=True) for matcher, operand in expected)

    def observed(self, whole: dict[str, Observation], none: str) -> Observed:
        """Shown are all values that deviate, or all there are."""
        told = {name: list(self._wrong[name] or self._seen[name]) for name in self._expect}
        values = {name: some[0] if some else NotApplicable(none) for name, some in told.items()}
        shown = {name: _listed(some).__str__ for name, some in told.items()}
        return Observed({**whole, **values, "entries": self._count}, note=self._note(), shown=shown)

    def _note(self) -> str:
        more = ", …" if self._deviating > PATHS_TOLD else ""
        return f"{self._deviating} of {self._count} deviate: {', '.join(self._paths)}{more}" if self._deviating else ""


def _listed(values: list[Value]) -> str:
    return show(sorted(map(show, values))[:VALUES_SHOWN])


def _of_each(name: str, status: os.stat_result, node: Node) -> Value:
    if name == "mode":
        return Mode(stat.S_IMODE(status.st_mode))
    if name == "size":
        return status.st_size
    return name_of(node, "user" if name == "owner" else "group", status.st_uid if name == "owner" else status.st_gid)
