"""Units of systemd that are not as they should be, whatever they are called: failed, stuck on their way, or broken."""

from __future__ import annotations

import time

from checklib import limits, parameters, systemd
from checklib.errors import CannotTell
from checklib.kinds import MAY_SPAWN, Kind, Parameter, Property
from checklib.values import Observed, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.node import Node

STUCK_S = 300.0  # systemd itself gives up after 90 s where nothing else is said
MOVING = ("activating", "deactivating", "reloading", "refreshing", "maintenance")
BROKEN = ("error", "bad-setting")
KEYS = ("failed", "stuck", "broken", "jobs")
_MARKS = frozenset("●○×↻*x")  # what systemctl puts before a unit to draw attention to it


def parse_units(text: str) -> list[list[str]]:
    """What `systemctl list-units --plain --no-legend` prints -> unit, load state, active state and substate of each."""
    found = []
    for line in text.splitlines():
        words = line.split(None, 5)
        if words and words[0] in _MARKS:
            words = words[1:]
        if len(words) >= 4 and words[0].endswith(systemd.SUFFIXES):
            found.append(words[:4])
    return found


def parse_jobs(text: str) -> list[str]:
    """What `systemctl list-jobs --no-legend` prints -> the units that have a job."""
    rows = (line.split() for line in text.splitlines())
    return [row[1] for row in rows if len(row) >= 4 and row[0].isdecimal()]


def _list(node: Node, timeout_s: float) -> list[list[str]]:
    """All units that could be in one of the lists, asked once for all items."""

    def ask() -> list[list[str]]:
        states = ",".join(("failed", *MOVING, *BROKEN))
        plain = ["--all", "--plain", "--no-legend", "--no-pager", "--full", f"--state={states}"]
        ended = systemd.ask(node, ["list-units", *plain], timeout_s)
        if "stdout" in ended.truncated:
            raise CannotTell(f"systemctl said more than {limits.output_kept_bytes} bytes of units in a bad state")
        found = parse_units(ended.stdout)
        if ended.stdout.strip() and not found:
            raise CannotTell(f"systemctl list-units says something unknown: {ended.stdout.strip()[:80]!r}")
        return found

    return node.once("units in a bad state", ask)


def _moving_for(node: Node, names: list[str], after_s: float, timeout_s: float) -> list[str]:
    """Those of the units that have been in their state for so long."""
    if not names:
        return []
    entered = "StateChangeTimestampMonotonic"
    now_s = time.clock_gettime(time.CLOCK_MONOTONIC)
    stuck = []
    for fields in systemd.show(node, names, ("Id", "ActiveState", entered), timeout_s):
        since = systemd.parse_amount(fields.get(entered, ""))
        if fields.get("ActiveState") not in MOVING:
            continue
        if not isinstance(since, int):
            raise CannotTell(f"systemd does not tell since when {fields.get('Id', 'a unit')} is on its way")
        if now_s - since / 1e6 >= after_s:
            stuck.append(fields.get("Id", ""))
    return stuck


def _jobs(node: Node, timeout_s: float) -> list[str]:
    ended = systemd.ask(node, ["list-jobs", "--no-legend", "--no-pager", "--full"], timeout_s)
    if "stdout" in ended.truncated:
        raise CannotTell(f"systemctl said more than {limits.output_kept_bytes} bytes of jobs")
    return parse_jobs(ended.stdout)


def _named(item: Item, node: Node) -> list[str]:
    """The units that the item's key means."""
    if item.key == "jobs":
        return _jobs(node, item.timeout_s)
    listed = _list(node, item.timeout_s)
    if item.key == "failed":
        return [name for name, _, active, _ in listed if active == "failed"]
    if item.key == "broken":
        return [name for name, load, _, _ in listed if load in BROKEN]
    # A device that only the mount table knows of is on its way for ever, and nobody waits for it.
    moving = [name for name, _, active, sub in listed if active in MOVING and sub != "tentative"]
    return _moving_for(node, moving, parameters.number(item, "after_s", STUCK_S), item.timeout_s)


def observe(item: Item, node: Node) -> Observed:
    """The units of one list, without those that the item passes over."""
    if item.key not in KEYS:
        raise CannotTell(f"there is no list {item.key[:80]!r}: known are {', '.join(KEYS)}")
    named = parameters.without_excepted(item, _named(item, node))
    return Observed({"count": len(named), "units": named}, shown={"count": lambda: show(named)})


def discover(node: Node) -> list[str]:
    """All lists: na where systemd does not run."""
    return list(KEYS) if node.root.is_host else []


KIND = Kind(
    "unit",
    title="units of systemd that failed, are stuck or are broken, whatever they are called",
    chapter="software",
    key=(
        "failed; stuck: starting, stopping or reloading for longer than after_s; broken: systemd cannot read their "
        "files; jobs: something is to be done with them, or waits for its turn"
    ),
    keys=KEYS,
    main="count",
    properties={
        "count": Property("number", "how many there are; the finding names them"),
        "units": Property("list", "their names, sorted"),
    },
    parameters={
        "except": Parameter("list", "units that do not count: names, or patterns such as user@*.service"),
        "after_s": Parameter("number", f"of stuck: for how many seconds at least, {STUCK_S:.0f} if left out"),
    },
    default={"count": {"equals": 0}},
    example={"failed": {"with": {"except": ["certbot.service"]}, "equals": 0}, "stuck": {"equals": 0}},
    outcomes="All of it is na where systemd does not run, and below another root.",
    reads=["systemctl list-units", "systemctl list-jobs", "systemctl show"],
    cost="one run of systemctl a list (some 20 ms)",
    observe=observe,
    discover=discover,
    effort=MAY_SPAWN,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
