"""The node's processors: model, count, topology, frequency, microcode, flags, mitigations; from /proc and /sys."""

from __future__ import annotations

from checklib import limits
from checklib.cpuinfo import cores_of, flags_of, model_of, parse_cpuinfo, vendor_of
from checklib.errors import CannotTell, NotApplicable
from checklib.kernelfs import format_ranges, numbered, parse_ranges, read
from checklib.kinds import Kind, Property
from checklib.several import decide, tellable
from checklib.values import Observed, Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from checklib.contract import Item
    from checklib.cpuinfo import Cpus
    from checklib.node import Node
    from checklib.values import Observation, Value

CPUINFO = "/proc/cpuinfo"
CPUS = "/sys/devices/system/cpu"
VULNERABILITIES = f"{CPUS}/vulnerabilities"
MITIGATION = "mitigation."
ANY = "*"


def parse_mitigation(text: str) -> str:
    """What a file below vulnerabilities/ means in a word: not affected, mitigated, vulnerable or unknown.

    The kernel's Documentation/ABI/testing/sysfs-devices-system-cpu; what it says of KVM alone is of the same words.
    """
    bare = text.strip().lower().replace("kvm:", "").strip()
    for begins, state in (
        ("not affected", "not affected"),
        ("mitigation", "mitigated"),
        ("vulnerable", "vulnerable"),
        ("processor vulnerable", "vulnerable"),
    ):
        if bare.startswith(begins):
            return state
    return "unknown"


def _cpuinfo(node: Node) -> Cpus:
    path = node.root.first(CPUINFO)
    return node.once(CPUINFO, lambda: parse_cpuinfo(node.root.text(path, limits.kernel_list_bytes_max)))


def _said(what: str, tell: Callable[[Cpus], Value]) -> Callable[[Node], Value]:
    def see(node: Node) -> Value:
        value = tell(_cpuinfo(node))
        if value is None:
            raise NotApplicable(f"{CPUINFO} does not tell the {what} on this architecture")
        return value

    return see


def _count(node: Node) -> Value:
    present = read(node, f"{CPUS}/present")
    return len(parse_ranges(present)) if present else len(_online(node))


def _online(node: Node) -> list[int]:
    text = read(node, f"{CPUS}/online")
    found = parse_ranges(text) if text else list(_cpuinfo(node).each)
    if not found:
        raise CannotTell(f"{CPUINFO} tells of no processor at all")
    return found


def _list(name: str) -> Callable[[Node], Value]:
    def see(node: Node) -> Value:
        text = read(node, f"{CPUS}/{name}")
        if text is None:
            raise NotApplicable(f"there is no {CPUS}/{name}{node.root.whereabouts()}")
        return text

    return see


def _cores(node: Node) -> dict[int, tuple[str, str]]:
    """Number -> (socket, core) of each processor: of /sys, which every architecture has, else of /proc/cpuinfo."""
    found = {}
    for number in _numbers(node):
        topology = f"{CPUS}/cpu{number}/topology"
        socket = read(node, f"{topology}/physical_package_id")
        core = read(node, f"{topology}/thread_siblings_list") or read(node, f"{topology}/core_id")
        if socket is not None and core is not None:
            found[number] = (socket, core)
    if len(found) < len(_online(node)) and node.root.exists(CPUINFO):  # a part of a captured /sys
        found = max(cores_of(_cpuinfo(node)), found, key=len)
    if not found:
        raise NotApplicable(f"neither {CPUS} nor {CPUINFO} tells of sockets and cores{node.root.whereabouts()}")
    return found


def _topology(node: Node) -> dict[int, tuple[str, str]]:
    return node.once("cpu topology", lambda: _cores(node))


def _sockets(node: Node) -> Value:
    return len({socket for socket, _ in _topology(node).values()})


def _all_cores(node: Node) -> Value:
    return len(set(_topology(node).values()))


def _threads(node: Node) -> Value:
    """As lscpu(1) counts: of the core that has most."""
    cores = list(_topology(node).values())
    return max(map(cores.count, set(cores)))


def _smt(node: Node) -> Value:
    active = read(node, f"{CPUS}/smt/active")
    if active in {"0", "1"}:
        return "on" if active == "1" else "off"
    return "on" if _threads(node) != 1 else "off"


def _boost(node: Node) -> Value:
    off = read(node, f"{CPUS}/intel_pstate/no_turbo")
    if off in {"0", "1"}:
        return "off" if off == "1" else "on"
    on = read(node, f"{CPUS}/cpufreq/boost")
    if on in {"0", "1"}:
        return "on" if on == "1" else "off"
    raise NotApplicable("this kernel has no switch for higher frequencies: neither no_turbo nor cpufreq/boost")


# Key -> what it is.
KEYS: dict[str, Callable[[Node], Value]] = {
    "model": _said("model", model_of),
    "vendor": _said("vendor", vendor_of),
    "flags": _said("flags", flags_of),
    "count": _count,
    "online": lambda node: len(_online(node)),
    "offline": _list("offline"),
    "isolated": _list("isolated"),
    "sockets": _sockets,
    "cores": _all_cores,
    "threads": _threads,
    "smt": _smt,
    "boost": _boost,
}
# Keys that each processor has of its own: file below /sys.
EACH = {
    "governor": "cpufreq/scaling_governor",
    "driver": "cpufreq/scaling_driver",
    "frequency_min": "cpufreq/scaling_min_freq",
    "frequency_max": "cpufreq/scaling_max_freq",
    "microcode": "microcode/version",
}


def observe(item: Item, node: Node) -> Observed:
    """What there is of one key; of what each processor has, all must be as expected."""
    if item.key.startswith(MITIGATION):
        return _mitigations(item, node)
    if "state" in item.expect:
        raise CannotTell(f"{item.key} has no state: only {MITIGATION}* have")
    if item.key in KEYS:
        return Observed({"value": KEYS[item.key](node)})
    if item.key not in EACH:
        raise CannotTell(f"a cpu has no {item.key[:80]!r}: known are {', '.join([*KEYS, *EACH])}, {MITIGATION}*")
    value, say = decide(_each(node, item.key), item.expect["value"], _ranges)
    return Observed({"value": value}, shown={"value": say})


def _each(node: Node, key: str) -> list[tuple[str, Observation]]:
    """(processor, what it says) of all that say something."""
    found: list[tuple[str, Observation]] = []
    if key == "microcode":
        said = {number: fields.get("microcode") for number, fields in _cpuinfo(node).each.items()}
        found = [(str(number), text) for number, text in said.items() if text]
    for number in [] if found else _numbers(node):
        text = read(node, f"{CPUS}/cpu{number}/{EACH[key]}")
        if text:
            found.append((str(number), _mhz(text) if key.startswith("frequency") else Words(text)))
    if not found:
        reason = "does not tell it" if key == "microcode" else "sets no frequencies: there is no cpufreq"
        raise NotApplicable(f"no {key}: the kernel{node.root.whereabouts()} {reason}")
    return found


def _numbers(node: Node) -> list[int]:
    return node.once("cpu numbers", lambda: numbered(node, CPUS, "cpu"))


def _mhz(text: str) -> Observation:
    khz = int(text) if text.isascii() and text.isdigit() and len(text) <= limits.digits_max else None
    return Words(text) if khz is None else khz / 1000 if khz % 1000 else khz // 1000


def _ranges(names: list[str]) -> str:
    return f"cpu {format_ranges(map(int, names))}"


def _mitigations(item: Item, node: Node) -> Observed:
    """Of one, or of all that this kernel knows, where all must be as expected."""
    wanted = item.key[len(MITIGATION) :].replace("-", "_")
    names = node.once(VULNERABILITIES, lambda: node.root.names(VULNERABILITIES))
    if not names:
        raise NotApplicable(f"there is no {VULNERABILITIES}{node.root.whereabouts()}")
    told = {name: read(node, f"{VULNERABILITIES}/{name}") or "" for name in names if wanted in {ANY, name}}
    if not told:
        return Observed({"value": None, "state": None}, exists=False)
    values: dict[str, Observation] = {}
    shown = {}
    for name, expected in item.expect.items():
        things: list[tuple[str, Observation]] = [
            (about, Words(text) if name == "value" else parse_mitigation(text)) for about, text in told.items()
        ]
        values[name], shown[name] = decide(things, expected)
    return Observed(values, shown=shown)


def discover(node: Node) -> Iterator[str]:
    """All that is told here."""
    yield from tellable((*KEYS, *EACH), lambda key: KEYS[key](node) if key in KEYS else _each(node, key))
    names = node.root.names(VULNERABILITIES)
    yield from (f"{MITIGATION}{name}" for name in ([ANY] if names else []) + names)


KIND = Kind(
    "cpu",
    title="the processors: what they are, how they are set, what they are mitigated against",
    chapter="hardware",
    key=(
        "model, vendor, flags, count (present), online, offline, isolated, sockets, cores (of all sockets), threads "
        "(of a core), smt (on or off), boost (on or off), governor, driver, frequency_min, frequency_max (MHz), "
        "microcode, or mitigation. and the kernel's name of a vulnerability, as in mitigation.spectre_v2, or "
        "mitigation.*"
    ),
    keys=(*KEYS, *EACH, f"{MITIGATION}*"),
    main="value",
    properties={
        "value": Property("text", "what there is of the key; flags are a list"),
        "state": Property("word", "of a mitigation: not affected, mitigated, vulnerable or unknown"),
    },
    example={"mitigation.*": {"expect": {"state": {"one_of": ["not affected", "mitigated"]}}}},
    outcomes=(
        "governor, driver, frequencies and microcode are of every processor, and mitigation.* of every vulnerability: "
        "all must be as expected, and those that deviate are named. A vulnerability that this kernel does not know is "
        "absent. na where this machine does not tell: no cpufreq in a virtual machine, no microcode on ARM. Any root "
        "with /proc or /sys can be looked at."
    ),
    reads=[CPUINFO, CPUS],
    cost="/proc/cpuinfo once for all items; governor and topology one or two small reads a processor",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
