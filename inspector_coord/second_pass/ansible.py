"""Ansible as an asynchronous, cancellable call: starts the Ansible child, hears its results, ends it (trio shell).

Nothing of the operator's Ansible set-up leaks in: its own empty configuration, its own home, no variable of the
environment but those that open vaults. The operator's inventory and ssh configuration count as they are.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import trio

from inspector_coord.second_pass import limits
from inspector_coord.second_pass.child import Child
from inspector_coord.second_pass.inventory import listed_hosts
from inspector_coord.second_pass.job import Done, Job, TaskResult, decode_line, encode

__all__ = ["SecondPassError", "environment", "inventory_hosts", "play"]

# What Ansible may still see of the operator's set-up: without these an inventory with vaulted values is unreadable.
_KEPT = {"ANSIBLE_VAULT_PASSWORD_FILE", "ANSIBLE_VAULT_IDENTITY_LIST"}
_FOREIGN = ("ANSIBLE_", "AWX_", "RUNNER_", "PYTHON")


class SecondPassError(Exception):
    """Ansible could not do its part for anybody: it is missing, an inventory is unreadable, a playbook did not begin.

    Stays inside the second pass: `run` turns it into the outcome of the nodes concerned.
    """


def environment(base: Mapping[str, str], work: Path, *, connect_s: int) -> dict[str, str]:
    """The environment of everything Ansible runs here; `work` is the private directory, made ready by this call."""
    (work / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
    own_programs = str(Path(sys.executable).parent)
    kept = {name: value for name, value in base.items() if name in _KEPT or not name.startswith(_FOREIGN)}
    for name in ("DISPLAY", "SSH_ASKPASS"):
        kept.pop(name, None)
    return kept | {
        "PATH": os.pathsep.join([own_programs, base.get("PATH", os.defpath)]),
        # Ansible refuses to run without UTF-8.
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(work / "ansible.cfg"),
        "ANSIBLE_HOME": str(work / "home"),
        "ANSIBLE_LOCAL_TEMP": str(work / "tmp"),
        # ansible-runner would switch this off.
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_TIMEOUT": str(connect_s),
        "ANSIBLE_SSH_RETRIES": "0",
        # No master of our own stays behind; one that the operator keeps open is used.
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=no -o ServerAliveInterval=5 -o ServerAliveCountMax=2",
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_NOCOWS": "1",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True",
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        "SSH_ASKPASS_REQUIRE": "never",
        # Nothing is written beside the playbooks, which may lie in a package or in the repository.
        "PYTHONDONTWRITEBYTECODE": "1",
    }


async def inventory_hosts(inventory: Path, settings: Mapping[str, str]) -> frozenset[str]:
    """The host names an inventory holds. Raises SecondPassError with Ansible's own words."""
    program = _program("ansible-inventory", settings)
    process = Child([program, "-i", str(inventory), "--list"], settings)
    listing = bytearray()
    complaint = bytearray()
    with trio.move_on_after(limits.inventory_s_max) as scope:
        async with process.ended(), trio.open_nursery() as nursery:
            nursery.start_soon(process.collect, process.stderr, complaint, limits.stderr_chars_max)
            await process.collect(process.stdout, listing, limits.inventory_bytes_max)
            await process.gone()
    if scope.cancelled_caught:
        raise SecondPassError(f"inventory {inventory} was not read within {limits.inventory_s_max:g} s")
    try:
        if process.returncode != 0:
            raise ValueError(complaint.decode("utf-8", "replace"))
        return listed_hosts(bytes(listing))
    except (ValueError, msgspec.DecodeError) as error:
        raise SecondPassError(f"inventory {inventory} cannot be read: {error}") from error


async def play(job: Job, heard: Callable[[TaskResult], None]) -> Done:
    """Run one playbook; `heard` gets each result as it comes.

    Cancelling ends `ansible-playbook` and everything below it before this returns. Raises SecondPassError when the
    child ends without a word.
    """
    _program("ansible-playbook", job.environment)
    # The child must find this package even where it is not installed; Ansible's environment travels in the job.
    root = str(Path(__file__).parents[2])
    settings = job.environment | {"PYTHONPATH": root, "PYTHONSAFEPATH": "1"}
    process = Child([sys.executable, "-m", "inspector_coord.second_pass.ansible_child"], settings)
    complaint = bytearray()
    done: Done | None = None
    async with process.ended(), trio.open_nursery() as nursery:
        nursery.start_soon(process.collect, process.stderr, complaint, limits.stderr_chars_max)
        await process.tell(encode(job))
        while line := await process.line(limits.event_bytes_max):
            told = _understood(line)
            if not isinstance(told, TaskResult):
                done = told
                break
            heard(told)
        await process.gone()
    if done is None:
        raise SecondPassError(f"Ansible's process ended early: {complaint.decode('utf-8', 'replace').strip()[-300:]}")
    return done


def _program(name: str, settings: Mapping[str, str]) -> str:
    found = shutil.which(name, path=settings["PATH"])
    if found is None:
        raise SecondPassError(f"{name} is not installed: install fleet-inspector[coordinator]")
    return found


def _understood(line: bytes) -> TaskResult | Done | None:
    try:
        return decode_line(line)
    except msgspec.DecodeError:
        return None
