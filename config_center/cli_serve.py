"""Commands that serve what is published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config_center.errors import CenterError


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("serve", epilog="\b\nExample:\n  config-center serve /srv/releases --host 10.0.0.5 --port 8080")(
        serve_command
    )


def serve_command(
    store: Annotated[Path, typer.Argument(metavar="DIR", help="The directory that publish writes to.")] = Path(
        "published"
    ),
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Port; 0 takes a free one.")
    ] = 8080,
) -> None:
    """Serve published releases over HTTP until Ctrl-C. The ready line with the URL goes to stderr."""
    if not store.is_dir():
        raise CenterError(f"{store}: no such directory; config-center publish --to {store} makes it")
    import trio

    from config_center.serving import serve_until_signalled

    trio.run(serve_until_signalled, store, host, port)
