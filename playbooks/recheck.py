"""Runs on the node, in the second pass: the bundled checks again, past the ring and the agent.

It is fed to `python3 -c` on standard input together with the checks themselves, so that nothing is written on the node:
part by part, each a line with its length in bytes and then the bytes. This file is the first part, read by the command
line; the second holds the checks (zlib, JSON, file name -> source), the third the request:

    {"limit_s": 12, "facts": {...}, "items": [{"id", "check", "key", "expect", "with", "timeout_s"}...],
     "executables": {"raid": "<base64 of the site's own check>"}}

An item's "from_file", property -> matcher -> path, names operands that are read here, below the root, and stay here.
Of an item that is "secret" only the outcome is told.

Out goes one JSON line a finding, as the check contract says. Every item runs in a process of its own that ends with its
time, and everything ends with `limit_s`, whatever becomes of the connection. Standard library only, any Python >= 3.9.
"""

from __future__ import annotations

import base64
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import select
import signal
import sys
import time
import types
import zlib
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, NoReturn

FINDING_BYTES_MAX = 65536
# As the agent bounds them, and as it says it.
SECRET_BYTES_MAX = 4096
UNSAID = "(secret: what the check says of it stays on the node)"
# What the agent gives its checks: a command must not be found here and missed there.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/",
}

CheckAll = Callable[["dict[str, Any]", "Callable[[dict[str, Any]], None]"], None]


# The checks' directory, as they see it. They find one another below it, and it is on no disk.
HERE = "/<checks in memory>"
SOURCES: dict[str, str] = {}


class Loader(importlib.machinery.SourceFileLoader):
    """Loads a module from the sources in memory; never reads or writes compiled files."""

    def get_data(self, path: str) -> bytes:
        """The source of the file at this path below HERE."""
        if path not in SOURCES:
            raise FileNotFoundError(path)
        return SOURCES[path].encode()

    def path_stats(self, path: str) -> NoReturn:
        """No stamp, so nothing is cached."""
        raise FileNotFoundError(path)


class Finder(importlib.abc.MetaPathFinder):
    """Finds what HERE holds, before anything the node has."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002  the import system's signature
        target: types.ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        """The import system's question."""
        stem = f"{HERE}/{fullname.replace('.', '/')}"
        for path_below in (f"{stem}/__init__.py", f"{stem}.py"):
            if path_below in SOURCES:
                loader = Loader(fullname, path_below)
                return importlib.util.spec_from_file_location(fullname, path_below, loader=loader)
        return None


def read_part(feed: BinaryIO) -> bytes:
    """The next length-prefixed part of standard input."""
    return feed.read(int(feed.readline()))


def look_again(request: dict[str, Any], check_all: CheckAll, root: str) -> None:
    """One item after the other, each in its own process; prints its findings as they come."""
    over = time.monotonic() + float(request["limit_s"])
    for item in request["items"]:
        left = over - time.monotonic()
        if left <= 0.1:
            tell(item, "the time for this node was over before this item's turn", "")
            continue
        wanted = dict(request, root=root, items=[item], contract=1)
        wanted.pop("executables", None)
        executable = request.get("executables", {}).get(item["check"])
        # The batch keeps an item's time itself; a little more lets it say so.
        grace = 0.5 if executable is None else 0.0
        look_at(item, wanted, executable, check_all, min(left, float(item["timeout_s"]) + grace))


def look_at(
    item: dict[str, Any], wanted: dict[str, Any], executable: str | None, check_all: CheckAll, seconds: float
) -> None:
    """Run one item in a child process and print its finding; a child still busy when its time is over is ended."""
    reading, writing = os.pipe()
    obstacle, telling = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(reading)
            os.setsid()
            os.nice(10)
            if item.pop("secret", False):
                os.dup2(os.open(os.devnull, os.O_RDWR), 2)
            problem = read_operands(item, wanted["root"])
            if problem:
                os.write(telling, problem.encode("utf-8", "replace"))
            else:
                run_item(wanted, executable, check_all, writing)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    os.close(telling)
    try:
        line = first_finding(reading, item["id"], time.monotonic() + seconds)
        said = line == "" and select.select([obstacle], [], [], 0)[0]
        problem = os.read(obstacle, 1024).decode("utf-8", "replace") if said else ""
    finally:
        os.close(reading)
        os.close(obstacle)
        try:
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            os.kill(pid, signal.SIGKILL)  # it has not come to its setsid
        os.waitpid(pid, 0)
    if line is None:
        tell(item, f"timeout after {seconds:g} s", "error")
    elif not line:
        tell(item, problem or "the check ended without a finding", "error")
    else:
        sys.stdout.write((veiled(line) if item.get("secret") else line) + "\n")
        sys.stdout.flush()


def read_operands(item: dict[str, Any], root: str) -> str:
    """In the child: put what the files hold where their names stand. Why it cannot be done; "" where it is."""
    from checklib.errors import CheckError
    from checklib.root import Root

    for name, files in item.pop("from_file", {}).items():
        for matcher, path in files.items():
            why = ""
            text = ""
            try:
                text = Root(root).read(path, SECRET_BYTES_MAX).decode()
            except UnicodeDecodeError:
                why = "it is no text in UTF-8"
            except OSError as error:
                why = error.strerror or "it cannot be opened"
            except CheckError as error:
                why = str(error)
            if text.endswith("\n"):
                text = text[:-1]
            if text.endswith("\r"):
                text = text[:-1]
            if why or not text:
                return f"not checked: {path}, which holds what is expected, cannot be read: {why or 'it is empty'}"
            lines = [line for line in text.splitlines() if line]
            item["expect"].setdefault(name, {})[matcher] = lines if matcher == "one_of" else text
    return ""


def veiled(line: str) -> str:
    """A finding of a secret item, without what was seen."""
    told = json.loads(line)
    message = UNSAID if told["outcome"] in ("error", "na") else ""
    return json.dumps({"id": told["id"], "outcome": told["outcome"], "message": message})


def run_item(wanted: dict[str, Any], executable: str | None, check_all: CheckAll, writing: int) -> None:
    """In the child: a bundled check as a function, a site's own as a program from memory."""
    os.dup2(writing, 1)
    if executable is not None:
        run_executable(base64.b64decode(executable), json.dumps(wanted).encode())

    def emit(finding: dict[str, Any]) -> None:
        os.write(1, json.dumps(finding).encode() + b"\n")

    check_all(wanted, emit)


def run_executable(program: bytes, request: bytes) -> NoReturn:
    """Become the site's own check: its file and its standard input are in memory only."""
    held = os.memfd_create("check", 0)
    os.write(held, program)
    asked = os.memfd_create("request", 0)
    os.write(asked, request)
    os.lseek(asked, 0, os.SEEK_SET)
    os.dup2(asked, 0)
    # A program cannot be run while it is open for writing; a script's interpreter opens it once more, by this path.
    again = os.open(f"/proc/self/fd/{held}", os.O_RDONLY)
    os.set_inheritable(again, True)  # noqa: FBT003
    os.close(held)
    path = f"/proc/self/fd/{again}"
    os.execv(path, [path])  # noqa: S606


def first_finding(reading: int, name: str, until: float) -> str | None:
    """The child's finding as one line of JSON; "" if it ends without one, None if it is not done in time."""
    held = b""
    while len(held) <= FINDING_BYTES_MAX:
        left = until - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            return None
        more = os.read(reading, 65536)
        held += more
        *whole, _ = held.split(b"\n")
        for line in whole if more else held.split(b"\n"):
            if is_finding(line, name):
                return line.decode("utf-8", "replace")
        if not more:
            return ""
    return ""


def is_finding(line: bytes, name: str) -> bool:
    """Whether this line is the finding of this item, not a start mark nor chatter."""
    try:
        told = json.loads(line)
    except ValueError:
        return False
    return isinstance(told, dict) and told.get("id") == name and "outcome" in told


def tell(item: dict[str, Any], message: str, outcome: str) -> None:
    """Print a finding of our own; without an outcome it is a note the coordinator reads as "not looked at"."""
    note = {"note": item["id"], "why": message}
    print(json.dumps({"id": item["id"], "outcome": outcome, "message": message} if outcome else note), flush=True)


def main() -> None:
    """Read the other parts, load the checks, look again."""
    feed = sys.stdin.buffer
    sources = json.loads(zlib.decompress(read_part(feed)))
    request = json.loads(read_part(feed))
    # A program whose connection is gone must not stay behind on the node.
    signal.alarm(int(request["limit_s"]) + 2)
    os.environ.clear()
    os.environ.update(ENVIRONMENT)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    SOURCES.update((f"{HERE}/{name}", source) for name, source in sources.items())
    sys.meta_path.insert(0, Finder())
    # The batch loads a kind by its path, with this class.
    importlib.machinery.SourceFileLoader = Loader  # type: ignore[misc]
    import batch

    look_again(request, batch.run, sys.argv[1] if len(sys.argv) > 1 else "/")


if __name__ == "__main__":
    main()
