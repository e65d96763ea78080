"""One item about several things of which each must be as expected: interfaces, processors, processes. Pure."""

from __future__ import annotations

from checklib import matchers
from checklib.errors import CannotTell, CheckError, NotApplicable
from checklib.values import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from checklib.contract import Operand
    from checklib.values import Observation, Value

    Join = Callable[[list[str]], str]


WILD = frozenset("*?[")  # what makes a pattern of a key
SHOWN_MAX = 5


def some(names: Iterable[str]) -> str:
    """The first of some names, for people."""
    known = sorted(set(names))
    return ", ".join(known[:SHOWN_MAX]) + (" …" if len(known) > SHOWN_MAX else "")


def tellable(keys: Iterable[str], look: Callable[[str], object]) -> Iterator[str]:
    """Those keys of which something can be told here: what a kind that looks at each of them lists."""
    for key in keys:
        try:
            look(key)
        except (CheckError, OSError):
            continue
        yield key


class Group:
    """The things that say the same. names: of the things, in the order in which they were given."""

    __slots__ = ("deviates", "names", "value")

    def __init__(self, value: Observation, deviates: bool | None) -> None:  # noqa: FBT001 - three states, None: unknown
        self.value = value
        self.deviates = deviates
        self.names: list[str] = []


def decide(
    things: Iterable[tuple[str, Observation]],
    expected: Mapping[str, Operand],
    join: Join = ", ".join,
    tell: Callable[[object], str] = show,
) -> tuple[Observation, Callable[[], str]]:
    """The one value that decides whether all are as expected, and how to tell people of all that matter.

    things  (name, what it says), at least one
    join    how names stand together
    tell    a value as people read it
    The value is the first that deviates; else the first that cannot be told or compared, before what does not apply;
    else the first. Told are those that deviate, or where none does, all: `2 (eth0, eth1)`; where all say the same, only
    that.
    """
    groups: dict[str, Group] = {}
    for name, value in things:
        key = f"{type(value).__name__} {value}"
        if key not in groups:
            groups[key] = Group(value, _deviates(value, expected))
        groups[key].names.append(name)
    told = [group for group in groups.values() if group.deviates]
    unknown = [group for group in groups.values() if group.deviates is None]
    unknown.sort(key=lambda group: isinstance(group.value, NotApplicable))
    deciding = (told or unknown or list(groups.values()))[0]

    def say() -> str:
        if len(groups) == 1:
            return tell(deciding.value)
        return "; ".join(f"{tell(group.value)} ({join(group.names)})" for group in told or groups.values())

    return deciding.value, say


def _deviates(value: Observation, expected: Mapping[str, Operand]) -> bool | None:
    """Whether a value is certainly not as expected; None where that cannot be told."""
    if isinstance(value, Exception):
        return None
    seen = [_holds(matcher, value, operand) for matcher, operand in expected.items()]
    return True if False in seen else None if None in seen else False


def _holds(matcher: str, value: Value, operand: Operand) -> bool | None:
    try:
        return matchers.holds(matcher, value, operand, exists=value is not None and value != [])
    except CannotTell:
        return None
