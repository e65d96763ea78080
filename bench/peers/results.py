"""What the comparison gives: budgeted figures, and a section with its tables, its picture and how it was done."""

from __future__ import annotations

import statistics
import subprocess
from dataclasses import dataclass, field

from bench.figures import Figure, Section
from bench.peers import ansible_side, clush_side, salt_install
from bench.peers.items import ITEMS
from bench.peers.told import Broken, Way, costs, faults


@dataclass
class Measured:
    """All that was measured. first_to_closed: the seconds that our reports tell. salt: whether it could be had."""

    nodes: int
    ways: list[Way] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    first_to_closed: list[float] = field(default_factory=list)
    salt: bool = True


def ratio(found: Measured, way: Way, key: str, bound: float) -> Figure:
    """A way of Ansible's ÷ our sweep, as the budget has it."""
    ours = statistics.median(found.first_to_closed)
    whole = next(way for way in found.ways if way.key == "sweep").seconds
    return Figure(
        key,
        f"Ansible, {way.how} ÷ a sweep",
        "",
        tuple(look.seconds / ours for look in way.looks),
        bound,
        at_most=False,
        note=f"{found.nodes} nodes, {ITEMS} items; whole ansible-playbook ÷ the report's seconds (first question sent "
        f"to ledger closed); ÷ the whole process of `inspector sweep`, its start included: {way.seconds / whole:.3g}",
    )


def figures(found: Measured) -> list[Figure]:
    """The budgeted ratios, and every way's seconds; processor time and memory of the resident ones."""
    budgets = {"ansible": ("ansible_over_ours", 50), "ansible_one_task": ("ansible_one_task_over_ours", 20)}
    ratios = [ratio(found, way, *budgets[way.key]) for way in found.ways if way.key in budgets]
    ratios.sort(key=lambda figure: figure.key, reverse=True)
    rest = [
        Figure("sweep_s", "  sweep, first question sent to ledger closed", "s", tuple(found.first_to_closed)),
        *[Figure(f"{way.key}{'_process' * (way.key == 'sweep')}_s", f"  {way.title}, whole process", "s",
                 tuple(look.seconds for look in way.looks)) for way in found.ways],
        *[Figure(f"{way.key}_processor_s", f"  {way.title}, CPU of both sides", "s",
                 tuple(look.processor_s for look in way.looks)) for way in found.ways],
        *[Figure(f"{way.key}_node_mb", f"  {way.peer}, resident on a node, PSS", "MB", (way.resident.pss_mb,))
          for way in found.ways if way.key in {"sweep", "salt_command", "clush"}],
    ]  # fmt: skip
    return [*ratios, *rest]


def openssh() -> str:
    """Its version in short."""
    said = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr
    return said.split(",")[0].split(" ")[0].replace("_", " ")


TEXT = """\
The same {nodes} nodes of a practice fleet and the same {items} items (kernel parameters with one value on all nodes),
looked at by `inspector sweep` and by {versions}; each alone on the machine, in its best case.
Made by `python -m bench --only side-by-side --write`, a part of `make bench`. How, and how fair: [side by
side](side-by-side.md).

![time, processor time and memory of each](side-by-side.svg)

Time is that of the whole command, median of the runs. CPU is user and system time of everything on the asker's side
and on all nodes. Memory is what is resident on one node for it (sshd is there anyway); idle is what that burns while
nobody asks.

{costs}

Then three nodes are killed, and two are stopped in their tracks: they hang, their connections are accepted and never
answered. What each says of them, in its own words:

{faults}
"""


def section(found: Measured) -> Section:
    """The text of docs/benchmarks.md."""
    salt = f"Salt {salt_install.VERSION}{'' if found.salt else ' (could not be installed here)'}"
    versions = f"ansible-core {ansible_side.version}, ClusterShell {clush_side.version}, {salt}, {openssh()}"
    text = TEXT.format(
        nodes=found.nodes,
        items=ITEMS,
        versions=versions,
        costs="\n".join(costs(found.ways)),
        faults="\n".join(faults(found.broken)),
    )
    return Section("Side by side", text)
