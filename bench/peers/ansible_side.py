"""Ansible's side: a play that reads each item, in a task each or all in one task."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path

import yaml

from bench.fleet import BIN, Fleet
from bench.peers.usage import Looked, Sides, run

FORKS = 25  # as the second pass has by default

version = version_of("ansible-core")


@dataclass(frozen=True)
class Ansible:
    """Looks of Ansible at a practice fleet. folder: its own files; sides: the nodes' sshds."""

    fleet: Fleet
    folder: Path
    items: dict[str, str]
    sides: Sides

    def look(self, *, one_task: bool, timeout_s: float = 900) -> Looked:
        """One ansible-playbook over all hosts.

        Its connections are kept for the next one, as Ansible does: end what the run leaves to have new ones again.
        """
        file = self.folder / f"{'one' if one_task else 'each'}.yml"
        file.write_text(playbook(list(self.items), one_task=one_task), encoding="utf-8")
        command = [str(BIN / "ansible-playbook"), "-i", str(self.fleet.directory / "inventory.yml"), "-f", str(FORKS)]
        environment = {
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_HOME": str(self.folder),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SSH_ARGS": "-C -o ControlMaster=auto -o ControlPersist=300",  # outlives all runs
        }
        return run([*command, str(file)], self.sides, timeout_s=timeout_s, environment=environment)


def playbook(paths: list[str], *, one_task: bool) -> str:
    """A play that reads each parameter: in a task each, or all in one task."""
    groups = [paths] if one_task else [[path] for path in paths]
    tasks = [
        {
            "name": f"look {at}",
            "ansible.builtin.command": {
                "argv": ["cat", *(f"{{{{ inspector_root }}}}/proc/sys/{path}" for path in group)]
            },
            "changed_when": False,
        }
        for at, group in enumerate(groups)
    ]
    play = {"hosts": "all", "gather_facts": False, "strategy": "free", "tasks": tasks}
    return yaml.safe_dump([play], sort_keys=False)


def words(looked: Looked) -> dict[str, str]:
    """Node -> what Ansible says of it; "" where its tasks returned values. Read line by line: it may not have ended."""
    said = dict.fromkeys(re.findall(r"^(?:ok|changed): \[(\w+)\]", looked.out, re.MULTILINE), "")
    for node, word, rest in re.findall(r"^fatal: \[(\w+)\]: (\w+)!(.*)", looked.out, re.MULTILINE):
        why = re.search(r"Connection (?:refused|timed out|reset)[\w ]*", rest)
        said[node] = f"{word}: {why[0]}" if why else word
    return said
