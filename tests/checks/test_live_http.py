"""Kinds http and tcp against servers that the test starts on loopback, with TLS and without: good, slow, hostile."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from checklib import limits

from tests.support.check_cases import look, look_at
from tests.support.others import ansible, host, told
from tests.support.waiting import PATIENCE_S

ANY = {"any": True}
BIG = 4 * limits.http_body_bytes
DAYS = 30


class Pages(BaseHTTPRequestHandler):
    """A few pages, and some that no server should have."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """By path."""
        _, name, *rest = self.path.split("/")
        getattr(self, f"say_{name}", self.say_missing)(*rest)

    do_HEAD = do_GET  # noqa: N815

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """One answer."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def say_healthz(self) -> None:
        """As a kubelet."""
        self.answer(200, b"ok", X_Served_By="test")

    def say_host(self) -> None:
        """What was asked for, with what."""
        self.answer(200, f"{self.command} {self.headers['Host']} {self.headers.get('X-Token', '-')}".encode())

    def say_missing(self, *_: str) -> None:
        """Not there."""
        self.answer(404, b"no such page")

    def say_to(self, left: str) -> None:
        """So many redirects, then the page."""
        self.answer(302, Location="/healthz" if left == "1" else f"/to/{int(left) - 1}")

    def say_away(self) -> None:
        """Where nothing should follow."""
        self.answer(301, Location="file:///etc/passwd")

    def say_big(self) -> None:
        """More than anyone looks at."""
        self.answer(200, b"begin" + b"x" * BIG + b"end")

    def say_endless(self) -> None:
        """Until the line is closed, which is never."""
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"more ")
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Nowhere."""


@contextmanager
def web(context: ssl.SSLContext | None = None) -> Iterator[str]:
    """host:port of the pages."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        server.daemon_threads = True
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def plain() -> Iterator[str]:
    """Without TLS."""
    with web() as place:
        yield f"http://{place}"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate of 127.0.0.1, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    told(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-days", str(DAYS), "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1",
        "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem",
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def encrypted(certificate: Path) -> Iterator[str]:
    """With TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    with web(context) as place:
        yield f"https://{place}"


def test_what_a_server_answers_is_what_ansible_gets(plain: str) -> None:
    """Status, headers, body."""
    theirs = ansible("uri", f"url={plain}/healthz", "return_content=true")
    expect = {
        "status": {"equals": theirs["status"]},
        "body": {"equals": theirs["content"]},
        "headers": {"contains": [f"x-served-by: {theirs['x_served_by']}", "content-length: 2"]},
        "time_ms": {"at_most": 60_000},
        "certificate_days": {"absent": True},
    }
    finding = look_at("http", f"{plain}/healthz", expect)
    assert finding["outcome"] == "pass", finding
    assert "body 2 characters" in finding["observed"]
    finding = look_at("http", f"{plain}/healthz", {"status": {"equals": 204}, "body": {"equals": "no"}})
    assert (finding["outcome"], finding["observed"]) == ("fail", "status 200, body 2 characters")


def test_a_page_that_is_not_there_is_an_answer(plain: str) -> None:
    """200 is only the default."""
    assert look_at("http", f"{plain}/nothing")["observed"] == "404"
    assert look_at("http", f"{plain}/nothing", {"status": {"equals": 404}})["outcome"] == "pass"


def test_redirects_are_followed_as_far_as_the_item_says(plain: str) -> None:
    """None by default; what they lead to is held to the same rules."""

    def status(path: str, **parameters: int) -> str:
        finding = look_at("http", f"{plain}{path}", {"status": ANY}, parameters=parameters)
        return str(finding["observed"] or finding["message"])

    assert status("/to/1") == "302"
    assert status("/to/3", redirects=2) == "302"
    assert status("/to/3", redirects=3) == "200"
    assert status("/to/20", redirects=10) == "302"
    assert status("/to/1", redirects=11) == "redirects is a number from 0 to 10"
    assert "'file:///etc/passwd' is no URL" in status("/away", redirects=1)


def test_headers_and_method_go_out_as_they_are_written(plain: str) -> None:
    """A virtual host, a token; HEAD has no body; what could change something is refused."""

    def body(**parameters: Any) -> dict[str, Any]:
        return look_at(
            "http", f"{plain}/host", {"body": {"matches": "^GET a.example.com secret$"}}, parameters=parameters
        )

    assert body(headers=["Host: a.example.com", "X-Token: secret"])["outcome"] == "pass"
    assert body(headers=["Host: a.example.com"])["outcome"] == "fail"
    assert "is no header" in body(headers=["Host: a\r\nX-Token: secret"])["message"]
    assert "is no header" in body(headers=["nonsense"])["message"]
    assert "may change something" in body(method="DELETE")["message"]
    assert (
        look_at("http", f"{plain}/host", {"body": {"equals": ""}}, parameters={"method": "HEAD"})["outcome"] == "pass"
    )


@pytest.mark.parametrize("page", ["big", "endless"])
def test_of_a_huge_body_only_the_beginning_is_looked_at(plain: str, page: str) -> None:
    """What may stand in the rest is never taken for absent."""
    finding = look_at("http", f"{plain}/{page}", {"body": {"contains": "e", "lacks": "never"}})
    assert finding["outcome"] == "error"
    assert f"only the first {limits.http_body_bytes} characters were kept" in finding["message"]
    assert look_at("http", f"{plain}/{page}", {"body": {"contains": "e"}})["outcome"] == "pass"
    assert look_at("http", f"{plain}/{page}")["outcome"] == "pass"


def test_a_certificate_has_to_hold(encrypted: str, certificate: Path) -> None:
    """By the system's authorities it does not; by its own it does, for this host; or nobody asks."""
    finding = look_at("http", f"{encrypted}/healthz")
    assert (finding["outcome"], finding["observed"]) == ("fail", "absent")
    assert finding["message"].startswith("its certificate does not hold: self")
    trusting = {"ca": f"{certificate}/cert.pem"}
    expect = {"status": {"equals": 200}, "certificate_days": {"between": [DAYS - 1, DAYS]}}
    assert look_at("http", f"{encrypted}/healthz", expect, parameters=trusting)["outcome"] == "pass"
    elsewhere = encrypted.replace("127.0.0.1", "localhost")
    assert "does not hold: Hostname mismatch" in look_at("http", elsewhere, parameters=trusting)["message"]
    assert look_at("http", f"{encrypted}/healthz", parameters={"verify": False})["outcome"] == "pass"
    finding = look_at("http", f"{encrypted}/healthz", expect, parameters={"verify": False})
    assert (finding["outcome"], finding["observed"]) == ("pass", f"status 200, certificate_days {DAYS - 1}")
    assert "nowhere.pem: No such file" in look_at("http", encrypted, parameters={"ca": "/nowhere.pem"})["message"]


@pytest.mark.parametrize(
    ("ca", "why"),
    [
        ("/nope/ca.pem", "/nope/ca.pem: No such file or directory"),
        ("ca.pem", "'ca.pem' is no absolute path"),
        ("", "'' is no absolute path"),
    ],
)
def test_a_wrong_file_of_authorities_is_told_before_anybody_is_asked(ca: str, why: str) -> None:
    """Nobody listens there, and neither is it told that nobody does, nor does the status pass as absent."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    finding = look_at("http", f"https://127.0.0.1:{port}/", {"status": {"absent": True}}, parameters={"ca": ca})
    assert (finding["outcome"], finding["message"]) == ("error", why)


def test_one_protocol_is_not_the_other(plain: str, encrypted: str) -> None:
    """TLS asked of a server that has none, and the other way round."""
    assert look_at("http", plain.replace("http:", "https:"))["message"].startswith("TLS: ")
    finding = look_at("http", encrypted.replace("https:", "http:"), timeout_s=10)
    assert (finding["outcome"], finding["observed"]) == ("fail", "absent")


@contextmanager
def rude(*pieces: bytes, every_s: float = 0.0) -> Iterator[int]:
    """A port where everyone is sent these pieces and nothing more; the last again and again where every_s is set."""
    over = threading.Event()

    def serve(door: socket.socket) -> None:
        while True:
            line, _ = door.accept()
            if over.is_set():
                line.close()
                return
            with line:
                for piece in pieces:
                    line.sendall(piece)
                while every_s and not over.wait(every_s):
                    try:
                        line.sendall(pieces[-1])
                    except OSError:
                        break
                if not every_s:
                    line.settimeout(20)
                    with suppress(ConnectionError):  # a client that has read enough hangs up on what still comes
                        while line.recv(4096):
                            pass

    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=serve, args=(door,))
        thread.start()
        try:
            yield door.getsockname()[1]
        finally:
            over.set()
            socket.create_connection(door.getsockname()).close()
            thread.join()


@pytest.mark.usefixtures("late_alarm")
@pytest.mark.parametrize(
    ("pieces", "why", "timeout_s"),  # only what is waited for in vain has little time
    [
        ([b"SSH-2.0-OpenSSH_9.2\r\n\r\n"], "it speaks no HTTP: BadStatusLine", 60),
        ([b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200], "it speaks no HTTP: HTTPException", 60),
        ([b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000], "it speaks no HTTP: LineTooLong", 60),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], "it speaks no HTTP: IncompleteRead", 60),
        ([b""], "no answer in time", 1),
        ([b"HTTP/1.1 200 OK\r\n"], "no answer in time", 1),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"], "no answer in time", 1),
    ],
)
def test_what_speaks_no_http_is_told(pieces: list[bytes], why: str, timeout_s: float) -> None:
    """Within the item's time."""
    with rude(*pieces) as port:
        finding = look_at("http", f"http://127.0.0.1:{port}/", {"status": ANY, "body": ANY}, timeout_s=timeout_s)
    assert (finding["outcome"], finding["observed"], finding["message"]) == (
        "fail", "absent", f"{why}; status expected any; body expected any",
    )  # fmt: skip


def test_a_server_that_drips_does_not_stretch_an_items_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then: of a body the time left is looked at, of headers the alarm ends it."""
    began = time.monotonic()
    with rude(b"HTTP/1.1 200 OK\r\n\r\n", b"x", every_s=0.05) as port, monkeypatch.context() as late_alarm:
        late_alarm.setattr(limits, "alarm_grace_s", PATIENCE_S)
        finding = look_at("http", f"http://127.0.0.1:{port}/", {"body": ANY}, timeout_s=1)
        assert (finding["outcome"], finding["message"]) == ("fail", "no answer in time; body expected any")
    with rude(b"HTTP/1.1 200 OK\r\nX: ", b"y", every_s=0.05) as port:
        finding = look_at("http", f"http://127.0.0.1:{port}/", timeout_s=1)
        assert (finding["outcome"], finding["message"]) == ("error", "timeout after 1 s")
    assert time.monotonic() - began < 30


def test_reach_is_what_testinfra_says() -> None:
    """A port that is listened on, by name and by address, and one that is not."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        theirs = host().addr("127.0.0.1").port(port).is_reachable
        items = [
            {"check": "tcp", "key": f"127.0.0.1:{port}", "expect": {"reachable": {"equals": theirs}}},
            {"check": "tcp", "key": f"localhost:{port}", "expect": {"time_ms": {"at_most": 60_000}}},
        ]
        assert theirs
        assert [one["outcome"] for one in look(items)] == ["pass", "pass"]
    finding = look_at("tcp", f"127.0.0.1:{port}")
    assert (finding["outcome"], finding["message"]) == ("fail", "Connection refused; expected true")
    assert look_at("tcp", f"127.0.0.1:{port}", {"reachable": {"absent": True}})["outcome"] == "pass"


@pytest.mark.usefixtures("late_alarm")
def test_a_door_that_nobody_opens_is_not_reachable() -> None:
    """A full queue answers nothing: within the item's time that is told."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        waiting = []
        try:
            for _ in range(4):  # more than the queue takes
                one = socket.socket()
                waiting.append(one)
                one.setblocking(False)
                one.connect_ex(door.getsockname())
            finding = look_at("tcp", f"127.0.0.1:{door.getsockname()[1]}", timeout_s=0.5)
        finally:
            for one in waiting:
                one.close()
    assert (finding["outcome"], finding["message"]) == ("fail", "no answer in time; expected true")
