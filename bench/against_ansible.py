"""The same hosts and the same items, looked at by Ansible and by a sweep."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import yaml

from bench.figures import Figure
from bench.fleet import BIN, Fleet

ITEMS = 20
FORKS = 25


def publish_items(fleet: Fleet) -> list[str]:
    """Publish a release of `ITEMS` kernel parameters that every node of the fleet has; returns their names."""
    root = fleet.directory / "nodes" / "n001" / "root" / "proc" / "sys"
    found = [".".join(path.relative_to(root).parts) for path in sorted(root.rglob("*")) if path.is_file()]
    if len(found) < ITEMS:
        raise SystemExit(f"the practice fleet has only {len(found)} kernel parameters a node, {ITEMS} are needed")
    keys = found[:ITEMS]
    layers = fleet.directory / "bench" / "layers"
    layers.mkdir(parents=True)
    document = {"items": {"sysctl": {key: {"any": True} for key in keys}}}
    (layers / "00-bench.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    center = [
        str(BIN / "config-center"), "publish", str(layers.parent), "--yes", "--unclean",
        "--store", str(fleet.directory / "fleet" / "published" / "center.db"), "--key", str(fleet.directory / "center"),
    ]  # fmt: skip
    subprocess.run(center, check=True, capture_output=True)
    return keys


def playbook(keys: list[str], *, one_task: bool) -> str:
    """A play that reads each parameter: in a task each, or all in one task."""
    paths = ["{{ inspector_root }}/proc/sys/" + key.replace(".", "/") for key in keys]
    groups = [paths] if one_task else [[path] for path in paths]
    tasks = [
        {"name": f"look {at}", "ansible.builtin.command": {"argv": ["cat", *group]}, "changed_when": False}
        for at, group in enumerate(groups)
    ]
    play = {"hosts": "all", "gather_facts": False, "strategy": "free", "tasks": tasks}
    return yaml.safe_dump([play], sort_keys=False)


def ansible_s(fleet: Fleet, keys: list[str], *, one_task: bool) -> float:
    """Wall seconds of one ansible-playbook over all hosts that answer."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "look.yml"
        file.write_text(playbook(keys, one_task=one_task), encoding="utf-8")
        command = [str(BIN / "ansible-playbook"), "-i", str(fleet.directory / "inventory.yml"), "-f", str(FORKS)]
        began = time.monotonic()
        environment = os.environ | {"ANSIBLE_PIPELINING": "1", "ANSIBLE_HOME": directory}
        done = subprocess.run(
            [*command, str(file)], capture_output=True, text=True, check=False, env=environment, timeout=900
        )
        wall_s = time.monotonic() - began
    if done.returncode:
        raise SystemExit(f"ansible-playbook ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return wall_s


def measure(fleet: Fleet, *, runs: int) -> list[Figure]:
    """Ansible ÷ ours: with a task an item (once, it is slow), with one task for all (`runs` times)."""
    keys = publish_items(fleet)
    fleet.sweep()  # everybody fetches the release once
    ours, walls = zip(
        *[(report["seconds"], wall_s) for report, wall_s in (fleet.sweep() for _ in range(runs))], strict=True
    )
    one = [ansible_s(fleet, keys, one_task=True) for _ in range(runs)]
    each = [ansible_s(fleet, keys, one_task=False)]
    how = (
        f"{ITEMS} items; whole ansible-playbook ÷ the report's seconds (first question sent to ledger closed); Ansible "
        f"with {FORKS} forks, pipelining, strategy free, no fact gathering, its best case"
    )
    median = statistics.median(ours)
    over_process = statistics.median(one) / statistics.median(walls)
    return [
        Figure(
            "ansible_over_ours",
            "Ansible with a task an item ÷ a sweep",
            "",
            tuple(s / median for s in each),
            50,
            at_most=False,
            note=how,
        ),
        Figure(
            "ansible_one_task_over_ours",
            "Ansible with one task for all ÷ a sweep",
            "",
            tuple(s / median for s in one),
            20,
            at_most=False,
            note=how,
        ),
        Figure("ansible_s", "  Ansible, a task an item", "s", tuple(each)),
        Figure("ansible_one_task_s", "  Ansible, one task", "s", tuple(one)),
        Figure("sweep_s", "  sweep, first question sent to ledger closed", "s", ours),
        Figure(
            "sweep_process_s",
            "  sweep, whole process with its start",
            "s",
            walls,
            note=f"with Python's start, roster and release; Ansible with one task ÷ this: {over_process:.3g}",
        ),
    ]
