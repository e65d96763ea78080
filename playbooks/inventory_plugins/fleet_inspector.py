"""Ansible inventory: the nodes that told a config center about themselves, read from its `/nodes.json`."""

from __future__ import annotations

import json
import re
from typing import Any

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.module_utils.urls import ConnectionError as UrlError
from ansible.module_utils.urls import SSLValidationError, open_url
from ansible.plugins.inventory import BaseInventoryPlugin, Constructable
from ansible.utils.unsafe_proxy import wrap_var

DOCUMENTATION = """
name: fleet_inspector
short_description: the nodes of a fleet-inspector config center
description:
  - Every node that told the config center about itself is a host. Its tags, and the facts C(os) and C(model), make
    groups such as C(zone_b) and C(os_debian).
  - Host variables are C(inspector_tags), C(inspector_facts) and C(inspector_seen), none of which is ever a template.
extends_documentation_fragment: [constructed]
options:
  plugin:
    description: the name of this plugin
    required: true
    choices: [fleet_inspector]
  url:
    description: of the config center; C(/nodes.json) is added
    required: true
    type: str
    env: [{name: FLEET_INSPECTOR_CENTER}]
  timeout:
    description: seconds to wait for the config center
    type: int
    default: 30
  validate_certs:
    description: whether the certificate of an https center is verified
    type: bool
    default: true
  group_facts:
    description: facts that make groups, besides every tag
    type: list
    elements: str
    default: [os, model]
"""

EXAMPLES = """
# fleet_inspector.yml
plugin: fleet_inspector
url: https://center.example:8440
groups:
  old_kernel: inspector_facts.kernel is version('6.1', '<')
"""

SUFFIXES = ("fleet_inspector.yml", "fleet_inspector.yaml")
SCHEMA = "inspector.nodes/1"
BYTES_MAX = 128 * 1024 * 1024
# A node chooses its own name: one that ssh would take for an option, or Ansible for a pattern, is no host.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

# Nor one that stands for the machine Ansible runs on, or for all hosts.
RESERVED = re.compile(r"localhost|127[0-9.]*|all|ungrouped", re.IGNORECASE)


class InventoryModule(BaseInventoryPlugin, Constructable):
    """`plugin: fleet_inspector` in a file named *fleet_inspector.yml."""

    NAME = "fleet_inspector"

    def verify_file(self, path: str) -> bool:
        """It is a file of ours, by its name."""
        return bool(super().verify_file(path)) and path.endswith(SUFFIXES)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:  # noqa: FBT001, FBT002 - Ansible's
        """Fill Ansible's inventory."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        strict = self.get_option("strict")
        for name, node in sorted(self._nodes().items()):
            if not NAME.fullmatch(name) or RESERVED.fullmatch(name):
                self.display.warning(f"fleet_inspector: left out, because of its name: {name[:80]!r}")
                continue
            self.inventory.add_host(name)
            variables = {
                "inspector_tags": wrap_var(dict(node.get("tags", {}))),
                "inspector_facts": wrap_var(dict(node.get("facts", {}))),
                "inspector_seen": wrap_var(str(node.get("seen", ""))),
            }
            for variable, value in variables.items():
                self.inventory.set_variable(name, variable, value)
            for group in self._groups(node):
                self.inventory.add_child(self.inventory.add_group(group), name)
            self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
            self._add_host_to_composed_groups(self.get_option("groups"), variables, name, strict=strict)
            self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, name, strict=strict)

    def _groups(self, node: dict[str, Any]) -> list[str]:
        facts = node.get("facts", {})
        texts = {fact: facts[fact] for fact in self.get_option("group_facts") if fact in facts} | node.get("tags", {})
        plain = {re.sub(r"[^A-Za-z0-9_]", "_", f"{key}_{value}") for key, value in texts.items() if key and value}
        return sorted(plain)

    def _nodes(self) -> dict[str, dict[str, Any]]:
        url = self.get_option("url").rstrip("/") + "/nodes.json"
        try:
            reply = open_url(
                url, timeout=self.get_option("timeout"), validate_certs=self.get_option("validate_certs"),
                headers={"Accept": "application/json"},
            )  # fmt: skip
            raw = reply.read(BYTES_MAX + 1)
        except (OSError, UrlError, SSLValidationError) as error:
            raise AnsibleError(f"{url} cannot be had: {error}") from error
        if len(raw) > BYTES_MAX:
            raise AnsibleParserError(f"{url} has more than {BYTES_MAX} bytes")
        return _decoded(raw, url)


def _decoded(raw: bytes, url: str) -> dict[str, dict[str, Any]]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise AnsibleParserError(f"{url} is no JSON: {error}") from error
    nodes = document.get("nodes") if isinstance(document, dict) and document.get("schema") == SCHEMA else None
    if not isinstance(nodes, dict) or not all(map(_is_node, nodes.values())):
        raise AnsibleParserError(f"{url} is no {SCHEMA}: is it the config center?")
    return nodes


def _is_node(node: object) -> bool:
    """Its tags and facts are texts."""
    return isinstance(node, dict) and all(
        isinstance(node.get(part, {}), dict) and all(isinstance(value, str) for value in node.get(part, {}).values())
        for part in ("tags", "facts")
    )
