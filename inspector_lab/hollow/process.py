"""`python -m inspector_lab.hollow.process DIR`: plays the members of a hollow ring; the keeper starts it."""

from __future__ import annotations

import base64
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import trio

from config_center.release import Release, decode
from inspector_lab.hollow.fleet import HollowWish, lay_out
from inspector_lab.hollow.joining import drain, join
from inspector_lab.hollow.sealing import Seal
from inspector_lab.hollow.shell import Shell
from inspector_lab.hollow.streams import Streams
from inspector_lab.hollow.verdicts import Verdicts
from inspector_lab.hollow.wishing import Wished
from inspector_lab.layout import Layout


class Job(msgspec.Struct, kw_only=True):
    """What the process is told, in hollow-job.json. `key`: base64, "" without encryption; `release`: its JSON."""

    wish: HollowWish
    octet: int
    port: int
    key: str = ""
    release: str


async def play(layout: Layout, job: Job, release: Release) -> None:
    """Join, settle, and act until ended."""
    plan = lay_out(job.wish, job.octet)
    verdicts = Verdicts(release, plan, datetime.now(UTC).date().isoformat())
    shell = Shell(plan, job.wish, job.port, verdicts, Seal(base64.b64decode(job.key)), layout.hollow)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(shell.read)
        nursery.start_soon(shell.act)
        nursery.start_soon(shell.tell)
        nursery.start_soon(Streams(shell, job.port).serve)
        since = trio.current_time()
        shell.draw_curves()
        since = shell.enter("joining", since)
        await join(shell)
        since = shell.enter("draining", since)
        await drain(shell)
        shell.enter("settled", since)
        nursery.start_soon(shell.ping_entry)
        nursery.start_soon(shell.churn, Wished(layout.hollow_churn))


def main() -> None:
    """Until killed."""
    layout = Layout(Path(sys.argv[1]))
    job = msgspec.json.decode(layout.hollow_job.read_bytes(), type=Job)
    trio.run(play, layout, job, decode(Path(job.release).read_bytes()))


if __name__ == "__main__":
    main()
