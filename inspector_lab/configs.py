"""The text of every configuration file of a lab. Pure: plan and paths in, text out."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from inspector_lab import limits
from inspector_lab.layout import Layout
from inspector_lab.plan import Node, Plan


@dataclass(frozen=True)
class Host:
    """What the machine itself contributes: who runs the lab, with which Python, and how its sshd must be told."""

    user: str
    python: str
    sshd: Mapping[str, str]


def as_yaml(document: Mapping[str, Any], comment: str) -> str:
    """A YAML file with a leading comment, in the order given."""
    return f"# {comment}\n" + yaml.safe_dump(dict(document), sort_keys=False, default_flow_style=False, width=200)


def serf(plan: Plan, node: Node, join: Node | None, keys: Mapping[str, str]) -> str:
    """serf.json. `keys`: rpc, and gossip when the plan wants encryption."""
    config: dict[str, Any] = {
        "node_name": node.name,
        "bind": node.gossip,
        "rpc_addr": node.rpc,
        "rpc_auth": keys["rpc"],
        "profile": plan.wish.profile,
        "tags": node.tags,
        "log_level": "info",
        # Not start_join: an agent that finds nobody at once would end instead of trying again.
        "retry_join": [join.gossip] if join else [],
        "retry_interval": "1s",
    }
    if plan.wish.encrypt:
        config["encrypt_key"] = keys["gossip"]
    return json.dumps(config, indent=1) + "\n"


def agent(plan: Plan, node: Node, layout: Layout) -> str:
    """agent.yml."""
    files = layout.node(node.name)
    document = {
        "ring": {"rpc": node.rpc, "auth_key_file": str(layout.rpc_key)},
        "config_center": [plan.center_url],
        "trusted_keys": [str(layout.center_public)],
        "cache": str(files.cache),
        "root": str(files.root),
        "query_prefix": "",
        "poll_s": 60,
        # No ping on loopback: the machine itself answers for every address there, also for that of a dead node.
        "witness": {"ssh_port": limits.ssh_port, "ping": "auto" if plan.wish.namespaces else "never"},
    }
    return as_yaml(document, f"inspection agent of the practice node {node.name}")


def sshd(node: Node, layout: Layout, host: Host) -> str:
    """sshd_config: an ordinary sshd that needs no right, lets in one key, and knows only this lab's files."""
    settings = {
        "ListenAddress": f"{node.address}:{limits.ssh_port}",
        "HostKey": quoted(layout.host_key),
        "AuthorizedKeysFile": quoted(layout.authorized_keys),
        "PidFile": "none",
        "PubkeyAuthentication": "yes",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitRootLogin": "prohibit-password",
        "StrictModes": "no",  # a lab may live below /tmp, which others may write to
        "UseDNS": "no",
        "PrintMotd": "no",
        "PrintLastLog": "no",
        "MaxStartups": "100",
        "Subsystem": "sftp internal-sftp",
        "SetEnv": f"{limits.session_mark}={node.name}",
        "LogLevel": "INFO",
        **host.sshd,
    }
    return "".join(f"{keyword} {value}\n" for keyword, value in settings.items())


def quoted(path: object) -> str:
    """A path for ssh's own configuration language, which splits at spaces."""
    return f'"{path}"'


def coordinator(plan: Plan, layout: Layout) -> str:
    """coordinator.yml."""
    entries = [node.rpc for node in plan.entries]
    document = {
        "rings": {"main": {"entries": entries, "auth_key_file": layout.rpc_key.name}},
        "config_center": plan.center_url,
        "trusted_keys": [layout.center_public.name],
        "groups": groups(plan),
        "cache": layout.cache.name,
        "second_pass": {"inventory": layout.inventory.name, "forks": 25, "sample": 3, "host_timeout_s": 20},
        "query_prefix": "",
    }
    return as_yaml(document, "inspector --config THIS_FILE sweep")


def groups(plan: Plan) -> dict[str, str]:
    """Node sets by role, for @web and the like."""
    by_role: dict[str, list[str]] = {}
    for node in plan.nodes:
        by_role.setdefault(node.role, []).append(node.name)
    return {role: ",".join(names) for role, names in sorted(by_role.items())}


def inventory(plan: Plan, layout: Layout, host: Host) -> str:
    """An Ansible inventory: connection settings for all, hosts below the groups of their tags."""
    options = {
        "UserKnownHostsFile": quoted(layout.known_hosts),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "IdentitiesOnly": "yes",
    }
    common = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    shared = {
        "ansible_user": host.user,
        "ansible_port": limits.ssh_port,
        "ansible_ssh_private_key_file": str(layout.user_key),
        "ansible_ssh_common_args": shlex.join(common),
        "ansible_python_interpreter": host.python,
        "ansible_ssh_use_tty": False,  # ssh gives up where it is refused one, as without root it may be
    }
    hosts = {}
    members: dict[str, dict[str, Any]] = {}
    for node in plan.nodes:
        files = layout.node(node.name)
        hosts[node.name] = {
            "ansible_host": node.address,
            "ansible_remote_tmp": str(files.scratch),
            "inspector_root": str(files.root),
            # Nodes share this machine: these tell the second pass which processes and which log are this one's.
            "inspector_process_match": f"{files.home}/",
            "inspector_log": str(files.log("agent")),
            **{f"inspector_{tag}": value for tag, value in node.tags.items()},
        }
        for tag, value in node.tags.items():
            members.setdefault(f"{tag}_{value}".replace("-", "_"), {"hosts": {}})["hosts"][node.name] = {}
    document = {"all": {"vars": shared, "hosts": hosts, "children": dict(sorted(members.items()))}}
    return as_yaml(document, "the practice fleet, for Ansible: ansible -i THIS_FILE rack_a1 -m ping")


def known_hosts(plan: Plan, host_key: str) -> str:
    """One host key for all nodes: a line of ssh's known_hosts that fits every address of a lab."""
    kind, key = host_key.split()[:2]
    return f"[{plan.nodes[0].address.partition('.')[0]}.*]:{limits.ssh_port} {kind} {key}\n"
