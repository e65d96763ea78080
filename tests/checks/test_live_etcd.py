"""A real etcd on loopback, as its own client would ask it."""

from __future__ import annotations

import json
import socket
import subprocess
from http.client import HTTPConnection
from pathlib import Path

import pytest

from inspector_lab.tools import locate
from tests.support.check_cases import look_at

OK = {"value": {"equals": "ok"}}


def free_port() -> int:
    """One that nobody has now."""
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        port: int = line.getsockname()[1]
        return port


def test_a_real_etcd_is_healthy_until_it_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own word; its version is what it says of itself over HTTP."""
    program = locate("etcd")
    assert program is not None
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    port, peer = free_port(), free_port()
    url, peers = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{peer}"
    where = {"address": f"127.0.0.1:{port}"}
    arguments = [
        "--data-dir", str(tmp_path / "data"), "--listen-client-urls", url, "--advertise-client-urls", url,
        "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", f"default={peers}",
    ]  # fmt: skip
    with subprocess.Popen(
        [str(program), *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as etcd:
        try:
            assert etcd.stderr is not None
            assert any("ready to serve client requests" in line for line in etcd.stderr)
            assert look_at("etcd", "health", OK, parameters=where)["outcome"] == "pass"
            line = HTTPConnection("127.0.0.1", port, timeout=60)
            line.request("GET", "/version")
            version = json.load(line.getresponse())["etcdserver"]
            line.close()
            found = look_at("etcd", "version", {"value": {"equals": version, "at_least": "3.0"}})
            assert (found["outcome"], found["observed"]) == ("pass", version)
        finally:
            etcd.kill()
    gone = look_at("etcd", "health", OK, parameters=where)
    assert (gone["outcome"], gone["observed"]) == ("fail", "Connection refused")
