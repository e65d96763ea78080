"""The node's clock: whether it is kept, by what, how far off it is, and which servers it is to follow."""

from __future__ import annotations

from collections import namedtuple

from checklib import matchers, measured, programs, timex
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import MAY_SPAWN, Kind, Property
from checklib.values import Observed, or_reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.programs import Ended
    from checklib.values import Observation

CLOCK = "clock"
_OF_KEEPER = ("source", "stratum", "offset_ms")  # what only the program that keeps the clock knows
_INSERTS, _DELETES = 0x0010, 0x0020  # STA_INS, STA_DEL of timex(7)
_UNKNOWN_STRATUM = (0, 16)  # no server is followed

CHRONY_FILES = ("/etc/chrony/chrony.conf", "/etc/chrony.conf")
NTP_FILES = ("/etc/ntpsec/ntp.conf", "/etc/ntp.conf")
TIMESYNCD_FILE = "/etc/systemd/timesyncd.conf"
TIMESYNCD_FOLDERS = [f"/{place}/systemd/timesyncd.conf.d" for place in ("usr/lib", "run", "etc")]
_INCLUDED = {"confdir": ".conf", "sourcedir": ".sources"}  # of chrony.conf, with the files they take
_TAKES_IN = frozenset({"include", "includefile"})  # of chrony.conf and ntp.conf
_FOLLOWS = frozenset({"server", "pool", "peer", "refclock"})
_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "min": 60_000.0, "h": 3_600_000.0, "d": 86_400_000.0}


# What the program that keeps the clock says; stratum and offset_ms (ahead of its servers) are None where not known.
Told = namedtuple("Told", "source stratum offset_ms")


def _told(source: str, stratum: int | None, ahead_ms: float | None) -> Told:
    """What follows no server knows no offset either, whatever figure it gives."""
    if stratum in _UNKNOWN_STRATUM or ahead_ms is None:
        return Told(source, None if stratum in _UNKNOWN_STRATUM else stratum, None)
    return Told(source, stratum, round(ahead_ms, 6))


def parse_chrony(text: str) -> Told:
    """`chronyc -c tracking`. Its fifth field is by how many seconds the clock is behind what it should be."""
    fields = text.strip().split(",")
    if len(fields) < 14:
        raise CannotTell("chronyc tracking says something unknown")
    return _told("chrony", _whole(fields[2]), -1000 * _number(fields[4]))


def parse_ntpq(text: str) -> Told:
    """`ntpq -c 'rv 0 stratum,offset'`: `stratum=2, offset=-0.123`; NTP's offset is that of the servers to us."""
    fields = dict(part.strip().partition("=")[::2] for part in text.replace("\n", ",").split(","))
    if "stratum" not in fields:
        raise CannotTell("ntpq says something unknown")
    return _told("ntpd", _whole(fields["stratum"]), -_number(fields["offset"]) if fields.get("offset") else None)


def parse_timesyncd(text: str) -> Told:
    """`timedatectl timesync-status`; what it calls the offset is that of the server to us."""
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}
    if not fields.get("Server"):
        raise CannotTell("timedatectl says something unknown")
    offset = fields.get("Offset", "")
    stratum = _whole(fields["Stratum"]) if "Stratum" in fields else None
    return _told("timesyncd", stratum, -parse_span_ms(offset) if offset and offset != "n/a" else None)


def parse_span_ms(text: str) -> float:
    """A span as systemd writes it, in ms: `-1min 2.5s`, `+123us`. Raises CannotTell."""
    sign = -1.0 if text.startswith("-") else 1.0
    total = 0.0
    for part in text.lstrip("+-").split():
        digits = part.rstrip("abcdefghijklmnopqrstuvwxyz")
        if part[len(digits) :] not in _UNITS_MS:
            raise CannotTell(f"{text[:40]!r} is no span of time")
        total += _number(digits) * _UNITS_MS[part[len(digits) :]]
    return sign * total


def _number(text: str) -> float:
    import re

    bare = text.strip()
    if not re.fullmatch(r"[+-]?[0-9]{1,20}(\.[0-9]{0,20})?(e[+-]?[0-9]{1,2})?", bare):
        raise CannotTell(f"{bare[:40]!r} is no number")
    return float(bare)


def _whole(text: str) -> int:
    return int(_number(text))


def _ask_chrony(node: Node, timeout_s: float) -> Told | str:
    ended = node.tool("chronyc", "-n", "-c", "tracking", timeout_s=timeout_s)
    return parse_chrony(ended.stdout) if ended.code == 0 else _refusal("chronyc", ended)


def _ask_ntpd(node: Node, timeout_s: float) -> Told | str:
    ended = node.tool("ntpq", "-n", "-c", "rv 0 stratum,offset", timeout_s=timeout_s)
    return parse_ntpq(ended.stdout) if ended.code == 0 and "stratum=" in ended.stdout else _refusal("ntpq", ended)


def _ask_timesyncd(node: Node, timeout_s: float) -> Told | str:
    if not node.root.exists("/run/systemd/timesync"):
        raise NotApplicable("timesyncd has not run since boot")
    ended = node.tool("timedatectl", "timesync-status", timeout_s=timeout_s)
    told = ended.code == 0 and "Server:" in ended.stdout
    return parse_timesyncd(ended.stdout) if told else _refusal("timedatectl", ended)


def _refusal(tool: str, ended: Ended) -> str:
    return f"{tool}: {programs.first_line(ended.stderr or ended.stdout) or f'exit code {ended.code}'}"


_ASK: tuple[Callable[[Node, float], Told | str], ...] = (_ask_chrony, _ask_ntpd, _ask_timesyncd)


def _keeper(node: Node, timeout_s: float) -> tuple[Told, str]:
    """What the first that answers says, and why none does; both empty where none is there that we know of."""
    refusals = []
    for ask in _ASK:
        try:
            told = ask(node, timeout_s)
        except NotApplicable:  # it is not installed
            continue
        if not isinstance(told, str):
            return told, ""
        refusals.append(told)
    return Told("", None, None), "; ".join(refusals)


def parse_servers(text: str) -> list[str]:
    """ntp.conf(5) or chrony.conf(5) -> the servers, pools and peers to follow, in the order of the file."""
    rows = (line.split() for line in text.splitlines())
    return [words[1] for words in rows if len(words) > 1 and words[0].lower() in _FOLLOWS]


def parse_timesyncd_conf(text: str) -> dict[str, list[str]]:
    """timesyncd.conf(5) -> NTP and FallbackNTP; an empty value clears what stood before."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in text.splitlines():
        name, equals, value = (part.strip() for part in line.partition("="))
        if line.strip().startswith("["):
            section = line.strip()
        elif equals and section == "[Time]" and name in {"NTP", "FallbackNTP"}:
            found[name] = found.get(name, []) + value.split() if value else []
    return found


def _servers(node: Node) -> list[str]:
    """Of the first that is configured: chrony, ntpd, timesyncd. Raises NotApplicable where none is."""
    for path in CHRONY_FILES:
        if node.root.exists(path):
            return list(dict.fromkeys(_of_chrony(node, path)))
    for path in NTP_FILES:
        if node.root.exists(path):
            return list(dict.fromkeys(_servers_of(node, path)))
    if not node.root.exists(TIMESYNCD_FILE):
        raise NotApplicable(f"neither chrony nor ntpd nor timesyncd is configured{node.root.whereabouts()}")
    return _of_timesyncd(node)


def _servers_of(node: Node, path: str) -> list[str]:
    """Of one file. Raises CannotTell where it takes in others, which are not followed: they may name more."""
    text = node.root.written(path)
    words = (line.split(maxsplit=1)[0].lower() for line in text.splitlines() if line.strip())
    taking = next((word for word in words if word in _TAKES_IN), None)
    if taking:
        raise CannotTell(f"{path} takes in other files by {taking}, which is not followed")
    return parse_servers(text)


def _of_chrony(node: Node, path: str) -> Iterator[str]:
    yield from _servers_of(node, path)
    for words in map(str.split, node.root.written(path).splitlines()):
        for folder in words[1:] if words and words[0] in _INCLUDED else ():
            for name in node.root.names(folder):
                if name.endswith(_INCLUDED[words[0]]):
                    yield from _servers_of(node, f"{folder}/{name}")


def _of_timesyncd(node: Node) -> list[str]:
    """A file in a later folder hides one of the same name; what stands in one that sorts later counts on top."""
    files = {name: f"{folder}/{name}" for folder in TIMESYNCD_FOLDERS for name in node.root.names(folder)}
    texts = [node.root.written(path) for path in (TIMESYNCD_FILE, *(files[name] for name in sorted(files)))]
    told = parse_timesyncd_conf("\n".join(texts))
    return told.get("NTP") or told.get("FallbackNTP", [])


def observe(item: Item, node: Node) -> Observed:
    """The kernel's own word first; the program that keeps the clock is asked only for what it alone knows."""
    if item.key != CLOCK:
        raise CannotTell(f"there is no {item.key[:80]!r} of time: known is {CLOCK}")
    values: dict[str, Observation] = {}
    if "servers" in item.expect:
        values["servers"] = or_reason(lambda: _servers(node))
    if not node.root.is_host:
        reason = NotApplicable(f"the clock is this machine's, not that of {node.root.path}")
        return Observed({**dict.fromkeys(KIND.properties, reason), **values})
    status = node.once("clock", timex.kernel_status)
    values["synchronised"] = not status & timex.UNSYNCHRONISED
    values["leap"] = "insert" if status & _INSERTS else "delete" if status & _DELETES else "none"
    shown = {}
    if not item.expect.keys().isdisjoint(_OF_KEEPER):
        told, refusal = node.once("clock's keeper", lambda: _keeper(node, item.timeout_s))
        offset_ms = told.offset_ms
        values.update(source=told.source or None, stratum=told.stratum, offset_ms=offset_ms)
        for name in _OF_KEEPER if refusal else ():
            values[name] = matchers.untold(None, item.expect.get(name, {}), refusal)
        shown["offset_ms"] = lambda: "absent" if offset_ms is None else measured.about(offset_ms)
    return Observed(values, shown=shown)


def discover(_node: Node) -> Iterable[str]:
    """There is one clock."""
    return [CLOCK]


KIND = Kind(
    "time",
    title="the clock: whether it is kept, and how well",
    chapter="network",
    key=CLOCK,
    keys=[CLOCK],
    main="synchronised",
    properties={
        "synchronised": Property("bool", "whether the kernel holds its clock to be kept by something"),
        "source": Property("word", "what keeps it: chrony, ntpd or timesyncd; absent where none of these is there"),
        "offset_ms": Property("number", "how far ahead of its servers, below 0 behind; absent if unknown", unit="ms"),
        "stratum": Property("number", "how many servers stand between it and an exact clock; absent: it follows none"),
        "leap": Property("word", "the leap second to come: none, insert or delete"),
        "servers": Property("list", "the servers and pools it is to follow, in the order of the configuration"),
    },
    default={"synchronised": {"equals": True}},
    example={
        CLOCK: {"equals": True, "expect": {"offset_ms": {"between": [-50, 50]}, "stratum": {"at_most": 4}}},
    },
    outcomes=(
        "Below another root all but the servers is na. Where such a program is installed and none answers, source, "
        "offset_ms and stratum are absent, but an error where they are to be absent. Servers are those of chrony where "
        "it is configured, else of ntpd, else of timesyncd; na where none is, an error where its configuration takes "
        "in others by include. Neither DHCP's servers nor those built into timesyncd are told."
    ),
    reads=[
        "adjtimex(2)", "chronyc -c tracking", "ntpq -c rv", "timedatectl timesync-status", *CHRONY_FILES, *NTP_FILES,
        TIMESYNCD_FILE,
    ],
    cost="one system call; for source, offset_ms and stratum one run of a program (some 10 ms)",
    observe=observe,
    discover=discover,
    effort=MAY_SPAWN,
)  # fmt: skip

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
