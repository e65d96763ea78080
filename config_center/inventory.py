"""CORE. What nodes told, for others: an inventory of Ansible, groups of ClusterShell, and back from `nodes.json`.

A node chooses its own name, tags and facts, so nothing of them becomes a name that Ansible gives a meaning to:
variables stand below `inspector_tags` and `inspector_facts`. A value that Ansible would take for a template is left
out, and so is a node whose name could be read as an option or as a pattern.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from config_center import limits
from config_center.errors import CenterError
from config_center.node_record import NODES_SCHEMA
from config_center.rows import NodeRow

GROUP_FACTS: Final = ("os", "model")  # facts that make groups, besides every tag

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RESERVED: Final = re.compile(r"localhost|127[0-9.]*|all|ungrouped", re.IGNORECASE)  # the machine that asks, its groups
_NOT_ANSIBLE: Final = re.compile(r"[^A-Za-z0-9_]")
_NOT_CLUSTERSHELL: Final = re.compile(r"[^A-Za-z0-9_.-]")
_TEMPLATES: Final = ("{{", "{%", "{#", "#jinja2:")  # the last one says what a template looks like from there on
_MOMENT: Final = re.compile(r"[0-9TZ:.+-]{1,40}")

Groups = dict[str, dict[str, list[str]]]  # tag or fact -> value as a group's name -> names of nodes


class _Node(msgspec.Struct):
    tags: dict[str, str] = {}
    facts: dict[str, str] = {}
    seen: str = ""


class _Nodes(msgspec.Struct):
    schema: str
    nodes: dict[str, _Node]


def read_nodes(raw: bytes) -> list[NodeRow]:
    """Read a `nodes.json`, as a config center serves it. Raises CenterError, and nothing else, on any bytes."""
    if len(raw) > limits.roster_bytes_max:
        raise CenterError(f"nodes.json is too big: at most {limits.roster_bytes_max} bytes are taken")
    try:
        document = msgspec.json.decode(raw, type=_Nodes)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise CenterError(f"nodes.json is malformed: {error}") from error
    if document.schema != NODES_SCHEMA:
        raise CenterError(f"nodes.json has schema {document.schema[:64]!r}, this program reads {NODES_SCHEMA!r}")
    return [
        NodeRow(name=name, tags=node.tags, facts=node.facts, seen=node.seen, sent=0)
        for name, node in sorted(document.nodes.items())
    ]


def usable(rows: Iterable[NodeRow]) -> tuple[list[NodeRow], list[str]]:
    """The nodes that other programs can be told of, and the names of those that are left out."""
    good, bad = [], []
    for row in rows:
        if _NAME.fullmatch(row.name) and not _RESERVED.fullmatch(row.name):
            good.append(row)
        else:
            bad.append(row.name)
    return good, bad


def ansible_list(rows: Sequence[NodeRow]) -> dict[str, Any]:
    """What `--list` of an inventory script prints. rows: usable ones."""
    groups: dict[str, set[str]] = {}
    for row in rows:
        for key, value in _grouping(row):
            groups.setdefault(f"{_as_group(key)}_{_as_group(value)}", set()).add(row.name)
    document: dict[str, Any] = {name: {"hosts": sorted(hosts)} for name, hosts in sorted(groups.items())}
    document["all"] = {"hosts": [row.name for row in rows], "children": sorted(groups)}
    document["_meta"] = {"hostvars": {row.name: ansible_host(row) for row in rows}}
    return document


def ansible_host(row: NodeRow) -> dict[str, Any]:
    """The variables of one host."""
    seen = row.seen if _MOMENT.fullmatch(row.seen) else ""
    return {"inspector_tags": _plain(row.tags), "inspector_facts": _plain(row.facts), "inspector_seen": seen}


def cluster_groups(rows: Iterable[NodeRow]) -> Groups:
    """Groups by source: every tag, and the facts of GROUP_FACTS where no tag has that name."""
    groups: Groups = {}
    for row in rows:
        for key, value in _grouping(row):
            names = groups.setdefault(_NOT_CLUSTERSHELL.sub("_", key), {})
            names.setdefault(_NOT_CLUSTERSHELL.sub("_", value), []).append(row.name)
    return groups


def folded_groups(groups: Groups, fold: Callable[[Sequence[str]], str]) -> dict[str, dict[str, str]]:
    """The groups as a file of ClusterShell's groups.d holds them: source -> group -> node set."""
    return {
        source: {group: fold(names) for group, names in sorted(found.items())}
        for source, found in sorted(groups.items())
    }


def _grouping(row: NodeRow) -> Iterable[tuple[str, str]]:
    """What of a node makes groups: (key, value)."""
    texts: dict[str, str] = {fact: row.facts[fact] for fact in GROUP_FACTS if fact in row.facts}
    texts.update(row.tags)
    return ((key, value) for key, value in sorted(texts.items()) if key and value)


def _as_group(text: str) -> str:
    return _NOT_ANSIBLE.sub("_", text)


def _plain(texts: Mapping[str, str]) -> dict[str, str]:
    """Without what Ansible would take for a template: it would run it on the machine it was started on."""
    return {key: value for key, value in sorted(texts.items()) if not any(mark in key + value for mark in _TEMPLATES)}
