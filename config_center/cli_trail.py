"""Commands about what was done and by whose key: log, keygen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from config_center.acting import opened
from config_center.cli_common import HERE, Directory, Json, Store, print_json, say
from config_center.difference import match_text
from config_center.difference_words import printable
from config_center.errors import CenterError
from config_center.keys import PUBLIC_SUFFIX, write_keypair
from config_center.pointer import decode_pointer
from config_center.rows import Act


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("log", epilog="\b\nExamples:\n  config-center log /srv/fleet\n  config-center log /srv/fleet --json")(
        log_command
    )
    app.command("keygen", epilog="\b\nExample:\n  config-center keygen ~/.config/fleet")(keygen_command)


def log_command(
    directory: Directory = HERE,
    store: Store = None,
    last: Annotated[int, typer.Option("--last", "-n", metavar="COUNT", min=1, max=10_000, help="How many.")] = 50,
    *,
    as_json: Json = False,
) -> None:
    """Print the audit trail, newest first: what was done, by whom, when, why, from which commit, with which keys."""
    with opened(store, directory) as database:
        acts = database.acts(limit=last)
    if as_json:
        print_json([_document(act) for act in acts])
        return
    if not acts:
        say("nothing is published yet")
    for act in acts:
        print(_line(act))


def keygen_command(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="Where the secret key goes; PATH.pub has the public one.")
    ],
    *,
    as_json: Json = False,
) -> None:
    """Make a key that signs what is published. A file that is there is never written over."""
    if not path.name:
        raise CenterError(f"{path} names no file: write where the secret key goes, such as ~/.config/fleet")
    pair = write_keypair(path)
    public = path.with_name(path.name + PUBLIC_SUFFIX)
    if as_json:
        print_json({"id": pair.id, "public": pair.public_text, "secret_file": str(path), "public_file": str(public)})
        return
    print(f"key {pair.id}: {path} (secret: keep it off the nodes) and {public}")
    print("in agent.yml of every node, and in coordinator.yml:", f"  trusted_keys: [{pair.public_text!r}]", sep="\n")
    print(f"then sign with it: config-center publish … --key {path}")


def _document(act: Act) -> dict[str, Any]:
    pointer = decode_pointer(act.pointer)
    return {
        "serial": act.serial, "kind": act.kind, "number": act.number, "digest": act.digest, "who": act.who,
        "at": act.at, "why": act.why, "commit": act.commit, "unclean": act.unclean,
        "canary": match_text(pointer.canary.match) if pointer.canary and act.kind == "canary" else "",
        "keys": [one.key for one in pointer.signatures], "revoked": list(pointer.revoked),
    }  # fmt: skip


def _line(act: Act) -> str:
    """`  14  canary    release 13  2030-01-01T…  alice@host  rack=b1  commit 3fa2b1c0d9e8 unclean  key 5d41…  why`."""
    told = _document(act)
    commit = f"commit {act.commit[:12]}" if act.commit else "no commit"
    words = [
        f"{act.serial:>4}  {act.kind:<8}  release {act.number}", act.at, act.who, told["canary"],
        commit + (" UNCLEAN" if act.unclean else "") if act.kind in {"publish", "canary"} or act.commit else "",
        f"key {', '.join(told['keys'])}" if told["keys"] else "unsigned",
        f"revokes {', '.join(told['revoked'])}" if act.kind == "revoke" else "",
        f'"{act.why}"' if act.why else "",
    ]  # fmt: skip
    return printable("  ".join(word for word in words if word))
