"""A terminal in which the commands of the project are typed about a lab, and what it shows is kept.

Set `TRANSCRIPT` to a file's name to have what was typed and what came written there.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.support.lab import SCRIPTS, Lab


class Terminal:
    """Types commands, and keeps what was typed and what came."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._said: list[str] = []

    def type(self, program: str, *words: str, exits: int = 0) -> str:
        """Run a command of the project; what it printed, stdout and stderr. It has to end with `exits`."""
        done = subprocess.run(
            [str(SCRIPTS / program), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        shown = " ".join([program, *words]).replace(str(self._lab.home.parent), "/srv")
        self._said.append(
            f"$ {shown}\n{done.stdout.replace(str(self._lab.home.parent), '/srv')}[exit {done.returncode}]\n"
        )
        assert done.returncode == exits, done.stdout
        return done.stdout

    def publish(self, verb: str, *words: str, exits: int = 0) -> str:
        """`config-center VERB` on the lab's fleet, signed, announced, unasked."""
        layout = self._lab.layout
        where = [str(layout.fleet), "--key", str(layout.center_key), "--ring", str(layout.coordinator)]
        return self.type("config-center", verb, *where, "--yes", *words, exits=exits)

    def sweep(self, exits: int) -> dict[str, Any]:
        """`inspector sweep`, and its report; with time for a busy machine."""
        output = self._lab.home / "report.json"
        config = ["--config", str(self._lab.layout.coordinator)]
        words = ["sweep", "--no-escalate", "--timeout", "60", "--output", str(output)]
        self.type("inspector", *config, *words, exits=exits)
        report: dict[str, Any] = json.loads(output.read_text())
        return report

    def remark(self, text: str) -> None:
        """What happens in the story just now, for the transcript."""
        self._said.append(f"# {text}\n")

    def __enter__(self) -> Terminal:
        """Use it as a context."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the transcript, if somebody wants it."""
        if wanted := os.environ.get("TRANSCRIPT"):
            Path(wanted).write_text("\n".join(self._said), encoding="utf-8")
