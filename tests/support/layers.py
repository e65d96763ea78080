"""Fleets' directories written file by file, for tests of what operators write."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from config_center.cli import main


def write_files(directory: Path, files: Mapping[str, str]) -> Path:
    """Write files by their path in the directory; returns the directory."""
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory


class Run:
    """One run of config-center in this process: its exit code, stdout and stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch, *arguments: str) -> None:
        patch.setattr(sys, "argv", ["config-center", *arguments])
        with pytest.raises(SystemExit) as info:
            main()
        self.code = info.value.code
        self.out, self.err = capsys.readouterr()

    @property
    def json(self) -> Any:
        """Its stdout, decoded."""
        return json.loads(self.out)
