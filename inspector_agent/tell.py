"""Tells a config center what this node is, in a process of its own, `python -m inspector_agent.tell`: keys and HTTP
need memory that the agent does not keep. A job comes on stdin, what came of it goes to stdout.

The record is POSTed to `<center>/nodes/<name>`, signed with the node's key, to one center after the other until one
takes it. A static mirror takes none, and says so; the next one is tried.
"""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import quote

import msgspec

from config_center.canonical import canonical_bytes
from config_center.errors import TrustError
from config_center.files import write_whole
from config_center.keys import SecretKey, sign_bytes
from inspector_agent import errand
from inspector_agent.errand import at_most
from inspector_agent.errors import FetchError
from inspector_agent.identity import node_key
from inspector_agent.kept import PRIVATE, Kept
from inspector_agent.post import post
from inspector_agent.telling import TOLD_FILE, TellJob, TellOutcome, Told

SCHEMA = "inspector.node/1"
SIGNATURE_HEADER = "Inspector-Signature"
TAKEN, CONFLICT, BUSY = 204, 409, 503


def main() -> None:
    """Do the job on stdin."""
    errand.run(TellJob, do)


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
            with at_most((deadline - time.monotonic()) / left, url, "no whole answer"):
                said = post(url, body, headers)
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


def _remember(kept: Kept, told: Told) -> None:
    with kept.locked():
        write_whole(kept.directory / TOLD_FILE, msgspec.json.encode(told), mode=PRIVATE)


if __name__ == "__main__":
    main()
