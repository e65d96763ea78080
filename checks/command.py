"""Any program's exit code and output. It is told, never guessed: an argument list, no shell."""

from __future__ import annotations

from checklib import limits
from checklib.kinds import SPAWNS, Kind, Parameter, Property
from checklib.programs import first_line
from checklib.searching import PARAMETERS, run_item
from checklib.values import Cut, Observation, Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.programs import Ended


def parse_ended(ended: Ended, wanted: Container[str] = ()) -> Observed:
    """What a program said; of one that did not end well, the first line of what it complained about.

    wanted  what is expected to be something: where that was cut, it is said
    """
    texts = {"stdout": ended.stdout, "stderr": ended.stderr}
    values: dict[str, Observation] = {"exit": ended.code}
    for name, text in texts.items():
        values[name] = Cut(text) if name in ended.truncated else text.rstrip("\n")
    notes = [first_line(ended.stderr)] if ended.code and first_line(ended.stderr) else []
    notes += [f"{name} was cut after {limits.output_kept_bytes} bytes" for name in texts
              if name in ended.truncated and name in wanted]  # fmt: skip
    return Observed(values, note="; ".join(notes))


def observe(item: Item, node: Node) -> Observed:
    """Run it once."""
    return parse_ended(run_item(item, node), item.expect)


KIND = Kind(
    "command",
    title="what a program says",
    chapter="your own",
    key="a name for people",
    main="exit",
    properties={
        "exit": Property("number", "the exit code; 128 + n where signal n ended it"),
        "stdout": Property("text", "at most 64 KiB of standard output, without the last line end"),
        "stderr": Property("text", "the same of standard error"),
    },
    parameters={
        "argv": Parameter("argv", "program and arguments; a bare name is looked for on the PATH", required=True),
        **PARAMETERS,
    },
    default={"exit": {"equals": 0}},
    example={
        "ntp": {"with": {"argv": ["chronyc", "tracking"]}, "expect": {"exit": 0, "stdout": {"contains": "Normal"}}}
    },
    outcomes=(
        "na below another root, unless the item says below_root; an error where it cannot be started, floods its "
        "output or overruns its time."
    ),
    reads=["the program"],
    cost="a process; ended with all it started after the item's timeout",
    observe=observe,
    effort=SPAWNS,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
