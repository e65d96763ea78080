"""Files of settings as trees of tables, lists and plain values: JSON, TOML, YAML, INI, and lines of a key and a value.

Pure but for the libraries that read the formats. What a file may cost is bounded; what it says is never executed.
"""

from __future__ import annotations

import re

from checklib import limits
from checklib.errors import CannotTell
from checklib.settings_yaml import parse_yaml, too_deep, too_much

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

_NUMBER_DIGITS_MAX = 300  # a longer one stays a text: to compute with it would cost more than it tells
_SECTION = re.compile(r"\[([^\]]*)\]\s*(?:[#;].*)?")
_INI_KEY = re.compile(r"([^=]*?)\s*(?:=|:(?=\s|$))\s*(.*)", re.DOTALL)
_KEY_VALUE = re.compile(r"(?:export\s+)?(\S+?)\s*(?:=|:(?=\s)|\s)\s*(.*)")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|\'([^\']*)\'')
_ESCAPED = re.compile(r'\\(["\\$`])')
_FLAG = True  # a key without a value
_NAMES_MAX = 32  # steps from a file to a key


def format_of(path: str, text: str) -> str:
    """The format that a file's name tells; of any other: json where a brace begins it, ini where there are sections,
    else keyvalue.
    """
    ending = path.rpartition("/")[2].rpartition(".")[2].lower()
    if ending in {"json", "toml", "yaml", "yml"}:
        return ending.replace("yml", "yaml")
    if text.lstrip("\ufeff \t\r\n")[:1] == "{":
        return "json"
    return "ini" if any(_SECTION.fullmatch(line.strip()) for line in text.split("\n")) else "keyvalue"


def parse_json(text: str) -> Any:
    """JSON as RFC 8259 has it; of two values for one key the last counts, as in most programs."""
    import json

    def number(digits: str) -> int | float | str:
        if len(digits) > _NUMBER_DIGITS_MAX:
            return digits
        return float(digits) if any(char in digits for char in ".eE") else int(digits)

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no number of JSON")

    try:
        tree = json.loads(text.lstrip("\ufeff"), parse_int=number, parse_float=number, parse_constant=refuse)
    except ValueError as error:
        raise CannotTell(f"no JSON: {error}") from error
    except RecursionError:
        raise too_deep() from None
    return _bounded(tree)


def parse_toml(text: str) -> Any:
    """TOML 1.0. Raises CannotTell where this Python cannot read it, as before 3.11."""
    try:
        import tomllib
    except ImportError:
        raise CannotTell("this Python cannot read TOML: one of 3.11 or later can") from None
    try:
        tree = tomllib.loads(text.lstrip("\ufeff").replace("\r\n", "\n"))
    except ValueError as error:
        raise CannotTell(f"no TOML: {error}") from error
    except RecursionError:
        raise too_deep() from None
    return _bounded(tree)


def parse_ini(text: str) -> Any:
    """Sections of keys, as systemd, Git, Samba and Python's configparser write them.

    A key without a value is true; one that is written more than once has a list of all its values. A backslash at the
    end of a line continues it. Nothing behind a value is a comment.
    """
    tree: dict[str, Any] = {}
    section = tree
    for line in _lines(text):
        bare = line.strip()
        if not bare or bare[0] in "#;":
            continue
        heading = _SECTION.fullmatch(bare)
        if heading:
            name = heading[1].strip()
            if not isinstance(tree.get(name), dict):
                tree[name] = {}
            section = tree[name]
            continue
        found = _INI_KEY.fullmatch(bare) or re.fullmatch(r"([^:]+):(.*)", bare)
        _add(section, found[1].strip() if found else bare, _unquoted(found[2].strip()) if found else _FLAG)
    return tree


def parse_keyvalue(text: str) -> Any:
    """One key a line, its value behind white space, = or `:`, as in sshd_config, login.defs, sysctl.conf, /etc/default.

    Values may be quoted; ` #` begins a comment behind others. A key without a value is true; one that is written more
    than once has a list of all its values.
    """
    tree: dict[str, Any] = {}
    for line in _lines(text):
        bare = line.strip()
        if not bare or bare[0] in "#;":
            continue
        found = _KEY_VALUE.fullmatch(bare)
        if not found:
            _add(tree, bare, _FLAG)
            continue
        quoted = _QUOTED.match(found[2])
        if quoted:
            _add(tree, found[1], _ESCAPED.sub(r"\1", quoted[1]) if quoted[2] is None else quoted[2])
        else:
            _add(tree, found[1], re.split(r"(?:^|\s)#", found[2], maxsplit=1)[0].strip())
    return tree


FORMATS: dict[str, Callable[[str], Any]] = {
    "json": parse_json,
    "toml": parse_toml,
    "yaml": parse_yaml,
    "ini": parse_ini,
    "keyvalue": parse_keyvalue,
}


def layered(trees: list[Any]) -> Any:
    """One tree of several that lie on top of each other: tables are joined, of all else the last counts.

    Raises CannotTell where aliases make that too much.
    """
    budget = [limits.settings_nodes_max]

    def joined(below: Any, above: Any, depth: int) -> Any:
        if not isinstance(below, dict) or not isinstance(above, dict):
            return above
        budget[0] -= len(above)
        if budget[0] < 0:
            raise too_much()
        if depth > limits.settings_depth_max:
            raise too_deep()
        both = {name: joined(below[name], part, depth + 1) for name, part in above.items() if name in below}
        return {**below, **above, **both}

    whole = trees[0]
    for tree in trees[1:]:
        whole = joined(whole, tree, 0)
    return whole


def parse_names(path: str) -> list[str]:
    """The way to a key: names between dots. One in quotes may have dots of its own: plugins."io.containerd".x."""
    names, place = [], 0
    while place < len(path):
        quoted = re.compile(r'"([^"]*)"(?=\.|$)').match(path, place)
        end = quoted.end() if quoted else (path + ".").index(".", place)
        names.append(quoted[1] if quoted else path[place:end])
        place = end + 1
    if len(names) > _NAMES_MAX or "" in names or path.endswith("."):
        raise CannotTell(f"{path[:80]!r} names no key: names between dots, at most {_NAMES_MAX}")
    return names


def find(tree: Any, names: list[str], *, ignore_case: bool = False) -> tuple[bool, Any]:
    """Whether there is such a key, and its value. A number takes an element of a list, counted from 0.

    A table may have a key of several names, dots and all, as sysctl.conf does: the shortest that it has is taken.
    Raises CannotTell where a list is asked for a name, or a file that holds neither a table nor a list for anything.
    """
    place = 0
    if names and tree is not None and not isinstance(tree, (dict, list)):
        raise CannotTell("it holds one value and no keys")
    while place < len(names):
        if isinstance(tree, list):
            if not (names[place].isascii() and names[place].isdecimal()):
                what = f"{'.'.join(names[:place])[:200]} is a list"
                what = what if place else "it is a list, as YAML of several documents is"
                raise CannotTell(f"{what}: name an element by its number, from 0, and not {names[place][:80]!r}")
            if int(names[place][:9]) >= len(tree):
                return False, None
            tree, place = tree[int(names[place][:9])], place + 1
            continue
        if not isinstance(tree, dict):
            return False, None
        table = {name.lower(): value for name, value in tree.items()} if ignore_case else tree
        for end in range(place + 1, len(names) + 1):
            name = ".".join(names[place:end])
            if (name.lower() if ignore_case else name) in table:
                tree, place = table[name.lower() if ignore_case else name], end
                break
        else:
            return False, None
    return True, tree


def _bounded(tree: Any) -> Any:
    """The tree, unless it is deeper or holds more than what is looked into."""
    level, nodes = [tree], 1
    for _ in range(limits.settings_depth_max + 1):
        level = [one for inner in level if isinstance(inner, (dict, list)) for one in _children(inner)]
        nodes += len(level)
        if nodes > limits.settings_nodes_max:
            raise too_much()
    if level:
        raise too_deep()
    return tree


def _children(inner: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return inner.values() if isinstance(inner, dict) else inner


def _lines(text: str) -> Iterator[str]:
    return iter(text.lstrip("\ufeff").replace("\r\n", "\n").replace("\\\n", " ").split("\n"))


def _add(table: dict[str, Any], name: str, value: Any) -> None:
    """One more value of a key. A section of the same name is left as it is."""
    if name not in table:
        table[name] = value
    elif isinstance(table[name], list):
        table[name].append(value)
    elif not isinstance(table[name], dict):
        table[name] = [table[name], value]


def _unquoted(value: str) -> str:
    whole = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" and value[0] not in value[1:-1]
    return value[1:-1] if whole else value
