"""What the kernel said since boot: of /dev/kmsg, or of the log file that a syslog daemon keeps of it.

Only the kernel's own records count: a program may write into the same log, and is not believed.
"""

from __future__ import annotations

import errno
import os
import re

from checklib import limits
from checklib.errors import CannotTell, NotApplicable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.node import Node

KMSG = "/dev/kmsg"
FILES = ("/var/log/kern.log", "/var/log/messages", "/var/log/syslog", "/var/log/dmesg")
DOCKER_FILE = "/var/log/docker.log"  # where there is no journal
_DOCKER_SAYS = "failed to register layer|readlink /var/lib/docker/overlay2|container process is already dead"
_DOCKER_LINES = 200
FIRST = "Linux version "  # the first that a kernel says
_RECORD_BYTES = 8192  # the kernel makes no longer one
_FACILITY = 3  # the bits of a priority below the facility, which is 0 for the kernel
# `Nov 20 08:29:01 host kernel: [    1.500000] text`, the same with an ISO date or without a time since boot, or bare.
_LINE = re.compile(
    r"(?:(?P<tag>(?:[A-Z][a-z]{2} [ \d]\d [\d:]{8}|\d{4}-\d\d-\d\dT\S{1,40}) \S{1,255} kernel: ))?"
    r"(?:\[ {0,12}(?P<s>\d{1,12})\.(?P<us>\d{6})\] )?(?P<text>.*)"
)


class Record:
    """One message. order: grows with each, from one look to the next too; None: the log does not tell."""

    __slots__ = ("order", "text")

    def __init__(self, order: int | None, text: str) -> None:
        self.order = order
        self.text = text


class Log:
    """All messages of this boot that are still there.

    source    the file they come from
    is_whole  whether they go back to the boot
    """

    __slots__ = ("_all", "is_whole", "records", "source")

    def __init__(self, source: str, records: list[Record], *, is_whole: bool) -> None:
        self.source = source
        self.records = records
        self.is_whole = is_whole
        self._all = "\n".join(record.text for record in records)

    def holds(self, words: str) -> bool:
        """Whether any message has these words: most logs hold none of what one looks for."""
        return words in self._all


def of(node: Node) -> Log:
    """The kernel's log, read once for all items. Raises NotApplicable where there is none, OSError, CannotTell."""
    return node.once("kernel log", lambda: _read(node))


def _read(node: Node) -> Log:
    if node.root.is_host and node.root.exists(KMSG):
        try:
            return of_kmsg()
        except PermissionError as error:  # kernel.dmesg_restrict: a log file may tell
            refused: PermissionError | None = error
    else:
        refused = None
    for path in FILES:
        if node.root.exists(path):
            text, is_all = node.root.tail(path)
            log = of_lines(path, text, is_all=is_all)
            if log.records:  # a file that was just begun anew, or is something else, tells nothing
                return log
    if refused:
        raise refused
    raise NotApplicable(f"no log holds a line of the kernel's: neither {KMSG} nor {FILES[0]}{node.root.whereabouts()}")


def of_kmsg() -> Log:
    """All records that /dev/kmsg still holds. Raises OSError, CannotTell."""
    raws: list[bytes] = []
    kmsg = os.open(KMSG, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        raw = _next(kmsg)
        while raw is not None and len(raws) <= limits.kernel_records_max:
            raws.append(raw)
            raw = _next(kmsg)
    finally:
        os.close(kmsg)
    if len(raws) > limits.kernel_records_max:
        raise CannotTell(f"{KMSG} holds more than {limits.kernel_records_max} records")
    whole = bool(raws) and raws[0].partition(b";")[0].split(b",")[1:2] == [b"0"]
    return Log(KMSG, [one for raw in raws if (one := parse_record(raw.decode("utf-8", "replace")))], is_whole=whole)


def _next(kmsg: int) -> bytes | None:
    """The next record; None where there is none yet. One that was overwritten meanwhile is empty."""
    try:
        return os.read(kmsg, _RECORD_BYTES)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno == errno.EPIPE:
            return b""
        raise


def parse_record(text: str) -> Record | None:
    """`6,123,4567,-;text`, then lines of details: priority, sequence number. None where it is not of the kernel."""
    head, _, rest = text.partition(";")
    fields = head.split(",")
    if len(fields) < 3 or not all(one.isascii() and one.isdecimal() and len(one) <= 20 for one in fields[:2]):
        return None
    if int(fields[0]) >> _FACILITY:
        return None
    return Record(int(fields[1]), rest.partition("\n")[0])


def of_lines(path: str, text: str, *, is_all: bool) -> Log:
    """A log file's last lines, from the last boot on."""
    records: list[Record] = []
    is_whole = False
    for line in text.split("\n"):
        record = parse_line(line)
        if record is None:
            continue
        if record.text.startswith(FIRST):
            records, is_whole = [], True
        records.append(record)
    return Log(path, records, is_whole=is_whole or (is_all and path.endswith("dmesg")))


def parse_line(text: str) -> Record | None:
    """A line of a log file: of the kernel if it is tagged so, or has nothing before the time since boot."""
    found = _LINE.match(text)
    if found is None or not (found["tag"] or found["s"]):
        return None
    return Record(int(found["s"] + found["us"]) if found["s"] else None, found["text"])


def of_docker(node: Node, timeout_s: float) -> Log:
    """What dockerd said of broken images and containers: of its log file, or of the journal of this boot.

    Raises NotApplicable where there is neither.
    """
    if node.root.exists(DOCKER_FILE):
        text, is_all = node.root.tail(DOCKER_FILE)
        if not text.strip("\0 \t\r\n"):
            raise NotApplicable(f"{DOCKER_FILE}{node.root.whereabouts()} has no line: it was just begun anew")
        return Log(DOCKER_FILE, [Record(None, line) for line in text.splitlines()], is_whole=is_all)
    if not (node.root.exists("/usr/bin/dockerd") or node.root.exists("/usr/sbin/dockerd")):
        raise NotApplicable(f"there is no dockerd{node.root.whereabouts()}")
    asked = ["-b", "-t", "dockerd", "-g", _DOCKER_SAYS, "-o", "short-unix", "-n", str(_DOCKER_LINES)]
    ended = node.tool("journalctl", "--no-pager", "-q", *asked, timeout_s=timeout_s)
    if ended.code not in {0, 1} or (ended.code and ended.stderr.strip()):  # 1 and no word: no line has these words
        raise CannotTell(f"journalctl ended with {ended.code}: {ended.stderr.strip()[:120]}")
    records = [one for line in ended.stdout.splitlines() if (one := parse_journal(line))]
    return Log("the journal", records, is_whole=len(records) < _DOCKER_LINES)


def parse_journal(text: str) -> Record | None:
    """`1700000000.123456 host dockerd[7]: text` of journalctl; None where it is something else."""
    found = re.match(r"(?P<s>\d{1,12})\.(?P<us>\d{6}) \S{1,255} [^\s:]{1,80}: (?P<text>.*)", text)
    return Record(int(found["s"] + found["us"]), found["text"]) if found else None
