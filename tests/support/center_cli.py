"""The command config-center with the small catalogue: in this process, or as a child at a terminal of its own."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from config_center import cli_difference, cli_publish
from config_center.cli import main
from config_center.database import Database
from tests.support.center import small_catalogue, write_checks, write_fleet

REPOSITORY = Path(__file__).parent.parent.parent

FLEET = {
    "00-fleet.yml": "items:\n  sysctl: {a: 1, b: {at_most: 5}}\n",
    "10-b.yml": "match: {zone: b}\nitems:\n  sysctl:\n    b: {at_most: 3, title: Less in b, severity: minor}\n",
}
TAKES_CHECKS = ("publish", "diff")


@dataclass(frozen=True)
class Ran:
    """One run: its exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its stdout, decoded."""
        return json.loads(self.out)


class CenterCli:
    """A fleet's directory `fleet` below `home`, which is the working directory, and the command."""

    def __init__(self, home: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.home = home
        self.fleet = write_fleet(home / "fleet", FLEET)
        self.store = self.fleet / "published" / "center.db"
        self.checks = write_checks(home / "described")
        self._capsys, self._patch = capsys, patch
        for module in (cli_publish, cli_difference):  # a run in this process need not ask another one each time
            patch.setattr(module, "catalogue_of", lambda _: small_catalogue())

    def __call__(self, *arguments: str) -> Ran:
        """Run one command."""
        self._patch.setattr(sys, "argv", ["config-center", *self._words(arguments)])
        with pytest.raises(SystemExit) as info:
            main()
        out, err = self._capsys.readouterr()
        code = info.value.code
        return Ran(code if isinstance(code, int) else 0, out, err)

    def change(self, value: int) -> None:
        """Let every node expect another `sysctl:a`."""
        write_fleet(self.fleet, {"00-fleet.yml": f"items:\n  sysctl: {{a: {value}, b: {{at_most: 5}}}}\n"})

    def done(self, *arguments: str) -> Ran:
        """Run one command unasked; it must succeed."""
        run = self(*arguments, "--yes")
        assert run.code == 0, run.err
        return run

    @property
    def database(self) -> Database:
        """Its store."""
        return Database.at(self.store)

    def at_a_terminal(self, *arguments: str) -> Terminal:
        """Start one command whose standard input is a terminal."""
        return Terminal(self.home, *self._words(arguments))

    def _words(self, arguments: tuple[str, ...]) -> list[str]:
        extra = ["--checks", str(self.checks)] if arguments[0] in TAKES_CHECKS else []
        return [*arguments, *extra]


class Terminal:
    """A child at a terminal. Use it as a context manager."""

    def __init__(self, home: Path, *words: str) -> None:
        self._master, slave = pty.openpty()
        self._child = subprocess.Popen(
            [sys.executable, "-m", "config_center", *words], cwd=home, stdin=slave, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONWARNINGS": "error"},
        )  # fmt: skip
        os.close(slave)
        self._err = b""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        self._child.communicate()
        os.close(self._master)

    def until(self, text: str) -> None:
        """Wait for a text on stderr."""
        assert self._child.stderr is not None
        while text.encode() not in self._err:
            piece = os.read(self._child.stderr.fileno(), 4096)
            assert piece, self._err.decode()
            self._err += piece

    def type(self, keys: bytes) -> None:
        """Type something; b"\\x04" ends the input."""
        os.write(self._master, keys)

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._child.send_signal(signal.SIGINT)

    def end(self) -> Ran:
        """Wait for its end."""
        out, err = self._child.communicate(timeout=60)
        return Ran(self._child.returncode, out.decode(), (self._err + err).decode())
