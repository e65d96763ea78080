"""The keeper and its guard, with plain programs for services: what ends, when, and what never stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector_lab import processes
from inspector_lab.control import give_order
from inspector_lab.errors import NotRunningError, StateError
from inspector_lab.layout import Layout
from inspector_lab.services import ServiceSpec, save_services
from tests.support.waiting import wait_until

FOREVER = "exec sleep 1000"
# What an sshd leaves behind when it is killed: a command of a session, in a session of its own.
WITH_ORPHAN = "setsid sh -c 'echo $$ > {pids}; exec sleep 1000' & wait"

Keeper = subprocess.Popen[bytes]


class Bench:
    """A keeper under test: its directory, its process (the guard), its pipe."""

    def __init__(self, home: Path) -> None:
        self.layout = Layout(home)
        self.process: Keeper | None = None
        self.keeper = 0

    def start(self, **scripts: str) -> None:
        """Start a keeper with one shell script a service: node_service=script. Returns when all are started."""
        specs = [self.spec(word, ["sh", "-c", script]) for word, script in scripts.items()]
        self.launch(specs)
        self.event("spawned")

    def spec(self, word: str, argv: list[str]) -> ServiceSpec:
        """A service named node_service."""
        node, service = word.split("_")
        return ServiceSpec(node=node, name=service, argv=argv, log=str(self.layout.home / f"{word}.log"), at_s=0.0)

    def launch(self, specs: list[ServiceSpec]) -> None:
        """Start a keeper with these services; returns when it has said who it is."""
        save_services(self.layout, specs)
        self.process = subprocess.Popen(
            processes.python("inspector_lab.keeper", str(self.layout.home)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.keeper = int(self.event("hello")["pid"])

    def event(self, name: str) -> dict[str, Any]:
        """Wait for the keeper to say this."""
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event: dict[str, Any] = json.loads(line)
            if event["event"] == name:
                return event
        raise AssertionError(f"the keeper ended without saying {name}")

    def keep(self) -> None:
        """Make it independent of us."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(b"keep\n")
        self.process.stdin.flush()
        self.event("kept")

    def order(self, do: str, nodes: str = "", services: str = "") -> dict[str, dict[str, Any]]:
        """Give an order; the states of all services by node_service."""
        order = {"do": do, "nodes": nodes.split(), "services": services.split()}
        states = give_order(self.layout.socket, order)["services"]
        return {f"{state['node']}_{state['service']}": state for state in states}

    def ended(self) -> int:
        """Wait for the guard to end; its exit code."""
        assert self.process is not None
        return self.process.wait(60)

    def stop(self) -> None:
        """End whatever still runs."""
        if self.process is None:
            return
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A keeper that is gone after the test."""
    bench = Bench(tmp_path)
    yield bench
    bench.stop()


def gone(pid: int) -> bool:
    stat = processes.read_stat(pid)
    return stat is None or stat.zombie


def test_a_kept_lab_outlives_the_pipe_and_ends_when_told(bench: Bench) -> None:
    """After `keep` the keeper needs nobody; `down` ends every service, and the guard says so by ending."""
    bench.start(n001_serf=FOREVER, n001_sshd=FOREVER)
    bench.keep()
    assert bench.process is not None
    assert bench.process.stdin is not None
    bench.process.stdin.close()
    states = bench.order("status")
    assert {state["state"] for state in states.values()} == {"running"}
    bench.order("down")
    assert bench.ended() == 0
    assert all(gone(state["pid"]) for state in states.values())
    with pytest.raises(NotRunningError):
        bench.order("status")


def test_without_keep_the_end_of_the_pipe_is_the_end_of_all(bench: Bench) -> None:
    """An `up` that crashes, is killed or interrupted closes the pipe by ending: nothing stays."""
    bench.start(n001_serf=FOREVER)
    pid = bench.order("status")["n001_serf"]["pid"]
    assert bench.process is not None
    assert bench.process.stdin is not None
    bench.process.stdin.close()
    bench.ended()
    assert gone(pid)


@pytest.mark.parametrize("victim", ["keeper", "guard"])
def test_killing_the_keeper_or_its_guard_ends_every_service(bench: Bench, victim: str) -> None:
    """kill -9 leaves no chance to clear up, and still nothing that the keeper started lives on."""
    bench.start(n001_serf=FOREVER, n002_serf=FOREVER)
    bench.keep()
    pids = [state["pid"] for state in bench.order("status").values()]
    assert bench.process is not None
    os.kill(bench.keeper if victim == "keeper" else bench.process.pid, signal.SIGKILL)
    bench.ended()
    wait_until(lambda: all(gone(pid) for pid in [*pids, bench.keeper]), "every service has ended")


def test_the_guard_ends_orphans_of_a_killed_keeper(bench: Bench, tmp_path: Path) -> None:
    """A service's own children have no death signal: the guard adopts them and ends them."""
    pids = tmp_path / "orphan.pid"
    bench.start(n001_sshd=WITH_ORPHAN.format(pids=pids))
    wait_until(lambda: pids.exists() and pids.read_text().strip() != "", "the session has begun")
    orphan = int(pids.read_text())
    bench.keep()
    os.kill(bench.keeper, signal.SIGKILL)
    bench.ended()
    assert gone(orphan)


def test_kill_takes_the_whole_node_and_no_other(bench: Bench, tmp_path: Path) -> None:
    """A killed node is silent at once: services, what they started, and what put itself into the background."""
    pids = tmp_path / "orphan.pid"
    # The parent of what is put into the background ends at once: it becomes the keeper's child.
    background = f"(setsid sh -c 'echo $$ > {pids}; exec sleep 1000' &)"
    daemon = f"export INSPECTOR_LAB_NODE=n001; {background}; {FOREVER}"
    bench.start(n001_sshd=daemon, n001_serf=FOREVER, n002_serf=FOREVER)
    wait_until(lambda: pids.exists() and pids.read_text().strip() != "", "the session has begun")
    stray = int(pids.read_text())
    before = bench.order("status")
    after = bench.order("kill", nodes="n001")
    assert {name: state["state"] for name, state in after.items()} == {
        "n001_sshd": "ended",
        "n001_serf": "ended",
        "n002_serf": "running",
    }
    assert after["n001_serf"]["exit"] == -signal.SIGKILL
    assert gone(before["n001_serf"]["pid"])
    wait_until(lambda: gone(stray), "the background process has ended")


def test_stop_asks_first_and_kills_what_does_not_listen(bench: Bench) -> None:
    """One service ends politely with its own exit code, the deaf one is killed; the node's others stay."""
    bench.start(
        n001_agent="trap 'exit 7' TERM; while :; do sleep 0.05; done",
        n002_agent="trap '' TERM; echo deaf; while :; do sleep 0.05; done",
        n001_serf=FOREVER,
    )
    deaf = bench.layout.home / "n002_agent.log"
    wait_until(lambda: deaf.exists() and "deaf" in deaf.read_text(), "the deaf one is deaf")
    after = bench.order("stop", nodes="n001 n002", services="agent")
    assert after["n001_agent"]["exit"] in {7, 128 + signal.SIGTERM, -signal.SIGTERM}
    assert after["n002_agent"]["exit"] == -signal.SIGKILL
    assert after["n001_serf"]["state"] == "running"


def test_frozen_stays_until_healed(bench: Bench) -> None:
    """Freezing stops a node in its tracks without ending it; healing thaws it, the same processes."""
    bench.start(n001_serf=FOREVER, n001_agent=FOREVER)
    before = bench.order("status")
    bench.order("freeze", nodes="n001")
    wait_until(
        lambda: {state["state"] for state in bench.order("status").values()} == {"frozen"}, "both services are frozen"
    )
    bench.order("heal", nodes="n001")
    wait_until(lambda: bench.order("status") == before, "both run again, as they were")


def test_heal_starts_again_what_was_killed(bench: Bench) -> None:
    """A healed node runs again, under new process ids."""
    bench.start(n001_serf=FOREVER)
    first = bench.order("status")["n001_serf"]["pid"]
    bench.order("kill", nodes="n001")
    again = bench.order("heal", nodes="n001")["n001_serf"]
    assert again["state"] == "running"
    assert again["pid"] != first


def test_many_nodes_are_started_as_a_ring_takes_them(bench: Bench) -> None:
    """One at once, the others after it: too many joiners a second make a ring deaf. Orders are heard meanwhile."""
    nodes = [f"n{number:03d}" for number in range(1, 6)]
    bench.start(**{f"{node}_serf": FOREVER for node in nodes})
    bench.order("kill", nodes=" ".join(nodes))
    healed = bench.order("heal", nodes=" ".join(nodes))
    assert [state["state"] for state in healed.values()] == ["running"] + ["waiting"] * 4
    wait_until(lambda: {state["state"] for state in bench.order("status").values()} == {"running"}, "all run")


def test_a_program_that_cannot_start_is_an_ended_service_with_a_reason(bench: Bench) -> None:
    """The keeper lives on, `up` hears of it, the log tells why."""
    bench.launch([bench.spec("n001_serf", ["/nonexistent/serf"])])
    assert bench.event("ended") == {"event": "ended", "node": "n001", "service": "serf", "exit": 127}
    assert "/nonexistent/serf" in (bench.layout.home / "n001_serf.log").read_text()


def test_nonsense_on_the_control_socket_is_refused_and_harms_nothing(bench: Bench) -> None:
    """An unknown order is named; a line that is no order closes the connection; the keeper goes on."""
    bench.start(n001_serf=FOREVER)
    with pytest.raises(StateError, match="unknown order 'dance'"):
        bench.order("dance")
    script = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); "
        "s.sendall(b'garbage\\n'); assert s.recv(10) == b''"
    )
    subprocess.run([sys.executable, "-c", script, "keeper.sock"], cwd=bench.layout.home, check=True)
    assert bench.order("status")["n001_serf"]["state"] == "running"


def test_a_process_id_given_to_another_process_is_not_ours() -> None:
    """lab.json of before a reboot, or of long ago, names a process that is another one now: it is not touched."""
    ours = processes.identify(os.getpid())
    assert ours is not None
    assert ours.alive()
    later = processes.Identity(pid=ours.pid, started=ours.started + 1, boot=ours.boot)
    other_boot = processes.Identity(pid=ours.pid, started=ours.started, boot="another")
    assert not later.alive()
    assert not other_boot.alive()
    assert processes.wait_gone(later, 0.0)


def test_the_lab_sees_itself_whole() -> None:
    """/proc tells parents: the walk that ends a lab finds a child of a child."""
    with subprocess.Popen(["sh", "-c", "sleep 1000 & echo $!; wait"], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert processes.descendants([parent.pid]) == [parent.pid, child]
        processes.kill_trees([parent.pid])
    wait_until(lambda: gone(child), "the grandchild has ended")
