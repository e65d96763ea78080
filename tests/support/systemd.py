"""A real systemd of a test's own: process 1 of private namespaces, with its own /run, network and control group.

All the rest of the machine it sees read-only. It and all that it started end with the `with` block.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.check_cases import CHECKS, REPOSITORY, Finding

BOOT_S_MAX = 60
INIT = "/lib/systemd/systemd"
TARGET = "wanted.target"

# $1: the control group to live in, $2: where that hierarchy belongs, $3: its type, $4: its options, $5: the units.
OUTSIDE = """
echo $$ > "$1/cgroup.procs"
exec unshare --fork --kill-child --pid --mount --uts --ipc --net --cgroup --propagation private sh -euc "$INSIDE" - "$@"
"""
INSIDE = """
mount -t proc proc /proc
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
umount -R /sys/fs/cgroup
[ "$3" = cgroup2 ] || { mount -t tmpfs tmpfs /sys/fs/cgroup; mkdir "$2"; }
mount -t "$3" -o "$4" "$3" "$2"
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/lock /run/tmp
mount -t tmpfs tmpfs /var/tmp
cp -R "$5/." /run/systemd/system/
mount -o remount,bind,ro /
exec env -i container=test NOTIFY_SOCKET="$NOTIFY_SOCKET" PATH="$PATH" \
    /lib/systemd/systemd --system --unit=wanted.target --log-target=null --show-status=no
"""


class Systemd:
    """One that has started everything it should. pid: its number outside."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def run(self, *argv: str, stdin: str = "", code: int | None = 0) -> str:
        """What a program prints that runs beside it. code: how it must end, None: in any way."""
        done = subprocess.run(
            ["nsenter", f"--target={self.pid}", "-m", "-u", "-i", "-n", "-p", "-C", "--", *argv],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            cwd=REPOSITORY,
            env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC", "TMPDIR": "/run/tmp", "PYTHONPATH": str(REPOSITORY)},
        )
        assert code in {None, done.returncode}, f"{argv} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def look(self, items: Iterable[Mapping[str, Any]]) -> list[Finding]:
        """Findings of a request, in the order of its items, of checks that run beside it."""
        asked = [{"id": f"{place}", "timeout_s": 60.0, **item} for place, item in enumerate(items)]
        said = self.run(sys.executable, str(CHECKS / "batch.py"), stdin=json.dumps({"items": asked}))
        found = {line["id"]: line for line in map(json.loads, said.splitlines()) if "id" in line}
        return [found[item["id"]] for item in asked]

    def python(self, code: str) -> Any:
        """What a line of Python returns that is evaluated beside it: plain data. Its imports go by themselves."""
        return json.loads(self.run(sys.executable, "-c", f"import json\nprint(json.dumps({code}))"))


@contextmanager
def booted(units: Mapping[str, str]) -> Iterator[Systemd | None]:
    """A systemd that has loaded the units and started TARGET, one of them; None on a machine where that cannot be done.

    Needed are root, util-linux, a systemd that is installed, and a control group to put it into.
    """
    hierarchy = _hierarchy()
    if os.geteuid() or hierarchy is None or not Path(INIT).exists() or not shutil.which("nsenter"):
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="inspector-systemd-") as folder, _group(hierarchy[0]) as group:
        place = Path(folder, "units")
        place.mkdir()
        for name, text in units.items():
            path = place / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
            ready.bind(f"{folder}/ready")
            with _started([str(group), *hierarchy, str(place)], f"{folder}/ready") as outer:
                pid = _first_child(outer) if _is_ready(ready, outer) else None
                yield None if pid is None else Systemd(pid)


def _hierarchy() -> tuple[str, str, str] | None:
    """The control groups that a systemd of this machine would use: where they are mounted, type and options."""
    found = None
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        fields, _, filesystem = line.partition(" - ")
        place, kind, options = fields.split()[4], filesystem.split()[0], filesystem.split()[-1]
        if kind == "cgroup" and "name=systemd" in options.split(","):
            return place, "cgroup", "none,name=systemd,xattr"
        if kind == "cgroup2" and place == "/sys/fs/cgroup":
            found = (place, "cgroup2", "nsdelegate")
    return found


@contextmanager
def _group(hierarchy: str) -> Iterator[Path]:
    group = Path(tempfile.mkdtemp(prefix="inspector-test-", dir=hierarchy))
    try:
        yield group
    finally:
        for path, _, _ in os.walk(group, topdown=False):
            Path(path).rmdir()


@contextmanager
def _started(arguments: list[str], notified: str) -> Iterator[subprocess.Popen[bytes]]:
    """Ends it by ending the one that holds its namespaces: process 1 ends then, and all of its namespace with it."""
    outer = subprocess.Popen(
        ["sh", "-euc", OUTSIDE, "-", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "INSIDE": INSIDE, "NOTIFY_SOCKET": notified},
    )
    try:
        yield outer
    finally:
        first = _first_child(outer)
        inner = None if first is None else os.pidfd_open(first)
        outer.send_signal(signal.SIGKILL)
        outer.wait()
        if inner is not None:
            assert select.select([inner], [], [], BOOT_S_MAX)[0], "the private systemd does not end"
            os.close(inner)


def _is_ready(ready: socket.socket, outer: subprocess.Popen[bytes]) -> bool:
    """Wait until systemd says that it has started everything, or its process ends."""
    ended = os.pidfd_open(outer.pid)
    try:
        while True:
            if ready.fileno() not in select.select([ready.fileno(), ended], [], [], BOOT_S_MAX)[0]:
                return False
            if b"READY=1" in ready.recv(4096):
                return True
    finally:
        os.close(ended)


def _first_child(outer: subprocess.Popen[bytes]) -> int | None:
    try:
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return None
    return int(children[0]) if children else None
