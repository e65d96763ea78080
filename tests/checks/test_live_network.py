"""Kinds port, route and interface held against ss, ip, testinfra and Ansible's facts: on this machine, and in a network
namespace with what this machine has not. Where none can be made, this machine has to do."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.check_cases import Finding, look, look_at
from tests.support.machine import LINKS
from tests.support.mounted import RefusedError, inside
from tests.support.others import facts, host, told

ANY = {"any": True}
EVERYWHERE = "0.0.0.0"  # noqa: S104 - only to be seen

NETWORK = """
ip link set lo up
mount -t sysfs sysfs /sys
echo 1 > /proc/sys/net/ipv6/conf/default/addr_gen_mode  # no addresses that come by themselves, some time later
ip link add br0 type bridge
ip link add veth0 address 02:00:00:00:00:01 type veth peer name veth1 address 02:00:00:00:00:02
ip link set veth0 master br0
ip link set veth1 mtu 1400 up
ip link set veth0 up
ip link set br0 address 02:00:00:00:00:03 up
for one in veth0 veth1 br0; do until [ "$(cat /sys/class/net/$one/operstate)" = up ]; do :; done; done
ip link add idle0 address 02:00:00:00:00:04 type bridge
ip addr add 10.7.0.1/24 dev veth1
ip addr add 10.7.1.1 peer 10.7.1.2/32 dev veth1
ip addr add fd07::1/64 dev veth1 nodad
ip route add default via 10.7.0.253 metric 200
ip route add default via 10.7.0.254 metric 100
ip route add 10.8.0.0/16 nexthop via 10.7.0.3 nexthop via 10.7.0.2
ip route add 10.9.0.0/16 via 10.7.0.4 mtu 1280
ip route add blackhole 10.10.0.0/16
ip route add unreachable 10.10.1.0/24
ip route add prohibit 10.10.2.0/24 metric 7
ip route add 10.11.0.1 dev veth1
ip route add 10.12.0.0/16 via inet6 fd07::2 dev veth1
ip route add 10.13.0.0/16 dev veth1 table 100
ip -6 route add default via fd07::fe mtu 1300
ip -6 route add fd08::/64 nexthop via fd07::3 nexthop via fd07::4
ip -6 route add blackhole fd09::/64
"""
TABLES = """
echo "[$(ip -j route show table main), $(ip -j -6 route show table main), $(ip -j -s address)]"
"""


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> list[Any] | None:
    """IPv4 routes, IPv6 routes and interfaces of the namespace as ip tells them; None where it cannot be made."""
    try:
        _, said = inside(NETWORK + TABLES, [], tmp_path_factory.mktemp("tables"), also=["--net"])
    except RefusedError:
        return None
    tables: list[Any] = json.loads(said)
    return tables


def of_route(one: dict[str, Any], hops: list[Any], everywhere: str) -> tuple[str, dict[str, Any], str]:
    """One of ip's routes -> our key, what ours must be, and how it must begin."""
    via = sorted({hop.get("gateway") or hop.get("via", {}).get("host", "") for hop in hops})
    kind, mtu = one.get("type", "unicast"), one.get("metrics", [{}])[0].get("mtu")
    expect = {
        "via": {"equals": via} if any(via) else ANY,
        "dev": {"equals": sorted({hop["dev"] for hop in hops})} if kind == "unicast" else {"absent": True},
        "type": {"equals": kind},
        "metric": {"equals": one.get("metric", 0)},
        "mtu": {"absent": True} if mtu is None else {"equals": mtu},
    }
    return one["dst"].replace("default", everywhere), expect, f"via {' '.join(via) or 'none'}, "


def hold_routes(lists: list[Any], findings: list[Finding], begins: list[str]) -> None:
    """Each as ip has it."""
    assert len(findings) == len(begins) == sum(len({one["dst"] for one in routes}) for routes in lists)
    for finding, begin in zip(findings, begins, strict=True):
        assert (finding["outcome"], finding["observed"][: len(begin)]) == ("pass", begin), finding


def items_of_routes(lists: list[Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """An item a destination, and how each finding must begin; of several routes the lowest metric counts."""
    items, begins = {}, {}
    for routes, everywhere in zip(lists, ("default", "::/0"), strict=True):
        for one in sorted(routes, key=lambda one: -one.get("metric", 0)):
            same = [other for other in routes if (other["dst"], other.get("metric")) == (one["dst"], one.get("metric"))]
            hops = [hop for other in same for hop in other.get("nexthops", [other])]
            key, expect, begins[key] = of_route(one, hops, everywhere)
            items[key] = {"check": "route", "key": key, "expect": expect, "timeout_s": 60}
    return list(items.values()), list(begins.values())


def of_interface(told: dict[str, Any]) -> dict[str, Any]:
    """An interface as ip tells it -> our item."""
    addresses = sorted(f"{one['local']}/{one['prefixlen']}" for one in told["addr_info"])
    sent, taken = told["stats64"]["tx"], told["stats64"]["rx"]
    expect = {
        "state": {"equals": told["operstate"].lower()},
        "mtu": {"equals": told["mtu"]},
        "mac": {"equals": told["address"]},
        "master": {"equals": told["master"]} if "master" in told else {"absent": True},
        "addresses": {"equals": addresses} if addresses else {"absent": True},
        "rx_errors": {"equals": taken["errors"]},
        "tx_errors": {"equals": sent["errors"]},
        "tx_dropped": {"at_least": sent["dropped"]},
    }
    return {"check": "interface", "key": told["ifname"], "expect": expect, "timeout_s": 60}


def test_routes_and_interfaces_of_a_namespace_are_those_of_ip(tables: list[Any] | None, tmp_path: Path) -> None:
    """Two defaults, several hops, an MTU, blackholes, a gateway of the other family; a bridge, a pair, a peer."""
    if tables is None:
        assert look_at("route", "default", {"count": ANY})["outcome"] in {"pass", "fail"}
        return
    routes, begins = items_of_routes(tables[:2])
    interfaces = [of_interface(one) for one in tables[2]]
    assert len(routes) > 12
    assert len(interfaces) == 5
    assert {one["ifname"]: one.get("master") for one in tables[2]}["veth0"] == "br0"
    others = [
        {"check": "route", "key": "default", "expect": {"via": {"equals": "10.7.0.254"}, "count": {"equals": 2}}},
        {"check": "route", "key": "10.8.0.0/16", "expect": {"via": {"equals": ["10.7.0.2", "10.7.0.3"]}}},
        {"check": "route", "key": "10.9.0.0/16", "expect": {"mtu": {"equals": 1280}}},
        {"check": "route", "key": "10.12.0.0/16", "expect": {"via": {"equals": "fd07::2"}}},
        {"check": "route", "key": "fd08::/64", "expect": {"via": {"equals": ["fd07::3", "fd07::4"]}}},
        {"check": "route", "key": "10.13.0.0/16", "expect": {"via": {"absent": True}}},
        {"check": "route", "key": "10.7.0.1", "expect": {"via": {"absent": True}}},
        {"check": "interface", "key": "veth?", "expect": {"state": {"equals": "up"}}},
        {"check": "interface", "key": "idle0", "expect": {"state": {"equals": "up"}}},
        {"check": "interface", "key": "*", "with": {"except": ["lo"]}, "expect": {"mtu": {"equals": 1500}}},
    ]
    found, _ = inside(NETWORK, [*routes, *interfaces, *others], tmp_path, also=["--net"])
    hold_routes(tables[:2], found[: len(routes)], begins)
    told = found[len(routes) : -len(others)]
    assert [one for one in told if one["outcome"] != "pass"] == []
    assert [one["outcome"] for one in found[-len(others) :]] == ["pass"] * 8 + ["fail"] * 2
    assert found[-1]["observed"] == "mtu 1400 (veth1)"


def test_routes_of_this_machine_are_those_of_ip_and_of_ansible() -> None:
    """All of the main table; but for what each link has, as one of a lab may come at any moment."""
    tables = [json.loads(told("ip", "-j", *family, "route", "show", "table", "main")) for family in ([], ["-6"])]
    lists = [
        [one for one in routes if not one.get("dev", "").startswith(LINKS) and one["dst"] != "fe80::/64"]
        for routes in tables
    ]
    items, begins = items_of_routes(lists)
    hold_routes(lists, look(items), begins)
    default = facts()["ansible_default_ipv4"]
    if default:
        finding = look_at("route", "default", {"via": {"equals": default["gateway"]}, "dev": ANY})
        assert finding["observed"] == f"via {default['gateway']}, dev {default['interface']}"


def test_interfaces_of_this_machine_are_those_of_ip_testinfra_and_ansible() -> None:
    """Each; counters may rise meanwhile."""
    tables = [one for one in json.loads(told("ip", "-j", "-s", "address")) if not one["ifname"].startswith(LINKS)]
    assert [one for one in look(map(of_interface, tables)) if one["outcome"] != "pass"] == []
    for one in tables:
        name, seen = one["ifname"], facts()[f"ansible_{one['ifname'].replace('-', '_')}"]
        expect: dict[str, Any] = {"mtu": {"equals": seen["mtu"]}}
        addresses = host().interface(name).addresses
        if addresses:
            expect["addresses"] = {"matches": f"^{addresses[0]}/"}
        speed = seen.get("speed", -1)
        expect["speed"] = {"absent": True} if speed in {-1, None} else {"equals": speed}
        assert look_at("interface", name, expect)["outcome"] == "pass", (name, seen)
    assert look_at("interface", "nothing0", {"state": {"absent": True}})["outcome"] == "pass"
    assert not host().interface("nothing0").exists


LISTENERS = """
ip link set lo up
ip addr add 10.7.0.1/32 dev lo
mkfifo ready
python3 - > ready <<'END' &
import os, socket, time
held = []
for family, kind, address, port in [
    (2, 1, "127.0.0.1", 1001), (2, 1, "0.0.0.0", 1002), (10, 1, "::1", 1003), (10, 1, "::", 1004),
    (2, 1, "10.7.0.1", 1005), (10, 1, "::ffff:10.7.0.1", 1006), (2, 2, "127.0.0.1", 1007), (10, 2, "::", 1008),
]:
    one = socket.socket(family, kind)
    one.bind((address, port))
    held.append(one)
    if kind == 1:
        one.listen()
caller = socket.create_connection(("127.0.0.1", 1001))
talker = socket.socket(2, 2)
talker.connect(("127.0.0.1", 1007))
closed = socket.socket(2, 1)
closed.bind(("127.0.0.1", 1009))
print("ready", flush=True)
time.sleep(600)
END
read line < ready
ss -Hltunp
"""


def listed(said: str) -> Iterator[tuple[str, str]]:
    """`ss -Hltunp` -> (key of ours, address)."""
    for line in said.splitlines():
        protocol, _, _, _, local = line.split()[:5]
        address, _, port = local.rpartition(":")
        yield f"{protocol}:{port}", {"*": "::"}.get(address, address.strip("[]").removeprefix("::ffff:"))


def test_ports_of_a_namespace_are_those_of_ss(tmp_path: Path) -> None:
    """Every family, one address and all; neither connections nor sockets that are only bound."""
    keys = [f"{protocol}:{port}" for protocol in ("tcp", "udp") for port in range(1001, 1010)]
    wanted = {
        "tcp:1001": "127.0.0.1", "tcp:1002": EVERYWHERE, "tcp:1003": "::1", "tcp:1004": "::", "tcp:1005": "10.7.0.1",
        "tcp:1006": "10.7.0.1", "udp:1007": "127.0.0.1", "udp:1008": "::",
    }  # fmt: skip
    more = {"program": {"matches": "^python3"}, "user": {"equals": "root"}}
    items = [
        {"check": "port", "key": key, "expect": {"listening": ANY, "addresses": ANY, **more}, "timeout_s": 60}
        for key in keys
    ]
    absent = {"check": "port", "key": "tcp:*", "expect": {"listening": {"absent": True}}, "timeout_s": 60}
    items += [{**absent, "with": {"except": ["1001-1003", "10.7.0.1:*", *more]}} for more in ([], ["1004"])]
    try:
        found, said = inside(LISTENERS, items, tmp_path, also=["--net"])
    except RefusedError:
        assert look_at("port", "tcp:1", {"listening": {"absent": True}})["outcome"] == "pass"
        return
    assert dict(listed(said)) == wanted
    assert "python3" in said
    *found, some, none = found
    assert (some["outcome"], some["observed"].split("python3")[0]) == ("fail", "1004 (")
    assert none["outcome"] == "pass"
    ours = {key: one["observed"] for key, one in zip(keys, found, strict=True) if one["outcome"] == "pass"}
    assert ours == {
        key: f"listening true, addresses {address}, program {ours[key].split('program ')[1].split(',')[0]}, user root"
        for key, address in wanted.items()
    }


@contextmanager
def listening(*addresses: tuple[socket.AddressFamily, str]) -> Iterator[list[int]]:
    """Ports on which this process listens."""
    with ExitStack() as stack:
        ports = []
        for family, address in addresses:
            one = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            one.bind((address, 0))
            one.listen()
            ports.append(one.getsockname()[1])
        yield ports


@contextmanager
def of_six_alone() -> Iterator[int]:
    """A port of ::1 on which this process listens; at no IPv4 address can anybody: there it is bound, and deaf."""
    while True:
        with listening((socket.AF_INET6, "::1")) as (port,), socket.socket() as deaf:
            try:
                deaf.bind((EVERYWHERE, port))
            except OSError:  # somebody has it
                continue
            yield port
            return


def test_ports_of_this_machine_are_those_of_testinfra() -> None:
    """Listening or not; who holds it is this very process."""
    with listening((socket.AF_INET, "127.0.0.1")) as (four,), of_six_alone() as six:
        name = Path("/proc/self/comm").read_text("ascii").strip()
        user = host().user().name
        expect = {"program": {"contains": name}, "user": {"equals": user}}
        for key, theirs in ((f"tcp:127.0.0.1:{four}", f"tcp://127.0.0.1:{four}"), (f"tcp6:{six}", f"tcp://::1:{six}")):
            finding = look_at("port", key, {"listening": {"equals": True}, **expect})
            assert finding["outcome"] == "pass", finding
            assert host().socket(theirs).is_listening
        assert look_at("port", f"tcp4:{six}", {"listening": {"absent": True}})["outcome"] == "pass"
    assert look_at("port", f"tcp:{four}", {"listening": {"equals": False}})["outcome"] == "pass"
    assert not host().socket(f"tcp://127.0.0.1:{four}").is_listening


def test_who_holds_a_port_of_another_user_is_told_or_an_error(tmp_path: Path) -> None:
    """Process 1 may be out of reach even for root, in a container: never is it said that nobody listens."""
    del tmp_path
    for line in told("ss", "-Hltnp").splitlines():
        key = next(listed(f"tcp {line}"))[0]
        finding = look_at("port", key, {"program": ANY, "user": ANY})
        assert finding["outcome"] in {"pass", "error", "fail"}
        if "users:" not in line and os.geteuid() == 0 and finding["outcome"] == "fail":
            assert finding["observed"] in {"program none, user none", "absent"}
