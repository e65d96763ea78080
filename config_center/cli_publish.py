"""Commands that publish."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config_center.cli_common import HERE, Checks, Directory, Json, print_json
from config_center.describe import bundled_checks, catalogue_of
from config_center.publishing import publish


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        "publish",
        epilog='\b\nExample:\n  config-center publish /srv/fleet --to /srv/releases -m "less swapping in zone b"',
    )(publish_command)


def publish_command(
    directory: Directory = HERE,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Where releases go; published/ in DIR if not given.")
    ] = None,
    message: Annotated[str, typer.Option("--message", "-m", metavar="TEXT", help="Why.")] = "",
    checks: Checks = None,
    *,
    as_json: Json = False,
) -> None:
    """Validate the layers and make them the current release; identical content gives no new number."""
    store = to or directory / "published"
    done = publish(directory, store, catalogue_of(checks or bundled_checks()), message=message)
    release = done.release
    if as_json:
        print_json({"number": release.number, "digest": release.digest, "new": done.is_new, "store": str(store)})
        return
    said = "published" if done.is_new else "nothing changed: the current one stays"
    print(f"release {release.number} {release.digest[:12]}: {said}; {len(release.items)} items in {store}")
