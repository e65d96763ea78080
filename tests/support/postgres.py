"""A real PostgreSQL, of the distribution's package, that lives as long as a test session and touches no other."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from inspector_lab.processes import die_with, read_stat
from inspector_lab.tools import find
from tests.support.serf import claimed_prefix
from tests.support.waiting import wait_until

PORT = 5432

_NAMES = count(1)


class Postgres:
    """One server in a folder of its own, reachable on loopback and on a Unix socket; `create` gives databases.

    address: of loopback, which nobody else uses: a free port of 127.0.0.1 may be another's by the time it is bound.

    It runs as an unprivileged user where the tests run as root, which PostgreSQL refuses. Nothing of the environment
    gets to it, and it dies with the process that started it.
    """

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.address = address
        self._user = _unprivileged() if os.geteuid() == 0 else None
        self._server: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            os.chown(folder, *self._user)
        self._run(
            "initdb", "-D", str(self.data), "-U", "center", "--auth=trust", "--no-sync", "-E", "UTF8", "--no-locale"
        )

    def start(self) -> None:
        """Start it, and return when it takes connections."""
        command = [
            str(find("postgres")), "-D", str(self.data), "-p", str(PORT), "-k", str(self.folder),
            "-c", f"listen_addresses={self.address}", "-c", "fsync=off", "-c", "max_connections=60",
            "-c", "shared_buffers=16MB", "-c", "log_min_messages=fatal",
        ]  # fmt: skip
        parent = os.getpid()
        with (self.folder / "log").open("ab") as log:
            self._server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=lambda: die_with(parent), **self._as_user(),  # noqa: PLW1509 - one call, before exec
            )  # fmt: skip
        wait_until(self._takes_connections, f"PostgreSQL takes connections: {self.log()}")

    def stop(self) -> None:
        """Stop it at once, as if its machine had gone: clients are thrown out, connections refused."""
        if self._server is not None:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(60)
            self._server = None

    def signal(self, number: int) -> None:
        """Send a signal to the server and to all its children: SIGSTOP makes it hang, SIGCONT go on."""
        assert self._server is not None
        pid = self._server.pid
        others = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
        stats = ((other, read_stat(other)) for other in others)
        for one in (pid, *(other for other, stat in stats if stat is not None and stat.parent == pid)):
            with suppress(ProcessLookupError):
                os.kill(one, number)

    def create(self) -> str:
        """A fresh, empty database; its URL."""
        name = f"fleet_{os.getpid()}_{next(_NAMES)}"
        with psycopg.connect(self._conninfo("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return f"postgresql://center@{self.address}:{PORT}/{name}"

    def log(self) -> str:
        """What it has said."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _takes_connections(self) -> bool:
        assert self._server is not None
        assert self._server.poll() is None, self.log()
        try:
            psycopg.connect(self._conninfo("postgres")).close()
        except psycopg.OperationalError:
            return False
        return True

    def _conninfo(self, name: str) -> str:
        return f"host={self.address} port={PORT} user=center dbname={name} connect_timeout=10"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(find(program)), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            **self._as_user(),
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _as_user(self) -> dict[str, Any]:
        """How to start a program as the server's user, without our environment."""
        common: dict[str, Any] = {"env": {"PATH": os.defpath, "LC_ALL": "C"}, "cwd": self.folder}
        if self._user is None:
            return common
        return {**common, "user": self._user[0], "group": self._user[1], "extra_groups": []}


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running server in a folder in /tmp, which its user can reach wherever the tests' own folders are."""
    with claimed_prefix() as prefix, tempfile.TemporaryDirectory(prefix="inspector-postgres-", dir="/tmp") as folder:
        server = Postgres(Path(folder), f"{prefix}.1")
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _unprivileged() -> tuple[int, int]:
    """User and group ids of PostgreSQL's own user, else of nobody."""
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    return entry.pw_uid, entry.pw_gid
