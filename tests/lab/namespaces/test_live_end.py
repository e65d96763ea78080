"""Nothing of a lab in namespaces stays behind, however it ends: processes, namespaces, links, mounts, cgroups."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from inspector_lab.down import leave_nothing
from inspector_lab.namespaces import cpu, limits, making
from inspector_lab.namespaces.world import World
from inspector_lab.tools import find
from tests.support.lab import UP_S, belonging_to, gone
from tests.support.namespaces import World as RunningWorld
from tests.support.namespaces import cables, lived_in, mounts, namespaces_of, running_world, slices_of
from tests.support.waiting import wait_until

# An `ip` that refuses one line.
BROKEN = """\
#!/bin/sh
case "$*" in *-batch*) ;; *) exec {ip} "$@" ;; esac
lines=$(cat)
case "$lines" in *"{line}"*) echo no luck today >&2; exit 2 ;; esac
echo "$lines" | {ip} "$@"
"""


def broken_all_over(world: RunningWorld) -> None:
    """Faults of every kind that the machine has to hold something for."""
    world.run("break", "n001", "--how", "slow-cpu", "--share", "0.5")
    world.run("break", "n002", "--how", "fill-disk")
    world.run("break", "n001", "--how", "cut")
    world.run("break", "n002", "--how", "freeze")


@pytest.mark.parametrize("victim", ["keeper", "guard", "nobody"])
def test_nothing_stays_behind(tmp_path: Path, victim: str) -> None:
    """`down`, and kill -9 of either process that could clear up, with everything broken and somebody logged in."""
    with running_world(tmp_path / "lab", 2) as world:
        number, cable = world.cable
        with subprocess.Popen(world.ssh("n001", "echo in; sleep 1000"), stdout=subprocess.PIPE) as session:
            assert session.stdout is not None
            assert session.stdout.readline() == b"in\n"
            broken_all_over(world)
            assert slices_of(cable, "n001") != []
            assert mounts(world.home) == []
            everybody = world.pids()
            state = json.loads(world.layout.state.read_text())
            with namespaces_of(everybody) as theirs:
                assert len(theirs) >= 2 + 2 * 3
                if victim == "nobody":
                    world.run("down")
                else:
                    os.kill(state[victim]["pid"], signal.SIGKILL)
                wait_until(lambda: gone(everybody), "everything has ended")
                assert gone(lived_in(theirs))
        wait_until(lambda: number not in cables(), "the cable is gone, and with it the route")
        assert mounts(world.home) == []
        assert belonging_to(world.home) == []
        if victim == "guard":  # who clears up was killed: the next lab of that world does
            for left in slices_of(cable, "n001"):
                left.rmdir()
        wait_until(lambda: slices_of(cable, "n001") == [], "the cgroups are gone")


def test_what_a_killed_guard_left_is_cleared_away() -> None:
    """Before a lab takes its world: an end of a cable, and cgroups. A world that no test's lab gets."""
    cable, ip = World(limits.worlds_max - 1).cable, str(find("ip"))
    found = cpu.slices(cable)
    assert found is not None
    found.slow("n001", 0.5, [])
    subprocess.run([ip, "link", "add", cable, "type", "veth", "peer", "name", "insp-end7"], check=True)
    making.clear_up(cable, ip)
    assert slices_of(cable, "n001") == []
    assert cable not in cables().values()


def test_an_interrupted_up_leaves_nothing(tmp_path: Path) -> None:
    """Killed at the moment the first nodes run."""
    world = RunningWorld(tmp_path / "lab")
    command = world.command("up", "--namespaces", "--nodes", "4")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as up:
        assert up.stderr is not None
        for line in up.stderr:
            if line.startswith("ring: "):
                break
        number, _ = world.cable
        up.kill()
    wait_until(lambda: belonging_to(world.home) == [], "nothing of the lab runs")
    wait_until(lambda: number not in cables(), "its cable is gone")
    leave_nothing(world.layout)


@pytest.mark.parametrize(
    ("line", "what"),
    [("dev eth0", "n001 does not boot: ip: no luck today"), ("peer name outside", "no world can be made")],
)
def test_what_cannot_be_made_ends_the_lab_with_the_reason(tmp_path: Path, line: str, what: str) -> None:
    """A node or the world, with what the kernel or a program said, and no stack trace; nothing is left."""
    broken = tmp_path / "bin" / "ip"
    broken.parent.mkdir()
    broken.write_text(BROKEN.format(ip=find("ip"), line=line))
    broken.chmod(0o755)
    world = RunningWorld(tmp_path / "lab")
    environment = {**os.environ, "PATH": f"{broken.parent}:{os.environ['PATH']}"}
    command = world.command("up", "--namespaces", "--nodes", "2")
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=UP_S)
    assert refused.returncode == 1
    assert what in refused.stderr
    assert "no luck today" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert belonging_to(world.home) == []


def test_two_worlds_live_side_by_side(tmp_path: Path) -> None:
    """Each with addresses of its own."""
    with running_world(tmp_path / "one", 1) as one, running_world(tmp_path / "other", 1) as other:
        assert one.address("n001") != other.address("n001")
        one.run("down")
        assert other.hears("n001", "") == 1
