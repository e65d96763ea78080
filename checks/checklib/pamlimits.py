"""What pam_limits(8) gives a user who logs in, from limits.conf(5) and limits.d, as Linux-PAM reads them.

Values are in the kernel's units, as /proc/PID/limits has them: bytes, seconds, counts; "unlimited" where there is none.
"""

from __future__ import annotations

from checklib import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from checklib.node import Node

    Limit = int | str | None

FILE = "/etc/security/limits.conf"
DIRECTORY = "/etc/security/limits.d"
UNLIMITED = "unlimited"

_ENDLESS = frozenset({UNLIMITED, "infinity", "-1", "-"})
_KIB = frozenset({"as", "core", "data", "fsize", "memlock", "rss", "stack"})  # written in KiB
_SIGNED = frozenset({"nice", "priority"})
_NICE_LOWEST, _NICE_HIGHEST = -20, 19


class Rule:
    """One line. item and value are empty where it says that there are no limits at all for its domain (`ftp -`)."""

    __slots__ = ("domain", "item", "type", "value")

    def __init__(self, domain: str, type_: str, item: str, value: str) -> None:
        self.domain = domain
        self.type = type_.lower()
        self.item = item.lower()
        self.value = value.lower()


class Who:
    """A user as domains may mean it. groups: all names of groups it is in; gids: their numbers."""

    __slots__ = ("exempt", "gid", "gids", "groups", "name", "uid")

    def __init__(self, name: str, uid: int, gid: int, groups: set[str], gids: set[int], *, exempt: bool) -> None:
        self.name = name
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.gids = gids
        self.exempt = exempt  # only lines with its own name count: root, where Debian has changed Linux-PAM


def parse_limits(text: str) -> list[Rule]:
    """One file. Lines that pam_limits would pass over are left out."""
    rules = []
    for line in text.splitlines():
        words = line.partition("#")[0].split(None, 3)
        if len(words) == 4:
            rules.append(Rule(words[0], words[1], words[2], words[3].strip()))
        elif len(words) == 2 and words[1] == "-":
            rules.append(Rule(words[0], words[1], "", ""))
    return rules


def parse_value(item: str, text: str) -> Limit:
    """A value in the kernel's units; None where it is no number."""
    if text in _ENDLESS and item not in _SIGNED:
        return UNLIMITED
    sign = text[:1] if text[:1] in {"-", "+"} else ""
    digits = text[len(sign) :]
    digits = digits[: len(digits) - len(digits.lstrip("0123456789"))]
    if not digits or len(digits) > limits.digits_max or (sign == "-" and item not in _SIGNED):
        return None
    number = int(sign + digits)
    if item == "nice":
        return 20 - max(_NICE_LOWEST, min(_NICE_HIGHEST, number))
    return number * 1024 if item in _KIB else number * 60 if item == "cpu" else number


def configured(rules: list[Rule], item: str, domain: str) -> tuple[Limit, Limit]:
    """Soft and hard limit as the last lines of exactly that domain have it; None where none has."""
    return _last([rule for rule in rules if rule.domain == domain], item, lambda _: 0)


def effective(files: list[list[Rule]], item: str, who: Who) -> tuple[Limit, Limit]:
    """Soft and hard limit that a login gives: a line about the user before one about a group before `*`.

    None: pam_limits leaves it as it is.
    """
    found: list[Rule] = []
    for rule in (rule for rules in files for rule in rules):
        if _rank(rule.domain, who) is None:
            continue
        if not rule.item and rule.domain != "*":
            return None, None
        found.append(rule)
    return _last(found, item, lambda rule: _rank(rule.domain, who) or 0)


def _last(rules: list[Rule], item: str, rank: Callable[[Rule], int]) -> tuple[Limit, Limit]:
    soft: Limit = None
    hard: Limit = None
    ranks = [9, 9]
    for rule in rules:
        value = parse_value(item, rule.value) if rule.item == item else None
        here = rank(rule)
        if value is None:
            continue
        if rule.type in {"soft", "-"} and here <= ranks[0]:
            soft, ranks[0] = value, here
        if rule.type in {"hard", "-"} and here <= ranks[1]:
            hard, ranks[1] = value, here
    if isinstance(soft, int) and isinstance(hard, int):
        soft = min(soft, hard)
    return (hard if soft == UNLIMITED and hard is not None else soft), hard


def _rank(domain: str, who: Who) -> int | None:
    """0 of a line about the user, 1 about a group of it, 4 about everybody; None of one that is not about it."""
    if domain == who.name:
        return 0
    if who.exempt or domain.startswith("%"):  # % counts logins alone
        return None
    if domain == "*":
        return 4
    is_group = domain.startswith("@")
    first, colon, last = domain[is_group:].partition(":")
    if not colon:
        return 1 if is_group and first in who.groups else None
    low, high = _bound(first, 0), _bound(last, 1 << 32)
    if low is None or high is None or not (first or last):
        return None
    if not first:  # `:500` is that number alone
        return (1 if high in who.gids else None) if is_group else 0 if who.uid == high else None
    return (1 if is_group else 0) if low <= (who.gid if is_group else who.uid) <= high else None


def _bound(text: str, default: int) -> int | None:
    if not text:
        return default
    return int(text) if text.isascii() and text.isdigit() and len(text) <= limits.digits_max else None


def read_rules(node: Node) -> list[list[Rule]]:
    """The rules of all files, in the order in which pam_limits reads them; none where there is none."""
    names = sorted(name for name in node.root.names(DIRECTORY) if name.endswith(".conf") and not name.startswith("."))
    return [_rules(node, path) for path in (FILE, *(f"{DIRECTORY}/{name}" for name in names))]


def _rules(node: Node, path: str) -> list[Rule]:
    try:
        return parse_limits(node.root.text(path))
    except FileNotFoundError:
        return []
