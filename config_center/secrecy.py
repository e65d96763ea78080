"""CORE. Items whose observed values must not leave the node in clear, and operands that a layer must not hold.

An operand written `{from_file: /etc/inspector/password}` is read on the node when it is checked.
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from typing import Final

from config_center import limits
from config_center.catalogue import PropertyType
from config_center.mistakes import Notes
from config_center.operands import spelled
from config_center.release import Operand
from config_center.yaml_lines import Mapping, Node

FROM_FILE: Final = "from_file"
SECRET: Final = "secret"  # noqa: S105 - the key's name
TELLING: Final = frozenset({"equals", "one_of", "contains"})  # matchers whose operand tells the value, or a part

_TEXTS: Final = frozenset({"text", "list", "version", "any"})
_PATTERN_SIGNS: Final = frozenset(".^$*+?{}[]|()\\")
_TELLING_WORDS: Final = frozenset({"content", "args", "message"})  # names, states and hashes do not tell a secret


def is_from_file(node: Node) -> bool:
    """The operand names a file of the node."""
    return isinstance(node, Mapping) and any(name.spelling == FROM_FILE for name, _ in node.entries)


def read_path(node: Node, matcher: str, of: PropertyType, notes: Notes) -> str | None:
    """The absolute path of `{from_file: …}`; None after noting a mistake."""
    if not isinstance(node, Mapping) or len(node.entries) != 1:
        notes.at(node, f"nothing can stand beside {FROM_FILE}", f"write {matcher}: {{{FROM_FILE}: /path}}")
        return None
    if matcher not in TELLING or of not in {*_TEXTS, "word"}:
        what = f"a {of}" if of in {"number", "bool", "mode"} else matcher
        hint = f"only {', '.join(sorted(TELLING))} of texts can"
        notes.at(node, f"{what} cannot be read from a file", hint)
        return None
    value = node.entries[0][1]
    path = spelled(value, FROM_FILE, notes)
    if path is None:
        return None
    parts = path.split("/")
    if not path.startswith("/") or ".." in parts or path.endswith("/"):
        notes.at(value, f"{FROM_FILE} takes the absolute path of a file, not {path[:80]!r}", "no .. in it, and no ${…}")
    elif len(path) > limits.key_chars_max or not path.isprintable():
        notes.at(value, f"{FROM_FILE} takes a path of at most {limits.key_chars_max} printable characters")
    elif "${" in path:
        notes.at(value, f"{FROM_FILE} takes no ${{…}}", "write the path out")
    else:
        return path
    return None


def tells(name: str, of: PropertyType, matched: Table[str, Operand]) -> str | None:
    """The matcher that a file of the node should feed, where a layer would tell a secret; None where none does.

    A `matches` without any sign of a pattern is a text like another: `contains` says the same.
    """
    if of not in _TEXTS and name not in _TELLING_WORDS:
        return None
    pattern = matched.get("matches")
    if isinstance(pattern, str) and not _PATTERN_SIGNS & set(pattern):
        return "contains"
    return next((matcher for matcher in matched if matcher in TELLING), None)
