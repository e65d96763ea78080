"""Real plugins of monitoring-plugins-basic on this machine: exit codes and perfdata, held against what they print."""

from __future__ import annotations

import re
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from inspector_lab.tools import find
from tests.support.check_cases import Finding, look
from tests.support.others import PLAIN

ANY = {"any": True}
STATUS = {0: "ok", 1: "warning", 2: "critical"}
FAR = "99999999999"

# Arguments, exit code, and label -> unit of the perfdata. {ssh}, {ftp}, {http}: ports of this test's own servers.
PLUGINS: list[tuple[list[str], int, dict[str, str]]] = [
    (["check_disk", "-w", "0%", "-c", "0%", "-p", "/"], 0, {"/": "B"}),
    (["check_disk", "-w", "101%", "-c", "100%", "-p", "/"], 2, {"/": "B"}),
    (["check_load", "-w", "1000,1000,1000", "-c", "2000,2000,2000"], 0, {"load1": "", "load5": "", "load15": ""}),
    (["check_users", "-w", "100000", "-c", "200000"], 0, {"users": ""}),
    (["check_procs", "-c", "1:"], 0, {"procs": ""}),
    (["check_procs", "-w", "1:", "-C", "no-such-program"], 1, {"procs": ""}),
    (["check_file_age", "-f", "/etc/passwd", "-w", FAR, "-c", FAR], 0, {"age": "s", "size": "B"}),
    (["check_file_age", "-f", "/etc/passwd", "-w", FAR, "-c", FAR, "-W", "1000000000"], 1, {"age": "s", "size": "B"}),
    (["check_tcp", "-H", "127.0.0.1", "-p", "{ssh}", "-e", "SSH-2.0"], 0, {"time": "s"}),
    (["check_tcp", "-H", "127.0.0.1", "-p", "1"], 2, {}),
    (["check_ssh", "-p", "{ssh}", "127.0.0.1"], 0, {"time": "s"}),
    (["check_ftp", "-H", "127.0.0.1", "-p", "{ftp}"], 0, {"time": "s"}),
    (["check_http", "-I", "127.0.0.1", "-p", "{http}", "-s", "all is well"], 0, {"time": "s", "size": "B"}),
    (["check_http", "-I", "127.0.0.1", "-p", "{http}", "-s", "all is lost"], 2, {"time": "s", "size": "B"}),
    (["check_cluster", "-s", "-l", "web", "-d", "0,0,2", "-w", "0", "-c", "1"], 1, {}),
    (["check_dummy", "2", "broken"], 2, {}),
    (["check_dummy", "3"], 3, {}),
    (["check_ntp_peer"], 3, {}),
    (["check_disk", "--no-such-option"], 3, {}),
    (["negate", "-c", "OK", "{plugins}/check_dummy", "2", "turned round"], 0, {}),
]


@contextmanager
def greeter(words: bytes) -> Iterator[int]:
    """The port of a server on loopback that says these words to everybody."""

    class Greets(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(words)
            self.rfile.read(1)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greets) as server:
        yield from _served(server)


@contextmanager
def web() -> Iterator[int]:
    """The port of a web server on loopback."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"all is well")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's word
            """Nothing on the test's stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        yield from _served(server)


def _served(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def places() -> Iterator[dict[str, str]]:
    """What stands for the words in braces."""
    with greeter(b"SSH-2.0-Test_1\r\n") as ssh, greeter(b"220 ready\r\n") as ftp, web() as http:
        plugins = str(find("check_dummy").parent)
        yield {"ssh": str(ssh), "ftp": str(ftp), "http": str(http), "plugins": plugins}


def looked(argv: list[str], labels: dict[str, str]) -> list[Finding]:
    """Findings of one run: its status, its message, its perfdata, and value and unit of each label."""
    wanted: list[tuple[dict[str, object], dict[str, str]]] = [
        ({"status": ANY}, {}),
        ({"message": ANY}, {}),
        ({"perfdata": ANY}, {}),
    ]
    wanted += [({"value": ANY, "unit": ANY}, {"label": label}) for label in labels]
    return look(
        {"check": "nagios", "key": f"{argv[0]} {place}", "expect": expect, "with": {"argv": argv, **more}}
        for place, (expect, more) in enumerate(wanted)
    )


@pytest.mark.parametrize(("argv", "code", "labels"), PLUGINS, ids=[" ".join(argv)[:60] for argv, _, _ in PLUGINS])
def test_a_real_plugin(argv: list[str], code: int, labels: dict[str, str], places: dict[str, str]) -> None:
    """The verdict is the exit code's, the message is the first line's, and figures are those the plugin printed."""
    words = [word.format(**places) for word in argv]
    program = str(find(words[0]))
    direct = subprocess.run([program, *words[1:]], capture_output=True, check=False, text=True, timeout=60, env=PLAIN)
    assert direct.returncode == code, direct
    status, message, perfdata, *figures = looked([program, *words[1:]], labels)
    if code == 3:
        assert status["outcome"] == "error"
        assert status["message"].startswith("unknown: ")
        return
    assert (status["outcome"], status["observed"]) == ("pass", STATUS[code])
    first = direct.stdout.splitlines()[0].partition("|")[0].strip()
    assert digitless(message["observed"]) == digitless(f"message {first}")
    printed = perfdata["observed"].removeprefix("perfdata ")
    assert len(re.findall("=", printed)) == len(labels), "every label is looked at"
    for (label, unit), figure in zip(labels.items(), figures, strict=True):
        amount = re.search(rf"(?:^| ){re.escape(label)}=([0-9.]+){unit}(;|$)", printed)
        assert amount, (label, printed)
        said = re.fullmatch(r"value ([0-9.]+), unit (.*)", figure["observed"])
        assert said, figure
        assert float(said[1]) == float(amount[1])
        assert said[2] == (unit or '""')


def digitless(text: str) -> str:
    """Without figures, which differ from one run to the next."""
    return re.sub(r"[0-9.]+", "#", text)


def test_at_least_ten_real_plugins_are_tried() -> None:
    """With all exit codes, and figures of most."""
    assert len({argv[0] for argv, _, _ in PLUGINS}) >= 10
    assert {code for _, code, _ in PLUGINS} == {0, 1, 2, 3}
    assert len({argv[0] for argv, _, labels in PLUGINS if labels}) >= 8


def test_items_with_one_plugin_share_its_run(tmp_path: Path) -> None:
    """A plugin that counts its own runs is run once for all labels, and again for other arguments."""
    counter, plugin = tmp_path / "runs", tmp_path / "check_counting"
    plugin.write_text(f"#!/bin/sh\necho run >> {counter}\necho 'OK | a=1s b=2%'\n", encoding="utf-8")
    plugin.chmod(0o755)
    _, _, _, a, b = looked([str(plugin)], {"a": "s", "b": "%"})
    assert (a["observed"], b["observed"]) == ("value 1, unit s", "value 2, unit %")
    assert counter.read_text(encoding="utf-8").count("run") == 1
    looked([str(plugin), "other"], {})
    assert counter.read_text(encoding="utf-8").count("run") == 2
