"""The releases this node has, and the child process that fetches others. The resident side: small, never raising."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import trio

from config_center.pointer import Pointer
from config_center.resolve import Baseline
from inspector_agent import limits
from inspector_agent.acceptance import names_both
from inspector_agent.child import run_child
from inspector_agent.glance import is_unchanged
from inspector_agent.jobs import Job, Outcome
from inspector_agent.kept import Kept
from inspector_agent.mirrors import Mirrors
from inspector_agent.proof import holds

FETCH = (sys.executable, "-P", "-m", "inspector_agent.fetch")  # -P: what lies in some directory is not imported


class Proof(NamedTuple):
    """What was proven of a release since the start.

    Attributes:
        pointer: by which it is this node's; None if only a question named it.
        marks: of its files then.
    """

    pointer: Pointer | None
    marks: object


class Releases:
    """Baselines of this node: from memory, from disk, from the config center. None of it raises for an absent center.

    Args:
        cache: the directory in which releases are kept.
        centers: base URLs of config centers, in the order in which they are tried.
        name: of this node, as the ring knows it.
        traits: of this node. With another name or other traits make another one of these: it then resolves anew.
        trusted_keys: public keys as they are written. With any, nothing is believed that none of them has signed.

    Attributes:
        last_error: why the last call of ensure or refresh did not bring what it should; "" if it did.
    """

    def __init__(
        self,
        cache: Path,
        centers: Sequence[str],
        *,
        name: str,
        traits: Mapping[str, str],
        trusted_keys: Sequence[str] = (),
    ) -> None:
        self.last_error = ""
        self._kept = Kept(cache)
        self._mirrors = Mirrors([center.rstrip("/") for center in centers], random.random)
        self._name = name
        self._traits = dict(traits)
        self._trusted_keys = tuple(trusted_keys)
        self._current: Baseline | None = None
        self._proven: dict[str, Proof] = {}  # by digest
        self._doubted: dict[str, Pointer | None] = {}  # what the disk had of these is no proof: the child has to look
        self._fetching = trio.Lock()
        self._refreshing: trio.CancelScope | None = None  # a refresh that a question may put off
        self._looks = 0  # for news
        self._away = ""  # why no center could be reached the last time; "" if one could

    def current(self) -> Baseline | None:
        """What this node should be, by the release that the pointer assigns to it; None before the first."""
        pointer = self._kept.current()
        if pointer is None:
            return None
        digest = pointer.assigned(self._name, self._traits)[1]
        if self._current is None or self._current.digest != digest or not self._is_proven(digest, pointer):
            before, self._current = self._current, self._from_disk(digest, pointer)
            if before is not None and self._current is not None and before.digest == digest:
                self._current = before  # another act, the same release: nothing is new for whoever has it
        return self._current

    def _from_disk(self, digest: str, pointer: Pointer | None) -> Baseline | None:
        """A kept baseline, if its release was proven since the start; which is done now for one that was not.

        pointer: by which the release is this node's; None for a release that only a question names.
        """
        doubted = digest in self._doubted and self._doubted[digest] == pointer
        baseline = None if doubted else self._kept.baseline(digest, self._name, self._traits)
        if baseline is None or self._is_proven(digest, pointer):
            return baseline
        marks = self._kept.marks(digest)
        if holds(self._kept, baseline, self._traits, self._trusted_keys, current=pointer is not None):
            self._proven[digest] = Proof(pointer, marks)
            return baseline
        self._doubted[digest] = pointer
        return None

    def _is_proven(self, digest: str, pointer: Pointer | None) -> bool:
        """Whether this was proven since the start. Without trusted keys no pointer proves or disproves anything."""
        proof = self._proven.get(digest)
        return proof is not None and (not self._trusted_keys or pointer is None or proof.pointer == pointer)

    def _is_intact(self, digest: str) -> bool:
        """Whether the files of a proven release are still those that were proven, as far as a cheap look tells."""
        return digest in self._proven and self._proven[digest].marks == self._kept.marks(digest)

    def parts_dir(self, baseline: Baseline) -> Path:
        """Where the site's executables of this baseline's release are."""
        return self._kept.checks_dir(baseline.digest)

    async def ensure(self, wanted_prefix: bytes, number: int, deadline_s: float) -> Baseline | None:
        """The baseline of a release that a question names; None if it cannot be had within `deadline_s` seconds.

        wanted_prefix: 8 bytes of its digest; or 16, of the release for everybody and of the canary: the one of the two
        that the pointer assigns to this node, if it has exactly these. number: of the release, for words.
        """
        wanted = wanted_prefix.hex()
        held = self._held(wanted)
        if held is not None:
            self.last_error = ""
            return held
        if self._refreshing is not None:
            self._refreshing.cancel()  # a question waits for its answer; news can wait
        self.last_error = f"release {number} ({wanted[:12]}) could not be had within {deadline_s:g} s"
        with trio.move_on_after(deadline_s) as patience:
            async with self._fetching:
                # The child ends a little earlier, so that it can say which center did not answer.
                left_s = (patience.deadline - trio.current_time()) * 0.8
                held = self._held(wanted) or await self._fetch(left_s, wanted=wanted, number=number)
        return held

    async def refresh(self, deadline_s: float = limits.refresh_s_max) -> Baseline | None:
        """What this node should be, after asking the config center for news; the last good one if that fails.

        A question puts it off, once: then the questions that came before it go first, and those that come later wait.
        So a slow node gets its release however often it is asked, though none of the questions may leave it the time.
        """
        if not await self._look(deadline_s, may_be_put_off=True):
            await self._look(deadline_s, may_be_put_off=False)
        return self.current()

    async def _look(self, deadline_s: float, *, may_be_put_off: bool) -> bool:
        """Ask for news, with all of this time. Returns False if a question put it off."""
        async with self._fetching:
            with trio.CancelScope() as scope:
                self._refreshing = scope if may_be_put_off else None
                try:
                    if not await self._has_nothing_new(min(limits.glance_s, deadline_s / 2)):
                        await self._fetch(deadline_s)
                        self._away = self.last_error if self._away else ""
                    self._looks += 1
                finally:
                    self._refreshing = None
            return not scope.cancelled_caught

    async def _has_nothing_new(self, patience_s: float) -> bool:
        """Whether a glance settles it: a center has no news, or there is still nobody to ask. Sets last_error then."""
        held = self.current()
        if held is None or not self._is_intact(held.digest):
            return False
        absent: list[str] = []
        for center in self._mirrors.order(trio.current_time(), self._looks):
            url = f"{center}/current.json"
            try:
                with trio.move_on_after(patience_s):
                    if await is_unchanged(url, self._kept.etag(url)):
                        self.last_error = self._away = ""
                        self._note(absent, center)
                        return True
                return False
            except OSError:
                absent.append(center)
        if self._away:
            self.last_error = self._away
            return True
        self._away = "nobody answers"  # for the first time: the child finds better words
        return False

    def _held(self, wanted: str) -> Baseline | None:
        """A release that needs no work: in memory, or on disk, proven and resolved for this node."""
        current, pointer = self.current(), self._kept.current()
        if current and pointer and (names_both(pointer, wanted) or current.digest.startswith(wanted)):
            return current
        digests = [digest for digest in self._proven if digest.startswith(wanted) and self._is_intact(digest)]
        return self._from_disk(digests[0], None) if digests else None

    async def _fetch(self, deadline_s: float, *, wanted: str = "", number: int = 0) -> Baseline | None:
        """One fetching child. Sets last_error."""
        job = Job(
            cache=str(self._kept.directory.absolute()),
            centers=self._mirrors.order(trio.current_time(), 0 if wanted else self._looks),
            name=self._name,
            traits=self._traits,
            deadline_s=deadline_s,
            parent=os.getpid(),
            wanted=wanted,
            number=number,
            trusted_keys=self._trusted_keys,
        )
        report = await run_child(FETCH, msgspec.json.encode(job), deadline_s + limits.child_kill_grace_s)
        try:
            outcome = msgspec.json.decode(report.rstrip().rpartition(b"\n")[2], type=Outcome)
        except msgspec.MsgspecError:
            last = report.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
            outcome = Outcome(problem=f"the fetching process failed: {last[0][:200]}")
        self.last_error = outcome.problem
        self._note(outcome.failed, outcome.answered)
        return self._take(outcome) if outcome.digest else None

    def _take(self, outcome: Outcome) -> Baseline | None:
        """What the child has just proven is believed; of other releases only those that are still kept."""
        kept, digest = self._kept.digests(), outcome.digest
        self._proven = {known: proof for known, proof in self._proven.items() if known in kept}
        self._proven[digest] = Proof(self._kept.current() if outcome.holds else None, self._kept.marks(digest))
        self._doubted.pop(digest, None)
        return self._from_disk(digest, None)

    def _note(self, failed: Iterable[str], answered: str) -> None:
        """Remember which centers can be relied on."""
        for center in failed:
            self._mirrors.failed(center, trio.current_time())
        if answered:
            self._mirrors.answered(answered)
