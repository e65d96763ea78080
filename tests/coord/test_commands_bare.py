"""The commands on a machine that has only what an agent needs: a sentence, and no traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT = (
    "import sys; sys.modules[{library!r}] = None; from {room}.__main__ import main; sys.argv = [{program!r}]; main()"
)


@pytest.mark.parametrize(
    ("program", "room", "extra"),
    [
        ("inspector", "inspector_coord", "coordinator"),
        ("config-center", "config_center", "center"),
        ("inspector-lab", "inspector_lab", "lab"),
    ],
)
def test_a_command_without_its_libraries_says_which_extra_to_install(program: str, room: str, extra: str) -> None:
    """What is missing, and the command that brings it."""
    script = WITHOUT.format(library="typer", room=room, program=program)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    said = f"{program} needs typer, which is not installed here: pip install 'fleet-inspector[{extra}]'\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


def test_a_room_of_ours_that_is_missing_is_a_bug() -> None:
    """No advice for what no extra can bring."""
    script = WITHOUT.format(library="inspector_coord.cli", room="inspector_coord", program="inspector")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
