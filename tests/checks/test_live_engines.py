"""Docker and containerd played at Unix sockets of the test's own: what answers, what does not, and what never ends."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from threading import Event, Thread
from typing import Any

import pytest
from checklib import engines, limits
from checklib.contract import decode_request
from checklib.node import Node

from inspector_lab.tools import locate
from tests.support.check_cases import look, look_at, module

ANY = {"value": {"any": True}}
OK = {"value": {"equals": "ok"}}
# Fields of Docker's Engine API 1.43 (docs.docker.com), values our own.
VERSION = {"Version": "24.0.7", "ApiVersion": "1.43", "MinAPIVersion": "1.12", "Os": "linux"}
INFO = {
    "ID": "f3c1", "Containers": 14, "Driver": "overlay2", "CgroupDriver": "systemd", "CgroupVersion": "2",
    "LoggingDriver": "json-file", "LiveRestoreEnabled": False, "DefaultRuntime": "runc",
    "DockerRootDir": "/var/lib/docker", "SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin"],
}  # fmt: skip


class Server(ThreadingUnixStreamServer):
    """What is told, by path; a status for all else."""

    daemon_threads = True
    told: dict[str, Any] = {}  # noqa: RUF012 - each server is given its own
    asked: list[str] = []  # noqa: RUF012 - the same


class Daemon(BaseHTTPRequestHandler):
    """It answers in chunks, as Go does."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """What there is of this path."""
        self.server.asked.append(self.path)
        body = self.server.told.get(self.path)
        self.send_response(200 if body else 500)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        raw = json.dumps(body or {"message": "no"}).encode()
        for part in (raw[:10], raw[10:]):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def address_string(self) -> str:
        """A Unix socket has none."""
        return ""

    def log_message(self, *_: object) -> None:
        """Nothing is written."""


@contextmanager
def serving(path: Path, told: dict[str, Any]) -> Iterator[Server]:
    """A Docker that tells this."""
    with Server(str(path), Daemon) as server:
        server.told, server.asked = told, []
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def saying(path: Path, parts: Iterator[bytes]) -> Iterator[None]:
    """Somebody who says these things to the first who comes, until nobody listens any more."""
    done = Event()

    def say() -> None:
        listener.settimeout(60)
        line, _ = listener.accept()
        with line:
            line.recv(4096)
            for part in parts:
                try:
                    line.sendall(part)
                except OSError:  # nobody listens any more
                    break
                if done.wait(0.01):
                    break

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = Thread(target=say)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def forever(part: bytes) -> Iterator[bytes]:
    """No end."""
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield part


def test_all_that_docker_tells_is_asked_once(tmp_path: Path) -> None:
    """Two requests for all items; versions have the order of versions."""
    where = {"socket": str(tmp_path / "docker.sock")}
    wanted = {
        "version": {"equals": "24.0.7", "at_least": "9.0"},
        "api": {"at_least": "1.9"},
        "socket": {"equals": "ok"},
        "storage_driver": {"equals": "overlay2"},
        "cgroup_driver": {"equals": "systemd"},
        "cgroup_version": {"at_least": 2},
        "logging_driver": {"one_of": ["json-file", "journald"]},
        "live_restore": {"equals": "false"},
        "runtime": {"equals": "runc"},
        "data_root": {"equals": "/var/lib/docker"},
        "security": {"contains": "name=apparmor"},
    }
    items = [
        {"check": "docker", "key": key, "expect": {"value": one}, "with": where, "timeout_s": 600.0}
        for key, one in wanted.items()
    ]
    with serving(tmp_path / "docker.sock", {"/version": VERSION, "/info": INFO}) as server:
        found = look(items)
        assert [(one["outcome"], one["message"]) for one in found] == [("pass", "")] * len(items)
        assert sorted(server.asked) == ["/info", "/version"]
        found = look([{**items[7], "expect": {"value": {"equals": "true"}}}])
        assert (found[0]["outcome"], found[0]["observed"]) == ("fail", "false")


def test_a_docker_that_tells_nothing(tmp_path: Path) -> None:
    """The socket says why; what it would have told is an error, and what it does not tell is na."""
    path = tmp_path / "docker.sock"
    where = {"socket": str(path)}
    with serving(path, {"/info": {"Driver": "vfs"}}):
        found = look_at("docker", "socket", OK, parameters=where)
        assert (found["outcome"], found["observed"]) == ("fail", "status 500")
        found = look_at("docker", "api", ANY, parameters=where)
        assert (found["outcome"], found["message"]) == ("error", "Docker does not answer: status 500")
        assert look_at("docker", "runtime", {"value": {"absent": True}}, parameters=where)["outcome"] == "na"
    gone = look_at("docker", "socket", OK, parameters=where)
    assert (gone["outcome"], gone["observed"]) == ("fail", "Connection refused")
    path.unlink()
    assert locate("dockerd") or look_at("docker", "socket", OK, parameters=where)["outcome"] == "na"
    found = look_at("docker", "storage_driver", ANY, parameters=where)
    assert (found["outcome"], found["message"]) == ("na", f"no Docker answers: there is no {path}")
    for wrong in ("docker.sock", "/" + 200 * "x"):
        assert look_at("docker", "socket", OK, parameters={"socket": wrong})["outcome"] == "error"


def test_the_version_of_a_docker_that_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of its program, and it is said."""
    if locate("dockerd") is None:
        played(tmp_path, "dockerd", "Docker version 20.10.24+dfsg1, build 5d6db84", monkeypatch)
        where = {"socket": str(tmp_path / "none.sock")}
        found = look_at("docker", "version", {"value": {"at_least": "20.9"}}, parameters=where)
        assert (found["outcome"], found["observed"]) == ("pass", "20.10.24+dfsg1")
        assert found["message"] == "of dockerd: none answers"


@pytest.mark.parametrize(
    ("parts", "state"),
    [
        (iter([b"220 mail.example.com ESMTP\r\n"]), "no HTTP"),
        (iter([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"]), "no HTTP"),
        (iter([b"HTTP/1.1 200 OK\r\n\r\nhello"]), "no JSON"),
        (iter([b"HTTP/1.1 200 OK\r\n\r\n[1]"]), "no JSON"),
        (iter([]), "no HTTP"),
    ],
)
def test_whoever_else_listens_there(parts: Iterator[bytes], state: str, tmp_path: Path) -> None:
    """No Docker, and no mistake of ours."""
    with saying(tmp_path / "s", parts):
        found = look_at("docker", "socket", OK, parameters={"socket": str(tmp_path / "s")})
    assert (found["outcome"], found["observed"]) == ("fail", state)


def test_an_answer_without_an_end(tmp_path: Path) -> None:
    """Byte by byte it is not waited for; and of a flood no more is taken than it may have."""
    with saying(tmp_path / "slow", forever(b"x")):
        assert engines.ask(str(tmp_path / "slow"), "/version", 0.2) == ("no answer in time", "")
    flood = forever(b"x" * (limits.engine_answer_bytes_max // 4))
    with saying(tmp_path / "fast", flood):
        assert engines.ask(str(tmp_path / "fast"), "/version", 20) == ("too long an answer", "")


def listed(check: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What a kind lists here, but for its settings, when its daemon is at this socket."""
    monkeypatch.setattr(getattr(module(check), check.upper()), "socket", str(path))
    with closing(Node(decode_request({"items": []}))) as node:
        return {key for key in module(check).discover(node) if not key.startswith("config.")}


def test_only_what_is_told_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is listed is there."""
    path = tmp_path / "s"
    assert listed("docker", path, monkeypatch) == set()
    assert listed("containerd", path, monkeypatch) == set()
    with serving(path, {"/version": VERSION, "/info": {"Driver": "vfs", "DefaultRuntime": ""}}):
        keys = listed("docker", path, monkeypatch)
        assert keys == {"version", "api", "socket", "storage_driver"}
        assert {look_at("docker", key, ANY, parameters={"socket": str(path)})["outcome"] for key in keys} == {"pass"}
        assert listed("containerd", path, monkeypatch) == {"socket"}
    assert listed("docker", path, monkeypatch) == {"socket"}  # it refuses, which can be told


def test_containerd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version of a program of its name; whether anybody listens."""
    if locate("containerd") is None:
        assert look_at("containerd", "version", ANY)["message"] == "there is no containerd here"
        played(tmp_path, "containerd", "containerd containerd.io v1.7.22 7f7fdf5", monkeypatch)
        found = look_at("containerd", "version", {"value": {"at_least": "1.7.3"}})
        assert (found["outcome"], found["observed"]) == ("pass", "1.7.22")
    path = tmp_path / "containerd.sock"
    where = {"socket": str(path)}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        assert look_at("containerd", "socket", OK, parameters=where)["outcome"] == "pass"
    gone = look_at("containerd", "socket", OK, parameters=where)
    assert (gone["outcome"], gone["observed"]) == ("fail", "Connection refused")


def played(place: Path, name: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of this name on PATH."""
    program = place / name
    program.write_text(f"#!{sys.executable}\nprint({says!r})\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(place), prepend=":")
