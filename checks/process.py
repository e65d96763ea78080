"""Running processes by name, or all of a node: how many, as whom, how old, in which state; from the root's /proc."""

from __future__ import annotations

import os
import re

from checklib import kernelfs, limits, matchers, systemd
from checklib.accounts import accounts, name_of
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Parameter, Property
from checklib.values import Cut, Observed, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.values import Observation

ALL = "*"
GONE = ("X", "x")  # states of proc_pid_stat(5) in which a process is as good as not there
ZOMBIE, BLOCKED = "Z", "D"
FIRST, UPTIME = "/proc/1/stat", "/proc/uptime"
THREADS, STARTED = 17, 19  # places of num_threads and starttime behind the name
# Matchers that hold for what is seen, however much else is hidden.
CERTAIN = {"count": {"at_least", "any"}, "args": {"contains", "matches", "any"}, "user": {"contains", "matches", "any"}}


class Process:
    """A process. names: by which it may be asked for; arguments: joined by spaces, empty of a kernel thread.

    started_s  when, since the machine started; it and the number of threads are None where the file does not say
    """

    __slots__ = ("arguments", "names", "pid", "started_s", "state", "threads")

    def __init__(self, pid: str, stat: str, arguments: list[str]) -> None:
        name, self.state, self.threads, ticks = parse_stat(stat)
        called = arguments[0].rpartition("/")[2] if arguments else name
        self.pid = pid
        self.names = frozenset((name, called))
        self.arguments = " ".join(arguments)
        self.started_s = None if ticks is None else ticks / os.sysconf("SC_CLK_TCK")


class Seen:
    """All processes that can be seen. whole: whether no other's are hidden."""

    def __init__(self, processes: list[Process], *, whole: bool) -> None:
        self.processes = processes
        self.whole = whole


def parse_stat(text: str) -> tuple[str, str, int | None, int | None]:
    """/proc/PID/stat -> name, state, number of threads, clock ticks at its start. The name may hold anything."""
    _, _, rest = text.partition("(")
    name, _, rest = rest.rpartition(")")
    fields = rest.split()
    numbers = [fields[place] if len(fields) > place else "" for place in (THREADS, STARTED)]
    threads, ticks = (
        int(one) if one.isascii() and one.isdigit() and len(one) <= limits.digits_max else None for one in numbers
    )
    return name, fields[0] if fields else "", threads, ticks


def parse_uptime(text: str) -> float:
    """/proc/uptime -> seconds since the machine started."""
    try:
        return float(text.split(maxsplit=1)[0])
    except (IndexError, ValueError) as error:
        raise CannotTell(f"{UPTIME} holds no time") from error


def parse_cmdline(raw: bytes) -> list[str]:
    """/proc/PID/cmdline -> arguments. A process that has renamed itself has one text, perhaps with spaces behind."""
    return raw.decode("utf-8", "replace").rstrip("\0 ").split("\0") if raw.strip(b"\0 ") else []


def parse_uid(text: str) -> int:
    """/proc/PID/status -> the effective user's number, as ps(1) shows it."""
    fields = next((line.split() for line in text.split("\n") if line.startswith("Uid:")), [])
    if len(fields) < 3 or not fields[2].isdecimal() or len(fields[2]) > limits.digits_max:
        raise CannotTell("a process's status names no user")
    return int(fields[2])


def _look(node: Node) -> Seen:
    """All processes, looked at once for all items of a request."""
    pids = kernelfs.pids(node)
    if not pids:
        raise NotApplicable(f"there are no processes in /proc{node.root.whereabouts()}")
    if node.root.is_host:
        pids = [pid for pid in pids if pid != str(os.getpid())]  # who looks does not count itself
    processes = list(_there(node, pids))
    if processes and not any(process.state for process in processes):
        raise CannotTell(f"the files in /proc tell of no process{node.root.whereabouts()}")
    return Seen(processes, whole=_sees_first(node))


def _sees_first(node: Node) -> bool:
    """Where there are processes there is process 1. Where it may not be seen, others may be hidden too.

    proc(5), hidepid: 1 lists other users' processes and keeps their files closed, 2 and 4 do not even list them.
    """
    try:
        node.root.text(FIRST)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return False
    return True


def _there(node: Node, pids: list[str]) -> Iterator[Process]:
    for pid in pids:
        try:
            stat = node.root.text(f"/proc/{pid}/stat")
            arguments = parse_cmdline(node.root.read(f"/proc/{pid}/cmdline", limits.arguments_bytes_max))
        except (FileNotFoundError, ProcessLookupError, PermissionError):  # it has ended since, or is hidden
            continue
        process = Process(pid, stat, arguments)
        if process.state not in GONE:
            yield process


def _user(node: Node, process: Process) -> str:
    try:
        return name_of(node, "user", parse_uid(node.root.text(f"/proc/{process.pid}/status")))
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _matching(item: Item) -> re.Pattern[str]:
    """The regular expression that arguments are searched with."""
    text = item.parameters.get("matching", "")
    if not isinstance(text, str) or len(text) > limits.regex_chars_max:
        raise CannotTell(f"matching takes a regular expression of at most {limits.regex_chars_max} characters")
    try:
        return re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise CannotTell(f"{text!r} is no regular expression: {error}") from error


def outline(arguments: str) -> str:
    """Arguments without what they may give away: the program's name, and names of options."""
    words = arguments.split(" ")
    told = [words[0].rpartition("/")[2]]
    for word in words[1:]:
        name, equals, _ = word.partition("=")
        if word.startswith("--") or (equals and word.startswith("-")):
            told.append(f"{name}=…" if equals else name)
        elif word.startswith("-"):
            told.append(word if len(word) == 2 else f"{word[:2]}…")
        elif told[-1] != "…":
            told.append("…")
    return " ".join(told)


def observe(item: Item, node: Node) -> Observed:
    """The processes of that name, or of its first 15 bytes, which are all that the kernel keeps of a long one."""
    short = item.key.encode("utf-8", "replace")[: limits.process_name_bytes].decode("utf-8", "ignore")
    names, matching, owner = {item.key, short}, _matching(item), item.parameters.get("owned_by")
    seen = node.once("processes", lambda: _look(node))
    found = [one for one in seen.processes if (item.key == ALL or names & one.names) and matching.search(one.arguments)]
    users = {}
    if owner is not None or "user" in item.expect:
        users = {one.pid: _user(node, one) for one in found}
        _hold_named(node, owner, users.values())
        found = [one for one in found if owner in {None, users[one.pid]}]
    alive = [one for one in found if one.state != ZOMBIE]
    values: dict[str, Observation] = {
        "count": len(alive),
        "user": " ".join(sorted({users.get(one.pid, "") for one in alive} - {""})) if alive else None,
        "args": "\n".join(one.arguments for one in alive) if alive else None,
        "threads": sum(one.threads or 0 for one in alive),
        "zombies": len(found) - len(alive),
        "blocked": sum(one.state == BLOCKED for one in alive),
    }
    if {"oldest_s", "youngest_s"} & item.expect.keys():
        values.update(_ages(node, alive))
    if not seen.whole and not alive:
        raise _hidden(node)
    if not seen.whole:
        values = {name: _as_seen(name, value, item, node) for name, value in values.items()}
    said = {"args": lambda: show("\n".join(outline(one.arguments) for one in alive))}
    return Observed(values, exists=bool(alive), shown={**systemd.shown(values), **said})


def _hold_named(node: Node, owner: object, users: Iterable[str]) -> None:
    """Raises CannotTell where a process may be the owner's, and /etc/passwd knows neither by name."""
    if not isinstance(owner, str) or owner.isdecimal() or not any(map(str.isdecimal, users)):
        return
    try:
        is_known = any(one.name == owner for one in accounts(node))
    except (NotApplicable, CannotTell):
        is_known = False
    if not is_known:
        raise CannotTell(f"{owner[:80]} is not in /etc/passwd, and neither is the user of a process that may be theirs")


def _ages(node: Node, alive: list[Process]) -> dict[str, Observation]:
    """How long the oldest and the youngest have run."""
    started = [one.started_s for one in alive if one.started_s is not None]
    if not started:
        return {}
    now_s = node.once("uptime", lambda: parse_uptime(node.root.text(UPTIME)))
    return {"oldest_s": max(0.0, now_s - min(started)), "youngest_s": max(0.0, now_s - max(started))}


def _as_seen(name: str, value: Observation, item: Item, node: Node) -> Observation:
    """A value where others may be hidden: only what holds for those that are seen holds for all."""
    expected = item.expect.get(name, {})
    if isinstance(value, Exception) or not expected.keys() <= CERTAIN.get(name, set()):
        return _hidden(node)
    if isinstance(value, str):
        return Cut(value)
    holds = all(matchers.holds(matcher, value, operand, exists=True) for matcher, operand in expected.items())
    return value if holds else _hidden(node)


def _hidden(node: Node) -> CannotTell:
    return CannotTell(
        f"cannot tell which processes run{node.root.whereabouts()}: process 1 is not to be seen, so that others "
        f"may be hidden too (hidepid, see proc(5))"
    )


def discover(node: Node) -> list[str]:
    """All of them together, and the names of those that are no kernel threads."""
    seen = node.once("processes", lambda: _look(node))
    names = {name for one in seen.processes if one.arguments and one.state != ZOMBIE for name in one.names}
    return [ALL, *sorted(name for name in names if name and name != ALL)] if names and seen.whole else []


KIND = Kind(
    "process",
    title="running processes",
    chapter="software",
    key="the program's name, as the kernel or its first argument has it; * for all processes of the node",
    main="count",
    properties={
        "count": Property("number", "how many run; zombies do not"),
        "user": Property("word", "the users they run as, in order, with a space between"),
        "args": Property("word", "their argument lists, one a line; a finding shows names of options alone"),
        "oldest_s": Property("number", "for how long the one that was started first has run", unit="s"),
        "youngest_s": Property("number", "for how long the one that was started last has run", unit="s"),
        "threads": Property("number", "how many threads they have together"),
        "zombies": Property("number", "how many have ended, and whoever started them has not looked after them"),
        "blocked": Property(
            "number", "how many wait inside the kernel, mostly for a disk (state D), at the moment of looking"
        ),
    },
    parameters={
        "matching": Parameter("text", "count only those whose arguments this regular expression is found in"),
        "owned_by": Parameter("text", "count only those of this user"),
    },
    default={"count": {"at_least": 1}},
    example={
        "java": {"with": {"matching": "kafka.Kafka"}, "equals": 1, "expect": {"user": "kafka"}},
        ALL: {"expect": {"zombies": {"at_most": 10}, "blocked": {"at_most": 20}, "threads": {"at_most": 30_000}}},
    },
    outcomes=(
        "na where there is no /proc. Where process 1 is not to be seen (/proc mounted with hidepid, and the agent not "
        "root), others may be hidden too: that there are some, or at least so many, is then told of those that are "
        "seen, and everything else is an error. Any root with a /proc can be looked at."
    ),
    reads=["/proc/PID/stat, cmdline, status", UPTIME],
    cost="two small reads a process of the node, once for all items together",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
