"""CORE. `${name}` in the texts of a file: which names it asks for, and where first.

`$${` stands for a literal `${`. Names are variables of a layer, tags, `node`, and `fact.<name>`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from config_center.errors import MatchError
from config_center.mistakes import Notes
from config_center.variables import names_in
from config_center.written import Reference
from config_center.yaml_lines import Node, Scalar, Sequence


@dataclass(frozen=True, slots=True)
class Uses:
    """The names one file asks for. Mistakes go to the notes."""

    notes: Notes
    found: dict[str, Reference] = field(default_factory=dict)

    def look(self, node: Node) -> None:
        """Take the names out of a text, or out of the texts of a list."""
        if isinstance(node, Sequence):
            for element in node.elements:
                self.look(element)
        elif isinstance(node, Scalar) and "${" in node.spelling:
            try:
                names = names_in(node.spelling)
            except MatchError as error:
                self.notes.at(node, str(error))
                return
            for name in names:
                self.found.setdefault(name, Reference(name, node.line, node.column))
