"""ClusterShell's side: `clush` over ssh, one command that reads all items, equal outputs folded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path

import yaml
from ClusterShell.NodeSet import NodeSet

from bench.fleet import BIN, Fleet
from bench.peers import items as shared
from bench.peers.usage import Looked, Sides, run
from inspector_lab import limits

FANOUT = 64  # clush's own default: all 50 nodes at once
KEPT_S = 300  # a connection that is kept outlives all runs

version = version_of("ClusterShell")


@dataclass(frozen=True)
class Clush:
    """Looks of clush at a practice fleet. folder: its own files; sides: the nodes' sshds."""

    fleet: Fleet
    folder: Path
    items: dict[str, str]
    sides: Sides

    def look(self, *, kept: bool = False, timeout_s: float = 120) -> Looked:
        """One clush over all nodes; `kept`: over connections that the run before left open, as far as there are."""
        config = self.folder / f"ssh_config_{'kept' if kept else 'new'}"
        if not config.exists():
            config.write_text(ssh_config(self.fleet, self.folder if kept else None), encoding="utf-8")
        nodes = NodeSet.fromlist(inventory(self.fleet)["hosts"])
        command = [
            str(BIN / "clush"), "-w", str(nodes), "-f", str(FANOUT), "-S", "-b", "-o", f"-F {config}",
            shared.reading(f"{self.fleet.directory}/nodes/${limits.session_mark}/root", self.items),
        ]  # fmt: skip
        return run(command, self.sides, timeout_s=timeout_s)


def inventory(fleet: Fleet) -> dict[str, dict[str, dict[str, str]]]:
    """The lab's Ansible inventory: where its nodes are and how they are logged in to."""
    document: dict[str, dict[str, dict[str, dict[str, str]]]] = yaml.safe_load(
        (fleet.directory / "inventory.yml").read_text(encoding="utf-8")
    )
    return document["all"]


def ssh_config(fleet: Fleet, kept: Path | None) -> str:
    """ssh's configuration for the nodes of a fleet; `kept`: where the sockets of kept connections go."""
    known = inventory(fleet)
    common = known["vars"]
    lines = [f"Host {name}\n  HostName {host['ansible_host']}" for name, host in known["hosts"].items()]
    lines += [
        "Host *",
        f"  User {common['ansible_user']}",
        f"  Port {common['ansible_port']}",
        f'  IdentityFile "{common["ansible_ssh_private_key_file"]}"',
        f'  UserKnownHostsFile "{fleet.directory / "ssh" / "known_hosts"}"',
        "  GlobalKnownHostsFile /dev/null",
        "  IdentitiesOnly yes",
        "  StrictHostKeyChecking yes",
    ]
    if kept:
        lines += ["  ControlMaster auto", f"  ControlPersist {KEPT_S}", f"  ControlPath {kept}/%n"]
    return "\n".join(lines) + "\n"


def words(looked: Looked) -> dict[str, str]:
    """Node -> what clush says of it; "" where it printed the node's values."""
    said: dict[str, str] = {}
    for found in re.finditer(r"^-+\n(\S+)(?: \(\d+\))?\n-+$", looked.out, re.MULTILINE):
        said |= dict.fromkeys(NodeSet(found[1]), "")
    reasons: dict[str, str] = {}
    for line in looked.err.splitlines():
        if reason := re.match(r"(\w+): (?:ssh: connect to host \S+ port \d+: )?(Connection .*)", line):
            reasons.setdefault(reason[1], reason[2])
        elif end := re.match(r"clush: (\S+?)(?: \(\d+\))?: (exited with exit code \d+|command timeout)", line):
            said |= dict.fromkeys(NodeSet(end[1]), end[2])
        elif waiting := re.match(r"Keyboard interrupt \((.*) (did not complete)\)", line):
            said |= dict.fromkeys(NodeSet(waiting[1]), waiting[2])
    said = dict.fromkeys(reasons, "") | said
    return {node: ": ".join(filter(None, (reasons.get(node), word))) for node, word in said.items()}
