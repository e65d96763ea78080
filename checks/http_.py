"""What a web server answers: status, headers, body, time, and how long its certificate is still good."""

from __future__ import annotations

import time

from checklib import limits, measured, reaching, tls
from checklib.errors import CannotTell
from checklib.kinds import MAY_SPAWN, Kind, Parameter, Property
from checklib.reaching import Unreachable
from checklib.values import Cut, Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from http.client import HTTPResponse

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.values import Observation

METHODS = ("GET", "HEAD")
PORTS = {"http": 80, "https": 443}
AGENT = "fleet-inspector"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_READ_BYTES = 65_536


class Url:
    """Where to ask. path: with what follows a `?`."""

    __slots__ = ("host", "path", "port", "scheme")

    def __init__(self, scheme: str, host: str, port: int, path: str) -> None:
        self.scheme = scheme
        self.host = host
        self.port = port
        self.path = path


class Answer:
    """What came back. days: the certificate is still good for, None without one."""

    __slots__ = ("body", "days", "headers", "location", "status")

    def __init__(self, status: int, headers: str, location: str, days: Observation) -> None:
        self.status = status
        self.headers = headers
        self.location = location
        self.days = days
        self.body: str = ""


def parse_url(text: str) -> Url:
    """An absolute URL. Raises CannotTell where it is none, or holds a password, which belongs into no key."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise CannotTell(f"{text[:80]!r} is no URL: {error}") from None
    if parts.scheme not in PORTS or not host or not (text.isascii() and text.isprintable()) or " " in text:
        raise CannotTell(f"{text[:80]!r} is no URL: write http://host/path or https://host:port/path, in ASCII")
    if "@" in parts.netloc:
        raise CannotTell("a URL with a user in it would show a password to everyone: send a header instead")
    path = parts.path or "/"
    return Url(parts.scheme, host, port or PORTS[parts.scheme], f"{path}?{parts.query}" if parts.query else path)


def parse_header(line: str) -> tuple[str, str]:
    """`Name: value` -> (name, value). Raises CannotTell where it is no header line."""
    name, colon, value = line.partition(":")
    plain = line.isascii() and line.isprintable() and name.replace("-", "").replace("_", "").isalnum()
    if not colon or not plain:
        raise CannotTell(f"{line[:40]!r} is no header: write Name: value")
    return name, value.strip()


def _open(item: Item, node: Node, url: Url, deadline: float) -> socket.socket:
    """A line to the server that is ready for a question, encrypted where the URL says so."""
    line = reaching.connect(url.host, url.port, node, deadline)
    if url.scheme == "http":
        return line
    try:
        line.settimeout(_left_s(deadline))
        return tls.context(item, node).wrap_socket(line, server_hostname=url.host)
    except BaseException:
        line.close()
        raise


def _left_s(deadline: float) -> float:
    """The time left. Raises Unreachable where it is up."""
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise Unreachable("no answer in time")
    return left_s


def _ask(item: Item, node: Node, url: Url, deadline: float) -> Answer:
    """One question. Raises Unreachable, whatever comes between."""
    from http.client import HTTPException

    lines = item.parameters.get("headers", [])
    headers = dict(parse_header(str(line)) for line in (lines if isinstance(lines, list) else []))
    method = str(item.parameters.get("method", METHODS[0]))
    if method not in METHODS:
        raise CannotTell(f"{method[:20]!r} may change something: only {' and '.join(METHODS)} are asked")
    try:
        with _open(item, node, url, deadline) as line:
            return _exchange(line, url, method, headers, deadline, frozenset(item.expect))
    except OSError as error:
        raise Unreachable(tls.explain(error)) from error
    except HTTPException as error:
        raise Unreachable(f"it speaks no HTTP: {type(error).__name__}") from error


def _exchange(
    line: socket.socket, url: Url, method: str, headers: dict[str, str], deadline: float, wanted: frozenset[str]
) -> Answer:
    """One question and its answer on an open line."""
    from http.client import HTTPConnection

    days = _days(line) if "certificate_days" in wanted else None
    line.settimeout(_left_s(deadline))
    connection = HTTPConnection(url.host, url.port)
    connection.default_port = PORTS[url.scheme]  # the one that is not named in the Host header
    connection.sock = line
    connection.request(method, url.path, headers={"User-Agent": AGENT, "Connection": "close", **headers})
    with connection.getresponse() as response:
        told = "\n".join(f"{name.lower()}: {value}" for name, value in response.getheaders())
        answer = Answer(response.status, told, response.headers.get("location", ""), days)
        if "body" in wanted:
            answer.body = _body(response, line, deadline)
    return answer


def _days(line: socket.socket) -> Observation:
    """Until the server's certificate ends, whole days, whether it holds or not; None where there is none."""
    import ssl

    if not isinstance(line, ssl.SSLSocket):
        return None
    from checklib import x509

    try:
        certificates = x509.read_certificates(line.getpeercert(binary_form=True) or b"")
    except CannotTell as error:
        return error
    return x509.days_between(certificates[0].not_after, time.time()) if certificates else None


def _body(response: HTTPResponse, line: socket.socket, deadline: float) -> str:
    """Its beginning, marked as cut where there is more."""
    raw = bytearray()
    while len(raw) <= limits.http_body_bytes:
        line.settimeout(_left_s(deadline))
        chunk = response.read1(_READ_BYTES)
        if not chunk:
            return raw.decode("utf-8", "replace")
        raw += chunk
    return Cut(raw[: limits.http_body_bytes].decode("utf-8", "replace"))


def _follow(item: Item, node: Node, deadline: float) -> Answer:
    """The answer, after so many redirects as the item allows: if there are more, the next redirect itself."""
    from urllib.parse import urljoin

    allowed = item.parameters.get("redirects", 0)
    if not isinstance(allowed, int) or not 0 <= allowed <= limits.http_redirects_max:
        raise CannotTell(f"redirects is a number from 0 to {limits.http_redirects_max}")
    url = item.key
    for _ in range(allowed):
        answer = _ask(item, node, parse_url(url), deadline)
        if answer.status not in _REDIRECTS or not answer.location:
            return answer
        url = urljoin(url, answer.location)
    return _ask(item, node, parse_url(url), deadline)


def observe(item: Item, node: Node) -> Observed:
    """One question, and the next where it leads elsewhere."""
    parse_url(item.key)
    reaching.hold_to_host(node)
    if tls.is_wanted(item):
        tls.context(item, node)  # a mistake in the item is told before anybody is asked
    began = time.monotonic()
    try:
        answer = _follow(item, node, began + item.timeout_s)
    except Unreachable as reason:
        return reaching.unreached(item, reason, {})
    took_ms = 1000 * (time.monotonic() - began)
    values: dict[str, Observation] = {
        "status": answer.status,
        "time_ms": took_ms,
        "headers": answer.headers,
        "body": answer.body,
        "certificate_days": answer.days,
    }
    return Observed(
        values,
        shown={"time_ms": lambda: measured.about(took_ms), "body": lambda: f"{len(answer.body)} characters"},
    )


KIND = Kind(
    "http",
    title="what a web server answers",
    chapter="network",
    key="the URL, http or https",
    key_begins="http",
    main="status",
    properties={
        "status": Property("number", "the answer's status code; absent where none comes"),
        "body": Property("text", "the answer's body; only its length is ever shown"),
        "headers": Property("text", "the answer's headers, `name: value`, a line each, names in small letters"),
        "time_ms": Property("number", "until the answer was there, with look-up and redirects", unit="ms"),
        "certificate_days": Property("number", "how long the server's certificate is still good", unit="days"),
    },
    parameters={
        "method": Parameter("text", "GET or HEAD; GET if not said"),
        "headers": Parameter("list", "headers to send, each Name: value"),
        "redirects": Parameter(
            "number", f"so many are followed, at most {limits.http_redirects_max}; none if not said"
        ),
        "verify": Parameter("bool", "false: take any certificate; else it has to hold for the host and its authority"),
        **tls.PARAMETERS,
    },
    default={"status": {"equals": 200}},
    example={
        "https://registry.example.com/v2/": {
            "one_of": [200, 401],
            "expect": {"certificate_days": {"at_least": 14}, "time_ms": {"at_most": 500}},
        },
        "http://127.0.0.1:10248/healthz": {"equals": 200, "expect": {"body": "ok"}},
    },
    outcomes=(
        "Where nothing answers in the item's time, a certificate does not hold, or what answers speaks no HTTP, the "
        "status is absent and the reason told; an error where it is to be absent and no nameserver tells anything of "
        "the name. na below another root. No proxy is used. Of the body the first "
        f"{limits.http_body_bytes >> 10} KiB are looked at: what is expected of the rest is an error."
    ),
    reads=[
        "/etc/hosts",
        "/etc/resolv.conf",
        "the network",
        "the authorities that OpenSSL trusts",
        "the files of ca, cert and key",
    ],
    cost="one connection for each redirect; the first https item loads the authorities, some 20 ms of CPU",
    observe=observe,
    effort=MAY_SPAWN,  # it waits for others: after all that only reads
    timeout_s=5.0,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
