"""Shell: an act as a person goes through it: shown, agreed to, recorded, exported, announced."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from config_center.acts import Standing, Step
from config_center.cli_common import print_json, say
from config_center.difference import Difference, compare, match_text
from config_center.difference_words import difference_lines, node_lines
from config_center.errors import CenterError, NothingPublished, Refused, RingError
from config_center.folded import fold
from config_center.folder import Folder
from config_center.guards import refuse_unsigned
from config_center.keys import SecretKey, read_secret
from config_center.layers import Part
from config_center.match import Match
from config_center.node_difference import NodeDifference, Picture, Roster, compare_nodes
from config_center.pointer import decode_pointer
from config_center.publishing import STORE, Author, open_store, record, refuse_unrecordable
from config_center.ring_commands import announce
from config_center.rosters import known_nodes, read_roster
from config_center.rows import Act

if TYPE_CHECKING:
    from config_center.database import Database

_DONE: Final = {
    "publish": "published",
    "canary": "published as a canary",
    "promote": "is everybody's now",
    "rollback": "published",
    "revoke": "revoked for good",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line says about how to act.

    keys  files of secret keys; to: folders to export to; ring: coordinator.yml to announce by
    """

    yes: bool
    dry_run: bool
    as_json: bool
    keys: Sequence[Path] = ()
    unsigned: bool = False
    to: Sequence[Path] = ()
    ring: Path | None = None
    roster: Path | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """An act in the making. notes: warnings so far; parts: the site's executables of a new release."""

    step: Step
    author: Author
    notes: tuple[str, ...] = ()
    parts: Sequence[Part] = field(default_factory=tuple)


@contextmanager
def opened(store: str | None, directory: Path, *, makes: bool = False) -> Iterator[Database]:
    """The store of a command. Raises NothingPublished where it is not there yet, unless the command makes it."""
    database = open_store(store or str(directory / STORE))
    try:
        if not makes and not database.exists:
            raise NothingPublished(f"{database.where} is not there: config-center publish makes it; or name --store")
        yield database
    finally:
        database.close()


def carry_out(database: Database, standing: Standing, deed: Deed, wish: Wish) -> None:
    """Show the act, ask, record, export, announce, print what came of it.

    Raises Refused where nobody agreed, StoreConflict where somebody else was first; then nothing is recorded.
    """
    keys = [read_secret(path) for path in wish.keys]
    notes = [*deed.notes, *_objections(database, deed, keys, wish)]
    roster = read_roster(wish.roster) if wish.roster else known_nodes(database)
    notes += _untried(deed.step, roster)
    difference, nodes = differences(standing, deed.step, roster)
    if not wish.as_json:
        show(deed.step, difference, nodes)
    for note in notes:
        say(f"warning: {note}")
    result = {"kind": deed.step.kind, **_told(deed.step), "store": database.where, "warnings": notes}
    detail = {"difference": msgspec.to_builtins(difference), "nodes": nodes_json(nodes)}
    if wish.dry_run:
        _print({**result, "new": False, "dry_run": True, **detail}, "dry run: nothing was published", wish)
        return
    if not wish.yes:
        ask(f"{_question(deed.step)} [y/N] ")
    database.migrate()
    act = record(database, deed.step, deed.author, keys, deed.parts)
    try:
        told, failures = _spread(database, act, wish)
    except KeyboardInterrupt as error:
        left = "it may not be exported or announced everywhere: config-center export repeats the one"
        raise CenterError(f"act {act.serial} is recorded, but you interrupted: {left}") from error
    signed_by = [one.key for one in decode_pointer(act.pointer).signatures]
    result |= {"serial": act.serial, "new": True, "signed_by": signed_by, **told}
    by = f"; signed by {', '.join(signed_by)}" if signed_by else ""
    said = f"{name_of(deed.step)}: {_DONE[deed.step.kind]}{by}; store {database.where}"
    try:
        _print({**result, **detail}, said, wish)
        sys.stdout.flush()
    except OSError as error:
        failures.append(f"standard output takes nothing: {error.strerror or error}")
    if failures:
        raise CenterError(f"act {act.serial} is recorded, but: {'; '.join(failures)}")


def _objections(database: Database, deed: Deed, keys: Sequence[SecretKey], wish: Wish) -> list[str]:
    """Warnings about how an act is signed and told. Raises Refused; a dry run only warns that it would be."""
    try:
        refuse_unrecordable(deed.step, deed.author, keys)
        warning = refuse_unsigned(database, deed.step, keys, allowed=wish.unsigned)
    except Refused as refusal:
        if not wish.dry_run:
            raise
        warning = f"would be refused: {refusal}"
    return [warning] if warning else []


def _untried(step: Step, roster: Roster) -> list[str]:
    """A warning about a canary that no known node would try."""
    if step.kind != "canary" or step.pointer.canary is None or not roster:
        return []
    match = Match(step.pointer.canary.match)
    if any(match.covers(name, traits) for name, traits in roster.items()):
        return []
    return [f"no known node is meant by {match_text(step.pointer.canary.match)}: nobody would try it"]


def differences(standing: Standing, step: Step, roster: dict[str, dict[str, str]]) -> tuple[Difference, NodeDifference]:
    """What an act changes in layers, and on the nodes of a roster."""
    before = Picture(standing.main, standing.canary, standing.canary_match)
    if step.kind == "canary":
        canary = step.pointer.canary
        after = Picture(standing.main, step.release, canary.match if canary else None)
    elif step.kind == "revoke":
        after = before
    else:
        after = Picture(step.release)
    withdraws = step.kind == "rollback" and standing.canary is not None
    base = standing.canary if withdraws else standing.main
    return compare(base, step.release), compare_nodes(before, after, roster)


def show(step: Step, difference: Difference, nodes: NodeDifference) -> None:
    """The act as a person judges it, on stdout. Raises Refused where it cannot be shown: nobody judges it unseen."""
    if step.kind == "revoke":
        return
    try:
        print(f"{name_of(step)}:", *difference_lines(difference), *node_lines(nodes, fold), sep="\n", flush=True)
    except OSError as error:
        raise Refused(f"standard output takes nothing ({error.strerror or error}): nothing was done") from error


def name_of(step: Step) -> str:
    """`release 13 (3fa2b1c0d9e8) for rack=b1`; of a revocation the key."""
    if step.kind == "revoke":
        return f"key {step.key}"
    text = f"release {step.release.number} ({step.release.digest[:12]})"
    if step.kind == "canary" and step.pointer.canary:
        return f"{text} for {match_text(step.pointer.canary.match)}"
    if step.kind == "rollback":
        return f"{text}, with the content of release {step.release.restores}"
    return text


def ask(question: str) -> None:
    """Ask on the terminal. Raises Refused unless the answer is yes; also where there is nobody to ask."""
    if not sys.stdin.isatty():
        raise Refused("standard input is no terminal, so nobody can be asked: nothing was done; --yes does it unasked")
    try:
        print(question, end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
    except KeyboardInterrupt as error:
        say("")
        raise Refused("interrupted: nothing was done") from error
    if not answer:
        say("")
    if answer.strip().lower() not in {"y", "yes"}:
        raise Refused("not agreed to: nothing was done")


def nodes_json(nodes: NodeDifference) -> dict[str, Any]:
    """All of it, with folded names."""
    changes = [
        {**msgspec.to_builtins(one.change), "nodes": fold(one.nodes), "count": len(one.nodes)} for one in nodes.changes
    ]
    return {
        "known": nodes.nodes,
        "touched": fold(nodes.touched),
        "touched_count": len(nodes.touched),
        "reworded": fold(nodes.reworded),
        "reworded_count": len(nodes.reworded),
        "changes": changes,
    }


def export_all(database: Database, folders: Sequence[Path]) -> list[str]:
    """Export to each folder. Returns what failed, as sentences: the others are served all the same."""
    failures = []
    for folder in folders:
        try:
            Folder(folder).export(database)
        except CenterError as error:
            failures.append(f"{folder} was not exported to: {error}; config-center export repeats it")
    return failures


def _spread(database: Database, act: Act, wish: Wish) -> tuple[dict[str, Any], list[str]]:
    """Export and announce. What fails takes nothing back: the act is done. Returns (for JSON, what failed)."""
    failures = export_all(database, wish.to)
    announced = False
    if wish.ring is not None:
        try:
            announce(wish.ring, act.serial, act.digest)
            announced = True
        except RingError as error:
            say(f"warning: {error}")
    return {"to": [str(folder) for folder in wish.to], "announced": announced}, failures


def _told(step: Step) -> dict[str, Any]:
    canary = step.pointer.canary
    return {
        "number": step.release.number,
        "digest": step.release.digest,
        "canary": msgspec.to_builtins(canary) if canary else None,
    }


def _question(step: Step) -> str:
    match step.kind:
        case "revoke":
            return f"Revoke key {step.key} for good? No node will ever believe it again."
        case "promote":
            return f"Make release {step.release.number} everybody's?"
        case "rollback":
            return f"Go back to the content of release {step.release.restores}, as release {step.release.number}?"
    return f"Publish {name_of(step)}{'' if step.kind == 'canary' else ' for everybody'}?"


def _print(document: dict[str, Any], line: str, wish: Wish) -> None:
    if wish.as_json:
        print_json(document)
    else:
        print(line)
