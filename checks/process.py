"""Running processes by name: how many, as whom, with which arguments; from /proc below the root."""

from __future__ import annotations

import os
import re

from checklib import limits
from checklib.accounts import name_of
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Parameter, Property
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from checklib.contract import Item
    from checklib.node import Node

GONE = ("X", "x", "Z")  # states of proc_pid_stat(5) in which a process runs no more
NAME_BYTES = 15  # the kernel cuts a process's name after these
FIRST = "/proc/1/stat"
FILE_BYTES_MAX = 2 * 1024 * 1024  # an argument list has at most 2 MiB


class Process:
    """A running process. names: by which it may be asked for; arguments: joined by spaces, empty of a kernel thread."""

    __slots__ = ("arguments", "names", "pid")

    def __init__(self, pid: str, names: frozenset[str], arguments: str) -> None:
        self.pid = pid
        self.names = names
        self.arguments = arguments


def parse_stat(text: str) -> tuple[str, str]:
    """/proc/PID/stat -> (name, state). The name may hold anything, also brackets and white space."""
    _, _, rest = text.partition("(")
    name, _, rest = rest.rpartition(")")
    return name, rest.split()[0] if rest.split() else ""


def parse_cmdline(raw: bytes) -> list[str]:
    """/proc/PID/cmdline -> arguments. A process that has renamed itself has one text, perhaps with spaces behind."""
    return raw.decode("utf-8", "replace").rstrip("\0 ").split("\0") if raw.strip(b"\0 ") else []


def parse_uid(text: str) -> int:
    """/proc/PID/status -> the effective user's number, as ps(1) shows it."""
    for line in text.splitlines():
        if line.startswith("Uid:"):
            return int(line.split()[2])
    raise CannotTell("a process's status names no user")


def parse_process(pid: str, stat: str, cmdline: bytes) -> Process | None:
    """A process out of its files; None where it runs no more."""
    name, state = parse_stat(stat)
    if state in GONE:
        return None
    arguments = parse_cmdline(cmdline)
    called = arguments[0].rpartition("/")[2] if arguments else name
    return Process(pid, frozenset((name, called)), " ".join(arguments))


def _processes(node: Node) -> list[Process]:
    """All processes, looked at once for all items of a request."""
    pids = [name for name in node.root.names("/proc") if name.isdecimal()]
    if not pids:
        raise NotApplicable(f"there are no processes in /proc{node.root.whereabouts()}")
    if len(pids) > limits.processes_max:
        raise CannotTell(f"there are more than {limits.processes_max} processes")
    _hold_to_all(node)
    if node.root.is_host:
        pids = [pid for pid in pids if pid != str(os.getpid())]  # who looks does not count itself
    return list(_alive(node, pids))


def _hold_to_all(node: Node) -> None:
    """Where there are processes there is process 1. Raises CannotTell where it may not be seen: nor may others then.

    proc(5), hidepid: 1 lists other users' processes and keeps their files closed, 2 and 4 do not even list them.
    """
    try:
        node.root.text(FIRST, FILE_BYTES_MAX)
    except (FileNotFoundError, ProcessLookupError, PermissionError) as error:
        raise CannotTell(
            f"cannot tell which processes run{node.root.whereabouts()}: process 1 is not to be seen, so that others "
            f"may be hidden too (hidepid, see proc(5))"
        ) from error


def _alive(node: Node, pids: list[str]) -> Iterator[Process]:
    for pid in pids:
        try:
            stat = node.root.text(f"/proc/{pid}/stat", FILE_BYTES_MAX)
            process = parse_process(pid, stat, node.root.read(f"/proc/{pid}/cmdline", FILE_BYTES_MAX))
        except (FileNotFoundError, ProcessLookupError):  # it has ended since
            continue
        if process is not None:
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


def observe(item: Item, node: Node) -> Observed:
    """The processes of that name, or of its first 15 bytes, which are all that the kernel keeps of a long one."""
    names = {item.key, item.key.encode()[:NAME_BYTES].decode("utf-8", "ignore")}
    matching, owner = _matching(item), item.parameters.get("owned_by")
    processes = node.once("processes", lambda: _processes(node))
    found = [one for one in processes if names & one.names and matching.search(one.arguments)]
    users: list[str] = []
    if found and (owner is not None or "user" in item.expect):
        known = [(one, _user(node, one)) for one in found]
        kept = [(one, user) for one, user in known if user and owner in {None, user}]
        found, users = [one for one, _ in kept], [user for _, user in kept]
    return Observed(
        {
            "count": len(found),
            "user": " ".join(sorted(set(users))) if found else None,
            "args": "\n".join(one.arguments for one in found) if found else None,
        },
        exists=bool(found),
    )


KIND = Kind(
    "process",
    title="running processes",
    chapter="software",
    key="the program's name, as the kernel or its first argument has it",
    main="count",
    properties={
        "count": Property("number", "how many run; zombies do not"),
        "user": Property("word", "the users they run as, in order, with a space between"),
        "args": Property("word", "their argument lists, one a line"),
    },
    parameters={
        "matching": Parameter("text", "count only those whose arguments this regular expression is found in"),
        "owned_by": Parameter("text", "count only those of this user"),
    },
    default={"count": {"at_least": 1}},
    example={"java": {"with": {"matching": "kafka.Kafka"}, "equals": 1, "expect": {"user": "kafka"}}},
    outcomes=(
        "na where there is no /proc; an error where processes of others are hidden. Any root with a /proc can be "
        "looked at."
    ),
    reads=["/proc/PID"],
    cost="two small reads a process of the node, once for all items together",
    observe=observe,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
