"""The ways to break a node, what each takes, and what of it makes no sense. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from inspector_lab import limits
from inspector_lab.errors import BreakError

SERVICES = ("serf", "agent", "sshd")
DIRECTIONS = ("both", "in", "out")


@dataclass(frozen=True)
class Choices:
    """What some kinds of faults take besides the nodes; None or empty where nothing was chosen.

    other_side  targets, of a cut
    share       of packets lost, or of one processor left; 0 to 1
    seconds     by which a clock is ahead, or (negative) behind
    """

    items: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    other_side: tuple[str, ...] = ()
    direction: str = ""
    share: float | None = None
    seconds: float | None = None
    undo: bool = False

    @property
    def amount(self) -> float:
        """The one figure that a fault has, 0 where it has none."""
        return next((figure for figure in (self.share, self.seconds) if figure is not None), 0.0)

    def given(self) -> list[str]:
        """The options that were given, as a user writes them."""
        values = {
            "--item": self.items,
            "--set": self.settings,
            "--service": self.services,
            "--from": self.other_side,
            "--direction": self.direction,
            "--share": self.share is not None,
            "--seconds": self.seconds is not None,
            "--undo": self.undo,
        }
        return [option for option, value in values.items() if value]


NO_CHOICES = Choices()


@dataclass(frozen=True)
class How:
    """One way. `do` and `undo` are orders to the keeper; `world`: only nodes in namespaces can have it.

    services  that it is about; () where it is about all, or those that are chosen
    takes     options it may have;  needs  one it must have, but where it is undone
    """

    do: str
    undo: str = ""
    services: tuple[str, ...] = ()
    takes: frozenset[str] = field(default_factory=frozenset)
    needs: str = ""
    world: bool = False


def _of_world(*takes: str, needs: str = "") -> How:
    return How("fault", "relieve", takes=frozenset([*takes, needs, "--undo"]), needs=needs, world=True)


HOWS: dict[str, How] = {
    "kill": How("kill", "start", takes=frozenset(["--service", "--undo"])),
    "stop-agent": How("stop", "start", ("agent",), takes=frozenset(["--undo"])),
    "freeze": How("freeze", "thaw", takes=frozenset(["--service", "--undo"])),
    "heal": How("heal"),
    "drift": How("drift", takes=frozenset(["--item", "--set"])),
    "cut": _of_world("--from", "--direction"),
    "black-hole": _of_world(),
    "loss": _of_world(needs="--share"),
    "slow-cpu": _of_world(needs="--share"),
    "fill-disk": _of_world(),
    "skew-clock": _of_world(needs="--seconds"),
}


def checked(how: str, choices: Choices) -> None:
    """Raise BreakError where there is no such way to break a node, or a choice makes no sense with it."""
    if how not in HOWS:
        raise BreakError(f"--how {how}: no way to break a node is called so: use one of {', '.join(HOWS)}")
    kind, given = HOWS[how], choices.given()
    for option in given:
        if option not in kind.takes:
            fitting = " or ".join(name for name, other in HOWS.items() if option in other.takes)
            raise BreakError(f"{option} goes with --how {fitting}, not with {how}")
    if choices.undo and (rest := [option for option in given if option not in {"--undo", "--service"}]):
        raise BreakError(f"--undo ends --how {how} whatever it was: leave {' and '.join(rest)} out")
    if kind.needs and kind.needs not in given and not choices.undo:
        raise BreakError(f"--how {how} needs {kind.needs}")
    least = limits.cpu_share_min if how == "slow-cpu" else 0.0
    furthest = limits.skew_s_max
    for option, sound, what in (
        ("--service", set(choices.services) <= set(SERVICES), f"one of {', '.join(SERVICES)}"),
        ("--direction", choices.direction in {"", *DIRECTIONS}, f"one of {', '.join(DIRECTIONS)}"),
        ("--share", choices.share is None or least <= choices.share <= 1.0, f"a share between {least:g} and 1"),
        ("--seconds", abs(choices.seconds or 0.0) <= furthest, f"at most {furthest:,} either way"),
    ):
        if not sound:
            raise BreakError(f"{option} must be {what}")
