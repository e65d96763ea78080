"""A settings file (agent.yml, coordinator.yml) as plain values, read as strictly as layers are.

No anchors and aliases, so that a small file stays small; each key once; no tags; numbers that YAML readers disagree
about are mistakes.
"""

from __future__ import annotations

from typing import Any, Final

from config_center.mistakes import Notes
from config_center.yaml_lines import Node, Scalar, Sequence, compose

MISTAKES_SHOWN_MAX: Final = 20


def read_settings(raw: bytes, file: str) -> tuple[Any, tuple[str, ...]]:
    """The document of a YAML file, None where it is empty; and its first mistakes, each as file:line:column: text."""
    notes = Notes(file)
    root = compose(raw, notes)
    document = None if root is None else _plain(root, notes)
    return document, tuple(str(mistake) for mistake in notes.mistakes[:MISTAKES_SHOWN_MAX])


def _plain(node: Node, notes: Notes) -> Any:
    if isinstance(node, Scalar):
        if node.unclear:
            notes.at(node, node.unclear, "quote it where it is meant as text")
        return node.value
    if isinstance(node, Sequence):
        return [_plain(element, notes) for element in node.elements]
    return {key.spelling: _plain(value, notes) for key, value in node.entries}
