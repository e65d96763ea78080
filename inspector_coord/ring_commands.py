"""`inspector announce` and `inspector releases`: what they ask the rings, and how they print it."""

from __future__ import annotations

import re
import secrets
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import trio

from config_center.limits import serial_max
from inspector_agent.limits import id_bytes
from inspector_agent.ring import Member
from inspector_agent.wire import ANY_RELEASE
from inspector_coord.announce import announce as announce_to
from inspector_coord.config import Config, default_path, group_text, load
from inspector_coord.errors import ConfigError, TargetError
from inspector_coord.fleet_rings import Asked, FleetRings, first_error
from inspector_coord.fold import fold_names
from inspector_coord.groups import read_groups
from inspector_coord.holdings import NO_ITEM, folded, is_whole, lines
from inspector_coord.ledger import Ledger, Node
from inspector_coord.plain import json_text, plain
from inspector_coord.targets import select

__all__ = ["announce", "releases"]

_DIGEST = re.compile(rf"[0-9a-f]{{{2 * id_bytes},64}}")


def announce(config_file: Path | None, serial: int, digest: str, *, as_json: bool) -> int:
    """Tell all rings. Exit 0, or 3 where some ring could not be told. Raises ConfigError, NoEntryError."""
    if not 1 <= serial <= serial_max:
        raise ConfigError(f"SERIAL {serial} is none: acts of a config center count from 1")
    if not _DIGEST.fullmatch(digest) or len(digest) % 2:
        raise ConfigError(
            f"DIGEST {plain(digest)!r} is none: give the release's digest, or its first 16 digits at least"
        )
    told = trio.run(announce_to, load(config_file or default_path()), serial, digest)
    if as_json:
        print(json_text({"serial": serial, "digest": digest, "rings": [msgspec.to_builtins(each) for each in told]}))
    for each in told:
        if each.error:
            print(f"inspector: {plain(each.error)}", file=sys.stderr)
        elif not as_json:
            print(f"ring {plain(each.ring)} was told of release {digest[:12]} (act {serial}) through {each.entry}")
    return 3 if any(each.error for each in told) else 0


def releases(
    config_file: Path | None, targets: tuple[str, ...], exclude: tuple[str, ...], timeout_s: float, *, as_json: bool
) -> int:
    """Say which nodes hold which release. Exit 0 all answered, 3 not all."""
    config = load(config_file or default_path())
    document = trio.run(_releases, config, targets, exclude, timeout_s)
    if as_json:
        print(json_text(document))
    else:
        for line in lines(document):
            print(line)
    if document["absent"]:
        print(f"inspector: no members: {document['absent']}", file=sys.stderr)
    for note in [*document["notes"], *document["problems"]]:
        print(f"inspector: {plain(note)}", file=sys.stderr)
    return 0 if is_whole(document) else 3


async def _releases(
    config: Config, targets: tuple[str, ...], exclude: tuple[str, ...], timeout_s: float
) -> dict[str, Any]:
    groups = read_groups({name: group_text(value) for name, value in config.groups.items()})
    rings = FleetRings(config)
    with first_error():
        async with trio.open_nursery() as nursery:
            await rings.open(nursery, trio.lowlevel.checkpoint)
            members = rings.members()
            if not members:
                raise TargetError("the roster is empty: no ring has a member that could be asked")
            selection = select([member for _, member in members], targets, exclude, groups)
            ledger = Ledger((_node(*members[index]) for index in selection.chosen), ANY_RELEASE)
            asked = Asked(sweep=secrets.token_bytes(id_bytes), number=0, items=(NO_ITEM,), timeout_s=timeout_s)
            began = trio.current_time()
            rings.plan(ledger, asked, selection.tag, time.time() - began)
            await rings.ask()
            nursery.cancel_scope.cancel()
    ledger.close(rings.ended(began) - began)
    problems = [ring.error for ring in rings.facts(began) if ring.error]
    notes = [note for note in rings.notes() if note not in problems]
    return {**folded(ledger), "absent": fold_names(selection.absent), "notes": notes, "problems": problems}


def _node(ring: str, member: Member) -> Node:
    return Node(ring, member.name, member.address, member.tags, member.status)
