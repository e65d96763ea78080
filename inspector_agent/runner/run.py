"""Runs the items of a baseline on this node: the bundled checks in one worker, each executable of the site in one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any

import trio

from config_center.release import is_kind
from config_center.resolve import Item
from inspector_agent import limits as agent_limits
from inspector_agent.bundled import is_bundled
from inspector_agent.defer import Guard
from inspector_agent.findings import Finding, printable
from inspector_agent.looks import Look
from inspector_agent.runner import kin, limits
from inspector_agent.runner.burial import Family
from inspector_agent.runner.lane import Emit, Lane
from inspector_agent.runner.operands import contents_of
from inspector_agent.runner.progress import Progress
from inspector_agent.runner.worker import Worker, start_batch, start_program, warm
from inspector_agent.veil import Veil, is_secret, paths_of, request_of

CONTRACT = 1


class CheckRunner:
    """Runs checks, within limits.

    Args:
        checks_dir: the bundled checks (`inspector_agent.bundled.checks_dir()`).
        parts_dir: the site's own executables of that release, named as their kinds, with or without a suffix.
        root: the directory below which all checks look; "/" for the node itself.
        facts: what checks are told about the node, JSON-able, e.g. {"name": "n001", "tags": {…}}.
        secret_key: of the hashes of secret values; b"": a random one, for this runner alone.
        last: what the last looks at items kept, by item id (`Looks.read()`).
        guard: holds back items that start programs; None: nothing does.

    Attributes:
        kept: what this run's looks want to be told at the next ones, JSON by item id; filled when the run is finished.
        deferred: why items were held back to the end and not looked at; "" if none was.
    """

    def __init__(
        self,
        *,
        checks_dir: Path,
        parts_dir: Path,
        root: str,
        facts: Mapping[str, object],
        secret_key: bytes = b"",
        last: Mapping[str, Look] | None = None,
        guard: Guard | None = None,
    ) -> None:
        warm(checks_dir)
        self._checks_dir = checks_dir
        self._parts_dir = parts_dir
        self._root = root
        self._facts = dict(facts)
        self._veil = Veil(secret_key or os.urandom(32))
        self._last = last or {}
        self._guard = guard
        self.kept: dict[str, bytes] = {}
        self.deferred = ""

    async def run(self, items: Sequence[Item], emit: Emit, *, deadline_s: float, left_s: float = inf) -> None:
        """Look at every item; `emit` gets exactly one finding for each, as soon as it is known, in no fixed order.

        What a check does wrong ends in an error of the item it was busy with and costs no other item. After
        `deadline_s` whatever is left errs. So do items that start programs, after `left_s` (when their answer is due),
        where the guard holds them back so long. Cancelling ends every process and emits nothing more. Raises nothing
        of its own.
        """
        kin.become_subreaper()
        family = Family()
        began = trio.current_time()
        contents, ready = await self._prepare(items, emit, family)
        if self._guard is not None and self._guard.above():
            lanes = self._lanes(filter(self._is_bundled, ready), contents, emit, family, reads_only=True)
            await self._run_lanes(lanes, emit, deadline_s, began)
            ready = [item for item in ready if not self._is_bundled(item)]
            ready += [item for lane in lanes for item in lane.progress.left]
            until = began + min(left_s, deadline_s) - agent_limits.defer_margin_s
            self.deferred = await self._guard.wait(len(ready), until) if ready else ""
            if self.deferred:
                for item in ready:
                    emit(Finding(item.number, item.id, "error", message=f"not looked at: {self.deferred}"))
                return
        await self._run_lanes(self._lanes(ready, contents, emit, family), emit, deadline_s, began)

    def _is_bundled(self, item: Item) -> bool:
        return is_bundled(self._checks_dir, item.check)

    def _lanes(
        self,
        items: Iterable[Item],
        contents: Mapping[str, str],
        emit: Emit,
        family: Family,
        *,
        reads_only: bool = False,
    ) -> list[Lane]:
        """Secret items have lanes of their own: what a check prints in its last moments costs no other its words."""
        lots: dict[tuple[str, bool], list[Item]] = {}
        for item in items:
            lots.setdefault(("" if self._is_bundled(item) else item.check, is_secret(item)), []).append(item)
        return [
            self._lane(kind, some, contents, emit, family, reads_only=reads_only) for (kind, _), some in lots.items()
        ]

    async def _prepare(
        self, items: Sequence[Item], emit: Emit, family: Family
    ) -> tuple[Mapping[str, str], Sequence[Item]]:
        """What the files of secret operands hold, by path, and the items that can be looked at; the others err."""
        found = await contents_of(self._root, [path for item in items for path in paths_of(item)], family)
        ready: list[Item] = []
        for item in items:
            unread = next((path for path in paths_of(item) if found[path].problem), None)
            why = item.problem
            if unread is not None and not why:
                why = f"not checked: {unread}, which holds what is expected, cannot be read: {found[unread].problem}"
            if why:
                emit(Finding(item.number, item.id, "error", message=printable(why, limits.message_chars_max)))
            else:
                ready.append(item)
        return {path: content.text for path, content in found.items() if not content.problem}, ready

    async def _run_lanes(self, lanes: Sequence[Lane], emit: Emit, deadline_s: float, began: float) -> None:
        places = trio.CapacityLimiter(1 + limits.programs_at_once)

        async def take_place(lane: Lane) -> None:
            async with places:
                await lane.run()

        with trio.move_on_at(began + deadline_s):
            async with trio.open_nursery() as nursery:
                for lane in lanes:
                    nursery.start_soon(take_place, lane)
        for lane in lanes:
            for finding in lane.progress.give_up(f"not reached: the run was ended after {deadline_s:g} s"):
                emit(finding)
            self.kept |= lane.progress.kept

    def _lane(
        self,
        kind: str,
        items: Sequence[Item],
        contents: Mapping[str, str],
        emit: Emit,
        family: Family,
        *,
        reads_only: bool,
    ) -> Lane:
        """A lane of items that are all secret, or all not; `kind` is that of a site's executable, "" of the batch."""
        progress = Progress(items, self._veil if is_secret(items[0]) else None, may_leave=reads_only)
        path, obstacle = self._find_program(kind) if kind else (self._checks_dir, "")
        for finding in progress.give_up(obstacle) if obstacle else ():
            emit(finding)

        def start(pending: Sequence[Item]) -> Worker:
            request = self._request(pending, contents) | ({"reads_only": True} if reads_only else {})
            return start_program(path, request) if kind else start_batch(self._checks_dir, request)

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

    def _request(self, items: Sequence[Item], contents: Mapping[str, str]) -> dict[str, Any]:
        return {
            "contract": CONTRACT,
            "root": self._root,
            "facts": self._facts,
            "items": [self._asked(item, contents) for item in items],
        }

    def _asked(self, item: Item, contents: Mapping[str, str]) -> dict[str, Any]:
        request, last = request_of(item, contents), self._last.get(item.id)
        return request if last is None or is_secret(item) else {**request, "last": last.told()}
