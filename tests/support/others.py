"""What others tell of the machine at hand: testinfra, Ansible's facts, and a tool's own output. Ours is held to it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Container
from functools import cache
from pathlib import Path
from typing import Any

import testinfra

from inspector_lab.tools import find, search_path

# A tool's words must not depend on who starts the suite; its programs are where a lab looks for them.
PLAIN = {"PATH": search_path(), "LC_ALL": "C.UTF-8", "HOME": "/"}


@cache
def host() -> Any:
    """testinfra's host for this machine: `host().package("bash").version`, `host().file("/etc/passwd").mode`, …"""
    return testinfra.get_host("local://")


@cache
def ansible(module: str, *arguments: str) -> dict[str, Any]:
    """What an Ansible module returns on this machine, once a test session: `ansible("package_facts")`.

    Each takes 2 to 5 s. arguments: `NAME=value`.
    """
    here = Path(sys.executable).parent  # of the environment, not where its links lead
    with tempfile.TemporaryDirectory(prefix="inspector-ansible-") as home:
        config = Path(home, "ansible.cfg")
        config.touch()  # the machine's own and the user's are not read
        done = subprocess.run(
            [
                f"{here}/ansible", "localhost", "-i", "localhost,", "-c", "local", "-m", f"ansible.builtin.{module}",
                "-a", " ".join(arguments), "-e", f"ansible_python_interpreter={sys.executable}",
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
            env={
                **PLAIN, "HOME": home, "ANSIBLE_HOME": home, "ANSIBLE_REMOTE_TMP": home, "ANSIBLE_CONFIG": str(config),
                "ANSIBLE_NOCOLOR": "1",
            },
        )  # fmt: skip
    head, arrow, body = done.stdout.partition(" => ")
    assert arrow, done.stdout + done.stderr
    assert head.endswith("SUCCESS"), body
    returned: dict[str, Any] = json.loads(body)
    return returned


def facts() -> dict[str, Any]:
    """Ansible's facts of this machine as `setup` names them, such as `ansible_kernel`, gathered once a session."""
    gathered: dict[str, Any] = ansible("setup")["ansible_facts"]
    return gathered


def told(program: str, *arguments: str, codes: Container[int] = (0,), stdin: str = "") -> str:
    """What a tool prints; it must end with one of the codes. Found on PATH, in the system's folders or unpacked."""
    done = subprocess.run(
        [str(find(program)), *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
        env=PLAIN,
    )
    assert done.returncode in codes, f"{program} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout
