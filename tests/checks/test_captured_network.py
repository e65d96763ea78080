"""What captures of real machines plainly say of their network is what the kinds tell.

Captured are trees of /proc and /sys, and route tables as text. Nothing of them is copied here: without captures
a machine that never was stands in for them, so that the same code is run everywhere.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.captures import captures, trees
from tests.support.check_cases import look, module, plant

HEAD = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
SOCKETS = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
STAND_IN = {
    "/proc/net/tcp": SOCKETS + "   0: 00000000:0016 00000000:0000 0A 0:0 00:0 0     0        0 2740 1 0 100\n",
    "/sys/class/net/bond0/mtu": "1500\n",
    "/sys/class/net/bond0/speed": "-1\n",
    "/sys/class/net/bond0/operstate": "up\n",
    "/sys/class/net/bond0/bonding/slaves": "eth0 eth4\n",
    "/sys/class/net/bonding_masters": "bond0\n",
}


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The captured trees, and the one that stands in."""
    place = tmp_path_factory.mktemp("trees")
    return [plant(place / "network", STAND_IN), *trees(place)]


def test_interfaces_of_other_machines_are_told_as_their_files_stand(roots: list[Path]) -> None:
    """State, MTU and speed of each; bonds with their slaves, masters listed in a file beside them are none."""
    seen: Counter[str] = Counter()
    for root in roots:
        for place in sorted(root.glob("sys/class/net/*/mtu")):
            folder = place.parent
            expect: dict[str, dict[str, Any]] = {"mtu": {"equals": int(place.read_text("ascii"))}}
            if (folder / "operstate").exists():
                expect["state"] = {"equals": (folder / "operstate").read_text("ascii").strip()}
            speed = int((folder / "speed").read_text("ascii")) if (folder / "speed").exists() else -1
            expect["speed"] = {"absent": True} if speed < 0 else {"equals": speed}
            slaves = folder / "bonding" / "slaves"
            names = sorted(slaves.read_text("ascii").split()) if slaves.exists() else []
            expect["bond_slaves"] = {"equals": names} if names else {"absent": True}
            items = [
                {"check": "interface", "key": folder.name, "expect": expect},
                {"check": "interface", "key": folder.name, "expect": {"mtu": {"equals": 7}}},
            ]
            assert [one["outcome"] for one in look(items, root)] == ["pass", "fail"], folder
            seen.update(name for name, wanted in expect.items() if "equals" in wanted)
    assert seen.keys() == {"mtu", "state", "bond_slaves"} | ({"speed"} if captures() else set())


def test_ports_of_other_machines_are_those_of_their_lists(roots: list[Path]) -> None:
    """By hand: the fourth column says what listens, the second where."""
    found = 0
    for root in roots:
        for protocol in ("tcp", "tcp6", "udp", "udp6"):
            path = root / "proc" / "net" / protocol
            rows = [line.split() for line in path.read_text("ascii").splitlines()] if path.is_file() else []
            ports = {int(row[1].rpartition(":")[2], 16) for row in rows if len(row) > 9 and row[3] in {"0A", "07"}}
            family = protocol if protocol.endswith("6") else f"{protocol}4"
            items = [{"check": "port", "key": f"{family}:{port}"} for port in sorted(ports)]
            assert {one["outcome"] for one in look(items, root)} <= {"pass"}, path
            found += len(items)
    assert found >= 1


def test_route_tables_of_other_machines_are_read() -> None:
    """Each line of a table is a route; a default leads to its gateway as ip(8) prints it."""
    folder = captures()
    texts = {"stand-in": HEAD + "ens1\t00000000\t0170100A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"}
    if folder is not None:
        texts = {path.name: path.read_text("ascii") for path in sorted((folder / "facter").glob("proc_net_route*"))}
    parse = module("route").parse_route
    gateways = set()
    for name, text in texts.items():
        routes = parse(text)
        assert len(routes) == len([line for line in text.splitlines() if line.strip()]) - 1, name
        gateways |= {via for route in routes for via, _ in route.hops if route.destination == "0.0.0.0/0" and via}
    assert gateways == {"10.16.112.1"}
