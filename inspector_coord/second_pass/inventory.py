"""Node names and addresses on their way to Ansible (core: no I/O).

A ring member chose its name itself. In an inventory a name can be a range (`n[1:9999]`), a pattern, a template or the
coordinator itself (`localhost`), on a command line an option: so names go into a generated inventory only, and only
when they are plain host names. Values a member chose (its tags) never reach the inventory: they travel in files.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from inspector_coord.second_pass.model import Subject

__all__ = ["BATCH_GROUP", "batches", "generated_inventory", "listed_hosts", "refusal"]

BATCH_GROUP = "inspector_batch"

_PLAIN_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9])?", re.ASCII)
# Ansible's own words, and its names for the machine it runs on.
_RESERVED = {"all", "ungrouped", "localhost", "127.0.0.1", "::1", BATCH_GROUP}


def refusal(subject: Subject, known: Collection[str]) -> str:
    """Why this node cannot be looked at with Ansible; empty when it can.

    `known` are the hosts of the user's inventory.
    """
    name = subject.name
    if not _PLAIN_NAME.fullmatch(name):
        return "its name is not a plain host name, and is not handed to Ansible"
    if name.lower() in _RESERVED:
        return "its name means something else to Ansible"
    if name in known:
        return "two rings have a node of this name, and the inventory knows one host" if subject.twin else ""
    if _address(subject.address) is None:
        return "it is not in the inventory, and the roster has no usable address for it"
    return ""


def batches(subjects: Sequence[Subject], size: int) -> Iterator[list[Subject]]:
    """Bounded batches in which no name occurs twice."""
    waiting = list(subjects)
    while waiting:
        batch: dict[str, Subject] = {}
        later: list[Subject] = []
        for subject in waiting:
            if len(batch) < size and subject.name not in batch:
                batch[subject.name] = subject
            else:
                later.append(subject)
        yield list(batch.values())
        waiting = later


def generated_inventory(batch: Sequence[Subject], known: Collection[str], requests: Mapping[str, str]) -> bytes:
    """An inventory (JSON is YAML) of one group: the batch. It adds to the user's, which stays first.

    A host the user's inventory does not know gets the roster's address. `requests` maps a node's name to the path of
    its request; a node without one gets the first look only.
    """
    hosts: dict[str, dict[str, str]] = {}
    for subject in batch:
        variables = {} if subject.name in known else {"ansible_host": _address(subject.address) or ""}
        if subject.name in requests:
            variables["inspector_request"] = requests[subject.name]
        hosts[subject.name] = variables
    return msgspec.json.encode({BATCH_GROUP: {"hosts": hosts}})


def listed_hosts(listing: bytes) -> frozenset[str]:
    """The host names in the output of `ansible-inventory --list`; raises msgspec.DecodeError when it is not that."""
    groups = msgspec.json.decode(listing, type=dict[str, _Group])
    meta = groups.pop("_meta", _Group())
    names = set(meta.hostvars)
    for group in groups.values():
        names.update(group.hosts)
    return frozenset(names)


class _Group(msgspec.Struct):
    hosts: list[str] = []
    hostvars: dict[str, msgspec.Raw] = {}


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
