"""Names to addresses as the machine's resolver does it, in bounded time: hosts(5), resolv.conf(5), own questions.

getaddrinfo(3) cannot be interrupted: a dead nameserver would hold it for 5 s and more, whatever an item's time is. No
other name service is asked: no mDNS, no directory.
"""

from __future__ import annotations

import time

from checklib import dnswire, limits
from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from checklib.node import Node

    Server = tuple[str, int]

HOSTS, RESOLV_CONF = "/etc/hosts", "/etc/resolv.conf"
PORT = 53
_NDOTS_MAX = 15  # resolv.conf(5)
_KINDS = (dnswire.A, dnswire.AAAA)
_ROUNDS = 2  # a question that is not answered is asked again at half of its time


class Config:
    """resolv.conf(5). ndots: with so many dots a name is first taken as it stands."""

    __slots__ = ("ndots", "options", "search", "servers")

    def __init__(self) -> None:
        self.servers: list[str] = []
        self.search: list[str] = []
        self.options: list[str] = []
        self.ndots = 1


class Found:
    """What a look-up found.

    addresses  in the order of hosts or of the answer, IPv4 first; empty: the name has none
    is_known   false where no nameserver has told
    notes      what went wrong, for people
    """

    __slots__ = ("addresses", "is_known", "notes")

    def __init__(self, addresses: list[str], *, is_known: bool, notes: Sequence[str] = ()) -> None:
        self.addresses = addresses
        self.is_known = is_known
        self.notes = list(dict.fromkeys(notes))


def parse_resolv_conf(text: str) -> Config:
    """Of several lines for the domains searched the last counts; options add up."""
    config = Config()
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or line[0] in "#;":
            continue
        if words[0] == "nameserver":
            config.servers.append(words[1])
        elif words[0] in {"search", "domain"}:
            config.search = words[1:] if words[0] == "search" else words[1:2]
        elif words[0] == "options":
            config.options += words[1:]
    for option in config.options:
        name, _, value = option.partition(":")
        if name == "ndots" and value.isascii() and value.isdecimal():
            config.ndots = min(int(value[:3]), _NDOTS_MAX)
    return config


def parse_hosts(text: str) -> dict[str, list[str]]:
    """hosts(5): name in small letters -> its addresses, each once."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        for name in words[1:]:
            addresses = found.setdefault(name.lower(), [])
            if words[0] not in addresses:
                addresses.append(words[0])
    return found


def is_address(text: str) -> bool:
    """Whether it is an address and no name; an IPv6 one may have its interface behind it."""
    import socket

    try:
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text.partition("%")[0])
    except (OSError, ValueError):
        return False
    return True


def config_of(node: Node) -> Config:
    """The root's own resolv.conf, read once; without one the machine itself is the nameserver (resolv.conf(5))."""

    def read() -> Config:
        try:
            return parse_resolv_conf(node.root.written(RESOLV_CONF))
        except FileNotFoundError:
            return Config()

    return node.once("resolv.conf", read)


def addresses_of(name: str, node: Node, deadline: float) -> Found:
    """What a name leads to: itself where it is an address, then hosts, then DNS. deadline: of time.monotonic."""
    if is_address(name):
        return Found([name], is_known=True)
    hosts = node.once("hosts", lambda: _hosts(node)).get(name.rstrip(".").lower())
    if hosts:
        return Found(hosts, is_known=True)
    config = config_of(node)
    servers = [(server, PORT) for server in config.servers[: limits.nameservers_max]] or [("127.0.0.1", PORT)]
    return ask_for(candidates(name, config), servers, deadline)


def _hosts(node: Node) -> dict[str, list[str]]:
    try:
        return parse_hosts(node.root.written(HOSTS))
    except FileNotFoundError:
        return {}


def candidates(name: str, config: Config) -> list[str]:
    """The full names that a name may be short for, in the order in which they are asked for."""
    if name.endswith("."):
        return [name]
    searched = [f"{name}.{domain}" for domain in config.search[: limits.search_max]]
    return [name, *searched] if name.count(".") >= config.ndots else [*searched, name]


def ask_for(names: Sequence[str], servers: Sequence[Server], deadline: float) -> Found:
    """The addresses of the first of the names that has any. Servers are asked in order, as the resolver does.

    The time left is shared by those that may still be asked; who has not answered in it is not asked again.
    """
    silent: dict[Server, str] = {}
    notes: list[str] = []
    is_known = True
    for name in names:
        for place, server in enumerate(servers):
            if server in silent:
                continue
            left = sum(one not in silent for one in servers[place:])
            now = time.monotonic()
            answers = _ask(server, name, now + max(0.0, deadline - now) / left, silent)
            addresses = [address for one in answers for address in one.addresses]
            if addresses:
                return Found(addresses, is_known=True, notes=[*silent.values()])
            codes = {one.code for one in answers}
            if dnswire.NO_SUCH_NAME in codes or (len(answers) == len(_KINDS) and codes == {dnswire.OK}):
                break
            notes += [f"{server[0]} answered {code}" for code in sorted(codes - {dnswire.OK})]
            notes += [f"{server[0]} answered one of two questions"] if len(answers) == 1 else []
        else:
            is_known = False
    return Found([], is_known=is_known, notes=[*silent.values(), *notes])


def _ask(server: Server, name: str, until: float, silent: dict[Server, str]) -> list[dnswire.Answer]:
    """The answers to both questions, IPv4 first; fewer where they do not come. silent: gets who gave none, and why."""
    import socket

    questions = [dnswire.question(number, name, kind) for number, kind in zip(_numbers(), _KINDS)]
    began = time.monotonic()
    answers: dict[bytes, dnswire.Answer] = {}
    try:
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as line:
            line.connect(server)
            for turn in range(1, _ROUNDS + 1):
                for one in questions:
                    if one not in answers:
                        line.send(one)
                _hear(line, questions, answers, began + (until - began) * turn / _ROUNDS)
        for one, told in answers.items():
            if told.is_cut:
                answers[one] = _ask_over_tcp(server, family, one, until)
    except OSError as error:
        silent[server] = f"{server[0]}: {_why(error)}"
    except CannotTell as error:
        silent[server] = f"{server[0]}: {error}"
    if not answers:
        silent.setdefault(server, f"{server[0]} did not answer")
    return [answers[one] for one in questions if one in answers]


def _numbers() -> Iterator[int]:
    """Of questions: nobody must be able to guess them."""
    import os

    raw = os.urandom(4)
    yield from (raw[0] << 8 | raw[1], raw[2] << 8 | raw[3])


def _hear(line: socket.socket, questions: Sequence[bytes], answers: dict[bytes, dnswire.Answer], until: float) -> None:
    """Take what comes until all is answered or the time is up; what answers none of the questions is not looked at."""
    import socket

    while len(answers) < len(questions):
        left_s = until - time.monotonic()
        if left_s <= 0:
            return
        line.settimeout(left_s)
        try:
            raw = line.recv(limits.dns_message_bytes)
        except socket.timeout:
            return
        for one in questions:
            told = dnswire.answer(raw, one)
            if told is not None:
                answers[one] = told


def _ask_over_tcp(server: Server, family: int, asked: bytes, until: float) -> dnswire.Answer:
    """An answer too long for UDP."""
    import socket

    with socket.socket(family, socket.SOCK_STREAM) as line:
        line.settimeout(max(0.001, until - time.monotonic()))
        line.connect(server)
        line.sendall(len(asked).to_bytes(2, "big") + asked)
        raw = b""
        while len(raw) < 2 or len(raw) < 2 + int.from_bytes(raw[:2], "big"):
            line.settimeout(max(0.001, until - time.monotonic()))
            chunk = line.recv(limits.dns_message_bytes)
            if not chunk:
                raise CannotTell("it closed the line in the middle of its answer")
            raw += chunk
    told = dnswire.answer(raw[2:], asked)
    if told is None:
        raise CannotTell("its answer is to another question")
    return told


def _why(error: OSError) -> str:
    import socket

    return "no answer in time" if isinstance(error, socket.timeout) else error.strerror or str(error)
