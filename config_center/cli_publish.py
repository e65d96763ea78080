"""Commands that publish: a release, a canary, its promotion, a rollback, the revocation of a key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config_center import limits
from config_center.acting import Deed, Wish, carry_out, export_all, opened
from config_center.acts import Standing, Step, promoted, published, restored, revoked, tried
from config_center.canary_words import hold_to_tags, read_canary
from config_center.cli_common import (
    HERE,
    Checks,
    Directory,
    DryRun,
    Export,
    Json,
    Keys,
    Message,
    Ring,
    Roster,
    Store,
    To,
    Unsigned,
    Yes,
    mistake_lines,
    print_json,
    say,
)
from config_center.describe import bundled_checks, catalogue_of
from config_center.difference import match_text
from config_center.drafting import draft_of, timestamp
from config_center.errors import CenterError, Refused
from config_center.guards import Cleanliness, cleanliness, refuse_unclean
from config_center.layers import load_fleet
from config_center.publishing import Author, standing_of, whoami
from config_center.trail import before_the_current, signers

if TYPE_CHECKING:
    from config_center.database import Database


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        "publish",
        epilog='\b\nExamples:\n  config-center publish /srv/fleet -m "less swapping in zone b" --key ~/.config/fleet\n'
        "  config-center publish /srv/fleet --canary rack=b1\n  config-center publish /srv/fleet --dry-run",
    )(publish_command)
    app.command("promote", epilog="\b\nExample:\n  config-center promote /srv/fleet -m 'rack b1 is well since noon'")(
        promote_command
    )
    app.command(
        "rollback",
        epilog="\b\nExamples:\n  config-center rollback /srv/fleet -m 'rack b1 swaps'\n"
        "  config-center rollback /srv/fleet --to 12",
    )(rollback_command)
    app.command(
        "revoke",
        epilog="\b\nExample:\n  config-center revoke 5d41402abc4b2a76 --dir /srv/fleet --key ~/.config/fleet-new",
    )(revoke_command)


def publish_command(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    directory: Directory = HERE,
    store: Store = None,
    to: To = None,
    message: Message = "",
    key: Keys = None,
    canary: Annotated[
        list[str] | None,
        typer.Option("--canary", metavar="MATCH", help="Only for these nodes: rack=b1, node=n[001-010]; repeat it."),
    ] = None,
    ring: Ring = None,
    roster: Roster = None,
    checks: Checks = None,
    *,
    yes: Yes = False,
    dry_run: DryRun = False,
    unclean: Annotated[
        bool, typer.Option("--unclean", help="Publish what is in no commit, or takes back one that was published.")
    ] = False,
    unsigned: Unsigned = False,
    as_json: Json = False,
    after: Annotated[
        int | None,
        typer.Option(
            metavar="SERIAL", show_default=False, min=1, max=limits.serial_max - 1,
            help="Nodes have seen acts up to this one, of which a restored store knows nothing: go on above it.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Validate the layers, show what changes and for whom, and make them the next release.

    Content identical to what is current gives no new number, but with --after.
    """
    if after is not None and canary:
        raise Refused("--after makes a release for everybody, which all nodes follow again: try a canary after that")
    wish = Wish(yes, dry_run, as_json, key or (), unsigned, to or (), ring, roster)
    match = read_canary(canary or ())
    fleet = load_fleet(directory, catalogue_of(checks or bundled_checks())).sound()
    hold_to_tags(match, fleet.tags)
    warnings = mistake_lines(directory, fleet.warnings)
    with opened(store, directory, makes=True) as database:
        standing = standing_of(database)
        if after is not None:
            standing = standing.going_on_after(after)
        draft = draft_of(standing, fleet, timestamp(None), message)
        step = tried(standing, draft, match) if canary else published(standing, draft)
        if step is None:
            say(*(f"warning: {warning}" for warning in warnings))
            _unchanged(database, standing, wish)
            return
        found = cleanliness(directory, database)
        author = Author(whoami(), message, found.commit, unclean=bool(found.why_unclean))
        notes = [*warnings, _clean(found, standing, wish, allowed=unclean), _ended(standing, step)]
        deed = Deed(step, author, tuple(filter(None, notes)), fleet.parts)
        carry_out(database, standing, deed, wish)


def promote_command(  # noqa: PLR0913
    directory: Directory = HERE,
    store: Store = None,
    export: Export = None,
    message: Message = "",
    key: Keys = None,
    ring: Ring = None,
    roster: Roster = None,
    *,
    yes: Yes = False,
    dry_run: DryRun = False,
    unsigned: Unsigned = False,
    as_json: Json = False,
) -> None:
    """Make the canary's release everybody's; it keeps its number."""
    wish = Wish(yes, dry_run, as_json, key or (), unsigned, export or (), ring, roster)
    with opened(store, directory) as database:
        standing = standing_of(database)
        deed = Deed(promoted(standing, timestamp(None)), Author(whoami(), message))
        carry_out(database, standing, deed, wish)


def rollback_command(  # noqa: PLR0913
    directory: Directory = HERE,
    number: Annotated[
        int | None,
        typer.Option("--to", metavar="NUMBER", show_default=False, min=1, help="Go back to this one [the one before]."),
    ] = None,
    store: Store = None,
    export: Export = None,
    message: Message = "",
    key: Keys = None,
    ring: Ring = None,
    roster: Roster = None,
    *,
    yes: Yes = False,
    dry_run: DryRun = False,
    unsigned: Unsigned = False,
    as_json: Json = False,
) -> None:
    """Give everybody the content of an older release, under a new number; a canary ends with it.

    While a canary is out, this takes the canary back.
    """
    wish = Wish(yes, dry_run, as_json, key or (), unsigned, export or (), ring, roster)
    with opened(store, directory) as database:
        standing = standing_of(database)
        older = before_the_current(database, standing) if number is None else database.release_numbered(number)
        step = restored(standing, older, timestamp(None), message)
        carry_out(database, standing, Deed(step, Author(whoami(), message)), wish)


def revoke_command(  # noqa: PLR0913
    key_id: Annotated[str, typer.Argument(metavar="KEYID", help="As keygen and log print it.")],
    directory: Annotated[Path, typer.Option("--dir", metavar="DIR", help="The fleet's directory.")] = HERE,
    store: Store = None,
    export: Export = None,
    message: Message = "",
    key: Keys = None,
    ring: Ring = None,
    *,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Say of a key, for good, that it is not to be believed; another valid key signs that."""
    wish = Wish(yes, dry_run, as_json, key or (), unsigned=False, to=export or (), ring=ring)
    if not wish.keys:
        raise Refused("nobody believes a revocation that is not signed: give --key FILE, another key that is valid")
    with opened(store, directory) as database:
        standing = standing_of(database)
        step = revoked(standing, key_id, timestamp(None))
        notes = () if key_id in signers(database) else (f"nothing here was ever signed by {key_id}: is it that one?",)
        deed = Deed(step, Author(whoami(), message), notes)
        carry_out(database, standing, deed, wish)


def _clean(found: Cleanliness, standing: Standing, wish: Wish, *, allowed: bool) -> str:
    """A warning about an unclean directory, "" for none. Raises Refused, unless it is a dry run."""
    try:
        return refuse_unclean(found, is_first=standing.pointer is None, allowed=allowed)
    except Refused as refusal:
        if not wish.dry_run:
            raise
        return f"would be refused: {refusal}"


def _ended(standing: Standing, step: Step) -> str:
    """What is said about a canary that this act ends."""
    if standing.canary is None or step.kind == "promote":
        return ""
    return f"release {standing.canary.number}, the canary that is out, ends with it"


def _unchanged(database: Database, standing: Standing, wish: Wish) -> None:
    """Nothing to publish; folders that lag behind are brought up to date all the same."""
    release = standing.main
    if release is None:
        raise CenterError("nothing to publish")
    failures = [] if wish.dry_run else export_all(database, wish.to)
    if wish.as_json:
        document = {"number": release.number, "digest": release.digest, "new": False, "store": database.where}
        print_json({**document, "to": [str(folder) for folder in wish.to]})
    else:
        print(f"release {release.number} ({release.digest[:12]}): nothing changed, it stays; store {database.where}")
        if standing.canary is not None:
            whom = match_text(standing.canary_match)
            print(f"release {standing.canary.number}, the canary for {whom}, stays out: promote or rollback ends it")
    if failures:
        raise CenterError("; ".join(failures))
