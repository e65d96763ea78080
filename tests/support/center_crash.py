"""Programs that die at every step of storing something: `python -m tests.support.center_crash export|act FOLDER`.

A child does the work on a copy and ends, without any clean-up, at one step; one JSON line a step tells what is found
afterwards: {"point": "…", "serial": 1, "whole": true, …}.

export  a second release goes into a static folder: every fsync and every rename, just before and just after it, and
        with what was not synced torn in half
act     a second act goes into a SQLite database: every statement, before and after it; every 20 steps of SQLite's own
        machine; and every write of the log, in the middle of it (a limit of file sizes kills the process there)
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from config_center.database import Database
from config_center.files import ASIDE
from config_center.folder import Folder
from config_center.pointer import decode_pointer
from config_center.release import decode
from tests.support.depots import layers_of, new_act, part, put

CONTENT = b"#!/bin/sh\nexit 2\n" * 1000
MACHINE_STEPS = 20
PAGE, FRAME_HEAD, LOG_HEAD = 4096, 24, 32  # bytes of SQLite's write-ahead log


def second(database: Database) -> None:
    """The work that is broken off."""
    database.record(new_act(layers_of("second"), [part(CONTENT)], serial=2), after=1)


def die_in_files(step: int, how: str) -> None:
    """Arm this process: it ends at the step-th fsync or rename from now. how: before, after, torn."""
    reached = 0

    def armed(real: Any) -> Any:
        def call(*arguments: Any) -> None:
            nonlocal reached
            reached += 1
            if reached == step and how == "torn":
                tear(arguments[0])
            if reached == step and how != "after":
                os._exit(9)
            real(*arguments)
            if reached == step:
                os._exit(9)

        return call

    os.fsync, os.replace = armed(os.fsync), armed(os.replace)


def tear(what: object) -> None:
    """Lose half of a file that was written and not synced: `what` is its descriptor, or else nothing happens."""
    if isinstance(what, int) and stat.S_ISREG(os.fstat(what).st_mode):
        os.truncate(f"/proc/self/fd/{what}", os.fstat(what).st_size // 2)


def die_at_statement(step: int, how: str) -> None:
    """Arm this process: it ends at the step-th statement, BEGIN and COMMIT among them. how: before, after."""
    reached = 0

    def statement(*_: Any) -> None:
        nonlocal reached
        reached += 1
        if reached == step:
            os._exit(9)

    name = {"before": "before_cursor_execute", "after": "after_cursor_execute"}[how]
    sa.event.listen(sa.Engine, name, statement)
    sa.event.listen(sa.Engine, "commit", statement)  # comes before the database's own


def die_in_machine(step: int, _how: str) -> None:
    """Arm this process: it ends after so many steps of SQLite's machine, wherever in a statement that is."""
    reached = 0

    def progress() -> int:
        nonlocal reached
        reached += 1
        if reached == step:
            os._exit(9)
        return 0

    sa.event.listen(
        sa.Engine, "connect", lambda connection, _: connection.set_progress_handler(progress, MACHINE_STEPS)
    )  # fmt: skip


def die_in_write(step: int, how: str) -> None:
    """Arm this process: a write that would let a file grow beyond so many pages of the log kills it half-way.

    how: "head" stops within the head of a frame, "page" within its page; what fits is written.
    """
    size = LOG_HEAD + (step - 1) * (FRAME_HEAD + PAGE) + (8 if how == "head" else FRAME_HEAD + 1000)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def broken_off(arm: Callable[[int, str], None], step: int, how: str, work: Callable[[], None]) -> bool:
    """Do the work in a child that is armed; whether it died of it."""
    child = os.fork()
    if child == 0:
        arm(step, how)
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in {0, 9, -signal.SIGXFSZ}, code
    return code != 0


def look_at_folder(directory: Path, database: Database) -> dict[str, Any]:
    """What a crash left of a mirror, and what the next export makes of it."""
    folder = Folder(directory)
    raw = folder.pointer_bytes() or b""
    pointer = decode_pointer(raw)
    release = decode(folder.release_bytes(pointer.digest) or b"", pointer.digest)
    whole = all(folder.part_bytes(check.sha256) for check in release.checks)
    after = folder.export(database)
    return {
        "serial": pointer.serial,
        "whole": whole,
        "next": after.serial,
        "left": len(list(directory.rglob(f"{ASIDE}*"))),
    }


def look_at_database(path: Path, *, go_on: bool = True) -> dict[str, Any]:
    """What a crash left of a database: sound by SQLite's own word, all of an act or nothing of it.

    go_on: publish once more, and tell the number that got.
    """
    with closing(sqlite3.connect(path)) as plain:
        sound = plain.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        counts = [plain.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("acts", "releases", "parts")]  # noqa: S608
    with closing(Database.at(path)) as database:
        acts = database.acts()
        last = acts[0]
        release = database.release(last.digest)
        parts = [database.part_bytes(check.sha256) for check in release.checks]
        whole = sound and last.pointer == database.pointer_bytes() and all(parts)
        whole = whole and counts == [len(acts), len(acts), len(acts)]
        following = put(database, layers_of("third")).number if go_on else 0
    return {"serial": last.serial, "whole": whole, "next": following}


def steps(arm: Callable[[int, str], None], how: str, most: int = 400) -> Iterator[tuple[int, str, str]]:
    """(step, how, the point's name), one after the other."""
    name = arm.__name__.removeprefix("die_").replace("_", " ")
    for step in range(1, most):
        yield step, how, f"{name} {step}, {how}"


def crash_exports(folder: Path) -> None:
    """Break off exports at every point, and look."""
    database = Database.at(folder / "center.db")
    put(database, layers_of("first"), [part(b"first")])
    Folder(folder / "origin").export(database)
    second(database)
    for how in ("before", "after", "torn"):
        for step, _, point in steps(die_in_files, how):
            copy = folder / point.replace(" ", "-")
            shutil.copytree(folder / "origin", copy)
            died = broken_off(die_in_files, step, how, partial(_export, copy, database))
            print(json.dumps({"point": point if died else f"to the end, {how}", **look_at_folder(copy, database)}))
            if not died:
                break


def _export(copy: Path, database: Database) -> None:
    Folder(copy).export(database)


def _act(path: Path) -> None:
    second(Database.at(path))


def crash_acts(folder: Path) -> None:
    """Break off acts at every point, and look."""
    origin = folder / "origin"
    put(Database.at(origin / "center.db"), layers_of("first"), [part(b"first")])
    for arm, how in (
        (die_at_statement, "before"), (die_at_statement, "after"), (die_in_machine, f"of {MACHINE_STEPS}"),
        (die_in_write, "head"), (die_in_write, "page"),
    ):  # fmt: skip
        for step, _, point in steps(arm, how):
            copy = folder / point.replace(" ", "-")
            shutil.copytree(origin, copy)
            died = broken_off(arm, step, how, lambda copy=copy: second(Database.at(copy / "center.db")))  # type: ignore[misc]
            print(
                json.dumps({"point": point if died else f"to the end, {how}", **look_at_database(copy / "center.db")})
            )
            if not died:
                break


if __name__ == "__main__":
    {"export": crash_exports, "act": crash_acts}[sys.argv[1]](Path(sys.argv[2]))
