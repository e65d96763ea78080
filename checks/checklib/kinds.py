"""What a kind of check is, as data: the same definition validates layers, checks requests and is printed for people."""

from __future__ import annotations

from checklib import limits, matchers
from checklib.contract import CONTRACT
from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from checklib.contract import Expect, Item
    from checklib.node import Node
    from checklib.values import Observed

    Observe = Callable[[Item, Node], Observed]
    Discover = Callable[[Node], Iterable[str]]

# word: text that has no order: a name, a state, a hash. mode: permissions, compared bit by bit.
PROPERTY_TYPES = ("text", "word", "number", "version", "mode", "bool", "list")
PARAMETER_TYPES = ("argv", "text", "number", "bool", "list")

CHAPTERS = ("system", "files", "accounts", "software", "network", "hardware", "containers", "faults", "your own")

# What a kind does to observe, cheapest first: a batch looks at its items in this order.
READS, MAY_SPAWN, SPAWNS = 0, 1, 2


class Property:
    """Something observed of an item.

    type  one of PROPERTY_TYPES, how values are to be written and compared
    unit  of a number: percent, bytes, MiB, s, …; empty where it counts things
    """

    __slots__ = ("title", "type", "unit")

    def __init__(self, type_: str, title: str, *, unit: str = "") -> None:
        self.type = type_
        self.title = title
        self.unit = unit


class Parameter:
    """Something the check must be told; written under `with`. type: one of PARAMETER_TYPES; argv: a list, no shell."""

    __slots__ = ("required", "title", "type")

    def __init__(self, type_: str, title: str, *, required: bool = False) -> None:
        self.type = type_
        self.title = title
        self.required = required


class Kind:
    """One kind of item.

    title    what it checks, in half a sentence
    chapter  one of CHAPTERS, where the catalogue has it
    key      what an item's key names
    keys     all that it may be, `cpu.*` for all that begin so; empty: others too
    key_begins  what it must begin with; may be empty
    main     the property that a plain value belongs to
    default  what is expected of an item that says nothing; None: it must say something
    example  one or more items' bodies as YAML holds them, each under its key: {"vm.swappiness": {"at_most": 10}}
    outcomes when it is na and when an error, and what can be told below another root; sentences
    reads    the files it reads and the programs it runs
    cost     what observing costs a node, for people
    effort   READS, MAY_SPAWN or SPAWNS
    timeout_s  an item's time, where it names none itself
    observe  item, node -> what is seen; raises NotApplicable, CannotTell or OSError
    discover node -> keys of what is there, each of which can be observed without an error; None: cannot be listed
    """

    __slots__ = (
        "chapter", "cost", "default", "discover", "effort", "example", "key", "key_begins", "keys", "main", "name",
        "observe", "outcomes", "parameters", "properties", "reads", "timeout_s", "title",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - a definition, in which every part has its name
        self,
        name: str,
        *,
        title: str,
        chapter: str,
        key: str,
        main: str,
        properties: Mapping[str, Property],
        example: Mapping[str, Any],
        outcomes: str,
        reads: Iterable[str],
        cost: str,
        observe: Observe,
        discover: Discover | None = None,
        parameters: Mapping[str, Parameter] | None = None,
        default: Expect | None = None,
        effort: int = READS,
        timeout_s: float = limits.timeout_s_default,
        keys: Iterable[str] = (),
        key_begins: str = "",
    ) -> None:
        self.name = name
        self.title = title
        self.chapter = chapter
        self.key = key
        self.keys = tuple(keys)
        self.key_begins = key_begins
        self.main = main
        self.properties = properties
        self.parameters = parameters or {}
        self.default = default
        self.example = example
        self.outcomes = outcomes
        self.reads = tuple(reads)
        self.cost = cost
        self.effort = effort
        self.timeout_s = timeout_s
        self.observe = observe
        self.discover = discover


def describe(kinds: Iterable[Kind]) -> dict[str, Any]:
    """The catalogue as JSON: {"contract": 1, "matchers": {name: {"operand": ...}}, "kinds": {name: {...}}}."""
    return {
        "contract": CONTRACT,
        "matchers": {name: {"operand": operand} for name, operand in matchers.OPERANDS.items()},
        "kinds": {
            kind.name: {
                "title": kind.title,
                "chapter": kind.chapter,
                "key": kind.key,
                "keys": list(kind.keys),
                "key_begins": kind.key_begins,
                "main": kind.main,
                "properties": {
                    name: {"type": property_.type, "unit": property_.unit, "title": property_.title}
                    for name, property_ in kind.properties.items()
                },
                "parameters": {
                    name: {"type": parameter.type, "required": parameter.required, "title": parameter.title}
                    for name, parameter in kind.parameters.items()
                },
                "default": kind.default,
                "example": kind.example,
                "outcomes": kind.outcomes,
                "reads": list(kind.reads),
                "cost": kind.cost,
                "timeout_s": kind.timeout_s,
            }
            for kind in kinds
        },
    }


def hold_to(kind: Kind, item: Item) -> None:
    """Give the item the kind's default where it expects nothing. Raises CannotTell where it does not fit the kind."""
    if item.mistake:
        raise CannotTell(item.mistake)
    if not item.expect:
        if kind.default is None:
            raise CannotTell("nothing is expected of this item")
        item.expect = kind.default
    _known("property", item.expect, kind.properties)
    _known("parameter", item.parameters, kind.parameters)
    for name, parameter in kind.parameters.items():
        if name in item.parameters:
            _check_parameter(name, parameter, item.parameters[name])
        elif parameter.required:
            raise CannotTell(f"the parameter {name} is missing")


def _known(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    strange = sorted(set(names) - set(known))
    if strange:
        raise CannotTell(f"there is no {what} {strange[0][:80]!r}: known are {', '.join(known) or 'none'}")


def _check_parameter(name: str, parameter: Parameter, value: object) -> None:
    """Raises CannotTell where the value is not of the parameter's type."""
    if parameter.type in {"argv", "list"}:
        fits = isinstance(value, list) and all(isinstance(word, str) and "\0" not in word for word in value)
        fits = fits and (parameter.type == "list" or value[0] != "")  # type: ignore[index]  # it is a list by now
    elif parameter.type == "text":
        fits = isinstance(value, str) and "\0" not in value
    elif parameter.type == "bool":
        fits = isinstance(value, bool)
    else:
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits:
        wanted = {"argv": "a list of texts", "list": "a list of texts"}.get(parameter.type, f"a {parameter.type}")
        raise CannotTell(f"the parameter {name} is not {wanted}")
