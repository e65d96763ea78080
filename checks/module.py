"""Kernel modules and their parameters: loaded, built in, blacklisted; from /proc, /sys, modprobe.d and /lib/modules."""

from __future__ import annotations

from functools import partial

from checklib import limits, matchers
from checklib.errors import CannotTell, NotApplicable
from checklib.kernelfs import OSRELEASE, read, read_number
from checklib.kinds import Kind, Property
from checklib.modprobe import CMDLINE, DIRECTORIES, normal, read_config
from checklib.values import Observed, Version, Words, or_reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from checklib.contract import Item, Operand
    from checklib.node import Node
    from checklib.values import Observation

MODULES = "/proc/modules"
SYS_MODULE = "/sys/module"
LIB_MODULES = "/lib/modules"
LOADED, BUILTIN = "loaded", "builtin"
NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+")


class Loaded:
    """One line of /proc/modules. used: how often it is in use; by: the modules that use it; state: Live, Loading, …"""

    __slots__ = ("by", "state", "used")

    def __init__(self, used: int, by: list[str], state: str) -> None:
        self.used = used
        self.by = by
        self.state = state


def parse_modules(text: str) -> dict[str, Loaded]:
    """/proc/modules: name -> what it says. A kernel that cannot unload says `-` for the count."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) < 5:
            continue
        used = int(words[2]) if words[2].isascii() and words[2].isdigit() and len(words[2]) < 12 else 0
        found[normal(words[0])] = Loaded(used, [one for one in words[3].split(",") if one not in {"", "-"}], words[4])
    return found


def parse_names(text: str) -> set[str]:
    """modules.dep or modules.builtin: the names of all modules in it."""
    paths = (line.partition(":")[0].strip() for line in text.splitlines())
    return {normal(path.rpartition("/")[2].partition(".ko")[0]) for path in paths if ".ko" in path}


def parse_key(key: str) -> tuple[str, str]:
    """nf-conntrack -> (nf_conntrack, ""); nf_conntrack.hashsize -> both parts. Raises CannotTell where it cannot be."""
    module, dot, parameter = key.partition(".")
    if not NAME_CHARS.issuperset(normal(module)) or not module or (dot and not parameter) or "/" in parameter:
        raise CannotTell(f"{key[:80]!r} names neither a module nor, as NAME.PARAMETER, a parameter of one")
    if parameter in {".", ".."}:
        raise CannotTell(f"{key[:80]!r} names no parameter of a module")
    return normal(module), parameter


def observe(item: Item, node: Node) -> Observed:
    """A module, or the value of one of its parameters; absent where it is neither loaded nor built in."""
    module, parameter = parse_key(item.key)
    if parameter:
        return _parameter(item, node, module, parameter)
    state, note = _state(node, module), ""
    if isinstance(state, CannotTell) and not _may_hold(item.expect.get("value", {})):
        state, note = None, str(state)
    return Observed(
        {name: or_reason(partial(_told, node, module, name, state)) for name in item.expect},
        exists=state in {LOADED, BUILTIN},
        note=note,
    )


def _may_hold(expected: Mapping[str, Operand]) -> bool:
    """Whether a module that is not loaded may be as expected: built in, or not there at all."""
    return any(
        all(matchers.holds(matcher, value, operand, exists=value is not None) for matcher, operand in expected.items())
        for value in (BUILTIN, None)
    )


def _parameter(item: Item, node: Node, module: str, parameter: str) -> Observed:
    if not node.root.exists(SYS_MODULE):
        raise NotApplicable(f"there is no {SYS_MODULE}{node.root.whereabouts()}")
    strange = [name for name in item.expect if name != "value"]
    if strange:
        raise CannotTell(f"{item.key} is a parameter, which has no {strange[0]}")
    text = read(node, f"{SYS_MODULE}/{module}/parameters/{parameter}")
    there = node.root.exists(f"{SYS_MODULE}/{module}")
    return Observed(
        {"value": None if text is None else Words(text)},
        exists=text is not None,
        note="" if there else f"{module} is neither loaded nor does it tell its parameters",
    )


def _state(node: Node, module: str) -> Observation:
    """loaded, builtin, None; or why it cannot be said. What is built in without a parameter only /lib/modules tells.

    CannotTell: it is not loaded for certain.
    """
    if module in _modules(node):
        return LOADED
    if node.root.exists(f"{SYS_MODULE}/{module}"):
        return LOADED if node.root.exists(f"{SYS_MODULE}/{module}/initstate") else BUILTIN
    if not node.root.exists(SYS_MODULE) and not node.root.exists(MODULES):
        return NotApplicable(f"no kernel runs{node.root.whereabouts() or ' here'}: there is no {SYS_MODULE}")
    try:
        return BUILTIN if module in _listed(node, "modules.builtin") else None
    except NotApplicable as reason:
        return CannotTell(f"{module} is not loaded; whether it is built in cannot be told: {reason}")


def _told(node: Node, module: str, name: str, state: Observation) -> Observation:
    if name == "value":
        return state
    if name in {"blacklisted", "disabled", "options"}:
        config = node.once("modprobe.d", lambda: read_config(node))
        if name == "options":
            return config.options.get(module, [])
        return config.is_disabled(module) if name == "disabled" else module in config.blacklisted | config.refused
    if name == "available":
        return module in _listed(node, "modules.dep") or module in _listed(node, "modules.builtin")
    if state is None or isinstance(state, Exception):
        return state
    if name == "version":
        version = read(node, f"{SYS_MODULE}/{module}/version")
        return NotApplicable(f"{module} has no version of its own") if version is None else Version(version, "plain")
    entry = _modules(node).get(module)
    if name == "users":
        return entry.by if entry else node.root.names(f"{SYS_MODULE}/{module}/holders")
    return entry.used if entry else read_number(node, f"{SYS_MODULE}/{module}/refcnt") or 0


def _modules(node: Node) -> dict[str, Loaded]:
    return node.once(MODULES, lambda: parse_modules(read(node, MODULES) or ""))


def _listed(node: Node, file: str) -> set[str]:
    """Names in a file of the running kernel's modules; of all kernels that are installed where none runs.

    Raises NotApplicable where there is no such file.
    """
    return node.once(file, lambda: _read_listed(node, file))


def _read_listed(node: Node, file: str) -> set[str]:
    running = read(node, OSRELEASE)
    releases = [running] if running else node.root.names(LIB_MODULES)
    paths = [f"{LIB_MODULES}/{release}/{file}" for release in releases]
    texts = [node.root.text(path, limits.kernel_list_bytes_max) for path in paths if node.root.exists(path)]
    if not texts:
        raise NotApplicable(f"there is no {paths[0] if paths else LIB_MODULES}{node.root.whereabouts()}")
    return set().union(*map(parse_names, texts))


def discover(node: Node) -> Iterator[str]:
    """All modules that are loaded or tell parameters, and those parameters that may be read."""
    names = {normal(name) for name in node.root.names(SYS_MODULE)} | set(_modules(node))
    for name in sorted(names):
        if not NAME_CHARS.issuperset(name):
            continue
        yield name
        for parameter in node.root.names(f"{SYS_MODULE}/{name}/parameters"):
            try:
                node.root.text(f"{SYS_MODULE}/{name}/parameters/{parameter}")
            except (CannotTell, OSError):
                continue
            yield f"{name}.{parameter}"


KIND = Kind(
    "module",
    title="a kernel module, or one of its parameters",
    chapter="system",
    key="the module's name, - and _ being the same; or NAME.PARAMETER, as in kvm_intel.nested",
    main="value",
    properties={
        "value": Property("text", "loaded or builtin; of a parameter its value, as /sys/module has it"),
        "blacklisted": Property(
            "bool", "whether modprobe.d or the kernel's command line keep it from loading by itself"
        ),
        "disabled": Property(
            "bool", "whether loading it does nothing: `install NAME /bin/false`, or module_blacklist="
        ),
        "options": Property("list", "the parameters it is loaded with, as modprobe.d and the command line have them"),
        "available": Property("bool", "whether the kernel that runs has it in /lib/modules, or built in"),
        "used": Property("number", "how often it is in use; 0 of one that is built in"),
        "users": Property("list", "the modules that use it"),
        "version": Property("version", "its own version, where it has one, as drivers from elsewhere do"),
    },
    example={"usb_storage": {"absent": True, "expect": {"disabled": True}}},
    outcomes=(
        "A module that is neither loaded nor built in is absent. What is built in and has no parameters is known from "
        "/lib/modules alone: where the running kernel has no modules.builtin there, as in a container that does not "
        "see the machine's, whether a module is absent is an error, unless it is loaded or shows in /sys/module; that "
        "it is not `loaded` is certain all the same; available is na. Below the root of an image value, used, users "
        "and version are na; what is configured and available is told of it. A parameter that is not for everybody to "
        "read is an error, unless the agent is root."
    ),
    reads=[MODULES, SYS_MODULE, *DIRECTORIES, CMDLINE, f"{LIB_MODULES}/RELEASE"],
    cost="a few small reads for all items together; `available` reads modules.dep, some 700 kB, once",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
