"""`inspector-lab`: practice fleets from the command line. Data on stdout, progress on stderr."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from inspector_lab import limits
from inspector_lab.console import plain_errors, program, say, shell_word, show
from inspector_lab.errors import NotRunningError, PlanError
from inspector_lab.hollow import command as hollow_command
from inspector_lab.layout import Layout
from inspector_lab.plan import PROFILES, Wish
from inspector_lab.simulated.command import EPILOG, simulate_command
from inspector_lab.state import LabState
from inspector_lab.tools import REPOSITORY

PRACTICE = REPOSITORY / "examples" / "practice-fleet"

app = typer.Typer(
    name="inspector-lab",
    help="Practice fleets on this machine: a real Serf ring on loopback addresses, one inspection agent and one sshd "
    "a node; also rings of thousands, played (hollow) or simulated. No root needed.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    pretty_exceptions_enable=False,
)

Dir = Annotated[Path, typer.Option("--dir", help="The lab's directory.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]


@app.command(
    epilog="Examples:\n\n  inspector-lab up --nodes 20 --dir /tmp/lab\n\n"
    "  inspector-lab up --nodes 50 --drift 0.05 --seed 7 --profile local --dir /tmp/lab",
)
def up(  # noqa: PLR0913 - one option each
    *,
    directory: Dir,
    nodes: Annotated[int, typer.Option(help=f"How many, 1 to {limits.nodes_max}.")] = 20,
    zones: Annotated[int, typer.Option(help="Zones a, b, c …")] = 3,
    racks: Annotated[int, typer.Option(help="Racks a zone: a1, a2 …")] = 2,
    profile: Annotated[
        str, typer.Option(help=f"Serf's timing: {' or '.join(PROFILES)}. local sees failures three times sooner.")
    ] = "lan",
    seed: Annotated[int, typer.Option(help="Draws the drift and who joins through whom.")] = 1,
    drift: Annotated[float, typer.Option(help="Share of (node, possible drift) pairs that start wrong, 0 to 1.")] = 0.0,
    role: Annotated[
        list[str] | None, typer.Option(help="NODE=ROLE, again and again: a role that no layer matches is uncovered.")
    ] = None,
    rack_size: Annotated[
        list[str] | None, typer.Option(help="RACK=NODES, again and again; the other racks share the rest.")
    ] = None,
    encrypt: Annotated[bool, typer.Option("--encrypt", help="Encrypt the gossip.")] = False,
    namespaces: Annotated[
        bool, typer.Option("--namespaces", help="A network, host name and disk of its own for every node. Needs root.")
    ] = False,
    fleet: Annotated[Path, typer.Option(help="The layers to publish.", show_default=False)] = PRACTICE,
    as_json: AsJson = False,
) -> None:
    """Start a practice fleet and leave it running."""
    from inspector_lab.up import bring_up

    with plain_errors():
        wish = Wish(
            nodes=nodes,
            zones=zones,
            racks=racks,
            profile=profile,
            seed=seed,
            drift=drift,
            roles=roles_of(role or []),
            encrypt=encrypt,
            namespaces=namespaces,
            rack_sizes=sizes_of(rack_size or []),
        )
        lab = bring_up(wish, directory, fleet, say)
    if as_json:
        show({"directory": str(directory.absolute()), "nodes": [node.name for node in lab.nodes], "center": lab.center})
    else:
        sys.stdout.write(next_steps(lab, Layout(directory.expanduser().absolute())))


def roles_of(settings: list[str]) -> dict[str, str]:
    """NODE=ROLE words as a mapping; NODE may be a node set. Raises PlanError."""
    from ClusterShell.NodeSet import NodeSet, NodeSetException

    roles: dict[str, str] = {}
    for setting in settings:
        nodes, equals, role = setting.partition("=")
        if not equals or not nodes or not role:
            raise PlanError(f"--role {setting!r} is not NODE=ROLE, for example n020=printer")
        try:
            roles.update(dict.fromkeys(NodeSet(nodes), role))
        except NodeSetException as failure:
            raise PlanError(f"--role {setting!r}: {nodes!r} is no node set such as n[001-003]: {failure}") from failure
    return roles


def sizes_of(settings: list[str]) -> dict[str, int]:
    """RACK=NODES words as a mapping. Raises PlanError."""
    sizes: dict[str, int] = {}
    for setting in settings:
        rack, _, count = setting.partition("=")
        if not rack or not count.isdecimal():
            raise PlanError(f"--rack-size {setting!r} is not RACK=NODES, for example b1=40")
        sizes[rack] = int(count)
    return sizes


def next_steps(lab: LabState, layout: Layout) -> str:
    """What to type next, ready to paste."""
    node, home = lab.nodes[-1].name, shell_word(layout.home)
    config, inventory = shell_word(layout.coordinator), shell_word(layout.inventory)
    ask, lab_, center, ansible = map(program, ("inspector", "inspector-lab", "config-center", "ansible"))
    publish = f"{center} publish {shell_word(layout.fleet)} --key {shell_word(layout.center_key)} --ring {config}"
    cut = [("cut a zone off", f"{lab_} break zone=a --how cut --dir {home}")] if lab.wish.namespaces else []
    steps = (
        ("ask all nodes", f"{ask} --config {config} sweep"),
        ("break one", f"{lab_} break {node} --how drift --set sysctl:vm.swappiness=60 --dir {home}"),
        *cut,
        ("see why it fails", f"{ask} --config {config} explain {node}"),
        ("look from Ansible", f"{ansible} -i {inventory} {node} -m ping"),
        ("change what is expected", publish),
        ("what runs", f"{lab_} status --dir {home}"),
        ("end it", f"{lab_} down --dir {home}"),
    )
    width = max(len(what) for what, _ in steps)
    lines = [f"{len(lab.nodes)} nodes, ring whole, agents attached. Next:"]
    return "\n".join([*lines, *(f"  {what:<{width}}  {command}" for what, command in steps)]) + "\n"


@app.command("status", epilog="Example:\n\n  inspector-lab status --dir /tmp/lab --json")
def show_status(*, directory: Dir, as_json: AsJson = False) -> None:
    """Show what of a lab runs."""
    from rich.console import Console
    from rich.table import Table

    from inspector_lab.hows import SERVICES
    from inspector_lab.status import status

    with plain_errors():
        found = status(Layout(directory.expanduser().absolute()))
    if as_json:
        show(found)
        return
    table = Table("node", "address", *("zone", "rack", "role"), "member", *SERVICES, box=None, pad_edge=False)
    for name, node in found["nodes"].items():
        tags = [node["tags"][tag] for tag in ("zone", "rack", "role")]
        table.add_row(name, node["address"], *tags, node["member"], *(word(node["processes"][s]) for s in SERVICES))
    console = Console(soft_wrap=True)
    console.print(table)
    if "hollow" in found:
        hollow = found["hollow"]
        console.print(f"{hollow['members']:,} hollow members {word(hollow)}, {hollow['phase']}")
    for fault in found.get("faults", ()):
        console.print(f"[yellow]{fault_words(fault)}[/yellow]")
    console.print(f"config center {found['center']['url']} {word(found['center'])}, keeper {found['keeper']['pid']}")


def fault_words(fault: dict[str, Any]) -> str:
    """One fault of a world in a line."""
    from ClusterShell.NodeSet import NodeSet

    parts = [fault["how"], f"{NodeSet.fromlist(fault['nodes'])}"]
    if fault.get("others"):
        parts += [f"from {NodeSet.fromlist(fault['others'])}", f"({fault['direction']})"]
    return " ".join([*parts, *([f"{fault['amount']:g}"] if "amount" in fault else [])])


def word(process: dict[str, Any]) -> str:
    """A process's state in one or two words."""
    if process["state"] == "ended":
        return f"[red]ended ({process['exit']})[/red]"
    return "running" if process["state"] == "running" else f"[yellow]{process['state']}[/yellow]"


@app.command(
    "break",
    epilog="Examples:\n\n  inspector-lab break n003 --how kill --dir /tmp/lab\n\n"
    "  inspector-lab break rack=b2 --how drift --set sysctl:vm.swappiness=60 --dir /tmp/lab\n\n"
    "  inspector-lab break 'n[001-004]' --how heal --dir /tmp/lab\n\n"
    "With namespaces:\n\n  inspector-lab break zone=a --how cut --direction out --dir /tmp/lab\n\n"
    "  inspector-lab break rack=b2 --how kill --undo --dir /tmp/lab\n\n"
    "  inspector-lab break 'n*' --how loss --share 0.1 --dir /tmp/lab",
)
def break_(  # noqa: PLR0913 - one option each
    targets: Annotated[list[str], typer.Argument(help="Node sets, globs, tag=value, @role.", metavar="NODE …")],
    *,
    directory: Dir,
    how: Annotated[
        str,
        typer.Option(
            help="kill: the whole node ends. stop-agent: its inspection agent ends, Serf stays. freeze: everything "
            "stops in its tracks. drift: it is not what it should be. heal: all is well again (but drift). "
            "With namespaces also: cut: no packet from or to the others. black-hole: nor from or to anybody. loss: a "
            "share of them. slow-cpu: a share of one processor. fill-disk: no byte is free. skew-clock: the agent's."
        ),
    ],
    item: Annotated[list[str] | None, typer.Option(help="Which item drifts, e.g. kernel:release.")] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="ITEM=VALUE, e.g. sysctl:vm.swappiness=60.")
    ] = None,
    service: Annotated[list[str] | None, typer.Option(help="kill and freeze: only serf, agent or sshd.")] = None,
    other_side: Annotated[list[str] | None, typer.Option("--from", help="cut: only from these, e.g. zone=c.")] = None,
    direction: Annotated[str, typer.Option(help="cut: both; in: they cannot hear; out: they cannot send.")] = "",
    share: Annotated[float | None, typer.Option(help="loss: of packets; slow-cpu: of a processor; 0 to 1.")] = None,
    seconds: Annotated[float | None, typer.Option(help="skew-clock: ahead, or behind (negative).")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="End this kind of fault, and leave others.")] = False,
    as_json: AsJson = False,
) -> None:
    """Break nodes on purpose, or heal them."""
    from inspector_lab.breaking import break_nodes
    from inspector_lab.hows import Choices

    choices = Choices(
        items=tuple(item or ()),
        settings=tuple(setting or ()),
        services=tuple(service or ()),
        other_side=tuple(other_side or ()),
        direction=direction,
        share=share,
        seconds=seconds,
        undo=undo,
    )
    with plain_errors():
        done = break_nodes(Layout(directory.expanduser().absolute()), targets, how, choices)
    if as_json:
        show(done)
        return
    for line in told(done):
        sys.stdout.write(f"{line}\n")


def told(done: list[dict[str, str]]) -> list[str]:
    """What was done, nodes folded: one line a kind of fault."""
    from ClusterShell.NodeSet import NodeSet

    nodes_of: dict[str, list[str]] = {}
    for record in done:
        what = f"{record['item']} is now {record['value']!r}" if record["how"] == "drift" else record["how"]
        nodes_of.setdefault(what, []).append(record["node"])
    return [f"{NodeSet.fromlist(names)}: {what}" for what, names in nodes_of.items()]


@app.command(epilog="Example:\n\n  inspector-lab down --dir /tmp/lab")
def down(*, directory: Dir, as_json: AsJson = False) -> None:
    """End a lab: exactly what `up` or `hollow` started there."""
    from inspector_lab.down import take_down

    layout = Layout(directory.expanduser().absolute())
    with plain_errors():
        try:
            lab = take_down(layout)
        except NotRunningError as nothing:
            # What was wished for is so: not an error, but said.
            say(f"inspector-lab: nothing to end: {nothing}")
            if as_json:
                show({"directory": str(layout.home), "ended": [], "hollow_members_ended": 0})
            return
    if as_json:
        names = [node.name for node in lab.nodes]
        show({"directory": str(layout.home), "ended": names, "hollow_members_ended": lab.hollow})
    else:
        sys.stdout.write(f"{len(lab.nodes) + lab.hollow} nodes ended; logs stay in {layout.home}/nodes/*/log\n")


app.command(epilog=hollow_command.EPILOG)(hollow_command.hollow)
app.command(epilog=hollow_command.CHURN_EPILOG)(hollow_command.churn)
app.command("simulate", epilog=EPILOG)(simulate_command)


def main() -> None:
    """Entry point."""
    app()


if __name__ == "__main__":
    main()
