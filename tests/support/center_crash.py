"""A program that dies at every step of a publication: `python -m tests.support.center_crash STORE`.

For each step (every fsync and every rename, just before and just after it, and with what was not synced torn in half) a
child publishes a second release into a copy of STORE and ends there without any clean-up. One JSON line a step tells
what is found afterwards: {"step": "…", "number": 1, "whole": true, "next": 2, "left": 0}; "next" is the number that
another content gets then.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from pathlib import Path
from typing import Any

from config_center.canonical import digest_of
from config_center.files import ASIDE
from config_center.layers import Part
from config_center.release import SiteCheck
from config_center.store import Store
from tests.support.center import item, layer

LAYERS = [layer("a", {"sysctl:a": item(1, equals=2)})]
CONTENT = b"#!/bin/sh\nexit 2\n" * 100
PARTS = [Part(SiteCheck("raid", "checks/raid", digest_of(CONTENT), len(CONTENT)), CONTENT)]
WHEN = "2030-01-01T00:00:00Z"


def die_at(step: int, how: str) -> None:
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


def look(directory: Path) -> dict[str, Any]:
    """What a crash left, and what the next publisher makes of it."""
    store = Store(directory)
    release = store.current()
    parts = [directory / "parts" / check.sha256 for check in release.checks]
    whole = all(path.is_file() and digest_of(path.read_bytes()) == path.name for path in parts)
    after = store.publish([*LAYERS, layer("b", {"sysctl:b": item(1)})], [], created=WHEN)
    return {
        "number": release.number,
        "whole": whole,
        "next": after.release.number,
        "left": len(list(directory.rglob(f"{ASIDE}*"))),
    }


def main(origin: Path) -> None:
    """Step by step, until a publication gets through."""
    for how in ("before", "after", "torn"):
        for step in range(1, 100):
            copy = origin.with_name(f"{how}-{step}")
            shutil.copytree(origin, copy)
            child = os.fork()
            if child == 0:
                die_at(step, how)
                Store(copy).publish(LAYERS, PARTS, created=WHEN)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            print(json.dumps({"step": f"{how} {step}", **look(copy)}))
            if os.waitstatus_to_exitcode(status) == 0:
                break


if __name__ == "__main__":
    main(Path(sys.argv[1]))
