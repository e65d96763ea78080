"""Fetches a release in a process of its own, `python -m inspector_agent.fetch`: HTTP and TLS need memory that the agent
does not keep. A job comes on stdin, what came of it goes to stdout; everything else is left in the cache directory.

Which release is taken (DESIGN 7: nobody turns a node back without saying so under a signature)
    - A question names the digest it wants. What is kept under it serves; else a center whose current release has it.
      It serves that question, whatever its number; it becomes the node's own release only if its number is higher.
    - Without a question, a center's current release is taken if its number is higher than the one that holds. A lower
      one, or another release under the same number, is refused: until releases are signed that cannot be told from an
      attack, and a center that was set up anew serves its questions all the same.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import msgspec

from config_center import limits as center_limits
from config_center.canonical import digest_of
from config_center.errors import ReleaseError
from config_center.pointer import Pointer, decode_pointer
from config_center.release import Release, SiteCheck, decode
from inspector_agent import limits
from inspector_agent.download import get
from inspector_agent.errors import FetchError
from inspector_agent.kept import Kept
from inspector_agent.proof import is_part, same, whole, work_out
from inspector_agent.runner import kin


class Job(msgspec.Struct, frozen=True):
    """What the agent wants.

    Attributes:
        centers: base URLs, in the order in which they are tried.
        wanted: the beginning of a digest, in hexadecimal digits; "" for the center's current release.
        number: of the wanted release, for words.
        parent: the agent's process id, with which this process ends; 0 to run it by hand.
    """

    cache: str
    centers: tuple[str, ...]
    name: str
    tags: dict[str, str]
    deadline_s: float
    parent: int = 0
    wanted: str = ""
    number: int = 0


class Outcome(msgspec.Struct, frozen=True):
    """What came of it.

    Attributes:
        digest: the release that is now there for this job, resolved; "" if there is none.
        problem: what went wrong, even if an older release is there; "" if nothing did.
    """

    digest: str = ""
    problem: str = ""


class OutOfTimeError(Exception):
    """A center had its share of the time."""


def main() -> None:
    """Read a job, do it, print what came of it. Dies with the agent."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    if job.parent:
        kin.die_with_parent(job.parent)
    os.nice(limits.fetch_niceness)
    signal.signal(signal.SIGALRM, _out_of_time)
    outcome = do(job, time.monotonic() + job.deadline_s)
    sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")


def do(job: Job, deadline: float) -> Outcome:
    """Do a job by a moment of the monotonic clock. Raises nothing that a center or a disk can cause."""
    kept = Kept(Path(job.cache))
    problem, digest = "", ""
    try:
        with kept.locked():
            try:
                problem = _fetch(job, kept, deadline)
            except OSError as error:  # the disk's: nothing half written is left, and the last good release still serves
                problem = f"cannot keep what was fetched: {_words(error)}"
            release = _serving(job, kept)
            if release is not None:
                digest = release.digest
                _resolve(job, kept, release)
            elif not job.wanted and (held := kept.current()):
                problem = _joined(problem, f"release {held.number} ({held.digest[:12]}) in the cache is damaged")
    except OSError as error:
        return Outcome("", _joined(problem, f"the cache cannot be used: {_words(error)}"))
    return Outcome(digest, problem)


def _words(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)


def _joined(*problems: str) -> str:
    return "; ".join(problem for problem in problems if problem)


def _serving(job: Job, kept: Kept) -> Release | None:
    """The release in the cache, undamaged, that serves this job; None if none does."""
    current = kept.current()
    candidates = kept.digests() if job.wanted else [current.digest] if current else []
    found = (whole(kept, digest) for digest in candidates if digest.startswith(job.wanted))
    return next((release for release in found if release is not None), None)


def _fetch(job: Job, kept: Kept, deadline: float) -> str:
    """Ask the centers in order until one gives what is wanted. Returns why none did, or ""."""
    if job.wanted and _serving(job, kept):
        return ""
    problems = []
    for left, center in zip(range(len(job.centers), 0, -1), job.centers, strict=True):
        try:
            with _at_most((deadline - time.monotonic()) / left, center):
                _fetch_from(center, job, kept)
        except FetchError as error:
            problems.append(str(error))
        else:
            return ""
    return _joined(*problems) or "no config center is configured"


@contextmanager
def _at_most(seconds: float, center: str) -> Iterator[None]:
    """Bound the whole of one center, however it spreads its bytes over time."""
    if seconds <= 0:
        raise FetchError(f"{center}: no time was left for it")
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except OutOfTimeError as error:
        raise FetchError(f"{center}: not complete after {seconds:.1f} s") from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _out_of_time(_number: int, _frame: FrameType | None) -> None:
    raise OutOfTimeError


def _fetch_from(center: str, job: Job, kept: Kept) -> None:
    url = f"{center}/current.json"
    held = kept.current()
    intact = held is not None and whole(kept, held.digest) is not None
    reply = get(
        url, bytes_max=center_limits.pointer_bytes_max, etag=kept.etag(url) if intact and not job.wanted else ""
    )
    if reply.unchanged:
        return
    try:
        pointer = decode_pointer(reply.body)
    except ReleaseError as error:
        raise FetchError(f"{url}: {error}") from error
    _check_acceptable(center, pointer, held, job)
    if not (intact and held and held.digest == pointer.digest):
        _take(center, pointer, kept)
    if held is None or pointer.number > held.number:
        kept.put_current(pointer)
    kept.forget_old(but=pointer.digest)
    kept.put_etag(url, reply.etag, [f"{known}/current.json" for known in job.centers])


def _check_acceptable(center: str, pointer: Pointer, held: Pointer | None, job: Job) -> None:
    """Whether this pointer may be followed; the rule is in this module's first lines."""
    offered = f"{center} offers release {pointer.number} ({pointer.digest[:12]})"
    if job.wanted:
        if not pointer.digest.startswith(job.wanted):
            raise FetchError(f"{offered}, the question asks for {job.number} ({job.wanted[:12]})")
    elif held is not None and pointer.number < held.number:
        raise FetchError(f"{offered}, older than {held.number}, which holds: refused without a signed rollback")
    elif held is not None and pointer.number == held.number and pointer.digest != held.digest:
        raise FetchError(f"{offered}, but {held.digest[:12]} holds under that number: refused; publish a higher one")


def _take(center: str, pointer: Pointer, kept: Kept) -> None:
    """Fetch, verify and keep a release and its executables: the executables first, so that it is never without them."""
    url = f"{center}/releases/{pointer.digest}.json"
    raw = get(url, bytes_max=center_limits.release_bytes_max).body
    try:
        release = decode(raw, pointer.digest)
    except ReleaseError as error:
        raise FetchError(f"{url}: {error}") from error
    if release.number != pointer.number:
        raise FetchError(f"{url}: says it is release {release.number}, the pointer says {pointer.number}")
    for check in release.checks:
        _take_part(center, check, kept)
    kept.put_checks(release.digest, {check.name: check.sha256 for check in release.checks})
    kept.put_release(release.number, release.digest, raw)


def _take_part(center: str, check: SiteCheck, kept: Kept) -> None:
    path = kept.part(check.sha256)
    if is_part(path, check.sha256):
        return
    url = f"{center}/parts/{check.sha256}"
    content = get(url, bytes_max=check.bytes).body
    if digest_of(content) != check.sha256:
        raise FetchError(f"{url}: is not the check {check.name} that the release names; it was changed on its way")
    kept.put_part(check.sha256, content)


def _resolve(job: Job, kept: Kept, release: Release) -> None:
    """Keep what a verified release means for this node. What was kept of that before is not trusted."""
    baseline = work_out(release, job.name, job.tags)
    before = kept.baseline(release.digest, job.name, job.tags)
    if before is None or not same(before, baseline):
        kept.put_baseline(baseline, job.name, job.tags)


if __name__ == "__main__":
    main()
