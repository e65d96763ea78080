"""What the kernel writes in many files of /proc and /sys: ranges of numbers, choices in brackets, sizes in KiB."""

from __future__ import annotations

from checklib import limits
from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from checklib.node import Node

KIB = 1024
MIB = 1024 * 1024
OSRELEASE = "/proc/sys/kernel/osrelease"


def parse_ranges(text: str) -> list[int]:
    """`0-3,7`, also with white space for the comma -> its numbers in order. Raises CannotTell where it is no list."""
    numbers: set[int] = set()
    for part in text.replace(",", " ").split():
        first, dash, last = part.partition("-")
        low, high = parse_number(first), parse_number(last if dash else first)
        if high - low >= limits.range_numbers_max or len(numbers) > limits.range_numbers_max:
            raise CannotTell(f"{part[:40]!r} are more than {limits.range_numbers_max} numbers")
        numbers.update(range(low, high + 1))
    return sorted(numbers)


def format_ranges(numbers: Iterable[int]) -> str:
    """Numbers as the kernel writes a list of them: `0-3,7`."""
    parts: list[list[int]] = []
    for number in sorted(set(numbers)):
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in parts)


def parse_number(text: str) -> int:
    """A whole number that is not negative. Raises CannotTell where the text is something else."""
    bare = text.strip()
    if not (bare.isascii() and bare.isdigit()) or len(bare) > limits.digits_max:
        raise CannotTell(f"{bare[:40]!r} is no number")
    return int(bare)


def parse_choice(text: str) -> str:
    """`always [madvise] never` -> madvise; a text without brackets is its own."""
    _, opening, rest = text.partition("[")
    choice, closing, _ = rest.partition("]")
    return choice.strip() if opening and closing else text.strip()


def parse_meminfo(text: str) -> dict[str, int]:
    """/proc/meminfo, or a NUMA node's -> name -> bytes, or a count where the kernel gives no unit."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        name, colon, rest = line.partition(":")
        words = rest.split()
        if colon and words and name.split() and words[0].isascii() and words[0].isdigit():
            number = int(words[0][: limits.digits_max])
            found[name.split()[-1]] = number * KIB if words[1:] == ["kB"] else number
    return found


def read(node: Node, path: str) -> str | None:
    """A small file's text without the white space around it; None where it is not there."""
    try:
        return node.root.text(path).strip()
    except (FileNotFoundError, NotADirectoryError):
        return None


def read_number(node: Node, path: str) -> int | None:
    """A file that holds one number; None where it is not there. Raises CannotTell where it holds something else."""
    text = read(node, path)
    if text is None:
        return None
    try:
        return parse_number(text)
    except CannotTell as error:
        raise CannotTell(f"{path}: {error}") from error


def numbered(node: Node, directory: str, prefix: str) -> list[int]:
    """The numbers N of all `prefixN` in a directory, in order."""
    names = node.root.names(directory)
    ends = (name[len(prefix) :] for name in names if name.startswith(prefix))
    return sorted(int(end) for end in ends if end.isascii() and end.isdigit() and len(end) <= limits.digits_max)


def pids_of(node: Node, whom: str) -> list[str]:
    """The processes that a name or a pid file (an absolute path) means; none where none runs.

    A name is the kernel's own for a process, else that of its program. Raises CannotTell where a pid file holds no
    number, or others' processes are hidden and none is found among the rest (proc(5), hidepid).
    """
    if whom.startswith("/"):
        text = read(node, whom)
        pid = str(parse_number(text.split("\n")[0])) if text else ""
        return [pid] if pid and node.root.exists(f"/proc/{pid}") else []
    names = node.once("processes by name", lambda: _by_name(node))
    short = whom.encode()[: limits.process_name_bytes].decode("utf-8", "ignore")
    found = (
        names.get(whom, [])
        or names.get(short, [])
        or node.once("processes by program", lambda: _by_program(node)).get(whom, [])
    )
    if not found and not node.root.exists("/proc/1/stat"):
        raise CannotTell(
            f"cannot tell whether {whom[:80]} runs: process 1 is not to be seen, so others may be hidden too"
        )
    return found


def _by_name(node: Node) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pid in pids(node):
        found.setdefault(_of_process(node, pid, "comm").strip(), []).append(pid)
    return found


def _by_program(node: Node) -> dict[str, list[str]]:
    """By the last part of the first argument: java of /usr/lib/jvm/bin/java."""
    found: dict[str, list[str]] = {}
    for pid in pids(node):
        found.setdefault(_of_process(node, pid, "cmdline").split("\0")[0].rpartition("/")[2], []).append(pid)
    return found


def pids(node: Node) -> list[str]:
    """All processes that are to be seen. Raises CannotTell where there are too many to look at."""
    found = [name for name in node.root.names("/proc") if name.isdecimal()]
    if len(found) > limits.processes_max:
        raise CannotTell(f"there are more than {limits.processes_max} processes")
    return found


def _of_process(node: Node, pid: str, file: str) -> str:
    """One of its files; empty where it has ended, or is not ours to look at."""
    try:
        return node.root.text(f"/proc/{pid}/{file}", limits.arguments_bytes_max)
    except (FileNotFoundError, NotADirectoryError, ProcessLookupError, PermissionError):
        return ""
