"""A kubelet played by a small program of its name: its flags, its version, and its health port as it answers."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inspector_lab.tools import locate
from tests.support.check_cases import look_at, plant

ANY = {"any": True}
DAYS = 30

PLAYED = """#!{python}
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

if "--version" in sys.argv:
    print("Kubernetes v1.28.15-gke.100")
    raise SystemExit
status = int(sys.argv[1].partition("=")[2])


class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(status if self.path == "/healthz" else 404)
        self.end_headers()
        self.wfile.write(b"told")

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Health)
print(server.server_port, flush=True)
server.serve_forever()
"""


def planted(place: Path, name: str) -> Path:
    """The program, which the kernel calls as its file is called."""
    program = place / name
    program.write_text(PLAYED.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    return program


@contextmanager
def running(program: Path, *arguments: str) -> Iterator[int]:
    """It runs, and answers at this port."""
    with subprocess.Popen([str(program), *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("status", "outcome", "observed"), [(200, "pass", "ok"), (500, "fail", "status 500"), (0, "fail", "no HTTP")]
)
def test_health_is_asked_where_the_flag_says(status: int, outcome: str, observed: str, tmp_path: Path) -> None:
    """The process that is called kubelet has the flag; another one has the port."""
    with (
        running(planted(tmp_path, "listens"), f"--status={status}") as port,
        running(planted(tmp_path, "kubelet"), "--status=200", f"--healthz-port={port}"),
    ):
        found = look_at("kubelet", "health", {"value": {"equals": "ok"}})
        assert (found["outcome"], found["observed"]) == (outcome, observed)
        flag = look_at("kubelet", "flag.healthz-port", {"value": {"equals": str(port)}})
        assert (flag["outcome"], flag["observed"]) == ("pass", str(port))
        assert look_at("kubelet", "flag.status", {"value": ANY})["observed"] == "200"


def test_a_health_port_that_nobody_has(tmp_path: Path) -> None:
    """A flag may name any; and 0, which means none."""
    with running(planted(tmp_path, "kube-proxy"), "--status=200", "--healthz-bind-address=127.0.0.1:1"):
        found = look_at("kube_proxy", "health", {"value": {"equals": "ok"}})
        assert (found["outcome"], found["observed"]) == ("fail", "Connection refused")
    with running(planted(tmp_path, "kube-proxy"), "--status=200", "--healthz-bind-address=0"):
        found = look_at("kube_proxy", "health", {"value": {"equals": "ok"}})
        assert (found["outcome"], found["message"]) == ("na", "kube-proxy is told to have no health port")


def test_the_version_is_that_of_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And has the order of versions: 1.28 is after 1.9."""
    if locate("kubelet") is None:
        assert look_at("kubelet", "version", {"value": ANY})["message"] == "there is no kubelet here"
        planted(tmp_path, "kubelet")
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
        found = look_at("kubelet", "version", {"value": {"at_least": "1.9", "equals": "1.28.15-gke.100"}})
        assert (found["outcome"], found["observed"]) == ("pass", "1.28.15-gke.100")


def test_the_certificate_has_the_days_that_openssl_gave_it(tmp_path: Path) -> None:
    """Its key lies beside it in the same file, and is passed over."""
    root = plant(tmp_path / "root", {})
    pki = root / "var/lib/kubelet/pki"
    pki.mkdir(parents=True)
    file = pki / "kubelet-client-current.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=system:nodes/CN=system:node:n1",
         "-days", str(DAYS), "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "certificate")],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_text((tmp_path / "key").read_text() + (tmp_path / "certificate").read_text(), encoding="utf-8")
    days = {"between": [DAYS - 1, DAYS]}
    found = look_at("kubelet", "certificate", {"days_left": days, "value": {"contains": "system:node:n1"}}, root)
    assert found["outcome"] == "pass", found
    assert look_at("kubelet", "certificate", {"days_left": {"at_least": DAYS + 1}}, root)["outcome"] == "fail"
