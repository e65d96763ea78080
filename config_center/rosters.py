"""Shell: which nodes there are and what is known of them, for saying which of them a change touches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from config_center import limits
from config_center.errors import CenterError
from config_center.mistakes import Notes
from config_center.traits import traits_of
from config_center.yaml_lines import Mapping, Node, Scalar, compose

if TYPE_CHECKING:
    from config_center.database import Database

_FORMS: Final = (
    "a roster is what `inspector nodes --json` or the config center's /nodes.json prints, or YAML: name: {tag: value}"
)


def known_nodes(database: Database) -> dict[str, dict[str, str]]:
    """Traits by name of all nodes that told the store about themselves."""
    return {row.name: traits_of(row.tags, row.facts) for row in database.nodes()}


def read_roster(path: Path) -> dict[str, dict[str, str]]:
    """Traits by name, from a file of any of the forms. Raises CenterError."""
    try:
        with path.open("rb") as file:
            raw = file.read(limits.roster_bytes_max + 1)
    except OSError as error:
        raise CenterError(f"{path} cannot be read: {error.strerror or error}") from error
    if len(raw) > limits.roster_bytes_max:
        raise CenterError(f"{path} is too big: at most {limits.roster_bytes_max} bytes are taken")
    if raw.lstrip()[:1] in (b"{", b"["):
        try:
            return _of_json(msgspec.json.decode(raw))
        except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
            raise CenterError(f"{path}: {error}; {_FORMS}") from error
    return _of_yaml(path, raw)


def _of_json(document: Any) -> dict[str, dict[str, str]]:
    """`inspector nodes --json`: a list of members; /nodes.json: their mapping below `nodes`; else name -> tags."""
    if isinstance(document, list):
        return {_text(member["name"], "a name"): _traits(member) for member in _members(document)}
    if isinstance(document, dict) and isinstance(document.get("nodes"), dict) and "schema" in document:
        return {name: _traits(member) for name, member in document["nodes"].items()}
    if isinstance(document, dict):
        return {name: traits_of(_texts(tags)) for name, tags in document.items()}
    raise ValueError("it is neither a list nor a mapping")


def _members(document: list[Any]) -> list[dict[str, Any]]:
    for member in document:
        if not isinstance(member, dict) or "name" not in member:
            raise ValueError("a member has no name")
    return document


def _traits(member: Any) -> dict[str, str]:
    if not isinstance(member, dict):
        raise ValueError("a member is no mapping")
    return traits_of(_texts(member.get("tags", {})), _texts(member.get("facts", {})))


def _texts(document: Any) -> dict[str, str]:
    if not isinstance(document, dict):
        raise ValueError("tags are a mapping of texts")
    return {key: _text(value, key) for key, value in document.items()}


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{what[:80]} is no text: quote it")
    return value


def _of_yaml(path: Path, raw: bytes) -> dict[str, dict[str, str]]:
    """`name: {tag: value}`, every value taken as it is spelled."""
    notes = Notes(str(path))
    top = compose(raw, notes)
    roster = {}
    if isinstance(top, Mapping):
        for name, tags in top.entries:
            roster[name.spelling] = traits_of(_scalars(tags, notes))
    elif not notes.mistakes:
        raise CenterError(f"{path}: it is no mapping; {_FORMS}")
    if notes.mistakes:
        raise CenterError(f"{notes.mistakes[0]}; {_FORMS}")
    return roster


def _scalars(tags: Node, notes: Notes) -> dict[str, str]:
    found = {}
    if not isinstance(tags, Mapping) and not (isinstance(tags, Scalar) and not tags.spelling):
        notes.at(tags, "tags are a mapping", "write name: {tag: value}")
    for key, value in tags.entries if isinstance(tags, Mapping) else ():
        if isinstance(value, Scalar):
            found[key.spelling] = value.spelling
        else:
            notes.at(value, f"{key.spelling} is no text")
    return found
