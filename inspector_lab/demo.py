"""`make demo`: a fleet broken on purpose, swept by the real commands, and what they found. Ends all it started."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import trio
from rich.console import Console
from rich.table import Table
from rich.text import Text

from inspector_coord.faces import svg
from inspector_lab import guard, limits, processes
from inspector_lab.breaking import break_nodes
from inspector_lab.cli import PRACTICE
from inspector_lab.console import FAILED, INTERRUPTED, program
from inspector_lab.errors import LabError
from inspector_lab.hows import Choices
from inspector_lab.layout import Layout
from inspector_lab.plan import Wish
from inspector_lab.state import LabState
from inspector_lab.status import members_seen
from inspector_lab.story import EXIT_CODES, FAULTS, NODES, STRANGE_ROLES, Fault, compare
from inspector_lab.tools import REPOSITORY
from inspector_lab.up import borrowed_lab
from inspector_lab.writing import SCRIPTS

# Measured on two cores, a killed node of 20 is known to be dead after 7 to 8 s with `lan` and 5 to 7 s with `local`:
# too little between them to show anything else than what is used in real life.
PROFILE = "lan"
DIRECTORY = REPOSITORY / "build" / "demo"
NOTICE_S_MAX = 40.0
# The node whose check hangs tells so after 3 s; on a busy machine it must not be cut off just before. A stalled node is
# asked again until its time is over, some 6 s in all, so more than that makes nobody wait.
SWEEP_S = "10"
# Killed before all the others are broken: the agents start while the ring finds out.
DOOMED = {fault.nodes for fault in FAULTS if fault.how == "kill"}

console = Console(highlight=False, soft_wrap=True)


class Clock:
    """Says what is being done, and since when."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def seconds(self) -> float:
        """Since the demo began."""
        return time.monotonic() - self.began

    def step(self, text: str) -> None:
        """The beginning of a part."""
        console.print()
        console.print(Text(f"{self.seconds():5.1f} s  {text}", style="bold"))

    def say(self, line: str) -> None:
        """Something on the way."""
        console.print(Text(f"{self.seconds():5.1f} s    {line}", style="dim"))


def main(directory: Path = DIRECTORY) -> int:
    """Exit code: 0 all was found, 1 something was not or went wrong, 130 interrupted. Nothing is left running."""
    # A polite end is the same as Ctrl-C: through all `finally`s. Raised as that signal, since trio knows when it may
    # let a Ctrl-C through, and when it is in the middle of something. In the background of a script interrupts come
    # ignored: then it would be nothing.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    processes.adopt_orphans()  # what ssh and Ansible put into the background is ours to end, too
    clock = Clock()
    try:
        return tell(directory, clock)
    except LabError as failure:
        console.print(f"demo: {failure}", style="red", markup=False)
        return FAILED
    except KeyboardInterrupt:
        console.print("\ndemo: interrupted")
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        guard.end_everything()
        clock.say("the fleet is gone, no process is left")


def tell(directory: Path, clock: Clock) -> int:
    """The whole story; returns 0 when the sweep found exactly what was broken."""
    layout = Layout(directory / "lab")
    directory.mkdir(parents=True, exist_ok=True)
    wish = Wish(nodes=NODES, profile=PROFILE, roles=STRANGE_ROLES)
    clock.step(f"A practice fleet: {NODES} nodes on a real Serf ring, 3 zones, 6 racks, profile {PROFILE}")
    with borrowed_lab(wish, layout.home, PRACTICE, clock.say, doomed=sorted(DOOMED)) as lab:
        clock.step("Broken on purpose")
        for fault in FAULTS:
            make(fault, layout, clock)
        clock.say(
            f"until the ring is sure that {', '.join(sorted(DOOMED))} is dead, and not only slow: some 8 s in all"
        )
        trio.run(until_noticed, layout, lab)
        clock.step("The sweep, and a second pass over ssh by Ansible for those that did not pass")
        code, report = sweep(directory, layout)
        clock.step("What was broken, and what the sweep says of it")
        complete = show(report)
        explain(layout, clock)
        leave_files(directory, report, clock)
    console.print()
    console.print(f"The sweep's own exit code is {code}: {EXIT_CODES.get(code, 'unknown')}.")
    console.print("The demo's is 0 when the sweep found exactly what was broken.")
    return 0 if complete else FAILED


def make(fault: Fault, layout: Layout, clock: Clock) -> None:
    """Break what is to be broken, and say so."""
    if fault.how and fault.nodes not in DOOMED:
        break_nodes(layout, [fault.nodes], fault.how, Choices(items=fault.items, settings=fault.settings))
    clock.say(f"{fault.nodes:<10}  {fault.what}")


async def until_noticed(layout: Layout, lab: LabState) -> None:
    """Returns when the ring counts the killed nodes as failed."""
    with trio.move_on_after(NOTICE_S_MAX):
        while True:
            entry = f"{lab.nodes[0].address}:{limits.rpc_port}"
            members = await members_seen(layout, lab, [entry])
            if all(members.get(name) == "failed" for name in DOOMED):
                return
            await trio.sleep(limits.poll_s)
    raise LabError(f"the ring has not noticed within {NOTICE_S_MAX:g} s that {', '.join(sorted(DOOMED))} is dead")


def sweep(directory: Path, layout: Layout) -> tuple[int, dict[str, Any]]:
    """Run the real command as a user would; its exit code and its report."""
    output, page = directory / "report.json", directory / "report.html"
    output.unlink(missing_ok=True)
    code = command(
        "inspector", "--config", layout.coordinator, "sweep", "--timeout", SWEEP_S, "--output", output, "--html", page
    )
    if not output.exists():
        raise LabError(f"`inspector sweep` ended with exit code {code} and left no report")
    report: dict[str, Any] = json.loads(output.read_text())
    return code, report


def command(name: str, *words: str | Path) -> int:
    """Show a command and run it in this terminal."""
    shown = [name, *(short(word) if isinstance(word, Path) else word for word in words)]
    console.print(f"$ {shlex.join(shown)}", style="bold cyan", markup=False)
    return subprocess.run([str(SCRIPTS / name), *map(str, words)], check=False).returncode


def short(path: Path) -> str:
    """A path as a user in the repository's folder would type it."""
    return str(path.relative_to(REPOSITORY) if path.is_relative_to(REPOSITORY) else path)


def show(report: dict[str, Any]) -> bool:
    """The comparison as a table; whether everything was found."""
    rows = compare(report)
    table = Table("", "nodes", "done to them", "the sweep says", box=None, pad_edge=False)
    for row in rows:
        mark = Text("found", style="green") if row.found else Text("NOT FOUND", style="bold red")
        table.add_row(mark, row.nodes, row.what, Text(row.said))
    console.print(table)
    return all(row.found for row in rows)


def explain(layout: Layout, clock: Clock) -> None:
    """One node in detail."""
    clock.step("One node in detail")
    command("inspector", "--config", layout.coordinator, "explain", "n012")


def leave_files(directory: Path, report: dict[str, Any], clock: Clock) -> None:
    """The picture of the sweep, and where everything is."""
    (directory / "sweep.svg").write_text(svg.render(report))
    clock.step("Left for you")
    for name in ("report.json", "report.html", "sweep.svg"):
        console.print(f"  {short(directory / name)}")
    console.print(f"  a fleet that stays: {program('inspector-lab')} up --nodes 20 --dir /tmp/lab")


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
