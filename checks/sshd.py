"""The configuration by which sshd works: as it tells itself, or as its files say below another root."""

from __future__ import annotations

import re

from checklib import limits, programs
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import SPAWNS, Kind, Parameter, Property
from checklib.sshdconfig import OLD_NAMES, WITHOUT_DEFAULT, Config, parse_effective
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from checklib.contract import Item
    from checklib.node import Node

FILES = ("/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config")
OF_CONNECTION = ("user", "host", "addr", "laddr", "lport")
_CHANGES = ("+", "-", "^")  # a list that begins so changes the one that sshd was built with


def parse_config(text: str) -> dict[str, list[str]]:
    """A sshd_config without its includes: what it says of every connection."""
    config = Config()
    for _ in config.read(text):
        continue
    return config.options


def _effective(item: Item, node: Node) -> dict[str, list[str]]:
    """What sshd itself tells, for the item's connection where it names one."""
    file, connection = _file(item), _connection(item)
    arguments = [*(["-f", file] if file else []), *(["-C", connection] if connection else [])]
    ended = node.tool("sshd", "-T", *arguments, timeout_s=item.timeout_s)
    if ended.code:
        raise CannotTell(f"sshd -T: {programs.first_line(ended.stderr) or f'exit code {ended.code}'}")
    if "stdout" in ended.truncated:
        raise CannotTell(f"sshd -T said more than {limits.output_kept_bytes} bytes")
    options = parse_effective(ended.stdout)
    if not options:
        raise CannotTell("sshd -T said nothing")
    return options


def _connection(item: Item) -> str:
    """The connection that an item is about, as -C takes it; empty where it names none."""
    given = {name: str(item.parameters[name]) for name in OF_CONNECTION if name in item.parameters}
    for name, value in given.items():
        if not value or not value.isprintable() or "," in value or "=" in value:
            raise CannotTell(f"{value[:80]!r} can be no {name} of a connection")
    return ",".join(f"{name}={value}" for name, value in given.items())


def _file(item: Item) -> str:
    """The configuration that an item is about; empty where it is the usual one."""
    path = str(item.parameters.get("file", ""))
    if path and not path.startswith("/"):
        raise CannotTell(f"{path[:80]!r} is no absolute path")
    return path


def _written(item: Item, node: Node) -> Config:
    """What the files say."""
    path = _file(item) or node.root.first(*FILES)
    config = Config()
    _take_in(node, path, config, [0], always=True)
    return config


def _take_in(node: Node, path: str, config: Config, taken: list[int], *, always: bool) -> None:
    """taken: how many files have been read"""
    taken[0] += 1
    if taken[0] > limits.sshd_files_max:
        raise CannotTell(f"{path} is one of more than {limits.sshd_files_max} files that Include brings")
    for pattern, here in config.read(node.root.written(path), always=always):
        for other in _files(node, pattern if pattern.startswith("/") else f"/etc/ssh/{pattern}"):
            _take_in(node, other, config, taken, always=here)


def _files(node: Node, pattern: str) -> list[str]:
    """The files of a pattern, in order; those that are not there are none. A folder must be plain in it."""
    from fnmatch import translate

    folder, _, last = pattern.rpartition("/")
    if re.search(r"[*?\[]", folder):
        raise CannotTell(f"Include {pattern[:80]} has a pattern in the name of a directory, which is not followed")
    if not re.search(r"[*?\[]", last):
        return [pattern] if node.root.exists(pattern) else []
    fits = re.compile(translate(last))
    return [f"{folder}/{name}" for name in node.root.names(folder) if name[0] != "." and fits.match(name)]


def observe(item: Item, node: Node) -> Observed:
    """One option."""
    name = OLD_NAMES.get(item.key.lower(), item.key.lower())
    if node.root.is_host:
        options: Mapping[str, list[str]] = _effective(item, node)
        if name not in options and name not in WITHOUT_DEFAULT:
            raise CannotTell(f"sshd knows no option {item.key[:80]!r}: sshd -T prints those it knows")
    else:
        options = _plain(item, name, node)
    lines = options.get(name, [])
    value = " ".join(lines)
    words = value.replace(",", " ").split()
    shown = dict.fromkeys(("value", "values"), lambda: _names_alone(words)) if name == "setenv" else {}
    return Observed({"value": value if lines else None, "values": words}, exists=bool(lines), shown=shown)


def _names_alone(words: list[str]) -> str:
    """An environment without its values, which may be secret."""
    return " ".join(f"{word.partition('=')[0]}=…" for word in words)


def _plain(item: Item, name: str, node: Node) -> dict[str, list[str]]:
    """Of another root's files. Raises NotApplicable where they do not say it plainly."""
    config = node.once(f"sshd {_file(item)}", lambda: _written(item, node))
    if name in config.matched and _connection(item):
        raise NotApplicable(f"a Match block sets {name}: what holds for a connection only sshd itself tells")
    if name not in config.options and name not in WITHOUT_DEFAULT:
        raise NotApplicable(f"{name} is not written in the files: what sshd takes then only sshd itself tells")
    if any(line.startswith(_CHANGES) for line in config.options.get(name, [])):
        raise NotApplicable(f"{name} changes the list that sshd was built with, which only sshd itself tells")
    return config.options


def discover(node: Node) -> Iterable[str]:
    """The options that have a value."""
    if node.root.is_host:
        try:
            ended = node.tool("sshd", "-T", timeout_s=limits.timeout_s_default)
        except NotApplicable:
            return []
        return parse_effective(ended.stdout) if ended.code == 0 else []
    path = next((path for path in FILES if node.root.exists(path)), "")
    return parse_config(node.root.written(path)) if path else []


KIND = Kind(
    "sshd",
    title="an option of sshd as it holds",
    chapter="accounts",
    key="the option's name, in any case: permitrootlogin",
    main="value",
    properties={
        "value": Property(
            "text",
            "as sshd -T prints it: times in seconds, several lines joined by spaces; prohibit-password where older "
            "ones say without-password; absent where it has none (AllowUsers, DenyUsers, AcceptEnv …)",
        ),
        "values": Property("list", "its words, split at commas and white space: ciphers, MACs, users, host keys"),
    },
    parameters={
        "user": Parameter("text", "of the connection that Match blocks are held to (sshd -C)"),
        "host": Parameter("text", "where it comes from, by name"),
        "addr": Parameter("text", "where it comes from, by address"),
        "laddr": Parameter("text", "where it comes in, by address"),
        "lport": Parameter("number", "where it comes in, by port"),
        "file": Parameter("text", "another configuration than sshd's usual one"),
    },
    example={
        "permitrootlogin": {"one_of": ["no", "prohibit-password"]},
        "ciphers": {"expect": {"values": {"lacks": ["3des-cbc", "aes128-cbc"]}}},
        "maxauthtries": {"at_most": 4, "with": {"user": "root", "host": "localhost", "addr": "127.0.0.1"}},
    },
    outcomes=(
        "na where there is no sshd; an error where sshd -T refuses (it has to be root and to have host keys) or does "
        "not know the option. Below another root the files are read with what they include: an option that is not "
        "written there, that changes a list of sshd's own, or that a Match block sets for the connection, is na."
    ),
    reads=["sshd -T", "below another root /etc/ssh/sshd_config and what it includes"],
    cost="one run of sshd (some 30 ms) for all items of one connection together",
    observe=observe,
    discover=discover,
    effort=SPAWNS,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
