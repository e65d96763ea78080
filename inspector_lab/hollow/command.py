"""`inspector-lab hollow …`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inspector_lab.console import plain_errors, program, say, shell_word, show
from inspector_lab.errors import PlanError
from inspector_lab.hollow import limits
from inspector_lab.plan import PROFILES
from inspector_lab.tools import REPOSITORY

EPILOG = (
    "Examples:\n\n  inspector-lab hollow --members 10000 --dir /tmp/hollow\n\n"
    "  inspector --config /tmp/hollow/coordinator.yml sweep --no-escalate\n\n"
    "  inspector-lab hollow --members 10000 --loss 0.05 --duplicate 0.01 --dir /tmp/lossy\n\n"
    "  inspector-lab hollow --members 10000 --churn 1 --dir /tmp/churned\n\n"
    "  inspector-lab down --dir /tmp/hollow"
)
CHURN_EPILOG = (
    "Examples:\n\n  inspector-lab churn 1 --dir /tmp/hollow\n\n"
    "  inspector-lab churn 0 --dir /tmp/hollow   (whoever is gone stays gone)"
)
Dir = Annotated[Path, typer.Option("--dir", help="The lab's directory.", show_default=False)]


def hollow(  # noqa: PLR0913 - one option each
    *,
    directory: Dir,
    members: Annotated[int, typer.Option(help=f"How many, {limits.members_min} to {limits.members_max:,}.")] = 10_000,
    profile: Annotated[str, typer.Option(help=f"Serf's timing: {' or '.join(PROFILES)}.")] = "lan",
    seed: Annotated[int, typer.Option(help="Draws drift, losses, churn, and when each member hears a question.")] = 1,
    drift: Annotated[float, typer.Option(help="Share of (node, possible drift) pairs that are wrong, 0 to 1.")] = 0.001,
    loss: Annotated[float, typer.Option(help="Share of packets lost, to and from each member, 0 to 1.")] = 0.0,
    delay: Annotated[float, typer.Option(help="Each packet comes up to so many milliseconds later.")] = 0.0,
    duplicate: Annotated[float, typer.Option(help="Share of packets that arrive twice, 0 to 1.")] = 0.0,
    silent: Annotated[int, typer.Option(help="So many members live and hear no question.")] = 0,
    churn: Annotated[
        float, typer.Option(help="Percent of the members that go in a minute, and come back later.")
    ] = 0.0,
    encrypt: Annotated[bool, typer.Option("--encrypt", help="Encrypt the gossip.")] = False,
    gogc: Annotated[
        int, typer.Option(help="Go's GOGC for the entry: 400 halves its processor time, for memory.")
    ] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")] = False,
) -> None:
    """Start a ring of thousands of members, played by one process to a real Serf agent, and leave it running."""
    from inspector_lab.hollow.fleet import HollowWish
    from inspector_lab.hollow.up import bring_up, told
    from inspector_lab.layout import Layout

    wish = HollowWish(
        members=members,
        profile=profile,
        seed=seed,
        drift=drift,
        loss=loss,
        delay_ms=delay,
        duplicate=duplicate,
        silent=silent,
        churn=churn,
        encrypt=encrypt,
        gogc=gogc,
    )
    with plain_errors():
        lab = bring_up(wish, directory, REPOSITORY / "examples" / "practice-fleet", say)
    layout = Layout(directory.expanduser().absolute())
    if as_json:
        took = told(layout).seconds
        show({"directory": str(layout.home), "entry": lab.nodes[0].name, "members": members, "seconds": took})
        return
    config, home = shell_word(layout.coordinator), shell_word(layout.home)
    typer.echo(
        f"{members:,} members, entry {lab.nodes[0].name}, settled and heard. Next:\n"
        f"  ask all nodes  {program('inspector')} --config {config} sweep --no-escalate\n"
        f"  what runs      {program('inspector-lab')} status --dir {home}\n"
        f"  end it         {program('inspector-lab')} down --dir {home}"
    )


def churn(
    percent: Annotated[float, typer.Argument(help="Of the members that go in a minute; 0: all stays as it is.")],
    *,
    directory: Dir,
) -> None:
    """Let members of a running hollow ring fail, leave and come back, or end that."""
    from inspector_lab.hollow.wishing import wish_churn
    from inspector_lab.layout import Layout
    from inspector_lab.status import status

    layout = Layout(directory.expanduser().absolute())
    with plain_errors():
        if "hollow" not in status(layout):
            raise PlanError(f"{layout.home} is no hollow ring: start one with `inspector-lab hollow`")
        wish_churn(layout.hollow_churn, percent)
    say(
        f"inspector-lab: {percent:g} % of the members go in a minute" if percent else "inspector-lab: no churn any more"
    )
