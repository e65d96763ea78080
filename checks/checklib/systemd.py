"""What the systemd that runs here says: asked of systemctl, which asks it over D-Bus, for many units at once.

Times come in the words of systemd.time(7). Where the root is another one, or something else runs, all of it is na.
"""

from __future__ import annotations

import re
from functools import partial

from checklib import limits, programs, searching
from checklib.errors import CannotTell, NotApplicable
from checklib.several import some

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from checklib.node import Node

BOOTED = "/run/systemd/system"  # sd_booted(3): the directory is there exactly where systemd is the init
SUFFIXES = (
    ".service", ".socket", ".device", ".mount", ".automount", ".swap", ".target", ".path", ".timer", ".slice", ".scope",
)  # fmt: skip
ENDLESS = "infinity"
_UNIT = re.compile(r"[A-Za-z0-9_:.\\@-]{1,255}")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")
_MOMENT = re.compile(r"(?:[A-Z][a-z]{2} )?(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.\d+)? (?:UTC|GMT)")
_SECONDS = {
    "us": 1e-6, "usec": 1e-6, "ms": 1e-3, "msec": 1e-3, "": 1, "s": 1, "sec": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "minute": 60, "minutes": 60, "h": 3600, "hr": 3600, "hour": 3600, "hours": 3600,
    "d": 86_400, "day": 86_400, "days": 86_400, "w": 604_800, "week": 604_800, "weeks": 604_800,
    "month": 2_629_800, "months": 2_629_800, "y": 31_557_600, "year": 31_557_600, "years": 31_557_600,
}  # fmt: skip
_ROUGHLY = (
    (31_557_600, "over 1 year"), (2_629_800, "over 1 month"), (604_800, "over 1 week"), (86_400, "over 1 day"),
    (21_600, "over 6 h"), (3_600, "over 1 h"), (600, "over 10 min"), (60, "over 1 min"),
)  # fmt: skip


def unit_name(key: str, suffix: str = ".service") -> str:
    """The unit that a key means: a bare name gets the suffix. Raises CannotTell where it cannot be one."""
    if not _UNIT.fullmatch(key) or key.startswith("-"):
        raise CannotTell(f"{key[:80]!r} names no unit")
    return key if key.endswith(SUFFIXES) else f"{key}{suffix}"


def unit_names(keys: Iterable[str], suffix: str = ".service") -> list[str]:
    """The units that keys mean, those left out that cannot be one: each tells so itself."""
    return sorted({unit_name(key, suffix) for key in keys if _UNIT.fullmatch(key) and key[0] != "-"})


def ask(node: Node, arguments: Sequence[str], timeout_s: float) -> programs.Ended:
    """What systemctl says. Raises NotApplicable where systemd does not run, CannotTell where it refuses."""
    if not node.root.is_host:
        raise NotApplicable(f"what runs cannot be told of another root ({node.root.path})")
    if not node.root.exists(BOOTED):
        raise NotApplicable("systemd does not run here")
    systemctl = searching.find_program("systemctl", node.root, programs.PATH)
    ended = programs.run(systemctl, arguments, timeout_s=timeout_s, cwd="/", env={"TZ": "UTC"})
    if ended.code:
        raise CannotTell(f"systemctl: {programs.first_line(ended.stderr) or f'exit code {ended.code}'}")
    return ended


def show(node: Node, names: Sequence[str], properties: Iterable[str], timeout_s: float) -> list[dict[str, str]]:
    """The properties of units, in one call, or in as many as their answers need: of each only so much is kept."""
    if len(names) > limits.names_asked_max:
        return _in_halves(node, names, properties, timeout_s)
    shown = [f"--property={','.join(properties)}", "--no-pager", "--", *names]
    ended = ask(node, ["show", *shown], timeout_s)
    if "stdout" not in ended.truncated:
        return _told_of(names, parse_blocks(ended.stdout))
    if len(names) == 1:
        raise CannotTell(f"systemctl said more than {limits.output_kept_bytes} bytes of {names[0]}")
    return _in_halves(node, names, properties, timeout_s)


def _in_halves(node: Node, names: Sequence[str], properties: Iterable[str], timeout_s: float) -> list[dict[str, str]]:
    half = len(names) // 2
    return [*show(node, names[:half], properties, timeout_s), *show(node, names[half:], properties, timeout_s)]


def _told_of(names: Sequence[str], blocks: list[dict[str, str]]) -> list[dict[str, str]]:
    """The blocks. Raises CannotTell where a unit has none: systemctl answers for any name, also where there is none."""
    silent = set(names).difference(*map(names_of, blocks))
    if silent:
        raise CannotTell(f"systemctl says nothing of {some(silent)}")
    return blocks


def parse_blocks(text: str) -> list[dict[str, str]]:
    """What `systemctl show` prints: the properties of each unit, between empty lines. Of a repeated one the last."""
    blocks = []
    for block in text.split("\n\n"):
        fields = dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line)
        if fields:
            blocks.append(fields)
    return blocks


def is_there(fields: dict[str, str]) -> bool:
    """Whether systemd knows the unit that it was asked about; it answers for any name."""
    return fields.get("LoadState", "not-found") != "not-found" and "ActiveState" in fields


def names_of(fields: dict[str, str]) -> set[str]:
    """A unit's own name and its aliases."""
    return {fields.get("Id", ""), *fields.get("Names", "").split()} - {""}


def parse_span(text: str) -> float | None:
    """A span of time in seconds: `7h 50min 36.8s`; None where it is none, or endless."""
    if len(text) > limits.version_chars_max:
        return None
    total, end = 0.0, 0
    bare = text.strip()
    for match in _SPAN.finditer(bare):
        if bare[end : match.start()].strip() or match[2] not in _SECONDS:
            return None
        total += float(match[1]) * _SECONDS[match[2]]
        end = match.end()
    return total if end and not bare[end:].strip() else None


def parse_moment(text: str) -> float | None:
    """A moment such as `Fri 2025-11-21 19:21:30 UTC` in seconds since 1970; None where there is none."""
    match = _MOMENT.fullmatch(text.strip())
    if not match:
        return None
    from datetime import datetime, timezone  # 1 ms: only where somebody asks for a time

    year, month, day, hour, minute, second = (int(part) for part in match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc).timestamp()
    except ValueError:
        return None


def parse_amount(text: str) -> int | str | None:
    """A number or size as systemctl shows it: digits, or infinity; None where none is set."""
    bare = text.strip()
    if bare in {ENDLESS, str(2**64 - 1)}:
        return ENDLESS
    return int(bare) if bare.isascii() and bare.isdigit() and len(bare) < limits.digits_max else None


def shown(values: Mapping[str, object]) -> dict[str, Callable[[], str]]:
    """How times, whose names end in `_s`, are told to people; see Observed."""
    said: dict[str, Callable[[], str]] = {}
    for name, value in values.items():
        if name.endswith("_s") and isinstance(value, (int, float)):
            said[name] = partial(roughly, value)
    return said


def roughly(seconds: float) -> str:
    """A time for people, so rough that nodes which are wrong alike say the same: `over 1 day`."""
    words = (word for length, word in _ROUGHLY if seconds > length)
    return next(words, "under 1 min")
