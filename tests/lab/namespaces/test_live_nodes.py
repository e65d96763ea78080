"""Nodes in namespaces, for real: what is their own, what is the machine's, and what each fault does to them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.lab import SCRIPTS, UP_S
from tests.support.namespaces import World, running_world
from tests.support.waiting import PATIENCE_S, wait_until

ALL_RUNNING = {"serf": "running", "agent": "running", "sshd": "running"}
ALL_ENDED = dict.fromkeys(ALL_RUNNING, "ended")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Six nodes, two a zone, one a rack. Below a folder that nodes have their own of, with a space in its name."""
    with running_world(tmp_path_factory.mktemp("worlds") / "a world", 6) as world:
        yield world


@pytest.fixture(autouse=True)
def well(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test leaves all nodes well."""
    yield
    if "world" in request.fixturenames:
        request.getfixturevalue("world").run("break", "n*", "--how", "heal")


def sweep(world: World, *words: str) -> dict[str, Any]:
    """Nodes by name, as `inspector sweep` reports them; with time for a busy machine."""
    command = [
        f"{SCRIPTS}/inspector",
        "--config",
        f"{world.layout.coordinator}",
        "sweep",
        "--json",
        "--no-escalate",
        "--timeout",
        "60",
        *words,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=UP_S)
    assert done.stdout, done.stderr
    return {node["name"]: node for node in json.loads(done.stdout)["nodes"]}


# --- what is a node's own ---------------------------------------------------------------------------------------------


def test_a_node_has_a_name_a_network_and_processes_of_its_own(world: World) -> None:
    """And shows itself as a machine does: one address, /etc/hosts with all names, nobody else's processes."""
    told = world.ask("n002", "hostname; cat /etc/hostname; ip -o -4 address show eth0; cat /proc/[0-9]*/comm").stdout
    name, same, address, *commands = told.splitlines()
    assert name == same == "n002"
    assert world.address("n002") in address
    assert commands.count("serf") == 1
    assert commands.count("sshd") == 1
    assert "198.18" in world.ask("n002", "getent hosts n005").stdout
    first, other = (world.ask(node, "cat /etc/machine-id").stdout for node in ("n001", "n002"))
    assert len(first) == len(other) == 33
    assert first != other


def test_a_nodes_sysctls_are_its_own_where_the_kernel_has_them_apart(world: World) -> None:
    """Set in one node, it is another value in the next and on the machine."""
    here = Path("/proc/sys/net/ipv4/tcp_fin_timeout").read_text()
    script = "echo 33 > /proc/sys/net/ipv4/tcp_fin_timeout && cat /proc/sys/net/ipv4/tcp_fin_timeout"
    assert world.ask("n001", script).stdout == "33\n"
    assert world.ask("n002", "cat /proc/sys/net/ipv4/tcp_fin_timeout").stdout == "60\n"
    assert Path("/proc/sys/net/ipv4/tcp_fin_timeout").read_text() == here
    for name in ("net/core/somaxconn", "kernel/msgmax"):
        before = Path("/proc/sys", name).read_text()
        assert world.ask("n001", f"echo 1234 > /proc/sys/{name} && cat /proc/sys/{name}").stdout == "1234\n"
        assert Path("/proc/sys", name).read_text() == before


@pytest.mark.parametrize(
    "name",
    ["vm/swappiness", "net/core/rmem_max", "net/ipv4/neigh/lo/gc_stale_time", "kernel/panic", "fs/file-max"],
)
def test_what_is_the_whole_machines_cannot_be_written(world: World, name: str) -> None:
    """Read-only; the value written here is the one that is there, so that a mistake would harm nothing."""
    refused = world.ask("n001", f'value=$(cat /proc/sys/{name}) && echo "$value" > /proc/sys/{name}')
    assert refused.returncode != 0
    assert "Read-only file system" in refused.stderr


def test_files_that_a_node_writes_are_on_its_own_small_disk(world: World) -> None:
    """/etc, /var, /root and /tmp; the next node and the machine see none of it. The rest cannot be written."""
    places = ("/etc/own", "/var/lib/own", "/root/own", "/tmp/own")
    assert world.ask("n001", f"for place in {' '.join(places)}; do echo x > $place || exit; done").returncode == 0
    assert world.ask("n002", f"ls {' '.join(places)}").stdout == ""
    assert not any(Path(place).exists() for place in places)
    for place in ("/usr/own", str(world.home / "own"), "/sys/kernel/own"):
        assert "Read-only" in world.ask("n001", f"touch '{place}'").stderr
    sizes = world.ask("n001", "df --output=size -m /etc /var /root /tmp | tail -n +2").stdout.split()
    assert sizes == ["24"] * 4
    assert "n001" in (seen := world.ask("n001", "cat /proc/self/mounts").stdout)
    assert "n002" not in seen


def test_a_nodes_root_cannot_set_the_machines_clock(world: World) -> None:
    """Wall clocks are in no namespace, so this right is gone; so are those to load modules and to make devices."""
    for command in ('date -s "$(date)"', "mknod /tmp/disk b 1 1"):
        refused = subprocess.run(world.ssh("n001", command), capture_output=True, text=True, check=False)
        assert refused.returncode == 1
        assert "not permitted" in refused.stderr


def test_ansible_logs_in_and_is_on_that_node(world: World, tmp_path: Path) -> None:
    """Through the real sshd over the node's own cable, from the inventory alone."""
    command = [f"{SCRIPTS}/ansible", "-i", f"{world.layout.inventory}", "zone_b", "-m", "command", "-a", "hostname"]
    environment = {**os.environ, "ANSIBLE_HOME": str(tmp_path / "ansible"), "ANSIBLE_SSH_ARGS": "-o ControlMaster=no"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=UP_S)
    assert "n003 | CHANGED | rc=0 >>\nn003" in done.stdout, done.stdout + done.stderr
    assert "n004 | CHANGED | rc=0 >>\nn004" in done.stdout


def test_one_entry_a_zone_is_told_to_coordinators(world: World) -> None:
    """And a user's `inspector` reaches them as it is: nothing has to be entered first."""
    text = world.layout.coordinator.read_text()
    assert [world.address(name) + ":7373" in text for name in ("n001", "n002", "n003", "n005")] == [1, 0, 1, 1]
    assert {node["state"] for node in sweep(world).values()} == {"pass"}


def test_drift_reaches_the_nodes_own_disk(world: World) -> None:
    """Break changes what checks look at, though that is mounted where the machine does not see it."""
    world.run("break", "n004", "--how", "drift", "--set", "sysctl:vm.swappiness=61")
    found = sweep(world, "n004")["n004"]
    assert [finding["observed"] for finding in found["findings"] if finding["item"] == "sysctl:vm.swappiness"] == ["61"]
    world.run("break", "n004", "--how", "drift", "--set", "sysctl:vm.swappiness=1")


# --- faults -----------------------------------------------------------------------------------------------------------


def connects(address: str, seconds: float, port: int = 2222) -> str:
    """How an attempt to reach a node's ssh port, or another one, from the machine ends."""
    try:
        with socket.create_connection((address, port), timeout=seconds):
            return "ok"
    except TimeoutError:
        return "timeout"
    except OSError as refused:
        return str(refused)


def test_a_rack_without_power_is_silent_and_comes_back_with_its_disk(world: World) -> None:
    """One command off, one on. Nobody refuses a connection: there is no kernel left that could."""
    world.ask("n003", "echo kept > /root/kept; echo lost > /run/lost")
    world.run("break", "rack=b1", "--how", "kill")
    assert world.states("n003") == ALL_ENDED
    assert connects(world.status()["nodes"]["n003"]["address"], 1.0) == "timeout"
    assert world.states("n004") == ALL_RUNNING
    world.run("break", "rack=b1", "--how", "kill", "--undo")
    assert world.states("n003") == ALL_RUNNING
    assert world.ask("n003", "cat /root/kept; cat /run/lost").stdout == "kept\n"
    wait_until(lambda: world.status()["nodes"]["n003"]["member"] == "alive", "n003 is back in the ring")


def test_one_service_ends_and_the_nodes_kernel_still_refuses(world: World) -> None:
    """The others there run on; what has ended starts again."""
    world.run("break", "n004", "--how", "stop-agent")
    assert world.states("n004") == {**ALL_RUNNING, "agent": "ended"}
    world.run("break", "n004", "--how", "kill", "--service", "serf")
    assert "refused" in connects(world.address("n004"), PATIENCE_S, 7946)
    world.run("break", "n004", "--how", "stop-agent", "--undo")
    assert world.states("n004") == {**ALL_RUNNING, "serf": "ended"}
    world.run("break", "n004", "--how", "heal")
    wait_until(lambda: world.states("n004") == ALL_RUNNING, "Serf runs again")


def test_a_node_that_is_switched_off_from_inside_is_off(world: World) -> None:
    """Its first process has ended, and everything with it; heal boots it."""
    os.kill(world.first("n006"), signal.SIGKILL)
    wait_until(lambda: world.states("n006") == ALL_ENDED, "everything on n006 has ended")
    world.run("break", "n006", "--how", "heal")
    assert world.states("n006") == ALL_RUNNING
    assert world.hears("n006", "n001") == 1


def test_a_frozen_node_stands_still_as_a_whole_or_in_part(world: World) -> None:
    """All that runs there, or one service alone."""
    world.run("break", "n002", "--how", "freeze", "--service", "serf")
    wait_until(lambda: world.states("n002") == {**ALL_RUNNING, "serf": "frozen"}, "Serf alone is frozen")
    world.run("break", "n002", "--how", "freeze")
    wait_until(lambda: set(world.states("n002").values()) == {"frozen"}, "everything is frozen")
    world.run("break", "n002", "--how", "freeze", "--undo")
    wait_until(lambda: world.states("n002") == ALL_RUNNING, "everything goes on")


def test_a_zone_cut_one_way_hears_and_is_not_heard(world: World) -> None:
    """From the others; among themselves, and for the machine, all is as before. Then the other way, then undone."""
    world.run("break", "zone=a", "--how", "cut", "--direction", "out")
    assert world.hears("n003", "n001") == 0
    assert world.hears("n001", "n003") == 1
    assert world.hears("n002", "n001") == 1
    assert world.hears("n001", "") == 1
    world.run("break", "zone=a", "--how", "cut", "--undo")
    world.run("break", "zone=a", "--how", "cut", "--direction", "in", "--from", "zone=b")
    assert world.hears("n001", "n003") == 0
    assert world.hears("n003", "n001") == 1
    assert world.hears("n001", "n005") == 1
    assert world.status()["faults"] == [
        {"how": "cut", "nodes": ["n001", "n002"], "others": ["n003", "n004"], "direction": "in"}
    ]
    assert "cut n[001-002] from n[003-004] (in)" in world.run("status").stdout
    world.run("break", "zone=b", "--how", "heal")
    assert world.status()["faults"] == []
    assert world.hears("n001", "n003") == 1


def test_a_black_hole_takes_everything(world: World) -> None:
    """Also from the machine; the node itself runs on and knows of nothing."""
    world.run("break", "n005", "--how", "black-hole")
    assert connects(world.status()["nodes"]["n005"]["address"], 1.0) == "timeout"
    assert world.ask("n005", "ping -c 1 -W 1 198.18.1.1").returncode == 1
    assert world.states("n005") == ALL_RUNNING
    world.run("break", "n005", "--how", "black-hole", "--undo")
    assert connects(world.status()["nodes"]["n005"]["address"], PATIENCE_S) == "ok"


def test_a_share_of_packets_is_lost(world: World) -> None:
    """Of 200 at one half, 60 to 140: chance would need ages to miss that. None of the machine's own."""
    world.run("break", "n*", "--how", "loss", "--share", "0.5")
    assert 60 < world.hears("n002", "n001", 200) < 140
    assert world.hears("n002", "", 200) == 200
    world.run("break", "n*", "--how", "loss", "--undo")
    assert world.hears("n002", "n001", 200) == 200


def test_a_slow_processor_is_slow_for_all_that_runs_there(world: World) -> None:
    """A fifth of a second of work at a tenth of a processor: more than a second, also after it was switched off."""
    burn = (
        "import time; begun = time.monotonic()\nwhile time.process_time() < 0.2: pass\nprint(time.monotonic() - begun)"
    )

    def seconds() -> float:
        done = subprocess.run(
            [*world.ssh("n004", f"python3 -c '{burn}'")], capture_output=True, text=True, check=True, timeout=PATIENCE_S
        )
        return float(done.stdout)

    world.run("break", "n004", "--how", "slow-cpu", "--share", "0.1")
    assert seconds() > 1.0
    world.run("break", "n004", "--how", "kill")
    world.run("break", "n004", "--how", "kill", "--undo")
    wait_until(lambda: connects(world.address("n004"), 1.0) == "ok", "its sshd listens")
    assert seconds() > 1.0
    world.run("break", "n004", "--how", "slow-cpu", "--undo")
    assert not list(Path("/sys/fs/cgroup").glob("*/insp-lab*/n004"))


def test_a_full_disk_and_a_wrong_clock_are_what_a_sweep_finds(world: World) -> None:
    """The one fails for room, the other cannot tell whether the question is of today. Both are well when healed."""
    world.run("break", "n001", "--how", "fill-disk")
    world.run("break", "n002", "--how", "skew-clock", "--seconds", "-4000")
    assert "No space left" in world.ask("n001", "head -c 100000 /dev/zero > /tmp/more").stderr
    found = sweep(world)
    assert found["n001"]["state"] == "fail"
    assert [finding["item"] for finding in found["n001"]["findings"] if finding["outcome"] == "fail"] == ["disk:/"]
    assert found["n002"]["state"] == "error"
    assert "clock" in json.dumps(found["n002"])
    world.run("break", "n[001-002]", "--how", "heal")
    assert {node["state"] for node in sweep(world).values()} == {"pass"}
