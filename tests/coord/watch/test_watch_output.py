"""What a watch prints harms no terminal, and what cannot be printed does not end it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from inspector_coord.watch.commands import say
from inspector_coord.watch.output import Output, Printer
from inspector_coord.watch.record import record_of
from inspector_coord.watch.record import written as line_of
from tests.support.watch_commands import INSPECTOR, written
from tests.support.watched import happening

HOSTILE = "n\x1b[2J\x7f\x9b\u202e\u2028\u00fc\U0001f600"


def test_json_of_a_hostile_member_is_ascii_and_the_same_value() -> None:
    """A member chooses its own name."""
    printed = StringIO()
    Printer(Output(printed), as_json=True, several=False).told("main", happening(HOSTILE), 0.0)
    line = printed.getvalue()
    assert line.isascii()
    assert line.removesuffix("\n").isprintable()
    assert json.loads(line)["nodes"] == [HOSTILE]


def test_what_cannot_be_said_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full under stderr: whoever said it goes on."""

    class Full(StringIO):
        def write(self, _: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stderr", Full())
    say("the journal cannot be written")


def test_a_letter_that_the_locale_lacks_ends_no_command(tmp_path: Path) -> None:
    """It is a question mark instead."""
    path = written(tmp_path / "\u0436", rings={"main": {"entries": ["127.0.0.1:1"]}})
    done = subprocess.run(
        [INSPECTOR, "--config", str(path), "doctor"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    assert b"/?/cache" in done.stdout
    assert b"UnicodeEncodeError" not in done.stderr


def test_lines_of_the_rings_begin_with_what_is_open(tmp_path: Path) -> None:
    """As counts alone do not say which node it is; a picture shows it itself."""
    path = written(tmp_path, rings={"main": {"entries": ["127.0.0.1:1"]}})
    (tmp_path / "cache/watch").mkdir(parents=True)
    (tmp_path / "cache/watch/events.ndjson").write_bytes(line_of(record_of("main", happening("n004"), 1e9)))
    done = subprocess.run(
        [INSPECTOR, "--config", str(path), "nodes", "--watch", "--for", "0.1"], capture_output=True, check=False
    )
    assert done.stderr.startswith(b"inspector: still open: n004: down since ")
