"""`inspector nodes`, `explain` and `doctor`: what they read, and how they print it."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import trio

from inspector_agent.limits import id_bytes
from inspector_agent.ring import Member
from inspector_coord import limits
from inspector_coord.config import Config, default_path, group_text, load
from inspector_coord.errors import ReportError, TargetError
from inspector_coord.fold import fold_names
from inspector_coord.groups import read_groups
from inspector_coord.kept_releases import KeptReleases
from inspector_coord.plain import json_text, plain
from inspector_coord.report import SCHEMA
from inspector_coord.roster import Rosters, read_rosters
from inspector_coord.targets import select

__all__ = ["doctor", "explain", "nodes"]

MARKS = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL"}


def nodes(
    config_file: Path | None, targets: tuple[str, ...], exclude: tuple[str, ...], *, folded: bool, as_json: bool
) -> int:
    """List members. Exit 0, or 3 where a ring could not be read."""
    config = load(config_file or default_path())
    rosters = trio.run(read_rosters, config)
    chosen = _chosen(config, rosters, targets, exclude)
    if as_json:
        print(json_text([{"ring": ring, **msgspec.to_builtins(member)} for ring, member in chosen]))
    elif folded:
        print(fold_names(member.name for _, member in chosen))
    else:
        for line in _table(chosen):
            print(line)
    statuses = Counter(member.status for _, member in chosen)
    told = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    print(f"{len(chosen)} members: {told}", file=sys.stderr)
    for note in [*(note for roster in rosters.rings.values() for note in roster.notes), *rosters.errors.values()]:
        print(f"inspector: {plain(note)}", file=sys.stderr)
    return 3 if rosters.errors else 0


def _chosen(
    config: Config, rosters: Rosters, targets: tuple[str, ...], exclude: tuple[str, ...]
) -> list[tuple[str, Member]]:
    members = [(name, member) for name, roster in rosters.rings.items() for member in roster.members]
    if not members:
        raise TargetError("the roster is empty: no ring has a member")
    groups = read_groups({name: group_text(value) for name, value in config.groups.items()})
    selection = select([member for _, member in members], targets, exclude, groups)
    if selection.absent:
        print(f"inspector: no members: {fold_names(selection.absent)}", file=sys.stderr)
    return [members[index] for index in selection.chosen]


def _table(chosen: list[tuple[str, Member]]) -> list[str]:
    rows = [("NAME", "RING", "STATUS", "ADDRESS", "TAGS")]
    for ring, member in chosen:
        tags = " ".join(f"{plain(key, 64)}={plain(value, 64)}" for key, value in sorted(member.tags.items()))
        rows.append((plain(member.name, 128), plain(ring), member.status, member.address, tags))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]) for row in rows]


def explain(config_file: Path | None, what: str, report_file: Path | None, *, as_json: bool) -> int:
    """Explain a node or an item from a report. Raises ReportError."""
    from inspector_coord import explain as explaining

    config = None if report_file is not None and config_file is None else load(config_file or default_path())
    report = _read_report(report_file or (config.last_report if config else Path()))
    canary = report["release"].get("canary") or {}
    prefixes = [bytes.fromhex(each.get("digest", ""))[:id_bytes] for each in (report["release"], canary)]
    past = KeptReleases.of(config).past(prefix for prefix in prefixes if prefix) if config else {}
    document = explaining.explain(report, what, *(past.get(prefix) for prefix in prefixes))
    if as_json:
        print(json_text(document))
    else:
        print("\n".join(explaining.lines(document)))
    return 0


def _read_report(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            raw = file.read(limits.report_bytes_max)
        report = msgspec.json.decode(raw)
    except FileNotFoundError as problem:
        raise ReportError(f"{path} does not exist: run `inspector sweep` first, or name one with --report") from problem
    except (OSError, msgspec.DecodeError) as problem:
        raise ReportError(f"{path} cannot be read: {problem}") from problem
    if not isinstance(report, dict) or report.get("schema") != SCHEMA:
        raise ReportError(f"{path} is no report of a sweep ({SCHEMA})")
    return report


def doctor(config_file: Path | None, *, as_json: bool) -> int:
    """Examine everything, print the signs."""
    from inspector_coord.doctor import examine, verdict

    config = load(config_file or default_path())
    signs = trio.run(examine, config)
    if as_json:
        print(json_text([msgspec.to_builtins(sign) for sign in signs]))
    else:
        for sign in signs:
            print(f"{MARKS[sign.health]}  {plain(sign.what)}: {plain(sign.detail)}")
            if sign.advice:
                print(f"      {plain(sign.advice)}")
    return verdict(signs)
