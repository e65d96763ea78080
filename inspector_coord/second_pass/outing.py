"""The second pass itself: choose, send Ansible out in bounded batches, judge what comes back (trio shell).

Whatever fails here, every subject gets an outcome: a second pass that could not be made says so, and never costs the
report of the first.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath

import msgspec
import trio

from inspector_agent.bundled import checks_dir
from inspector_coord.second_pass import limits
from inspector_coord.second_pass.ansible import SecondPassError, environment, inventory_hosts, play
from inspector_coord.second_pass.bundle import bundle, playbooks_dir, request, unsendable
from inspector_coord.second_pass.choose import choose
from inspector_coord.second_pass.inventory import batches, generated_inventory, refusal
from inspector_coord.second_pass.job import Job, TaskResult
from inspector_coord.second_pass.judge import Sight, judge
from inspector_coord.second_pass.model import Key, Outcome, Subject
from inspector_coord.second_pass.results import BatchLog
from inspector_coord.second_pass.settings import Settings

__all__ = ["run"]

Progress = Callable[[str], None]


async def run(subjects: Sequence[Subject], settings: Settings, progress: Progress) -> Mapping[Key, Outcome]:
    """One outcome for every subject, by (ring, name). `progress` gets a line now and then.

    Cancelling it ends Ansible and everything Ansible started, and removes the private directory, before it returns.
    """
    plan = choose(subjects, sample=settings.sample, nodes_max=settings.nodes_max)
    outcomes = dict(plan.decided)
    if not plan.look_at:
        return outcomes
    with tempfile.TemporaryDirectory(prefix="inspector-second-", dir=settings.work_dir) as name:
        try:
            outing = _Outing(Path(name), settings, progress, total=len(plan.look_at))
            outcomes |= await outing.look_at(plan.look_at)
        except (SecondPassError, OSError) as trouble:
            outcomes |= {each.key: Outcome("skipped", str(trouble)) for each in plan.look_at}
    return {subject.key: outcomes[subject.key] for subject in subjects}


class _Shares(msgspec.Struct, frozen=True):
    """How a host's time is divided, in whole seconds (Ansible's task timeouts are)."""

    connect_s: int
    look_s: int
    recheck_s: int


def shares(host_timeout_s: int) -> _Shares:
    """The first look gets two fifths. ssh must connect well within it, so that ssh itself can say what was wrong."""
    host_s = max(limits.host_s_min, host_timeout_s)
    look_s = max(2, host_s * 2 // 5)
    return _Shares(min(limits.connect_s_max, max(1, look_s * 2 // 3)), look_s, host_s - look_s)


def _existing(inventory: PurePath | None) -> Path | None:
    if inventory is not None and not Path(inventory).exists():
        raise SecondPassError(f"inventory {inventory} does not exist: correct second_pass.inventory")
    return Path(inventory).absolute() if inventory is not None else None


class _Outing:
    """One run of the second pass, in its private directory."""

    def __init__(self, work: Path, settings: Settings, progress: Progress, *, total: int) -> None:
        self._work = work
        self._settings = settings
        self._progress = progress
        self._total = total
        self._done = 0
        self._shares = shares(settings.host_timeout_s)
        self._environment = environment(os.environ, work, connect_s=self._shares.connect_s)
        self._checks = checks_dir()
        self._inventory = _existing(settings.inventory)
        self._known: frozenset[str] = frozenset()

    async def look_at(self, subjects: Sequence[Subject]) -> dict[Key, Outcome]:
        """Batch after batch; a batch that Ansible could not begin does not keep the next from trying."""
        if self._inventory is not None:
            self._progress("reading the inventory")
            self._known = await inventory_hosts(self._inventory, self._environment)
        outcomes: dict[Key, Outcome] = {}
        fit: list[Subject] = []
        for subject in subjects:
            refused = refusal(subject, self._known)
            if refused:
                outcomes[subject.key] = Outcome("skipped", refused)
            else:
                fit.append(subject)
        self._total = len(fit)
        kinds = {item.check for subject in fit for item in subject.items}
        (self._work / "bundle").write_bytes(bundle(playbooks_dir() / "recheck.py", self._checks, kinds))
        for batch in batches(fit, self._settings.batch):
            outcomes |= await self._batch(batch)
            self._done += len(batch)
        return outcomes

    async def _batch(self, batch: list[Subject]) -> dict[Key, Outcome]:
        not_asked = {each.name: unsendable(each, self._site_checks(each), self._checks) for each in batch}
        log = BatchLog(batch, not_asked)
        began = trio.current_time()
        limit_s = math.ceil(len(batch) / self._settings.forks) * self._settings.host_timeout_s + limits.batch_slack_s
        job = self._job(batch, not_asked, limit_s)

        def heard(result: TaskResult) -> None:
            log.heard(result, trio.current_time() - began)
            self._progress(f"{self._done + log.finished} of {self._total} nodes looked at again")

        trouble = ""
        with trio.move_on_after(limit_s):
            try:
                done = await play(job, heard)
                trouble = f"Ansible gave no result for it ({done.status}): {done.tail.strip()[-200:]}"
            except SecondPassError as error:
                trouble = str(error)
        nothing = Sight(trouble=trouble) if trouble else Sight(unreachable=f"no result within {limit_s:g} s")
        return {each.key: judge(each, log.sight(each.name) or nothing) for each in batch}

    def _site_checks(self, subject: Subject) -> Mapping[str, PurePath]:
        """The executables for this node."""
        if subject.site_checks is None:
            return self._settings.site_checks
        return {name: Path(path) for name, path in subject.site_checks.items()}

    def _job(self, batch: list[Subject], not_asked: Mapping[str, Mapping[str, str]], limit_s: float) -> Job:
        """Write what Ansible reads for this batch."""
        private = Path(tempfile.mkdtemp(prefix="batch-", dir=self._work))
        requests: dict[str, str] = {}
        for index, subject in enumerate(batch):
            items = tuple(item for item in subject.items if item.id not in not_asked[subject.name])
            if items:
                path = private / f"request-{index}"
                # The node ends by itself a moment before Ansible would lose patience.
                seconds = max(1, self._shares.recheck_s - 1)
                path.write_bytes(request(subject, items, self._site_checks(subject), limit_s=seconds))
                requests[subject.name] = str(path)
        generated = private / "batch.json"
        generated.write_bytes(generated_inventory(batch, self._known, requests))
        own = (str(self._inventory),) if self._inventory is not None else ()
        return Job(
            playbook=str(playbooks_dir() / "diagnose.yml"),
            inventories=(*own, str(generated)),
            private_dir=str(private),
            environment=self._environment,
            variables={
                "inspector_bundle": str(self._work / "bundle"),
                "inspector_look_s": self._shares.look_s,
                "inspector_recheck_s": self._shares.recheck_s,
            },
            forks=self._settings.forks,
            limit_s=math.ceil(limit_s),
        )
