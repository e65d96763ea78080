"""The Ansible child: the one place that calls ansible-runner, in a process of its own.

Ansible's workers leave their process group (each calls setsid), and so do ssh's helpers: ending `ansible-playbook`
alone leaves them behind. This process therefore makes itself the reaper of all its descendants
(PR_SET_CHILD_SUBREAPER) and ends only when none is left: after the playbook, when its standard input closes (the
coordinator is done with it, was interrupted or was killed), or on SIGTERM.

Standard input: one line, the Job; then it stays open. Standard output: one line a TaskResult, then Done.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from collections import deque
from pathlib import Path
from types import FrameType
from typing import Any, BinaryIO, NoReturn

from inspector_coord.second_pass import job as words
from inspector_coord.second_pass import limits

PR_SET_CHILD_SUBREAPER = 36
TAIL_CHARS = 1500
STATUSES: dict[str, str] = {
    "runner_on_ok": "ok",
    "runner_on_failed": "failed",
    "runner_on_unreachable": "unreachable",
}


def main() -> None:
    """Run the job on standard input; leave nothing behind."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot become the reaper of Ansible's processes")
    job = words.decode_job(sys.stdin.buffer.readline(limits.event_bytes_max))
    voice = _take_stdout()
    os.environ.clear()
    os.environ.update(job.environment)
    signal.signal(signal.SIGTERM, _terminated)
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        done = play(job, voice)
    finally:
        end_descendants()
    voice.write(words.encode(done))
    voice.flush()


def play(job: words.Job, voice: BinaryIO) -> words.Done:
    """One playbook through ansible-runner: results as they come, then how it ended."""
    # Here, not above: it reads the environment when it is imported, and half a second of imports should not delay
    # the watch over standard input.
    import ansible_runner

    tail: deque[str] = deque(maxlen=40)

    def heard(event: dict[str, Any]) -> bool:
        result = task_result(event)
        if result is not None:
            voice.write(words.encode(result))
            voice.flush()
        elif event.get("event") in ("error", "verbose", "warning", "deprecated"):
            tail.append(str(event.get("stdout", "")))
        return False  # nothing is kept on disk

    runner = ansible_runner.interface.init_runner(
        private_data_dir=job.private_dir,
        playbook=job.playbook,
        inventory=list(job.inventories),
        extravars=dict(job.variables),
        settings={"pexpect_timeout": 1, "suppress_output_file": True, "job_timeout": job.limit_s},
        forks=job.forks,
        quiet=True,
        event_handler=heard,
        cancel_callback=lambda: False,
    )
    status, rc = runner.run()
    return words.Done(str(status), rc, "\n".join(tail)[-TAIL_CHARS:])


def task_result(event: dict[str, Any]) -> words.TaskResult | None:
    """One ansible-runner event as our own word; None for the many others."""
    status = STATUSES.get(event.get("event", ""))
    told = event.get("event_data", {})
    if status is None or "host" not in told:
        return None
    result = told.get("res") or {}
    rc = result.get("rc")
    return words.TaskResult(
        host=str(told["host"]),
        task=str(told.get("task", "")).partition(":")[0],
        status=status,  # type: ignore[arg-type]  # STATUSES holds only the three
        rc=rc if isinstance(rc, int) else None,
        stdout=str(result.get("stdout", ""))[: limits.recheck_bytes_max],
        stderr=str(result.get("stderr", ""))[-limits.stderr_chars_max :],
        message=str(result.get("msg", ""))[-limits.stderr_chars_max :],
    )


def end_descendants() -> None:
    """Kill every descendant and collect it, until there is none; gives up on what the kernel will not end in time."""
    until = time.monotonic() + limits.ending_s_max
    while time.monotonic() < until:
        for pid in descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                continue
        except ChildProcessError:
            return
        time.sleep(0.005)


def descendants(root: int) -> set[int]:
    """All processes below this one, by the kernel's table."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError, ValueError, IndexError):
                # The command's name stands in parentheses and may hold anything; the parent is the second field after.
                after = (entry / "stat").read_bytes().rpartition(b")")[2].split()
                children.setdefault(int(after[1]), []).append(int(entry.name))
    found: set[int] = set()
    waiting = [root]
    while waiting:
        below = set(children.get(waiting.pop(), ())) - found
        found |= below
        waiting.extend(below)
    return found


def _take_stdout() -> BinaryIO:
    """Keep standard output for our own words: whatever else prints there goes to standard error."""
    voice = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return voice


def _end_with_stdin() -> None:
    while os.read(0, 4096):
        continue
    _leave()


def _terminated(_number: int, _frame: FrameType | None) -> None:
    _leave()


def _leave() -> NoReturn:
    end_descendants()
    os._exit(1)


if __name__ == "__main__":
    main()
