"""Tells a config center what this node is, in a process of its own, `python -m inspector_agent.tell`: keys and HTTP
need memory that the agent does not keep. A job comes on stdin, what came of it goes to stdout.

The record is POSTed to `<center>/nodes/<name>`, signed with the node's key, to one center after the other until one
takes it. A static mirror takes none, and says so; the next one is tried.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from urllib.parse import quote

import msgspec

from config_center.canonical import canonical_bytes
from config_center.errors import TrustError
from config_center.files import write_whole
from config_center.keys import SecretKey, sign_bytes
from inspector_agent import limits
from inspector_agent.errors import FetchError
from inspector_agent.identity import node_key
from inspector_agent.kept import PRIVATE, Kept
from inspector_agent.post import Posted, post
from inspector_agent.runner import kin
from inspector_agent.telling import TOLD_FILE, TellJob, TellOutcome, Told

SCHEMA = "inspector.node/1"
SIGNATURE_HEADER = "Inspector-Signature"
TAKEN, CONFLICT, BUSY = 204, 409, 503


class OutOfTimeError(Exception):
    """A center had its share of the time."""


def main() -> None:
    """Read a job, do it, print what came of it. Dies with the agent."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=TellJob)
    if job.parent:
        kin.die_with_parent(job.parent)
    os.nice(limits.fetch_niceness)
    signal.signal(signal.SIGALRM, _out_of_time)
    outcome = do(job, time.monotonic() + job.deadline_s)
    sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")


def do(job: TellJob, deadline: float) -> TellOutcome:
    """Do a job by a moment of the monotonic clock. Raises nothing that a center or a disk can cause."""
    kept = Kept(Path(job.cache))
    try:
        key = node_key(kept)
    except TrustError as error:
        return TellOutcome(problem=str(error))
    except OSError as error:
        return TellOutcome(problem=f"the node's key cannot be kept: {error.filename or job.cache}: {error.strerror}")
    outcome = _tell(job, key, deadline)
    if outcome.taken:
        try:
            _remember(kept, Told(job.mark, float(job.sent)))
        except OSError as error:  # it is told again after the next start: no harm
            return msgspec.structs.replace(outcome, problem=f"told, but that cannot be kept: {error.strerror}")
    return outcome


def _tell(job: TellJob, key: SecretKey, deadline: float) -> TellOutcome:
    body = record(job, key)
    headers = {"Content-Type": "application/json", SIGNATURE_HEADER: sign_bytes(key, body)}
    problems: list[str] = []
    refused, after_s = False, 0.0
    for left, center in zip(range(len(job.centers), 0, -1), job.centers, strict=True):
        url = f"{center}/nodes/{quote(job.name, safe='')}"
        try:
            said = _post(url, body, headers, (deadline - time.monotonic()) / left)
        except FetchError as error:
            problems.append(str(error))
            continue
        if said.status == TAKEN:
            return TellOutcome(taken=True)
        refused = refused or said.status == CONFLICT
        after_s = max(after_s, said.retry_after_s if said.status == BUSY else 0.0)
        problems.append(f"{url}: the center answers {said.status} {said.text}".strip())
    return TellOutcome(
        refused=refused, problem="; ".join(problems) or "no config center is configured", retry_after_s=after_s
    )


def record(job: TellJob, key: SecretKey) -> bytes:
    """What is signed and sent."""
    return canonical_bytes(
        {
            "schema": SCHEMA,
            "name": job.name,
            "tags": job.tags,
            "facts": job.facts,
            "sent": job.sent,
            "key": key.public.text,
        }
    )


def _post(url: str, body: bytes, headers: dict[str, str], seconds: float) -> Posted:
    """Bound the whole of one center, however it spreads its bytes over time."""
    if seconds <= 0:
        raise FetchError(f"{url}: no time was left for it")
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return post(url, body, headers)
    except OutOfTimeError as error:
        raise FetchError(f"{url}: no whole answer after {seconds:.1f} s") from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _out_of_time(_number: int, _frame: FrameType | None) -> None:
    raise OutOfTimeError


def _remember(kept: Kept, told: Told) -> None:
    with kept.locked():
        write_whole(kept.directory / TOLD_FILE, msgspec.json.encode(told), mode=PRIVATE)


if __name__ == "__main__":
    main()
