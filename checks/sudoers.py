"""What sudo lets whom do: the rules, the settings and the soundness of sudoers(5) with all that it includes."""

from __future__ import annotations

import os

from checklib import accounts, limits, matchers, programs
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import MAY_SPAWN, Kind, Property
from checklib.sudoers import Sudoers, stands_for
from checklib.values import Observation, Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.sudogrammar import Default

FILES = ("/etc/sudoers", "/usr/etc/sudoers")
EVERYTHING = "*"


def parse_sudoers(text: str) -> dict[str, list[str]]:
    """One file, its includes left out: rules, defaults and the numbers of the lines that cannot be understood."""
    found = Sudoers()
    for _ in found.read("", text):
        continue
    return {
        "rules": [f"{','.join(rule.users)} {text}" for rule in found.rules for text in found.written(rule)],
        "defaults": [_setting(one) for one in found.defaults],
        "mistakes": [str(line) for _, line in found.mistakes],
    }


def _load(node: Node) -> Sudoers:
    """The first of FILES with all that it includes."""
    found = Sudoers()
    _take_in(node, node.root.first(*FILES), found, [])
    return found


def _take_in(node: Node, path: str, found: Sudoers, way: list[str]) -> None:
    """way: the files that lead here."""
    way = [*way, path]
    if len(way) > limits.sudoers_depth_max:
        raise CannotTell(
            f"{path} is included through more than {limits.sudoers_depth_max} files: do they go in a ring?"
        )
    for line, word, named in found.read(path, node.root.text(path)):
        target = named.replace("%h", _host(node)) if "%h" in named else named
        other = target if target.startswith("/") else f"{path.rpartition('/')[0]}/{target}"
        if word == "include":
            if node.root.exists(other):
                _take_in(node, other, found, way)
            else:
                found.mistakes.append((path, line))
            continue
        for name in node.root.names(other):
            if "." not in name and name[-1] != "~":
                _take_in(node, f"{other}/{name}", found, way)
    if len(found.files) > limits.sudoers_files_max:
        raise CannotTell(f"sudoers has more than {limits.sudoers_files_max} files")
    if len(found.rules) + len(found.defaults) > limits.sudoers_rules_max:
        raise CannotTell(f"there are more than {limits.sudoers_rules_max} rules and settings")


def _host(node: Node) -> str:
    """What %h in a path stands for: the host's name up to its first point."""
    if node.root.is_host:
        return os.uname().nodename.partition(".")[0]
    return node.root.text("/etc/hostname").strip().partition(".")[0] if node.root.exists("/etc/hostname") else "%h"


def _names(node: Node, key: str) -> set[str]:
    """All by which a list may mean a user or a %group: its name, its number, its groups, ALL."""
    if key[0] == "%":
        try:
            number = next((group.gid for group in accounts.groups(node) if group.name == key[1:]), None)
        except NotApplicable:
            number = None
        return {key} if number is None else {key, f"%#{number}"}
    try:
        account = next((one for one in accounts.accounts(node) if one.name == key), None)
        if account is None:
            return {"ALL", key}
        mine = accounts.groups_of(node, account)
        numbers = {account.gid, *(group.gid for group in accounts.groups(node) if group.name in mine)}
    except NotApplicable:
        return {"ALL", key}
    return {"ALL", key, f"#{account.uid}", *(f"%{name}" for name in mine), *(f"%#{number}" for number in numbers)}


def _setting(default: Default) -> str:
    return f"{default.scope} {default.setting}".lstrip()


def observe(item: Item, node: Node) -> Observed:
    """What holds for one user or %group, or all of it. A file with a mistake tells nothing but that it has one."""
    found = node.once("sudoers", lambda: _load(node))
    if found.mistakes:
        where = "{}:{}".format(*found.mistakes[0])
        reason = CannotTell(f"{where} is not understood: visudo -c tells more")
        told: dict[str, Observation] = dict.fromkeys(("rules", "nopasswd", "defaults"), reason)
    else:
        told = dict(_told(found, item.key, node))
        if not told["rules"] and item.key[0] not in {"%", EVERYTHING}:
            told.update(_unless_elsewhere(item, node))
    note = ""
    if "valid" in item.expect:
        told["valid"], note = _valid(node, found, item.timeout_s)
    return Observed(told, exists=bool(told["rules"]), note=note)


def _unless_elsewhere(item: Item, node: Node) -> Iterable[tuple[str, Observation]]:
    """No rules of a user without any, and where nobody can tell which groups it is in, an error if that would pass."""
    try:
        accounts.groups(node)
        if all(one.name != item.key for one in accounts.accounts(node)):
            accounts.hold_to_files(node, "passwd")
    except (NotApplicable, CannotTell) as reason:
        for name in ("rules", "nopasswd"):
            yield name, matchers.untold([], item.expect.get(name, {}), f"its groups are not known: {reason}")


def _told(found: Sudoers, key: str, node: Node) -> Iterable[tuple[str, list[str]]]:
    """rules, nopasswd and defaults, as texts."""
    if key == EVERYTHING:
        rules = [(f"{','.join(rule.users)} {text}", rule) for rule in found.rules for text in found.written(rule)]
        defaults = found.defaults
    else:
        names = _names(node, key)
        mine = [rule for rule in found.rules if stands_for(found.meant(rule.users), names)]
        rules = [(text, rule) for rule in mine for text in found.written(rule)]
        scoped = [default for default in found.defaults if default.scope[:1] == ":"]
        defaults = [one for one in scoped if stands_for(found.meant(one.scope[1:].split(",")), names)]
    yield "rules", [text for text, _ in rules]
    yield "nopasswd", [text for text, rule in rules if "NOPASSWD" in rule.tags]
    yield "defaults", [_setting(default) for default in defaults]


def _valid(node: Node, found: Sudoers, timeout_s: float) -> tuple[bool, str]:
    """As visudo says, which also knows the names of settings; without it, whether every line is understood."""
    try:
        ended = node.tool("visudo", "-c", timeout_s=timeout_s)
    except NotApplicable:
        return not found.mistakes, "".join(f"{path}:{line} is not understood" for path, line in found.mistakes[:1])
    return ended.code == 0, "" if ended.code == 0 else programs.first_line(ended.stderr or ended.stdout)


def discover(node: Node) -> Iterable[str]:
    """Everything, and all whom a rule names as users or %groups, where that may be read and is sound."""
    try:
        found = node.once("sudoers", lambda: _load(node))
        named = [] if found.mistakes else [word for rule in found.rules for word in found.meant(rule.users)]
    except (NotApplicable, CannotTell, PermissionError):
        return []
    return [] if found.mistakes else dict.fromkeys([EVERYTHING, *filter(_is_plain, named)])


def _is_plain(word: str) -> bool:
    """A name of a user or %group that may be a key."""
    return word[:1] not in {"!", "#", "+"} and word != "ALL"


KIND = Kind(
    "sudoers",
    title="what sudo lets whom do",
    chapter="accounts",
    key="a user, a %group, or * for everybody",
    main="rules",
    properties={
        "rules": Property(
            "list",
            "one for each command, as `sudo -l` words it with its hosts: `ALL=(ALL:ALL) NOPASSWD: /bin/ls`, aliases "
            "put in; of a user also those of its groups and of ALL; of * each with its users before it, as written",
        ),
        "nopasswd": Property("list", "those of them with NOPASSWD; `Defaults !authenticate` does the same for all"),
        "defaults": Property(
            "list",
            "what Defaults set: `use_pty`, `!lecture`, `secure_path=/sbin:/bin`, `env_keep+=LANG`; of * all of them, "
            "those of some before them: `:alice !lecture`; of a user or %group those for it alone",
        ),
        "valid": Property(
            "bool", "visudo -c has nothing to say; without it and below another root: every line is understood"
        ),
    },
    default={"rules": {"any": True}},
    example={
        "*": {"expect": {"valid": True, "nopasswd": {"absent": True}, "defaults": {"contains": ["use_pty"]}}},
        "%sudo": {"contains": "ALL=(ALL:ALL) ALL"},
    },
    outcomes=(
        "na where there is no /etc/sudoers; an error where it may not be read, or has a line that is not understood "
        "(of valid: false); and where a user is to have no rules and its groups cannot be told, as of a directory "
        "service. Hosts are told and not compared with this one; rules of a directory service are not asked for. Any "
        "root can be looked at."
    ),
    reads=["/etc/sudoers and what it includes", "/etc/passwd", "/etc/group", "visudo -c (valid alone)"],
    cost="one read of the files for all items together; valid one run of visudo (some 10 ms)",
    observe=observe,
    discover=discover,
    effort=MAY_SPAWN,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
