"""The command `diff`: what differs between two releases, or between layers and what is published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from config_center.acting import nodes_json, opened
from config_center.cli_common import HERE, Checks, Json, Roster, Store, print_json
from config_center.describe import bundled_checks, catalogue_of
from config_center.difference import compare
from config_center.difference_words import difference_lines, node_lines
from config_center.drafting import draft
from config_center.errors import CenterError
from config_center.folded import fold
from config_center.node_difference import Picture, compare_nodes
from config_center.release import Release
from config_center.rosters import known_nodes, read_roster
from config_center.trail import CURRENT, find_release, is_name

if TYPE_CHECKING:
    from config_center.database import Database

_SIDE = "A number, the beginning of a digest, current, canary, or a directory of layers."


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "diff",
        epilog="\b\nExamples:\n  config-center diff\n  config-center diff /srv/fleet --roster nodes.json\n"
        "  config-center diff 11 12 --store /srv/center.db\n  config-center diff /srv/fleet /tmp/other-branch",
    )(diff_command)


def diff_command(
    one: Annotated[str, typer.Argument(metavar="[A]", help=_SIDE, show_default=False)] = "",
    other: Annotated[str, typer.Argument(metavar="[B]", help=_SIDE, show_default=False)] = "",
    store: Store = None,
    roster: Roster = None,
    checks: Checks = None,
    *,
    as_json: Json = False,
) -> None:
    """Show what differs from A to B, and which nodes that touches.

    Without A and B: from what is current to the layers of this directory. A directory alone: from what is current to
    it. A release alone: from it to what is current.
    """
    before, after = _sides(one, other)
    directory = next((Path(side) for side in (after, before) if not is_name(side)), HERE)
    with opened(store, directory, makes=not is_name(before) and not is_name(after)) as database:
        old, new = (_release(side, database, checks) for side in (before, after))
        nodes = read_roster(roster) if roster else known_nodes(database)
    difference = compare(old, new)
    touched = compare_nodes(Picture(old), Picture(new), nodes)
    if as_json:
        sides = {word: _told(side, release) for word, side, release in (("from", before, old), ("to", after, new))}
        print_json({**sides, "difference": msgspec.to_builtins(difference), "nodes": nodes_json(touched)})
        return
    print(f"{_name(before, old)} -> {_name(after, new)}:")
    print(*difference_lines(difference), *(node_lines(touched, fold) if difference else ()), sep="\n")


def _sides(one: str, other: str) -> tuple[str, str]:
    """(before, after), as they are meant."""
    if other:
        return one, other
    if not one:
        return CURRENT, str(HERE)
    return (one, CURRENT) if is_name(one) else (CURRENT, one)


def _release(side: str, database: Database, checks: Path | None) -> Release:
    if is_name(side):
        return find_release(database, side)
    if not Path(side).is_dir():
        raise CenterError(f"{side} is neither a directory nor a release: {_SIDE[0].lower()}{_SIDE[1:-1]} is")
    return draft(Path(side), catalogue_of(checks or bundled_checks()))


def _name(side: str, release: Release) -> str:
    return f"release {release.number} ({release.digest[:12]})" if is_name(side) else f"the layers of {side}"


def _told(side: str, release: Release) -> dict[str, object]:
    if is_name(side):
        return {"number": release.number, "digest": release.digest}
    return {"directory": side}
