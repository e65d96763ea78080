"""Runs the items of a baseline on this node: the bundled checks in one worker, each executable of the site in one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import trio

from config_center.release import is_kind
from config_center.resolve import Item
from inspector_agent.bundled import is_bundled
from inspector_agent.runner import kin, limits
from inspector_agent.runner.burial import Family
from inspector_agent.runner.lane import Emit, Lane
from inspector_agent.runner.progress import Progress
from inspector_agent.runner.worker import Worker, start_batch, start_program, warm

CONTRACT = 1


class CheckRunner:
    """Runs checks, within limits.

    Args:
        checks_dir: the bundled checks (`inspector_agent.bundled.checks_dir()`).
        parts_dir: the site's own executables of that release, named as their kinds, with or without a suffix.
        root: the directory below which all checks look; "/" for the node itself.
        facts: what checks are told about the node, JSON-able, e.g. {"name": "n001", "tags": {…}}.
    """

    def __init__(self, *, checks_dir: Path, parts_dir: Path, root: str, facts: Mapping[str, object]) -> None:
        warm(checks_dir)
        self._checks_dir = checks_dir
        self._parts_dir = parts_dir
        self._root = root
        self._facts = dict(facts)

    async def run(self, items: Sequence[Item], emit: Emit, *, deadline_s: float) -> None:
        """Look at every item; `emit` gets exactly one finding for each, as soon as it is known, in no fixed order.

        What a check does wrong ends in an error of the item it was busy with and costs no other item. After
        `deadline_s` whatever is left errs. Cancelling ends every process and emits nothing more. Raises nothing of
        its own.
        """
        kin.become_subreaper()
        family = Family()
        bundled: list[Item] = []
        by_kind: dict[str, list[Item]] = {}
        for item in items:
            mine = bundled if is_bundled(self._checks_dir, item.check) else by_kind.setdefault(item.check, [])
            mine.append(item)
        lanes = [Lane(Progress(bundled), self._start_batch, emit, family)]
        lanes += [self._program_lane(kind, some, emit, family) for kind, some in by_kind.items()]
        await self._run_lanes(lanes, emit, deadline_s)

    async def _run_lanes(self, lanes: Sequence[Lane], emit: Emit, deadline_s: float) -> None:
        places = trio.CapacityLimiter(1 + limits.programs_at_once)

        async def take_place(lane: Lane) -> None:
            async with places:
                await lane.run()

        with trio.move_on_after(deadline_s):
            async with trio.open_nursery() as nursery:
                for lane in lanes:
                    nursery.start_soon(take_place, lane)
        for lane in lanes:
            for finding in lane.progress.give_up(f"not reached: the run was ended after {deadline_s:g} s"):
                emit(finding)

    def _start_batch(self, pending: Sequence[Item]) -> Worker:
        return start_batch(self._checks_dir, self._request(pending))

    def _program_lane(self, kind: str, items: Sequence[Item], emit: Emit, family: Family) -> Lane:
        progress = Progress(items)
        path, obstacle = self._find_program(kind)
        if obstacle:
            for finding in progress.give_up(obstacle):
                emit(finding)

        def start(pending: Sequence[Item]) -> Worker:
            return start_program(path, self._request(pending))

        return Lane(progress, start, emit, family)

    def _find_program(self, kind: str) -> tuple[Path, str]:
        """The executable of a kind, and what stands in its way, if anything."""
        if not is_kind(kind):
            return self._parts_dir, f"no such check: {kind[:60]!r} is no name of one"
        path = self._parts_dir / kind
        if not path.exists():
            path = next(iter(sorted(self._parts_dir.glob(f"{kind}.*"))), path)
        if not path.is_file():
            return path, f"no such check: neither bundled nor {path}"
        if not os.access(path, os.X_OK):
            return path, f"the check {path} is not executable"
        return path, ""

    def _request(self, items: Sequence[Item]) -> dict[str, Any]:
        return {
            "contract": CONTRACT,
            "root": self._root,
            "facts": self._facts,
            "items": [item.request for item in items],
        }
