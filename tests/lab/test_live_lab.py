"""Real labs: real Serf, real agents, real sshd. What is up, what breaks, and that nothing stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector_lab.down import leave_nothing
from tests.support.lab import COMMAND, SCRIPTS, UP_S, Lab, belonging_to, gone, running_lab
from tests.support.waiting import wait_until

ALL_RUNNING = {"serf": "running", "agent": "running", "sshd": "running"}
SOMEBODY = 54321  # a user id that no machine uses


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Six nodes for the tests that break one each."""
    with running_lab(tmp_path_factory.mktemp("labs") / "shared lab", 6) as lab:
        yield lab


def test_up_returns_when_everything_runs(lab: Lab) -> None:
    """Every service of every node runs, the ring counts everybody alive, the config center serves."""
    status = lab.status()
    assert list(status["nodes"]) == [f"n{number:03d}" for number in range(1, 7)]
    first = status["nodes"]["n001"]
    assert {service: entry["state"] for service, entry in first["processes"].items()} == ALL_RUNNING
    assert first["member"] == "alive"
    assert first["tags"] == {"zone": "a", "rack": "a1", "role": "web"}
    assert status["center"]["state"] == "running"
    assert "n001" in lab.run("status").stdout
    assert json.loads(lab.run("status", "--json").stdout) == lab.status()


def test_up_prints_what_to_type_next(tmp_path: Path) -> None:
    """Every command it prints names files that are there; stdout is data, progress goes to stderr."""
    lab = Lab(tmp_path / "lab")
    try:
        done = lab.run("up", "--nodes", "1")
        assert f"inspector --config {lab.home}/coordinator.yml sweep" in done.stdout
        assert f"inspector-lab down --dir {lab.home}" in done.stdout
        assert "release 1 published" in done.stderr
        assert lab.layout.coordinator.exists()
        assert lab.layout.inventory.exists()
    finally:
        ended = lab.run("down")
    assert "1 nodes ended" in ended.stdout


def test_a_node_that_stops_its_agent_stays_in_the_ring(lab: Lab) -> None:
    """Only the inspection agent ends: this is what `stalled` looks like. Healing brings it back."""
    lab.run("break", "n002", "--how", "stop-agent")
    assert lab.states("n002") == {**ALL_RUNNING, "agent": "ended"}
    wait_until(lambda: lab.status()["nodes"]["n002"]["member"] == "alive", "the ring counts it alive")
    lab.run("break", "n002", "--how", "heal")
    assert lab.states("n002") == ALL_RUNNING


def test_a_killed_node_is_gone_whole_and_comes_back_into_the_ring(lab: Lab) -> None:
    """sshd too: Ansible must not reach a dead node. A healed node joins again by itself."""
    lab.run("break", "n003", "--how", "kill")
    assert lab.states("n003") == dict.fromkeys(ALL_RUNNING, "ended")
    assert lab.states("n004") == ALL_RUNNING
    refused = subprocess.run(lab.ssh("n003", "true"), capture_output=True, text=True, check=False)
    assert refused.returncode == 255
    assert "Connection refused" in refused.stderr
    lab.run("break", "n003", "--how", "heal")
    wait_until(lambda: lab.status()["nodes"]["n003"]["member"] == "alive", "the healed node is back in the ring")


def test_a_frozen_node_thaws_where_it_was(lab: Lab) -> None:
    """Nothing answers and nothing has ended; healing continues the same processes."""
    before = lab.status()["nodes"]["n004"]["processes"]
    lab.run("break", "n004", "--how", "freeze")
    wait_until(lambda: lab.states("n004") == dict.fromkeys(ALL_RUNNING, "frozen"), "everything is frozen")
    lab.run("break", "n004", "--how", "heal")
    wait_until(lambda: lab.status()["nodes"]["n004"]["processes"] == before, "the same processes run on")


def test_drift_changes_the_node_and_says_what(lab: Lab) -> None:
    """By node set and tag; a value set, an item named, or one drawn; folded when told."""
    done = lab.run("break", "n[005-006]", "--how", "drift", "--set", "sysctl:vm.swappiness=60")
    assert done.stdout == "n[005-006]: sysctl:vm.swappiness is now '60'\n"
    for name in ("n005", "n006"):
        assert (lab.layout.node(name).root / "proc/sys/vm/swappiness").read_text() == "60\n"
    told = json.loads(lab.run("break", "n005", "--how", "drift", "--item", "kernel:release", "--json").stdout)
    assert told == [{"node": "n005", "how": "drift", "item": "kernel:release", "value": "5.10.0-32-amd64"}]
    assert json.loads(lab.run("break", "n006", "--how", "drift", "--json").stdout)[0]["item"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("n099", "--how", "kill"), "matches nobody"),
        (("x*", "--how", "kill"), "matches nobody"),
        (("n[005-009]", "--how", "kill"), "no such node: n[007-009]; `inspector-lab status` lists the nodes"),
        (("rack=z9", "--how", "kill"), "values of rack are a1"),
        (("n001", "--how", "dance"), "one of kill, stop-agent, freeze, heal, drift"),
        (("n001", "--how", "kill", "--item", "sysctl:vm.swappiness"), "--item goes with --how drift, not with kill"),
        (("n001", "--how", "drift", "--set", "swappiness"), "is not ITEM=VALUE"),
    ],
)
def test_a_fault_that_cannot_be_made_is_refused_in_one_line(lab: Lab, words: tuple[str, ...], what: str) -> None:
    """Exit code 2, one sentence, nothing broken."""
    done = lab.run("break", *words, check=False)
    assert done.returncode == 2
    assert what in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_up_is_refused_where_a_lab_runs_or_something_else_lives(lab: Lab, tmp_path: Path) -> None:
    """The running lab is not harmed; a directory of somebody's files is not touched."""
    again = lab.run("up", "--nodes", "1", check=False)
    assert again.returncode == 1
    assert "a lab of 6 nodes runs in" in again.stderr
    assert lab.states("n001") == ALL_RUNNING
    (tmp_path / "thesis.tex").write_text("years of work")
    foreign = Lab(tmp_path).run("up", "--nodes", "1", check=False)
    leave_nothing(Lab(tmp_path).layout)  # where it was not refused
    assert foreign.returncode == 1
    assert "not empty and not a lab's" in foreign.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "thesis.tex"]


def ansible_environment(home: Path) -> dict[str, str]:
    """Ansible with a home of its own, and no shared connections: their sockets would not fit below so long a name."""
    return {**os.environ, "ANSIBLE_HOME": str(home / "ansible"), "ANSIBLE_SSH_ARGS": "-o ControlMaster=no"}


def test_an_ansible_of_the_user_reaches_the_nodes(lab: Lab, tmp_path: Path) -> None:
    """Through the inventory alone, with a space in the path, by group."""
    command = [str(SCRIPTS / "ansible"), "-i", str(lab.layout.inventory), "rack_a1", "-m", "command", "-a", "id -u"]
    done = subprocess.run(
        command, env=ansible_environment(tmp_path), capture_output=True, text=True, check=False, timeout=UP_S
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "n001 | CHANGED | rc=0" in done.stdout
    assert f"\n{os.geteuid()}\n" in done.stdout


def test_two_labs_live_side_by_side(lab: Lab, tmp_path: Path) -> None:
    """Each on addresses of its own; ending one leaves the other."""
    with running_lab(tmp_path / "second", 2) as second:
        assert second.status()["nodes"]["n001"]["address"] != lab.status()["nodes"]["n001"]["address"]
        everybody = second.pids()
        second.run("down")
        assert gone(everybody)
    wait_until(lambda: lab.status()["nodes"]["n001"]["member"] == "alive", "the other lab is whole")


# --- nothing stays behind -------------------------------------------------------------------------------------


def test_a_killed_keeper_takes_everything_with_it(tmp_path: Path) -> None:
    """kill -9 of the keeper, while somebody is logged in to a node: services and sessions end, status says so."""
    with running_lab(tmp_path / "lab", 2) as lab:
        with subprocess.Popen(lab.ssh("n002", "echo in; sleep 1000"), stdout=subprocess.PIPE) as session:
            assert session.stdout is not None
            assert session.stdout.readline() == b"in\n"
            everybody = lab.pids()
            assert len(everybody) >= 2 + 1 + 2 * 3 + 2  # guard and keeper, center, two nodes, the session
            os.kill(lab.status()["keeper"]["pid"], signal.SIGKILL)
            wait_until(lambda: gone(everybody), "everything has ended")
        nothing = lab.run("status", check=False)
        assert nothing.returncode == 1
        assert "does not run any more" in nothing.stderr
        down = lab.run("down")
        assert "nothing to end" in down.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_up_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """At the moment the first nodes run: Ctrl-C, a polite and an impolite end. The directory can be used again."""
    lab = Lab(tmp_path / "lab")
    with subprocess.Popen(lab.command("up", "--nodes", "4"), stderr=subprocess.PIPE, text=True) as up:
        assert up.stderr is not None
        for line in up.stderr:
            if line.startswith("ring: "):
                break
        up.send_signal(number)
        rest = up.stderr.read()
        code = up.wait(60)
    if code == 0:  # it did not listen
        leave_nothing(lab.layout)
    assert code != 0
    if number is signal.SIGINT:
        assert "interrupted; everything that had been started is gone again" in rest
        assert up.returncode == 130
        assert belonging_to(lab.home) == []
    wait_until(lambda: belonging_to(lab.home) == [], "nothing of the lab runs")
    assert "nothing to end" in lab.run("down").stderr


def test_layers_that_cannot_be_published_are_told_before_anything_starts(tmp_path: Path) -> None:
    """With file, line and suggestion."""
    fleet = tmp_path / "fleet" / "layers"
    fleet.mkdir(parents=True)
    (fleet / "10.yml").write_text("items: {sysctl: {vm.swappiness: {at_mots: 10}}}\n")
    lab = Lab(tmp_path / "lab")
    refused = lab.run("up", "--nodes", "2", "--fleet", str(fleet.parent), check=False)
    assert refused.returncode == 1
    assert "the practice layers cannot be published" in refused.stderr
    assert "at_most" in refused.stderr
    assert belonging_to(lab.home) == []


def test_a_service_that_ends_while_the_lab_comes_up_is_named_with_its_last_words(tmp_path: Path) -> None:
    """And everything else that had been started is gone."""
    broken = tmp_path / "bin" / "serf"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho no luck today\nexit 3\n")
    broken.chmod(0o755)
    lab = Lab(tmp_path / "lab")
    environment = {**os.environ, "PATH": f"{broken.parent}:{os.environ['PATH']}"}
    command = lab.command("up", "--nodes", "2")
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=UP_S)
    assert refused.returncode == 1
    assert "serf of n001 ended with exit code 3" in refused.stderr
    assert "no luck today" in refused.stderr
    assert belonging_to(lab.home) == []


def test_down_without_a_lab_says_so(tmp_path: Path) -> None:
    """What was wished for is so already: exit code 0, and a sentence."""
    done = Lab(tmp_path / "nowhere").run("down")
    assert "nothing to end: no lab in" in done.stderr


def test_a_lab_of_before_the_reboot_is_not_running(tmp_path: Path) -> None:
    """Its process ids belong to others by now: these are not touched, and the directory can be used again."""
    with running_lab(tmp_path / "lab", 1) as lab:
        state = json.loads(lab.layout.state.read_text())
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        for process in (state["guard"], state["keeper"]):
            process["pid"] = bystander.pid  # started at another tick than the file says
        lab.layout.state.write_text(json.dumps(state))
        assert "nothing to end" in lab.run("down").stderr
        assert bystander.poll() is None
        with running_lab(lab.home, 1) as again:
            assert again.states("n001") == ALL_RUNNING
        assert bystander.stdin is not None
        bystander.stdin.close()


# --- without root ---------------------------------------------------------------------------------------------


def as_somebody(tmp_path: Path) -> list[str]:
    """The start of a command that runs the rest without root's rights: as another user, known to this command only.

    A user namespace, so that the user need not exist, and may read this checkout wherever it lies. Empty for a suite
    that does not run as root: then every test is run without its rights.
    """
    if os.geteuid() != 0:
        return []
    users = tmp_path / "passwd"
    users.write_text(f"somebody:x:{SOMEBODY}:{SOMEBODY}::{tmp_path}:/bin/sh\n")
    become = f'mount --bind "$0" /etc/passwd && exec unshare --user --map-user={SOMEBODY} --map-group={SOMEBODY} "$@"'
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", become, str(users)]


def test_everything_works_without_root(tmp_path: Path) -> None:
    """A user with no right at all: up, Ansible over ssh, a node killed, down."""
    home, inventory = tmp_path / "lab", tmp_path / "lab" / "inventory.yml"
    script = "\n".join(
        (
            "set -e",
            "id -u >&2",
            'trap \'"$LAB" down --dir "$HOME/lab"\' EXIT',
            '"$LAB" up --nodes 2 --dir "$HOME/lab"',
            f'"{SCRIPTS}/ansible" -i "{inventory}" n002 -m command -a "id -u"',
            '"$LAB" break n001 --how kill --dir "$HOME/lab"',
        )
    )
    environment = {**ansible_environment(tmp_path), "HOME": str(tmp_path), "LAB": COMMAND}
    done = subprocess.run(
        [*as_somebody(tmp_path), "sh", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=UP_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    user = done.stderr.splitlines()[0]
    assert user != "0"
    assert f"n002 | CHANGED | rc=0 >>\n{user}" in done.stdout
    assert "n001: kill" in done.stdout
    assert "2 nodes ended" in done.stdout
    assert belonging_to(home) == []
