"""Commands that hand out what is published: over HTTP, or as a folder for any static web server."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config_center.cli_common import Json, print_json
from config_center.depot import open_depot
from config_center.errors import StoreError
from config_center.folder import Folder

if TYPE_CHECKING:
    from config_center.database import Database

Where = Annotated[
    str, typer.Argument(metavar="WHERE", help="A database's file or URL, or a folder that was exported to.")
]
DEFAULT = "published/center.db"


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        "serve",
        epilog="\b\nExamples:\n  config-center serve /srv/fleet/published/center.db --host 10.0.0.5 --port 8080\n"
        "  config-center serve postgresql://center@db.example/fleet",
    )(serve_command)
    app.command("export", epilog="\b\nExample:\n  config-center export /srv/fleet/published/center.db --to /srv/www")(
        export_command
    )


def serve_command(
    where: Where = DEFAULT,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Port; 0 takes a free one.")
    ] = 8080,
    *,
    share_port: Annotated[
        bool, typer.Option("--share-port", help="Let other processes serve on this port too, one for each core.")
    ] = False,
) -> None:
    """Serve published releases over HTTP until Ctrl-C. The ready line with the URL goes to stderr.

    A database also takes what nodes tell about themselves.
    """
    import trio

    from config_center.serving import serve_until_signalled

    with closing(_existing(where)) as depot:
        trio.run(partial(serve_until_signalled, depot, host, port, shared=share_port))


def export_command(
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder; made where it is missing.")],
    where: Where = DEFAULT,
    *,
    as_json: Json = False,
) -> None:
    """Write what is current into a folder, which any static web server or mirror can hand out as it is."""
    with closing(_existing(where)) as depot:
        pointer = Folder(to).export(depot)
    if as_json:
        print_json({"number": pointer.number, "digest": pointer.digest, "serial": pointer.serial, "folder": str(to)})
        return
    print(f"release {pointer.number} {pointer.digest[:12]}: exported to {to}")


def _existing(where: str) -> Database | Folder:
    """The depot, if it can be there: a server is only known when it is asked."""
    depot = open_depot(where)
    if not depot.exists:
        raise StoreError(f"{where}: no such database or folder; config-center publish makes one")
    return depot
