"""Ansible action: run a command on the host with files of this machine on its standard input. Writes nothing there.

Where `raw` has no standard input and `script` leaves a directory behind, this opens one connection, feeds it, and
hands back the exit status with a bounded output. What an exit status means is the caller's business: the task fails
only when the command could not be run at all.
"""

from __future__ import annotations

import resource
import shlex
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

STDERR_CHARS_MAX = 600
# A host that floods its output must not eat the memory of this machine: the worker process is forked for one task on
# one host, so this bound ends with it.
WORKER_BYTES = 256 * 1024 * 1024


class ActionModule(ActionBase):
    """`inspector_pipe: {command: [argv…], stdin: [controller files…], output_bytes_max: N}`."""

    TRANSFERS_FILES = False
    _VALID_ARGS = frozenset({"command", "stdin", "output_bytes_max"})

    def run(self, tmp: object = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Result keys: rc, stdout (cut to output_bytes_max characters), stderr, truncated; never changed."""
        result: dict[str, Any] = super().run(None, task_vars)
        del tmp
        arguments = self._task.args
        if not getattr(self._connection, "has_pipelining", False):
            raise AnsibleActionFail(f"connection {self._connection.transport} cannot feed a command's standard input")
        feed = b"".join(Path(name).read_bytes() for name in arguments["stdin"])
        command = shlex.join(str(part) for part in arguments["command"])
        _bound_memory()
        try:
            told = self._low_level_execute_command(command, in_data=feed)
        except MemoryError as error:
            raise AnsibleActionFail(f"its output would not end: {WORKER_BYTES} bytes did not hold it") from error
        most = int(arguments["output_bytes_max"])
        result.update(
            changed=False,
            failed=False,  # else any other exit status than 0 counts as one
            rc=told["rc"],
            stdout=told["stdout"][:most],
            stderr=told["stderr"][-STDERR_CHARS_MAX:],
            truncated=len(told["stdout"]) > most,
        )
        return result


def _bound_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    soft = pages * resource.getpagesize() + WORKER_BYTES
    if hard in (resource.RLIM_INFINITY, -1) or soft < hard:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
