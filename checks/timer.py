"""Timers of systemd: when they ran last and will run next, asked of systemctl; their calendar, from their files."""

from __future__ import annotations

import time

from checklib import systemd, units
from checklib.errors import NotApplicable
from checklib.kinds import MAY_SPAWN, Kind, Property
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.node import Node
    from checklib.values import Observation

SUFFIX = ".timer"
SHOWN = (
    "Id", "Names", "LoadState", "ActiveState", "UnitFileState", "Result", "LastTriggerUSec",
    "NextElapseUSecRealtime", "NextElapseUSecMonotonic",
)  # fmt: skip
RUNNING = ("active", "result", "since_last_s", "until_next_s")  # what no file tells
_CALENDAR = "OnCalendar"
_SPANS = ("OnActiveSec", "OnBootSec", "OnStartupSec", "OnUnitActiveSec", "OnUnitInactiveSec")
_YES = frozenset({"1", "yes", "y", "true", "t", "on"})  # systemd.syntax(7)


class Clocks:
    """What the time is. now_s: since 1970; monotonic_s: since the machine started, as systemd counts it."""

    def __init__(self, now_s: float, monotonic_s: float) -> None:
        self.now_s = now_s
        self.monotonic_s = monotonic_s


def parse_show(text: str, now_s: float = 0.0, monotonic_s: float = 0.0) -> dict[str, dict[str, Observation]]:
    """What `systemctl show` prints of several timers -> unit name, aliases too -> properties; unknown ones left out.

    now_s, monotonic_s  what the time is: since 1970, and by the clock of systemd's monotonic times
    """
    return _timers(systemd.parse_blocks(text), Clocks(now_s, monotonic_s))


def _timers(blocks: list[dict[str, str]], clocks: Clocks) -> dict[str, dict[str, Observation]]:
    found: dict[str, dict[str, Observation]] = {}
    for fields in filter(systemd.is_there, blocks):
        found |= dict.fromkeys(systemd.names_of(fields), _values(fields, clocks))
    return found


def _values(fields: dict[str, str], clocks: Clocks) -> dict[str, Observation]:
    last = systemd.parse_moment(fields.get("LastTriggerUSec", ""))
    at = systemd.parse_moment(fields.get("NextElapseUSecRealtime", ""))
    span = systemd.parse_span(fields.get("NextElapseUSecMonotonic", ""))
    ahead = [] if at is None else [at - clocks.now_s]
    ahead += [span - clocks.monotonic_s] if span else []
    return {
        "active": fields["ActiveState"],
        "enabled": "masked" if fields["LoadState"] == "masked" else fields.get("UnitFileState") or None,
        "result": fields.get("Result") or None,
        "since_last_s": None if last is None else max(0.0, clocks.now_s - last),
        "until_next_s": max(0.0, min(ahead)) if ahead and fields["ActiveState"] == "active" else None,
    }


def _ask(node: Node, timeout_s: float) -> dict[str, dict[str, Observation]]:
    """All timers of a request."""
    blocks = systemd.show(node, systemd.unit_names(node.keys("timer"), SUFFIX), SHOWN, timeout_s)
    return _timers(blocks, Clocks(time.time(), time.clock_gettime(time.CLOCK_MONOTONIC)))


def parse_times(lines: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """What units.assignments gives of a timer -> its calendar, and its spans as `OnBootSec=15min`.

    An empty one of any kind takes back all of them, as systemd.timer(5) says.
    """
    times: list[tuple[str, str]] = []
    for full, value in lines:
        name = full.rpartition(".")[2]
        if full.startswith("Timer.") and (name in _SPANS or name == _CALENDAR):
            times = [*times, (name, value)] if value else []
    calendar = [value for name, value in times if name == _CALENDAR]
    return calendar, [f"{name}={value}" for name, value in times if name != _CALENDAR]


def _from_files(unit: str, node: Node) -> dict[str, Observation] | None:
    """What its file sets; None where it has none."""
    lines = units.assignments(unit, node.root)
    if lines is None:
        return None
    calendar, spans = parse_times(lines)
    last = dict(lines)
    return {
        "calendar": calendar,
        "spans": spans,
        "unit": last.get("Timer.Unit") or f"{unit[: -len(SUFFIX)]}.service",
        "persistent": last.get("Timer.Persistent", "").lower() in _YES,
    }


def observe(item: Item, node: Node) -> Observed:
    """One timer: what its file sets, and what systemd says of it where it runs."""
    unit = systemd.unit_name(item.key, SUFFIX)
    files = _from_files(unit, node)
    try:
        running = node.once("timers", lambda: _ask(node, item.timeout_s)).get(unit, {})
    except NotApplicable as reason:
        if files is None and (node.root.is_host or not units.has_units(node.root)):
            raise
        if files is None:
            return Observed({}, exists=False)
        running = {**dict.fromkeys(RUNNING, reason), "enabled": units.enabled_state(unit, node.root)}
    values = {**(files or {}), **running}
    return Observed(values, exists=bool(values), shown=systemd.shown(values))


def discover(node: Node) -> list[str]:
    """All timers that have a file."""
    return units.unit_files(SUFFIX, node.root)


KIND = Kind(
    "timer",
    title="a timer of systemd",
    chapter="software",
    key="the unit's name, with or without .timer",
    main="active",
    properties={
        "active": Property("word", "active where it waits for its time; inactive, failed"),
        "enabled": Property("word", "enabled, disabled, masked, static …"),
        "since_last_s": Property("number", "since it last went off; absent where it never did", unit="s"),
        "until_next_s": Property("number", "until it goes off next; absent where it will not", unit="s"),
        "result": Property("word", "success, or why the timer itself failed; of what it starts ask service: NAME"),
        "calendar": Property("list", "its OnCalendar times as its file has them"),
        "spans": Property("list", "its other times: OnBootSec=15min, OnUnitActiveSec=1d …"),
        "unit": Property("word", "the unit that it starts"),
        "persistent": Property("bool", "whether it makes up for times at which the machine was off"),
    },
    default={"active": {"equals": "active"}},
    example={"logrotate": {"equals": "active", "expect": {"since_last_s": {"at_most": 90_000}, "calendar": ["daily"]}}},
    outcomes=(
        "Whether it is active and its last and next times are na where systemd does not run, as below another root; "
        "whether it is enabled and what its file and drop-ins set is told from the files there too."
    ),
    reads=["systemctl show", "unit files and their drop-ins"],
    cost="one run of systemctl for 100 items together (some 20 ms), and a few small files each",
    observe=observe,
    discover=discover,
    effort=MAY_SPAWN,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
