"""A key in a file of settings: JSON, TOML, YAML, INI, or lines of a key and a value."""

from __future__ import annotations

from checklib import limits, parameters
from checklib.dropins import read_in_order
from checklib.errors import CannotTell
from checklib.kinds import Kind, Parameter, Property
from checklib.several import WILD
from checklib.structured import FORMATS, find, format_of, layered, parse_names
from checklib.values import Observation, Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.values import Value

TYPES: tuple[tuple[Any, str], ...] = ((bool, "bool"), ((int, float), "number"), (list, "list"), (dict, "table"))


def observe(item: Item, node: Node) -> Observed:
    """The value that the file has for the key; a key or a file that is not there is absent."""
    path, _, way = item.key.partition("#")
    if not path.startswith("/"):
        raise CannotTell(f"{path[:80]!r} is no absolute path")
    names = parse_names(way)
    format_ = item.parameters.get("format")
    if format_ is not None and format_ not in FORMATS:
        raise CannotTell(f"the parameter format is one of {', '.join(FORMATS)}")
    default = item.parameters.get("default")
    layers = node.once(
        f"settings {format_ or ''} {path} {item.parameters.get('drop_ins')}",
        lambda: _layers(item, node, path, str(format_ or "")),
    )
    if not layers:
        return _missing(default, f"there is no {path}{node.root.whereabouts()}")
    ignore_case = item.parameters.get("ignore_case") is True
    try:
        there, value = find(layered([tree for _, tree in layers]), names, ignore_case=ignore_case)
        last = [
            file for file, tree in layers if len(layers) > 1 and there and find(tree, names, ignore_case=ignore_case)[0]
        ]
    except CannotTell as error:
        raise CannotTell(f"{path}: {error}") from error
    if not there:
        return _missing(default, "")
    return Observed(values_of(value), note=f"as {last[-1]} has it" if last else "")


def _layers(item: Item, node: Node, path: str, format_: str) -> list[tuple[str, Any]]:
    """The file and what lies on top of it, in the order of reading: (path, tree) of each that is there."""
    read = ((file, _written(node, file)) for file in (path, *_drop_ins(item, node)))
    texts = {file: text for file, text in read if text is not None}
    format_ = format_ or format_of(path, "\n".join(texts.values()))
    return [(file, _parsed(file, text, format_)) for file, text in texts.items() if text.strip() or file == path]


def _written(node: Node, path: str) -> str | None:
    try:
        return node.root.written(path)
    except (FileNotFoundError, NotADirectoryError):
        return None  # also of a link that leads nowhere


def _parsed(path: str, text: str, format_: str) -> Any:
    try:
        return FORMATS[format_](text)
    except CannotTell as error:
        raise CannotTell(f"{path}: {error}") from error


def _drop_ins(item: Item, node: Node) -> list[str]:
    patterns = parameters.words(item, "drop_ins")
    if not patterns:
        return []
    directories, names = zip(*(pattern.rpartition("/")[::2] for pattern in patterns))
    ending = names[0][1:]
    is_plain = all(directory[:1] == "/" and WILD.isdisjoint(directory) for directory in directories)
    if not is_plain or set(names) != {f"*{ending}"} or not WILD.isdisjoint(ending):
        raise CannotTell(
            "drop_ins are directories with one pattern, as /etc/foo.conf.d/*.conf and /run/foo.conf.d/*.conf"
        )
    return read_in_order(node.root, directories, ending)


def _missing(default: object, why: str) -> Observed:
    if isinstance(default, str):
        return Observed({"value": default, "type": "text", "count": 1}, note="not written, so that the default holds")
    return Observed({}, exists=False, note=why)


def values_of(value: Any) -> dict[str, Observation]:
    """The properties of a value as it stands in the file."""
    count = len(value) if isinstance(value, (dict, list)) else 1
    return {"value": _plain(value), "type": _type(value), "count": count}


def _type(value: Any) -> str:
    if value is None:
        return "null"
    return next((name for types, name in TYPES if isinstance(value, types)), "text")


def _plain(value: Any) -> Value:
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return list(value)
    if isinstance(value, list):
        budget = [limits.settings_told_max]
        return [_text(one, budget, 0) for one in value]
    return "null" if value is None else str(value)  # a date or a time of TOML


def _text(value: Any, budget: list[int], depth: int) -> str:
    """One element of a list: a plain value as it is, a table or a list as JSON. budget: values left to tell."""
    budget[0] -= 1
    if budget[0] < 0 or depth > limits.settings_depth_max:
        raise CannotTell(f"more than {limits.settings_told_max} values, or too deep: name a smaller part of it")
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}": {_json(one, budget, depth)}' for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_json(one, budget, depth) for one in value) + "]"
    return str(_plain(value)) if not isinstance(value, bool) else str(value).lower()


def _json(value: Any, budget: list[int], depth: int) -> str:
    text = _text(value, budget, depth + 1)
    return f'"{text}"' if isinstance(value, str) else text


KIND = Kind(
    "setting",
    title="a key in a file of settings",
    chapter="files",
    key=(
        "the file and the way to the key in it: /etc/docker/daemon.json#log-opts.max-size; a number takes an element "
        "of a list, counted from 0, or one of several documents of YAML: /x.yaml#0.kind; "
        '"io.containerd.x" in quotes is one name with dots; without # the whole file'
    ),
    key_begins="/",
    main="value",
    properties={
        "value": Property(
            "text",
            "as the file has it, without quotes; the elements of a list; the keys of a table; of a key that ini or "
            "keyvalue has more than once all values, of one without a value true",
        ),
        "type": Property("word", "text, number, bool, list, table or null"),
        "count": Property("number", "how many elements a list, or keys a table has; how often INI has the key; else 1"),
    },
    parameters={
        "format": Parameter(
            "text",
            "json, yaml, toml, ini (nothing behind a value is a comment) or keyvalue (`Key value`, key=value, "
            "`key: value`, and ` #` begins a comment); else the file's ending tells, or, where it does not, whether it "
            "begins with a brace, or has [sections]",
        ),
        "drop_ins": Parameter(
            "list",
            "files on top of it, such as /etc/foo.conf.d/*.conf: read behind it in the order of their names, and what "
            "is read later counts, table by table; of two with one name only that of the first directory, as systemd, "
            "which has them in /etc, /run, /usr/local/lib and /usr/lib",
        ),
        "default": Parameter("text", "what the program takes where the key, or the file, is not there"),
        "ignore_case": Parameter("bool", "true: the program does not tell capital and small letters of keys apart"),
    },
    example={
        "/etc/docker/daemon.json#log-opts.max-size": {"equals": "100m"},
        "/etc/systemd/journald.conf#Journal.Storage": {
            "with": {"drop_ins": ["/etc/systemd/journald.conf.d/*.conf", "/usr/lib/systemd/journald.conf.d/*.conf"]},
            "equals": "persistent",
        },
        "/etc/login.defs#PASS_MAX_DAYS": {"at_most": 365},
    },
    outcomes=(
        "A key or a file that is not there is absent. An error where the file is binary, not of its format, or too "
        "big, where a list is asked for a name, or where the Python at hand cannot read it: YAML takes PyYAML, TOML "
        "Python 3.11. Never na. The value is shown with the finding, unless the item says secret: true: so say it of "
        "passwords and tokens. Any root can be looked at."
    ),
    reads=["the file itself, and those on top of it"],
    cost="the file is read once for all its keys; a kB of YAML takes 1.5 ms, 14 ms without libyaml, of others 0.1 ms",
    observe=observe,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
