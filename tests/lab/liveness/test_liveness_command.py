"""`inspector-lab simulate --liveness` from the command line: what it prints, what it refuses, and how it ends."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from inspector_lab.liveness.oracles import ORACLES
from inspector_lab.liveness.scenarios import SCENARIOS

LAB = (sys.executable, "-m", "inspector_lab", "simulate", "--liveness")


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    return subprocess.run(
        [*LAB, *words], capture_output=True, text=True, check=False, timeout=240, env={**os.environ, **environment}
    )


def test_a_watch_is_told_in_a_few_lines() -> None:
    done = run("--scenario", "rack-off", "--nodes", "120")
    assert done.returncode == 0, done.stderr
    assert "120 nodes" in done.stdout
    assert "opened  down     rack=b2 (14 of 14)" in done.stdout
    assert f"all {len(ORACLES)} hold" in done.stdout


def test_the_same_seed_gives_the_same_bytes_whatever_hashing_does() -> None:
    words = ("--nodes", "60", "--loss", "0.05", "--seed", "11", "--faults", "--json")
    first = run(*words, PYTHONHASHSEED="1")
    assert first.stdout == run(*words, PYTHONHASHSEED="2").stdout
    report = json.loads(first.stdout)
    assert (report["schema"], report["nodes"], report["loss"]) == ("inspector.liveness-simulation/1", 60, 0.05)
    assert report["oracles"] == {"held": list(ORACLES), "broken": {}}
    assert run(*shlex.split(report["replay"])[3:], "--json").stdout == first.stdout


@pytest.mark.parametrize("words", [("--faults",), ("--scenario", "kill")])
def test_many_seeds_over_processes(words: tuple[str, ...]) -> None:
    done = run("--nodes", "60", "--seeds", "1-6", "--jobs", "2", *words, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["seeds"], found["broken"], found["replay"]) == (6, {}, {})
    assert found["incidents"]


def test_a_broken_oracle_ends_with_1_and_the_command_to_see_it_again(tmp_path: Path) -> None:
    """A mistake planted by a module that Python loads by itself, in every process."""
    (tmp_path / "sitecustomize.py").write_text(
        "from inspector_lab.liveness import oracles\n"
        "oracles.ORACLES = {'once': lambda result: ['planted'] if result.scenario.seed == 3 else []}\n"
        "oracles.broken.__globals__['ORACLES'] = oracles.ORACLES\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = run("--nodes", "60", "--scenario", "kill", "--seeds", "1-4", "--jobs", "2", PYTHONPATH=path)
    assert done.returncode == 1
    assert "once: planted" in done.stderr
    assert "inspector-lab simulate --liveness --nodes 60 --scenario kill --loss 0 --seed 3" in done.stderr
    assert "broken with 1 seed" in done.stdout


def test_every_scenario_is_listed() -> None:
    assert json.loads(run("--scenarios", "--json").stdout) == {name: each.about for name, each in SCENARIOS.items()}
    assert "rack-off-and-back" in run("--scenarios").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--nodes", "3"), "--nodes 3: a watch is simulated of 8 to"),
        (("--nodes", "20", "--scenario", "kill"), "wants 60 at least"),
        (("--loss", "0.9"), "a share from 0 to 0.5"),
        (("--seed", "-1"), "--seed -1: a whole number from 0 on"),
        (("--seeds", "some"), "neither FIRST-LAST nor a count"),
        (("--jobs", "-1", "--seeds", "3"), "number of processes"),
        (("--scenario", "rack-of"), "did you mean rack-off?"),
        (("--scenario", "kill", "--faults"), "leave out --faults"),
        (("--rings", "3"), "leave out --rings"),
        (("--timeout", "3"), "leave out --rings and --timeout"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(words: tuple[str, ...], said: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
