"""Fetches a release in a process of its own, `python -m inspector_agent.fetch`: HTTP, TLS and keys need memory that the
agent does not keep. A job comes on stdin, what came of it goes to stdout; everything else is left in the cache.

Which pointer is followed is said in acceptance.py. Where no keys are trusted, one that is not followed still serves a
question that names its release: a center that was set up anew serves its questions all the same.
"""

from __future__ import annotations

import time
from pathlib import Path

from config_center import limits as center_limits
from config_center.canonical import digest_of
from config_center.errors import ReleaseError, TrustError
from config_center.pointer import Pointer, decode_pointer
from config_center.release import Release, SiteCheck, decode
from inspector_agent import errand, limits
from inspector_agent.acceptance import check_signed, check_unsigned, names_both, target
from inspector_agent.download import get
from inspector_agent.errand import at_most
from inspector_agent.errors import FetchError
from inspector_agent.jobs import Job, Outcome
from inspector_agent.kept import Kept
from inspector_agent.proof import Proven, is_part, same, whole, work_out


def main() -> None:
    """Do the job on stdin."""
    errand.run(Job, do)


def do(job: Job, deadline: float) -> Outcome:
    """Do a job by a moment of the monotonic clock. Raises nothing that a center or a disk can cause."""
    kept = Kept(Path(job.cache))
    try:
        with kept.locked():
            return Fetching(job, kept).do(deadline)
    except OSError as error:
        return Outcome(problem=f"the cache cannot be used: {_words(error)}")


def _words(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)


def _joined(*problems: str) -> str:
    return "; ".join(problem for problem in problems if problem)


class Fetching:
    """One job in a cache that nobody else writes to meanwhile."""

    def __init__(self, job: Job, kept: Kept) -> None:
        self._job = job
        self._kept = kept
        self._proven = Proven(kept, job.trusted_keys)
        self._sound: dict[str, Release] = {}  # verified by this job, every byte
        self._resolved: set[str] = set()
        self._served = ""  # digest of what a center gave for this job
        self._failed: list[str] = []
        self._answered = ""

    def do(self, deadline: float) -> Outcome:
        """Fetch what is wanted by a moment of the monotonic clock, unless it is there. Raises OSError of the disk."""
        problem = ""
        try:
            if self._proven.signs:
                self._kept.put_seen(self._proven.seen)  # a crash may have come between a pointer and this
            problem = self._fetch(deadline)
        except OSError as error:  # the disk's: nothing half written is left, and the last good release still serves
            problem = f"cannot keep what was fetched: {_words(error)}"
        try:
            with at_most(max(deadline - time.monotonic(), limits.finish_s_min), "what is kept"):
                digest, why = self._finish()
        except FetchError as error:
            digest, why = "", str(error)
        holds = bool(digest) and self._assigned(self._proven.current) == digest
        return Outcome(digest, holds, _joined(problem, why), tuple(self._failed), self._answered)

    def _finish(self) -> tuple[str, str]:
        """(digest of the release that serves this job, resolved, or ""; why there is none, where that is to be said)"""
        self._proven = Proven(self._kept, self._job.trusted_keys)  # whatever was left off before
        release, held = self._serving(), self._kept.current()
        if release is not None:
            self._resolve(release)
            return release.digest, ""
        return "", self._useless(held) if held is not None and not self._job.wanted else ""

    def _assigned(self, pointer: Pointer | None) -> str:
        """The digest of this node's release; "" without a pointer."""
        return pointer.assigned(self._job.name, self._job.traits)[1] if pointer else ""

    def _useless(self, held: Pointer) -> str:
        """Why the pointer in the cache gives no release."""
        if self._proven.current is None:
            what = f"act {held.serial} (release {held.number}) in the cache"
            return f"{what} proves nothing: no trusted key has signed it, or it is not the newest that was seen"
        number, digest = held.assigned(self._job.name, self._job.traits)
        return f"release {number} ({digest[:12]}) in the cache is damaged"

    def _serving(self) -> Release | None:
        """The release in the cache, proven, that serves this job; None if none does."""
        found = (self._whole(digest) for digest in self._candidates() if self._proven.warrants(digest))
        return next((release for release in found if release is not None), None)

    def _whole(self, digest: str) -> Release | None:
        """The release of this digest, if every byte of it is kept; looked at once, as nobody else writes here."""
        if digest not in self._sound and (found := whole(self._kept, digest)):
            self._sound[digest] = found
        return self._sound.get(digest)

    def _candidates(self) -> list[str]:
        if self._served:
            return [self._served]
        wanted, current = self._job.wanted, self._proven.current
        if current is not None and (not wanted or names_both(current, wanted)):
            return [current.assigned(self._job.name, self._job.traits)[1]]
        return [digest for digest in self._kept.digests() if wanted and digest.startswith(wanted)]

    def _fetch(self, deadline: float) -> str:
        """Ask the centers in order until one gives what is wanted. Returns why none did, or ""."""
        centers = self._job.centers
        if self._job.wanted and self._serving():
            return ""
        problems = []
        for left, center in zip(range(len(centers), 0, -1), centers, strict=True):
            try:
                with at_most((deadline - time.monotonic()) / left, center):
                    self._fetch_from(center)
            except FetchError as error:
                problems.append(str(error))
                self._failed.append(center)
            else:
                self._answered = center
                return ""
        return _joined(*problems) or "no config center is configured"

    def _fetch_from(self, center: str) -> None:
        """Do what the center's pointer says. Raises FetchError."""
        job, kept, url = self._job, self._kept, f"{center}/current.json"
        mine = self._assigned(self._proven.current)
        intact = bool(mine) and self._whole(mine) is not None
        etag = kept.etag(url) if intact and not job.wanted else ""
        reply = get(url, bytes_max=center_limits.pointer_bytes_max, etag=etag)
        if reply.unchanged:
            return
        try:
            pointer = decode_pointer(reply.body)
            follows = self._check(pointer)
            number, digest = target(pointer, job)
        except (ReleaseError, TrustError) as error:
            raise FetchError(f"{url}: {error}") from error
        self._resolve(self._take(center, number, digest))  # in this center's time: what takes for ever is of no use
        kept.put_warrants(pointer)
        self._served = digest
        if follows:
            self._follow(center, pointer)
        kept.forget_old(but=digest)
        kept.put_etag(url, reply.etag, [f"{known}/current.json" for known in job.centers])

    def _check(self, pointer: Pointer) -> bool:
        """Whether it is followed. Raises TrustError if it does not even serve this job."""
        proven, job = self._proven, self._job
        if proven.signs:
            try:
                proven.check(pointer)
            except TrustError as error:
                raise TrustError(f"{error}; refused: this node takes only what a trusted key has signed") from error
            check_signed(pointer, proven.current, proven.seen)
            return True
        try:
            check_unsigned(pointer, proven.current, job.name, job.traits)
        except TrustError:
            if job.wanted:
                return False
            raise
        return True

    def _follow(self, center: str, pointer: Pointer) -> None:
        """From now on the pointer holds. Before it does, all is there that it assigns to this node."""
        job, kept = self._job, self._kept
        number, digest = pointer.assigned(job.name, job.traits)
        self._resolve(self._take(center, number, digest))
        kept.put_warrants(pointer)
        if pointer != self._proven.current:
            kept.put_current(pointer)
        self._proven = Proven(kept, job.trusted_keys)
        if self._proven.signs:
            kept.put_seen(self._proven.seen)

    def _take(self, center: str, number: int, digest: str) -> Release:
        """Fetch, verify and keep what is missing of a release: the executables first, so that it never lacks them."""
        found = self._whole(digest)
        url = f"{center}/releases/{digest}.json"
        raw = b"" if found else self._kept.release(digest) or b""
        if found is None and digest_of(raw) != digest:
            raw = get(url, bytes_max=center_limits.release_bytes_max).body
        try:
            release = found or decode(raw, digest)
        except ReleaseError as error:
            raise FetchError(f"{url}: {error}") from error
        if release.number != number:
            raise FetchError(f"{url}: says it is release {release.number}, the pointer says {number}")
        if found is None:
            for check in release.checks:
                self._take_part(center, check)
            self._kept.put_checks(digest, {check.name: check.sha256 for check in release.checks})
            self._kept.put_release(number, digest, raw)
            self._sound[digest] = release
        return release

    def _take_part(self, center: str, check: SiteCheck) -> None:
        if is_part(self._kept.part(check.sha256), check.sha256):
            return
        url = f"{center}/parts/{check.sha256}"
        content = get(url, bytes_max=check.bytes).body
        if digest_of(content) != check.sha256:
            raise FetchError(f"{url}: is not the check {check.name} that the release names; it was changed on its way")
        self._kept.put_part(check.sha256, content)

    def _resolve(self, release: Release) -> None:
        """Keep what a proven release means for this node. What was kept of that before is not trusted."""
        job, kept, digest = self._job, self._kept, release.digest
        if digest not in self._resolved:
            baseline = work_out(release, job.name, job.traits)
            before = kept.baseline(digest, job.name, job.traits)
            if before is None or not same(before, baseline):
                kept.put_baseline(baseline, job.name, job.traits)
            self._resolved.add(digest)


if __name__ == "__main__":
    main()
