"""Goss files on this machine: what holds passes, what Goss would find fault with fails, resource by resource."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from config_center.describe import bundled_checks, catalogue_of
from config_center.layers import load_fleet
from tests.support.check_cases import Finding, look
from tests.support.layers import write_files
from tests.support.others import facts, host, told

RESOURCES = ("file", "package", "service", "port", "user", "group", "process", "kernel-param", "mount", "interface",
             "dns", "addr", "http", "command")  # fmt: skip


@pytest.fixture(scope="module")
def web() -> Iterator[int]:
    """The port of a web server on loopback, which leads from /old to /new."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302 if self.path == "/old" else 200)
            self.send_header("Location", "/new")
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(b"all is well\n")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's word
            """Nothing on the test's stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield int(server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


def outcomes(directory: Path, goss: dict[str, Any]) -> dict[str, Finding]:
    """Item id -> finding of all that a Goss file says, read as a layer's and looked at here."""
    files = {"layers/a.yml": "goss: goss.yaml\n", "layers/goss.yaml": yaml.safe_dump(goss)}
    layer = load_fleet(write_files(directory, files), catalogue_of(bundled_checks())).sound().layers[0]
    asked = [
        {
            "id": name,
            "check": name.partition(":")[0],
            "key": name.partition(":")[2],
            "expect": item.expect,
            "with": item.with_,
        }
        for name, item in layer.items.items()
    ]
    return {found["id"]: found for found in look(asked)}


def holds(place: Path, port: int) -> dict[str, Any]:
    """What is so on this machine, as others tell it. place: a file of the test's own."""
    bash, root = host().package("bash"), host().user("root")
    mount = host().mount_point("/proc")
    return {
        "file": {
            str(place): {
                "exists": True, "mode": "0640", "size": place.stat().st_size, "owner": host().file(str(place)).user,
                "group": host().file(str(place)).group, "filetype": "file", "sha256": host().file(str(place)).sha256sum,
                "sha512": told("sha512sum", str(place)).split()[0], "md5": host().file(str(place)).md5sum,
                "uid": host().file(str(place)).uid, "gid": host().file(str(place)).gid,
                "contents": ["alpha", "!delta", "/^be.a$/", "!/^eta/"],
            },
            f"{place}.gone": {"exists": False},
            "/etc/passwd": {
                "exists": True,
                "contents": {"and": [{"contain-element": {"have-prefix": "root:"}}, {"not": {"have-suffix": "~#"}}]},
            },
            "/proc/self": {"exists": True, "filetype": "symlink", "linked-to": {"match-regexp": r"^\d+$"}},
        },
        "package": {"bash": {"installed": True, "versions": [bash.version]}, "no-such": {"installed": False}},
        "port": {f"tcp:{port}": {"listening": True, "ip": ["127.0.0.1"]}, f"tcp6:{port}": {"listening": False}},
        "user": {
            "root": {"exists": True, "uid": root.uid, "gid": root.gid, "groups": root.groups, "home": root.home,
                     "shell": {"have-suffix": root.shell[-2:]}},
            "no-such": {"exists": False},
        },
        "group": {"root": {"exists": True, "gid": host().group("root").gid}, "no-such": {"exists": False}},
        "process": {"sleep": {"running": True}, "no-such": {"running": False}},
        "kernel-param": {"kernel.ostype": {"value": "Linux"},
                         "fs.file-max": {"value": {"ge": int(told("sysctl", "-n", "fs.file-max"))}}},
        "mount": {
            "/proc": {"exists": True, "opts": mount.options[:1], "filesystem": "proc", "source": mount.device},
            "/": {"exists": True, "usage": {"le": 100}},
        },
        "interface": {"lo": {"exists": True, "mtu": facts()["ansible_lo"]["mtu"],
                             "addrs": {"contain-element": "127.0.0.1/8"}}},
        "dns": {"localhost": {"resolvable": True, "addrs": ["127.0.0.1"]}},
        "addr": {f"tcp://127.0.0.1:{port}": {"reachable": True, "timeout": 5000}},
        "http": {
            f"http://127.0.0.1:{port}/old": {
                "status": 200, "body": ["/all is w/"], "headers": ["Content-Type: text/plain"],
            },
            "not followed": {"url": f"http://127.0.0.1:{port}/new", "no-follow-redirects": True, "status": {"lt": 300}},
        },
        "command": {"two words": {"exec": "printf '%s\\n' 'a b' c", "exit-status": 0, "stdout": ["a b", "!/^b/"],
                                  "stderr": ""}},
    }  # fmt: skip


def breaks(place: Path, port: int) -> dict[str, Any]:
    """The same things, of which something else is said."""
    return {
        "file": {
            str(place): {"exists": True, "contents": ["delta"]},
            "/proc/self": {"exists": True, "filetype": "file"},
            f"{place}.gone": {"exists": True},
        },
        "package": {"bash": {"installed": False}, "no-such": {"installed": True}},
        "port": {f"tcp:{port}": {"listening": True, "ip": ["127.0.0.2"]}, f"tcp6:{port}": {"listening": True}},
        "user": {"root": {"exists": True, "uid": {"not": 0}}, "no-such": {"exists": True}},
        "group": {"root": {"exists": True, "gid": {"gt": 0}}, "no-such": {"exists": True}},
        "process": {"no-such": {"running": True}},
        "kernel-param": {"kernel.ostype": {"value": {"not": "Linux"}}},
        "mount": {"/proc": {"exists": True, "filesystem": "ext4"}, "/no-such": {"exists": True}},
        "interface": {"lo": {"exists": True, "mtu": 1}, "no-such0": {"exists": True}},
        "dns": {"localhost": {"resolvable": True, "addrs": ["127.0.0.9"]}},
        "addr": {"tcp://127.0.0.1:1": {"reachable": True}},
        "http": {f"http://127.0.0.1:{port}/old": {"status": 302}},
        "command": {"false": {"exit-status": 0}, "echo x": {"exit-status": 0, "stdout": {"have-prefix": "y"}}},
    }  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A file of some lines."""
    path = tmp_path / "file"
    path.write_text("alpha\nbeta\nzeta\n", encoding="utf-8")
    path.chmod(0o640)
    return path


def test_what_is_so_passes(tmp_path: Path, place: Path, web: int) -> None:
    """Every resource; a service is na where systemd does not run."""
    goss = {**holds(place, web), "service": {"no-such": {"enabled": False, "running": False}}}
    assert set(goss) == set(RESOURCES)
    with subprocess.Popen(["sleep", "1000"]) as sleeper:
        try:
            found = outcomes(tmp_path / "fleet", goss)
        finally:
            sleeper.kill()
    service = found.pop("service:no-such")
    assert service["outcome"] == ("fail" if Path("/run/systemd/system").is_dir() else "na")  # docs/goss.md says so
    assert {name: one for name, one in found.items() if one["outcome"] != "pass"} == {}
    assert len(found) >= 20


def test_what_is_not_so_fails(tmp_path: Path, place: Path, web: int) -> None:
    """Never na, never an error."""
    found = outcomes(tmp_path / "fleet", breaks(place, web))
    assert {name: one for name, one in found.items() if one["outcome"] != "fail"} == {}
    assert {name.partition(":")[0] for name in found} >= set(RESOURCES) - {"service", "addr", "kernel-param"}


def test_a_port_of_either_family_is_told_apart_as_goss_does(tmp_path: Path) -> None:
    """One on :: is tcp6 alone."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        port = server.getsockname()[1]
        goss = {"port": {f"tcp6:{port}": {"listening": True, "ip": ["::"]}, f"tcp:{port}": {"listening": False}}}
        assert {one["outcome"] for one in outcomes(tmp_path, goss).values()} == {"pass"}
