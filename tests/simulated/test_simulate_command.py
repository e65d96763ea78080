"""`inspector-lab simulate` from the command line: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inspector_lab import processes
from inspector_lab.cli import app
from inspector_lab.simulated import command
from inspector_lab.simulated.oracles import ORACLES
from inspector_lab.simulated.scenarios import SCENARIOS
from tests.support.waiting import wait_until

LAB = (sys.executable, "-m", "inspector_lab", "simulate")


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    return subprocess.run(
        [*LAB, *words], capture_output=True, text=True, check=False, timeout=240, env={**os.environ, **environment}
    )


def test_a_sweep_is_told_in_a_few_lines() -> None:
    done = run("--nodes", "40", "--loss", "0.05", "--seed", "7")
    assert done.returncode == 0, done.stderr
    assert "40 nodes in 1 ring" in done.stdout
    assert f"all {len(ORACLES)} hold" in done.stdout
    assert "39 pass" in done.stdout


def test_the_report_is_the_ordinary_one_with_one_key_more() -> None:
    done = run("--nodes", "30", "--rings", "3", "--seed", "4", "--faults", "--json")
    report = json.loads(done.stdout)
    assert report["schema"] == "inspector.sweep/1"
    assert report["ledger"]["targets"] == sum(count for word, count in report["ledger"].items() if word != "targets")
    simulation = report["simulation"]
    assert (simulation["seed"], simulation["nodes"], simulation["rings"]) == (4, 30, 3)
    assert simulation["oracles"] == {"held": list(ORACLES), "broken": {}}
    assert simulation["wire"]["unicast_packets"] > 0
    again = run(*shlex.split(simulation["replay"])[2:], "--json")
    assert again.stdout == done.stdout


def test_the_same_seed_gives_the_same_bytes_whatever_hashing_does() -> None:
    words = ("--nodes", "40", "--loss", "0.2", "--seed", "11", "--faults", "--json")
    assert run(*words, PYTHONHASHSEED="1").stdout == run(*words, PYTHONHASHSEED="2").stdout


def test_many_seeds_over_processes() -> None:
    done = run("--nodes", "12", "--seeds", "1-20", "--jobs", "2", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["seeds"], found["node_sweeps"], found["broken"]) == (20, 240, {})


def test_a_broken_oracle_ends_with_1_and_the_command_to_see_it_again(tmp_path: Path) -> None:
    """A mistake planted by a module that Python loads by itself, in every process."""
    (tmp_path / "sitecustomize.py").write_text(
        "from inspector_lab.simulated import oracles\n"
        "oracles.ORACLES = {'sums': lambda result: ['planted'] if result.scenario.seed == 3 else []}\n"
        "oracles.broken.__globals__['ORACLES'] = oracles.ORACLES\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = run("--nodes", "5", "--seeds", "1-4", "--jobs", "2", PYTHONPATH=path)
    assert done.returncode == 1
    assert "sums: planted" in done.stderr
    assert "inspector-lab simulate --nodes 5 --loss 0 --seed 3" in done.stderr
    assert "broken with 1 seed" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--nodes", "0"), "--nodes 0: simulate 1 to"),
        (("--nodes", "3", "--rings", "5"), "each needs a node"),
        (("--loss", "5"), "a share from 0 to 1"),
        (("--timeout", "0"), "--timeout 0"),
        (("--seed", "-1"), "--seed -1: a whole number from 0 on"),
        (("--seeds", "some"), "neither FIRST-LAST nor a count"),
        (("--seeds", "9-3"), "the first one first"),
        (("--jobs", "-1", "--seeds", "3"), "number of processes"),
        (("--scenario", "mute-entri"), "did you mean mute-entry?"),
        (("--scenario", "mute-entry", "--nodes", "40"), "whole by itself"),
        (("--scenario", "mute-entry", "--seeds", "1-3"), "whole by itself"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--nodes", "1000000"), "--nodes 1,000,000 may need 9,040 MB, 1,000 MB are free: wish for 106,666 nodes"),
        (("--nodes", "20000", "--faults"), "20,000 may need 1,240 MB, 1,000 MB are free: wish for 16,000 nodes"),
        (("--nodes", "60000", "--seeds", "4", "--jobs", "2"), "in 2 processes at once, may need 1,160 MB"),
    ],
)
def test_what_does_not_fit_into_memory_is_refused(
    words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is simulated, with what would fit. Half of the processes, and it goes on."""
    monkeypatch.setattr(processes, "free_memory_mb", lambda: 1_000)
    monkeypatch.setattr(command, "_one", lambda *_, **__: False)
    monkeypatch.setattr(command, "_many", lambda *_, **__: False)
    done = CliRunner().invoke(app, ["simulate", *words])
    assert done.exit_code == 2
    assert said in done.stderr
    assert CliRunner().invoke(app, ["simulate", "--nodes", "60000", "--seeds", "4", "--jobs", "1"]).exit_code == 0


def test_scenarios_are_listed() -> None:
    assert set(json.loads(run("--scenarios", "--json").stdout)) == set(SCENARIOS)


def test_ctrl_c_ends_all_processes() -> None:
    """Two children at work, and none of them is left."""
    command = [*LAB, "--nodes", "2000", "--seeds", "1-1000", "--jobs", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        while len(children := processes.children().get(started.pid, ())) < 2:
            assert started.poll() is None
        known = [who for child in children if (who := processes.identify(child)) is not None]
        started.send_signal(signal.SIGINT)
        _, said = started.communicate(timeout=60)
    assert started.returncode == 130
    assert said == "inspector-lab: interrupted; everything that had been started is gone again\n"
    # Whoever inherits an ended child may take its time to bury it.
    wait_until(lambda: not any(child.alive() for child in known), "all children have ended")
