"""One lane of a run: the items of the batch, or of one executable, through as many workers as it takes."""

from __future__ import annotations

import enum
import math
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress

import trio

from config_center.resolve import Item
from inspector_agent.findings import Finding, printable
from inspector_agent.runner import burial, kin, limits
from inspector_agent.runner.burial import Family
from inspector_agent.runner.progress import Progress
from inspector_agent.runner.worker import Worker

Emit = Callable[[Finding], None]
Start = Callable[[Sequence[Item]], Worker]


def how_it_ended(status: int) -> str:
    """A wait status in words, e.g. "exit 77" or "SIGSEGV"."""
    if not os.WIFSIGNALED(status):
        return f"exit {os.waitstatus_to_exitcode(status)}"
    number = os.WTERMSIG(status)
    if number == signal.SIGXCPU:
        return f"it used more than {limits.cpu_s_max} s of CPU"
    name = signal.Signals(number).name if number in signal.valid_signals() else f"signal {number}"
    return f"{name}, perhaps for want of memory" if number == signal.SIGKILL else name


class Why(enum.Enum):
    """Why a worker is not followed any more."""

    ENDED = "it ended by itself"
    OVERDUE = "the item in progress took too long"
    FLOODED = "it printed too much"
    GREEDY = "it read too much"


class Lane:
    """Runs items through workers that `start` makes for what is still pending, until every item has its finding.

    Every item's finding is emitted exactly once, as soon as it is known, unless the lane is cancelled: then its worker
    and all its descendants are ended and nothing more is emitted.
    """

    def __init__(self, progress: Progress, start: Start, emit: Emit, family: Family) -> None:
        self.progress = progress
        self._start = start
        self._emit = emit
        self._family = family
        self._complaints = b""

    async def run(self) -> None:
        """Until nothing is pending. Each worker settles at least one item."""
        while self.progress.pending:
            self.progress.begin(trio.current_time())
            self._complaints = b""
            try:
                worker = self._start(self.progress.pending)
            except OSError as error:
                self._tell(self.progress.give_up(f"cannot start a process for checks: {error.strerror}"))
                return
            with self._family.member(worker.pid):
                await self._attend(worker)

    def _tell(self, findings: list[Finding]) -> None:
        for finding in findings:
            self._emit(finding)

    async def _attend(self, worker: Worker) -> None:
        """Follow a worker until it ends or must be ended; whatever happens, nothing of it stays behind."""
        status = None
        try:
            why = await self._follow(worker)
            if why is Why.ENDED:
                why = Why.GREEDY if _is_greedy(worker) else why  # it can be told until it is reaped
                status = burial.reap(worker.pid)
            if why is Why.ENDED:
                self._read_rest(worker)
        finally:
            with trio.CancelScope(shield=True):
                if status is None and await burial.bury(worker.pid, worker.pidfd) is None:
                    self._family.leave_for_later(worker.pid)
                await self._family.bury_orphans()
                worker.close()
        if why is Why.OVERDUE:
            self._tell(self.progress.timed_out())
        elif why is Why.GREEDY:
            self._tell(self.progress.greedy(worker.read_bytes_max))
        elif self.progress.flooded or why is Why.FLOODED:
            self._tell(self.progress.flood())
        else:
            how = how_it_ended(status) if status is not None else "it does not die"
            self._tell(self.progress.ended(how, self._last_complaint(), clean=status == 0))

    async def _follow(self, worker: Worker) -> Why:
        """Until the worker has ended by itself, is overdue, floods, or has read too much."""
        why = Why.ENDED
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_at_end, worker.pidfd, nursery.cancel_scope)
            nursery.start_soon(self._keep_complaints, worker.errors_fd)
            if worker.request_fd is not None:
                nursery.start_soon(_send, worker, worker.request_fd)
            why = await self._listen(worker)
            nursery.cancel_scope.cancel()
        return why

    async def _listen(self, worker: Worker) -> Why:
        """Take findings until time is up, too much has come or been read; the end of the worker cancels this."""
        is_open = True
        while True:
            look_at = trio.current_time() + limits.read_look_s if worker.read_bytes_max else math.inf
            with trio.move_on_at(min(self.progress.overdue_at, look_at)) as patience:
                if is_open:
                    await trio.lowlevel.wait_readable(worker.findings_fd)
                else:
                    await trio.sleep_forever()
            if _is_greedy(worker):
                return Why.GREEDY
            if not patience.cancelled_caught:
                is_open = self._read(worker.findings_fd)
            elif trio.current_time() >= self.progress.overdue_at:
                return Why.OVERDUE
            if self.progress.flooded:
                return Why.FLOODED

    def _read(self, fd: int) -> bool:
        """Take what is there; False at the end of the stream, or if nothing is there."""
        try:
            data = os.read(fd, limits.read_bytes)
        except BlockingIOError:
            return False
        self._tell(self.progress.feed(data, trio.current_time()))
        return bool(data)

    def _read_rest(self, worker: Worker) -> None:
        """What the worker printed last, after it has ended. An orphan may still hold the pipe: never wait here."""
        while self._read(worker.findings_fd) and not self.progress.flooded:
            pass
        with suppress(BlockingIOError):
            self._complaints += os.read(worker.errors_fd, limits.read_bytes)

    async def _keep_complaints(self, fd: int) -> None:
        """Keep the end of what comes on stderr. Beyond a bound it is not read: the writer blocks, and is overdue."""
        heard = 0
        while heard < limits.complaint_bytes_max:
            await trio.lowlevel.wait_readable(fd)
            data = os.read(fd, limits.read_bytes)
            if not data:
                return
            heard += len(data)
            self._complaints = (self._complaints + data)[-limits.complaint_bytes_kept :]

    def _last_complaint(self) -> str:
        """The last line on stderr: of a traceback, the one that says what happened."""
        lines = self._complaints.decode("utf-8", "replace").strip().splitlines()
        return printable(lines[-1], limits.complaint_chars_max) if lines else ""


def _is_greedy(worker: Worker) -> bool:
    return worker.read_bytes_max > 0 and kin.read_by(worker.pid) > worker.read_bytes_max


async def _cancel_at_end(pidfd: int, scope: trio.CancelScope) -> None:
    await trio.lowlevel.wait_readable(pidfd)
    scope.cancel()


async def _send(worker: Worker, fd: int) -> None:
    """Write the request. A check that does not read it all is not at fault: what counts is what it prints."""
    worker.request_fd = None  # the stream closes it
    async with trio.lowlevel.FdStream(fd) as stream:
        with suppress(trio.BrokenResourceError):
            await stream.send_all(worker.request)
