"""Kind dns against a nameserver that the test starts on loopback: well-behaved, silent, and hostile."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from checklib import limits, resolving

from tests.support import dns_server
from tests.support.check_cases import REPOSITORY, look_at, module
from tests.support.mounted import RefusedError, inside
from tests.support.others import host

ANY = {"any": True}
TRUE = {"equals": True}


@pytest.fixture(scope="module")
def nameserver() -> Iterator[str]:
    """Where a nameserver of our own is asked."""
    with dns_server.serving() as port:
        yield f"127.0.0.1:{port}"


def ask(name: str, server: str, expect: dict[str, Any] | None = None, timeout_s: float = 60) -> dict[str, Any]:
    """A look-up by one nameserver."""
    return look_at("dns", name, expect, parameters={"server": server}, timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        ("one.example.com", ["192.0.2.1"]),
        ("ONE.example.com.", ["192.0.2.1"]),
        ("both.example.com", ["192.0.2.1", "192.0.2.2", "2001:db8::1"]),
        ("six.example.com", ["2001:db8::6"]),
        ("alias.example.com", ["192.0.2.7"]),
        ("many.example.com", sorted(dns_server.ZONE["many.example.com"])),
    ],
)
def test_names_lead_to_their_addresses(nameserver: str, name: str, addresses: list[str]) -> None:
    """Both families, through an alias, and more than a datagram holds."""
    expect = {"resolves": TRUE, "addresses": {"contains": addresses[:200]}, "time_ms": {"at_most": 60_000}}
    if len(addresses) < limits.list_items_max:
        expect["addresses"] = {"equals": addresses}
    finding = ask(name, nameserver, expect)
    assert finding["outcome"] == "pass", finding
    assert ask(name, nameserver, {"addresses": {"equals": ["192.0.2.200"]}})["outcome"] == "fail"


@pytest.mark.parametrize("name", ["none.example.com", "no-such.example.com"])
def test_a_name_without_addresses_is_absent(nameserver: str, name: str) -> None:
    """Certainly: a nameserver has said so."""
    finding = ask(name, nameserver, {"resolves": {"equals": False}, "addresses": {"absent": True}})
    assert (finding["outcome"], finding["message"]) == ("pass", f"there is no {name}")
    assert ask(name, nameserver)["message"] == f"there is no {name}; expected true"


@pytest.mark.usefixtures("late_alarm")
@pytest.mark.parametrize(
    ("name", "why", "timeout_s"),  # only what is waited for in vain has little time
    [
        (dns_server.FAILING, "127.0.0.1 answered SERVFAIL", 60),
        (dns_server.SILENT, "127.0.0.1 did not answer", 0.5),
        (dns_server.NOT_FOUR, "127.0.0.1 answered one of two questions", 1.5),
        (dns_server.STRANGE, "127.0.0.1 did not answer", 0.5),
        (dns_server.BROKEN, "127.0.0.1: the nameserver's answer is broken", 60),
    ],
)
def test_a_nameserver_that_tells_nothing_is_not_one_that_denies(
    nameserver: str, name: str, why: str, timeout_s: float
) -> None:
    """The name does not resolve, and whether it has addresses is an error; the item's own time is kept."""
    began = time.monotonic()
    finding = ask(name, nameserver, timeout_s=timeout_s)
    assert (finding["outcome"], finding["observed"], finding["message"]) == ("fail", "false", f"{why}; expected true")
    finding = ask(name, nameserver, {"addresses": {"absent": True}}, timeout_s=timeout_s)
    assert (finding["outcome"], finding["message"]) == ("error", f"{why}; no nameserver has told")
    finding = ask(name, nameserver, {"resolves": {"equals": False}}, timeout_s=timeout_s)
    assert (finding["outcome"], finding["message"]) == ("error", f"{why}; no nameserver has told")
    assert time.monotonic() - began < 30


@pytest.mark.usefixtures("late_alarm")
def test_half_an_answer_is_one_if_it_has_addresses(nameserver: str) -> None:
    """A nameserver that is silent about IPv6."""
    finding = ask(dns_server.ONLY_FOUR, nameserver, {"addresses": {"equals": ["192.0.2.4"]}}, timeout_s=1.5)
    assert finding["outcome"] == "pass"


@pytest.mark.parametrize(
    ("name", "outcome"), [(dns_server.FAILING, "error"), ("no-such.example.com", "pass")], ids=["untold", "denied"]
)
def test_what_cannot_be_looked_up_is_not_certainly_out_of_reach(
    nameserver: str, monkeypatch: pytest.MonkeyPatch, name: str, outcome: str
) -> None:
    """A dead resolver proves no firewall; that nothing can be used behind such a name is certain all the same."""
    config = resolving.parse_resolv_conf("nameserver 127.0.0.1")
    monkeypatch.setattr(resolving, "config_of", lambda _: config)
    monkeypatch.setattr(resolving, "PORT", int(nameserver.rpartition(":")[2]))
    key, url = f"{name}.:443", f"http://{name}./"
    for finding in (
        look_at("tcp", key, {"reachable": {"equals": False}}, timeout_s=60),
        look_at("tcp", key, {"reachable": {"absent": True}}, timeout_s=60),
        look_at("http", url, {"status": {"absent": True}}, timeout_s=60),
    ):
        assert finding["outcome"] == outcome, finding
    for finding in (
        look_at("tcp", key, timeout_s=60),
        look_at("tcp", key, {"time_ms": {"at_most": 60_000}}, timeout_s=60),
        look_at("http", url, timeout_s=60),
        look_at("http", url, {"body": {"contains": "x"}}, timeout_s=60),
    ):
        assert finding["outcome"] == "fail", finding


def test_a_closed_port_is_no_nameserver() -> None:
    """Refused at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    finding = ask("one.example.com", f"127.0.0.1:{port}", timeout_s=5)
    assert finding["message"] == "127.0.0.1: Connection refused; expected true"


def test_the_next_nameserver_is_asked_and_short_names_are_completed(nameserver: str) -> None:
    """As resolv.conf(5) has it: a silent one first, the domains in their order, names with dots as they stand first."""
    good = ("127.0.0.1", int(nameserver.rpartition(":")[2]))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        config = resolving.parse_resolv_conf("search no.example.org example.com\n")
        names = resolving.candidates("one", config)
        found = resolving.ask_for(names, [silent.getsockname(), good], time.monotonic() + 6)
    assert names == ["one.no.example.org", "one.example.com", "one"]
    assert (found.addresses, found.is_known, found.notes) == (["192.0.2.1"], True, ["127.0.0.1 did not answer"])
    assert resolving.candidates("a.b", config) == ["a.b", "a.b.no.example.org", "a.b.example.com"]
    assert resolving.candidates("a.b", resolving.parse_resolv_conf("search x\noptions ndots:2\n")) == ["a.b.x", "a.b"]
    assert resolving.candidates("one.", config) == ["one."]


@pytest.mark.parametrize("name", ["ü.example.com", "a..b", "x" * 64 + ".com", ("a" * 60 + ".") * 5])
def test_what_is_no_name_is_an_error(nameserver: str, name: str) -> None:
    """And nobody is asked."""
    assert "cannot be looked up" in ask(name, nameserver)["message"]


@pytest.mark.parametrize("server", ["localhost", "10.0.0.1:0", "10.0.0.1:x", "[::1]", "::1:53:x", ""])
def test_what_is_no_nameserver_is_an_error(server: str) -> None:
    """Nothing is guessed."""
    assert "is no nameserver" in ask("one.example.com", server)["message"]
    assert module("dns").parse_server("fd00::2") == ("fd00::2", 53)
    assert module("dns").parse_server("[fd00::2]:5353") == ("fd00::2", 5353)


RESOLVER = """
ip link set lo up
printf 'nameserver 127.0.0.1\\nsearch example.com\\n' > resolv.conf
printf '127.0.0.1 localhost\\n192.0.2.99 by-hand one-alias # written\\n' > hosts
mount --bind resolv.conf /etc/resolv.conf
mount --bind hosts /etc/hosts
mkfifo ready
{python} {server} 127.0.0.1 53 > ready &
read line < ready
for name in one both.example.com six.example.com by-hand alias.example.com; do
    getent ahosts $name | awk -v name=$name '{{ print name, $1 }}'
done
getent hosts no-such.example.com || echo none
"""


def test_whole_look_ups_are_those_of_getent(tmp_path: Path) -> None:
    """With resolv.conf and hosts, in a namespace of their own, where the test's nameserver has port 53."""
    script = RESOLVER.format(python=sys.executable, server=REPOSITORY / "tests/support/dns_server.py")
    names = ["one", "both.example.com", "six.example.com", "by-hand", "alias.example.com"]
    items: list[dict[str, Any]] = [
        {"check": "dns", "key": name, "expect": {"addresses": ANY}, "timeout_s": 60} for name in names
    ]
    others: list[dict[str, Any]] = [
        {"check": "dns", "key": "no-such.example.com", "expect": {"addresses": {"absent": True}}, "timeout_s": 60},
        {"check": "dns", "key": "resolv.conf", "expect": {"search": {"equals": ["example.com"]}}},
        {"check": "tcp", "key": "localhost:53", "timeout_s": 60},
        {"check": "tcp", "key": "one-alias:53", "timeout_s": 5},
        {"check": "tcp", "key": "no-such.example.com:53", "timeout_s": 60},
    ]
    try:
        found, said = inside(script, [*items, *others], tmp_path, also=["--net"])
    except RefusedError:
        assert look_at("dns", "localhost")["outcome"] == "pass"
        return
    theirs: dict[str, set[str]] = {}
    for line in said.splitlines():
        name, _, address = line.partition(" ")
        theirs.setdefault(name, set()).add(address)
    assert "none" in theirs
    for name, finding in zip(names, found, strict=False):
        assert set(finding["observed"].removeprefix("addresses ").split()) == theirs[name], name
    assert [one["outcome"] for one in found[len(names) :]] == ["pass", "pass", "pass", "fail", "fail"]
    assert found[-2]["message"] == "Network is unreachable; expected true"
    assert found[-1]["message"] == "there is no no-such.example.com; expected true"


def test_localhost_is_what_testinfra_has() -> None:
    """From hosts."""
    theirs = set(host().addr("localhost").ip_addresses)
    finding = look_at("dns", "localhost", {"addresses": ANY})
    assert set(finding["observed"].removeprefix("addresses ").split()) >= theirs != set()
