"""The command `status`: what is published, and which nodes have it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from config_center.acting import opened
from config_center.acts import Standing
from config_center.cli_common import HERE, Directory, Json, Store, print_json, say
from config_center.difference import match_text
from config_center.difference_words import printable
from config_center.publishing import standing_of
from config_center.ring_commands import Holdings, holdings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "status",
        epilog="\b\nExamples:\n  config-center status /srv/fleet\n"
        "  config-center status /srv/fleet --ring /etc/inspector/coordinator.yml",
    )(status_command)


def status_command(
    directory: Directory = HERE,
    store: Store = None,
    ring: Annotated[
        Path | None,
        typer.Option("--ring", metavar="FILE", show_default=False, help="coordinator.yml of the ring to ask."),
    ] = None,
    *,
    as_json: Json = False,
) -> None:
    """Say what is published and, asked of the ring, which nodes have which release."""
    with opened(store, directory) as database:
        standing, where = standing_of(database), database.where
    held = holdings(ring) if ring else None
    if as_json:
        print_json({"store": where, **_document(standing), "nodes": msgspec.to_builtins(held)})
        return
    print(*_lines(standing, where), sep="\n")
    if held is not None:
        for line in _held_lines(held):
            print(line)
        say(*(f"warning: {printable(problem)}" for problem in held.problems))


def _document(standing: Standing) -> dict[str, Any]:
    pointer = standing.pointer
    if pointer is None:
        return {"serial": 0, "release": None, "canary": None, "signed_by": [], "revoked": []}
    return {
        "serial": pointer.serial,
        "created": pointer.created,
        "release": {"number": pointer.number, "digest": pointer.digest},
        "canary": msgspec.to_builtins(pointer.canary) if pointer.canary else None,
        "signed_by": [one.key for one in pointer.signatures],
        "revoked": list(pointer.revoked),
    }


def _lines(standing: Standing, where: str) -> list[str]:
    pointer = standing.pointer
    if pointer is None or standing.main is None:
        return [f"{where}: nothing is published yet"]
    main = standing.main
    restores = f", with the content of release {main.restores}" if main.restores else ""
    keys = ", ".join(one.key for one in pointer.signatures)
    lines = [
        f"release {main.number} ({main.digest[:12]}){restores}: {len(main.items)} items in {len(main.layers)} layers"
    ]
    if pointer.canary:
        whom = printable(match_text(pointer.canary.match))
        lines.append(f"canary: release {pointer.canary.number} ({pointer.canary.digest[:12]}) for {whom}")
    lines.append(f"act {pointer.serial} of {pointer.created}, {f'signed by {keys}' if keys else 'not signed'}; {where}")
    return [*lines, *([f"revoked keys: {', '.join(pointer.revoked)}"] if pointer.revoked else [])]


def _held_lines(held: Holdings) -> list[str]:
    """`release 12: n[001-018] (18)`, newest first; then who has none, and who did not answer."""
    newest_first = sorted(held.releases, key=lambda one: -one.number)
    lines = [
        f"release {one.number} ({printable(one.digest[:12])}): {printable(one.nodes)} ({one.count})"
        for one in newest_first
    ]
    lines += [f"no release: {printable(held.without)}"] if held.without else []
    return [*lines, *(f"no answer, {printable(state)}: {printable(nodes)}" for state, nodes in held.no_answer.items())]
