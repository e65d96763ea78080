"""What cron runs, and when: the system's tables, the users' own, anacron's, and the folders of scripts."""

from __future__ import annotations

import re
import stat

from checklib import limits
from checklib.errors import CannotTell
from checklib.kinds import Kind, Parameter, Property
from checklib.values import Observation, Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from checklib.contract import Item
    from checklib.node import Node

    Strange = dict[int, str]  # number of a line that is no entry -> its text

SYSTEM = "/etc/crontab"
ANACRON = "/etc/anacrontab"
SYSTEM_DIRECTORY = "/etc/cron.d"
# What Debian, Red Hat and openEuler, SUSE, and Alpine call the folder of the users' own tables.
SPOOLS = ("/var/spool/cron/crontabs", "/var/spool/cron", "/var/spool/cron/tabs", "/etc/crontabs")
FOLDERS = {f"/etc/cron.{word}": f"@{word}" for word in ("hourly", "daily", "weekly", "monthly", "yearly")}
LINES_TOLD = 5
_WORDS_BEFORE = 6  # of a command: five fields and a user
_NICKNAMES = frozenset({"@reboot", "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_FIELD = re.compile(r"[0-9*/,~-]+|(?:[A-Za-z]{3}[,-]?)+(?:/[0-9]+)?")
_ASSIGNMENT = re.compile(r"[\"']?[A-Za-z_][A-Za-z0-9_]*[\"']?\s*=")
_ANACRON = re.compile(r"([0-9]+|@[a-z]+)\s+([0-9]+)\s+(\S+)\s+(.+)")
_RUN_PARTS = re.compile(r"[A-Za-z0-9_-]+")  # others are left out by run-parts(8)
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?")


class Entry:
    """One entry.

    schedule  five fields, a word such as @daily, or of anacron the days between two runs and the minutes of delay
    user      "" in a user's own table
    """

    __slots__ = ("command", "schedule", "user")

    def __init__(self, schedule: str, user: str, command: str) -> None:
        self.schedule = schedule
        self.user = user
        self.command = command

    def __str__(self) -> str:
        return " ".join(part for part in (self.schedule, self.user, self.command) if part)


def parse_crontab(text: str, *, has_users: bool = False) -> tuple[list[Entry], Strange]:
    """crontab(5): entries, and the lines that are none. has_users: a user stands before the command."""
    entries, strange = [], {}
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip().lstrip("-")  # cronie's and SUSE's sign for: do not log it
        if not bare or bare.startswith("#") or _ASSIGNMENT.match(bare):
            continue
        times = 1 if bare.startswith("@") else 5
        words = bare.split(None, times + has_users)
        fields, rest = words[:times], words[times:]
        valid = bare.split(None, 1)[0] in _NICKNAMES if times == 1 else all(map(_FIELD.fullmatch, fields))
        if valid and len(rest) == 1 + has_users:
            entries.append(Entry(" ".join(fields), rest[0] if has_users else "", rest[-1].strip()))
        else:
            strange[number] = bare
    return entries, strange


def parse_anacrontab(text: str) -> tuple[list[Entry], Strange]:
    """anacrontab(5): of each job the days between two runs, the minutes it waits, and its command, run as root."""
    entries, strange = [], {}
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip()
        if not bare or bare.startswith("#") or _ASSIGNMENT.match(bare):
            continue
        found = _ANACRON.fullmatch(bare)
        if found:
            entries.append(Entry(f"{found[1]} {found[2]}", "root", found[4]))
        else:
            strange[number] = bare
    return entries, strange


def observe(item: Item, node: Node) -> Observed:
    """The entries of a file, of a folder of scripts, or of a user's own table; of all only those that match."""
    entries, strange = _entries(item.key, node)
    wanted = _pattern(item)
    entries = [entry for entry in entries if wanted.search(entry.command)]
    values = {**_told(entries), "mistakes": len(strange)}
    misread = [number for number, line in strange.items() if _may_match(wanted, line)]
    if misread and ("matching" in item.parameters or not entries):
        reason = CannotTell(f"line {misread[0]} may be an entry that is looked for, and is not understood")
        values = {**dict.fromkeys(values, reason), "mistakes": len(strange)}
    shown: dict[str, Callable[[], str]] = {
        name: lambda: "; ".join(map(_briefly, entries)) or "none" for name in ("entries", "commands")
    }
    return Observed(values, exists=bool(entries), note=_note(item.key, strange), shown=shown)


def _may_match(wanted: re.Pattern[str], line: str) -> bool:
    """Whether a command in the line would, wherever it begins."""
    return any(wanted.search(line.split(None, words)[-1]) for words in range(_WORDS_BEFORE + 1))


def _told(entries: list[Entry]) -> dict[str, Observation]:
    """The properties of those entries that match."""
    return {
        "count": len(entries),
        "entries": [str(entry) for entry in entries],
        "schedules": [entry.schedule for entry in entries],
        "commands": [entry.command for entry in entries],
        "users": list(dict.fromkeys(entry.user for entry in entries if entry.user)),
    }


def _pattern(item: Item) -> re.Pattern[str]:
    pattern = str(item.parameters.get("matching", ""))
    try:
        if len(pattern) <= limits.regex_chars_max:
            return re.compile(pattern)
    except re.error as error:
        raise CannotTell(f"{pattern[:80]!r} is no regular expression: {error}") from error
    raise CannotTell(f"matching takes a regular expression of at most {limits.regex_chars_max} characters")


def _note(key: str, strange: Strange) -> str:
    folder, _, name = key.rpartition("/")
    if folder == SYSTEM_DIRECTORY and not _RUN_PARTS.fullmatch(name):
        return "Debian's cron passes over a name with other than letters, digits, - and _"
    lines = ", ".join(map(str, list(strange)[:LINES_TOLD]))
    return f"no entry, for which cron may refuse the whole table: line {lines}" if strange else ""


def _briefly(entry: Entry) -> str:
    """Without the program's arguments and environment: some have passwords there."""
    words = [word for word in entry.command.split() if "=" not in word]
    more = " …" if len(entry.command.split()) > 1 else ""
    return " ".join(part for part in (entry.schedule, entry.user, (words[0] if words else "") + more) if part)


def _entries(key: str, node: Node) -> tuple[list[Entry], Strange]:
    if not key.startswith("/"):
        return _own(key, node)
    if key in FOLDERS:
        return _scripts(key, node), {}
    text = _text(key, node)
    if key == ANACRON:
        return parse_anacrontab(text)
    in_spool = any(key.rpartition("/")[0] == spool for spool in SPOOLS)
    return parse_crontab(text, has_users=not in_spool)


def _own(user: str, node: Node) -> tuple[list[Entry], Strange]:
    if not _USER.fullmatch(user):
        raise CannotTell(f"{user[:80]!r} is neither an absolute path nor a user's name")
    for spool in SPOOLS:
        text = _text(f"{spool}/{user}", node)
        if text:
            return parse_crontab(text)
    return [], {}


def _text(path: str, node: Node) -> str:
    try:
        return node.root.written(path)
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _scripts(folder: str, node: Node) -> list[Entry]:
    """What run-parts(8) would run of it."""
    entries = []
    for name in node.root.names(folder):
        if _RUN_PARTS.fullmatch(name):
            try:
                mode = node.root.stat(f"{folder}/{name}").st_mode
            except FileNotFoundError:  # a link that leads nowhere: it is passed over there too
                continue
            if stat.S_ISREG(mode) and mode & 0o111:
                entries.append(Entry(FOLDERS[folder], "root", f"{folder}/{name}"))
    return entries


def discover(node: Node) -> list[str]:
    """All tables, folders of scripts and users that have an entry, as far as they can be seen."""
    users = (name for spool in SPOOLS for name in _names(spool, node) if _USER.fullmatch(name))
    tables = (f"{SYSTEM_DIRECTORY}/{name}" for name in _names(SYSTEM_DIRECTORY, node))
    keys = dict.fromkeys([SYSTEM, ANACRON, *tables, *FOLDERS, *users])
    return [key for key in keys if _has_entries(key, node)]


def _names(folder: str, node: Node) -> list[str]:
    try:
        return node.root.names(folder)
    except PermissionError:  # the users' own are for root alone
        return []


def _has_entries(key: str, node: Node) -> bool:
    try:
        return bool(_entries(key, node)[0])
    except (PermissionError, CannotTell):  # not for us to see, or no table at all
        return False


KIND = Kind(
    "cron",
    title="what cron runs, and when",
    chapter="system",
    key=(
        "a table: /etc/crontab, /etc/cron.d/…, /etc/anacrontab; a folder of scripts: /etc/cron.daily; or a user's "
        "name, for the table of their own"
    ),
    main="count",
    properties={
        "count": Property("number", "how many entries it has"),
        "entries": Property("list", "schedule, user and command; of the command only the program is told"),
        "schedules": Property("list", "five fields, @daily and the like, or of anacron days and minutes of delay"),
        "commands": Property("list", "what is run, word for word; only the program is told"),
        "users": Property("list", "as whom, where the table says so"),
        "mistakes": Property("number", "how many lines are no entry: cron may refuse the whole table for one"),
    },
    parameters={"matching": Parameter("text", "a regular expression: only entries whose command it is found in")},
    default={"count": {"at_least": 1}},
    example={
        "/etc/cron.d/e2scrub_all": {"with": {"matching": "e2scrub_all_cron"}, "expect": {"schedules": ["30 3 * * 0"]}}
    },
    outcomes=(
        "A table that is not there has no entries, and one without entries is absent. An error where it may not be "
        "read (the users' own only by root), is binary, or has `matching`, or without that no entry at all, in a line "
        "that is not understood. Never na. Any root can be looked at."
    ),
    reads=["/etc/crontab", "/etc/cron.d", "/etc/anacrontab", "/etc/cron.daily and the like", "/var/spool/cron"],
    cost="one read of the table",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
