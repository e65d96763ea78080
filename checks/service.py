"""Services of systemd: whether they run, asked of systemctl, and whether they are enabled, also below another root."""

from __future__ import annotations

import re

from checklib import limits, programs, units
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import MAY_SPAWN, Kind, Property
from checklib.searching import find_program
from checklib.values import Observation, Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.node import Node

BOOTED = "/run/systemd/system"  # sd_booted(3): the directory is there exactly where systemd is the init
SHOWN = ("Id", "Names", "LoadState", "ActiveState", "SubState", "UnitFileState")
_UNIT = re.compile(r"[A-Za-z0-9_:.\\@-]{1,255}")
_SUFFIXES = (
    ".service", ".socket", ".device", ".mount", ".automount", ".swap", ".target", ".path", ".timer", ".slice", ".scope",
)  # fmt: skip


def unit_name(key: str) -> str:
    """The unit that a key means: a bare name is a service. Raises CannotTell where it cannot be one."""
    if not _UNIT.fullmatch(key) or key.startswith("-"):
        raise CannotTell(f"{key[:80]!r} names no unit")
    return key if key.endswith(_SUFFIXES) else f"{key}.service"


def parse_show(text: str) -> dict[str, dict[str, Observation]]:
    """What `systemctl show` prints of several units -> unit name, aliases too -> properties; unknown units left out."""
    found: dict[str, dict[str, Observation]] = {}
    for block in text.split("\n\n"):
        fields = dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line)
        if fields.get("LoadState", "not-found") == "not-found" or "ActiveState" not in fields:
            continue
        masked = fields["LoadState"] == "masked"
        values: dict[str, Observation] = {
            "active": fields["ActiveState"],
            "substate": fields.get("SubState") or None,
            "enabled": "masked" if masked else fields.get("UnitFileState") or None,
        }
        for name in {fields.get("Id", ""), *fields.get("Names", "").split()} - {""}:
            found[name] = values
    return found


def _ask(node: Node, timeout_s: float) -> dict[str, dict[str, Observation]]:
    """All units of a request in one call, or a few where they are many: of an answer only so much is kept."""
    if not node.root.is_host:
        raise NotApplicable(f"what runs cannot be told of another root ({node.root.path})")
    if not node.root.exists(BOOTED):
        raise NotApplicable("systemd does not run here")
    names = sorted({unit_name(key) for key in node.keys("service") if _UNIT.fullmatch(key) and key[0] != "-"})
    found: dict[str, dict[str, Observation]] = {}
    for first in range(0, len(names), limits.names_asked_max):
        found |= _show(node, names[first : first + limits.names_asked_max], timeout_s)
    return found


def _show(node: Node, names: list[str], timeout_s: float) -> dict[str, dict[str, Observation]]:
    """What systemctl says of some units. Raises CannotTell where that was cut: one not in it is no absent one then."""
    arguments = ["show", f"--property={','.join(SHOWN)}", "--no-pager", "--", *names]
    systemctl = find_program("systemctl", node.root, programs.PATH)
    ended = programs.run(systemctl, arguments, timeout_s=timeout_s, cwd="/", env={})
    if ended.code:
        raise CannotTell(f"systemctl: {programs.first_line(ended.stderr) or f'exit code {ended.code}'}")
    if "stdout" in ended.truncated:
        raise CannotTell(f"systemctl said more than {limits.output_kept_bytes} bytes of {len(names)} units")
    return parse_show(ended.stdout)


def observe(item: Item, node: Node) -> Observed:
    """One unit: of systemd where it runs; where it does not, its files still say whether it is enabled.

    An image with systemd in it and without the unit lacks it; a machine that runs something else has no use for it.
    """
    unit = unit_name(item.key)
    try:
        values = node.once("units", lambda: _ask(node, item.timeout_s)).get(unit, {})
        return Observed(values, exists=bool(values))
    except NotApplicable as reason:
        if "enabled" not in item.expect:
            raise
        enabled = units.enabled_state(unit, node.root)
        if enabled is not None:
            return Observed({"active": reason, "substate": reason, "enabled": enabled})
        if node.root.is_host or not units.has_units(node.root):
            raise
        return Observed({}, exists=False)


KIND = Kind(
    "service",
    title="a service of systemd",
    chapter="software",
    key="the unit's name; without a suffix it is a .service",
    main="active",
    properties={
        "active": Property("word", "active, inactive, failed, activating …; na where systemd does not run"),
        "enabled": Property(
            "word", "enabled, disabled, masked, static …; told from the unit's files below another root"
        ),
        "substate": Property("word", "running, exited, dead, listening …; na where systemd does not run"),
    },
    default={"active": {"equals": "active"}},
    example={"ssh": {"equals": "active", "expect": {"enabled": "enabled"}}},
    outcomes=(
        "Whether it runs is na where systemd does not, as below another root; whether it is enabled is then told "
        "from its files."
    ),
    reads=["systemctl show", "unit files"],
    cost="one run of systemctl for 100 items together (some 20 ms)",
    observe=observe,
    effort=MAY_SPAWN,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
