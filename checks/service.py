"""Services of systemd: how they run, asked of systemctl, and what their files say, also below another root."""

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

ACTIVE = "active"
# Property -> what systemd calls it. Words are taken as they are, amounts are numbers.
WORDS = {"substate": "SubState", "result": "Result", "restart": "Restart"}
AMOUNTS = {
    "restarts": "NRestarts", "nofile": "LimitNOFILE", "nproc": "LimitNPROC", "memlock_bytes": "LimitMEMLOCK",
    "tasks_max": "TasksMax", "memory_max_bytes": "MemoryMax",
}  # fmt: skip
SHOWN = (
    "Id", "Names", "LoadState", "ActiveState", "UnitFileState", "User", "NeedDaemonReload", "MemoryLimit",
    "ActiveEnterTimestampMonotonic", *WORDS.values(), *AMOUNTS.values(),
)  # fmt: skip
RUNNING = ("active", "substate", "result", "up_s", "reload_needed", *AMOUNTS)  # what no file tells

FROM_FILES = ("enabled", "user", "restart")

unit_name = systemd.unit_name


def parse_show(text: str, now_s: float = 0.0) -> dict[str, dict[str, Observation]]:
    """What `systemctl show` prints of several units -> unit name, aliases too -> properties; unknown units left out.

    now_s  of the clock that systemd's monotonic times are of
    """
    return _units(systemd.parse_blocks(text), now_s)


def _units(blocks: list[dict[str, str]], now_s: float) -> dict[str, dict[str, Observation]]:
    found: dict[str, dict[str, Observation]] = {}
    for fields in filter(systemd.is_there, blocks):
        found |= dict.fromkeys(systemd.names_of(fields), _values(fields, now_s))
    return found


def _values(fields: dict[str, str], now_s: float) -> dict[str, Observation]:
    masked = fields["LoadState"] == "masked"
    values: dict[str, Observation] = {
        "active": fields["ActiveState"],
        "enabled": "masked" if masked else fields.get("UnitFileState") or None,
        "reload_needed": fields.get("NeedDaemonReload") == "yes",
    }
    values |= {ours: fields.get(theirs) or _untold(fields, theirs) for ours, theirs in WORDS.items()}
    values["user"] = fields.get("User") or ("root" if "Restart" in fields else _untold(fields, "User"))
    for ours, theirs in AMOUNTS.items():
        amount = systemd.parse_amount(fields.get(theirs, ""))
        values[ours] = _untold(fields, theirs) if amount is None else amount
    older = systemd.parse_amount(fields.get("MemoryLimit", ""))  # its name before control groups had a version 2
    if isinstance(older, int) and not isinstance(values["memory_max_bytes"], int):
        values["memory_max_bytes"] = older
    entered = systemd.parse_amount(fields.get("ActiveEnterTimestampMonotonic", ""))
    active = isinstance(entered, int) and entered > 0 and fields["ActiveState"] == ACTIVE
    values["up_s"] = max(0.0, now_s - int(entered or 0) / 1e6) if active else None
    return values


def _untold(fields: dict[str, str], name: str) -> NotApplicable:
    return NotApplicable(f"systemd tells no {name} of {fields.get('Id', 'this unit')}")


def _ask(node: Node, timeout_s: float) -> dict[str, dict[str, Observation]]:
    """All units of a request."""
    blocks = systemd.show(node, systemd.unit_names(node.keys("service")), SHOWN, timeout_s)
    return _units(blocks, time.clock_gettime(time.CLOCK_MONOTONIC))


def observe(item: Item, node: Node) -> Observed:
    """One unit: of systemd where it runs; where it does not, its files still say some of it.

    An image with systemd in it and without the unit lacks it; a machine that runs something else has no use for it.
    """
    unit = unit_name(item.key)
    try:
        values = node.once("services", lambda: _ask(node, item.timeout_s)).get(unit, {})
        return Observed(values, exists=bool(values), shown=systemd.shown(values))
    except NotApplicable as reason:
        if not item.expect.keys() & set(FROM_FILES):
            raise
        enabled = units.enabled_state(unit, node.root)
        if enabled is not None:
            return Observed({**dict.fromkeys(RUNNING, reason), "enabled": enabled, **_from_files(unit, node)})
        if node.root.is_host or not units.has_units(node.root):
            raise
        return Observed({}, exists=False)


def _from_files(unit: str, node: Node) -> dict[str, Observation]:
    if not unit.endswith(".service"):
        return dict.fromkeys(("user", "restart"), NotApplicable(f"{unit} is no service"))
    found = units.settings(unit, node.root) or {}
    return {
        "user": (found.get("Service.User") or ["root"])[-1],
        "restart": (found.get("Service.Restart") or ["no"])[-1],
    }


def discover(node: Node) -> list[str]:
    """All services that have a file; of those that only systemd knows nothing can be listed without asking it."""
    return units.unit_files(".service", node.root)


KIND = Kind(
    "service",
    title="a service or another unit of systemd",
    chapter="software",
    key="the unit's name; without a suffix it is a .service",
    main="active",
    properties={
        "active": Property("word", "active, inactive, failed, activating …"),
        "enabled": Property("word", "enabled, disabled, masked, static …"),
        "substate": Property("word", "running, exited, dead, listening …"),
        "result": Property(
            "word", "how it ended last: success, exit-code, signal, timeout, oom-kill, start-limit-hit …"
        ),
        "restarts": Property("number", "how often systemd has restarted it by itself since it was last started"),
        "up_s": Property("number", "for how long it has been active; absent where it is not", unit="s"),
        "user": Property("word", "whom its unit makes it run as: root where it names nobody"),
        "restart": Property("word", "when systemd restarts it: no, always, on-failure …"),
        "reload_needed": Property("bool", "whether its files were changed and systemd has not read them since"),
        "nofile": Property("text", "how many files each of its processes may have open (LimitNOFILE, the hard one)"),
        "nproc": Property("text", "how many processes its user may have (LimitNPROC)"),
        "memlock_bytes": Property("text", "how many bytes of memory a process may lock (LimitMEMLOCK)"),
        "tasks_max": Property("text", "how many processes and threads it may have altogether (TasksMax)"),
        "memory_max_bytes": Property("text", "how many bytes of memory it may use altogether (MemoryMax)"),
    },
    default={"active": {"equals": "active"}},
    example={"ssh": {"equals": "active", "expect": {"enabled": "enabled", "restarts": {"at_most": 3}}}},
    outcomes=(
        "What runs is na where systemd does not, as below another root; enabled, user and restart are then told from "
        "the unit's files. What the systemd at hand does not tell of a unit, such as restarts of a timer or before its "
        "version 235, is na. A limit that there is none of is infinity, which is more than any number."
    ),
    reads=["systemctl show", "unit files and their drop-ins"],
    cost="one run of systemctl for 100 items together (some 20 ms)",
    observe=observe,
    discover=discover,
    effort=MAY_SPAWN,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
