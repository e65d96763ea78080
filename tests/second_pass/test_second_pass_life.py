"""How a second pass ends early, or never begins: nothing stays behind, and every node still has its outcome."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from inspector_coord import second_pass
from inspector_coord.second_pass import Outcome, Settings, Subject, outing
from inspector_coord.second_pass.ansible import SecondPassError
from inspector_coord.second_pass.job import Done, Job, TaskResult
from tests.support.processes import gone, mentioning, seen
from tests.support.second_pass import subject
from tests.support.sshd import ssh_hosts

Heard = Callable[[TaskResult], None]

# As another program would use it; killed in the middle.
PROGRAM = """
import json, sys
from pathlib import Path
import trio
from inspector_coord import second_pass
inventory, work, address = sys.argv[1:]
subjects = [second_pass.Subject(ring="main", name="frozen", address=address, state="silent")]
settings = second_pass.Settings(inventory=Path(inventory), work_dir=Path(work), host_timeout_s=600)
trio.run(second_pass.run, subjects, settings, print)
"""


async def test_cancelling_ends_ansible_and_all_below_it(tmp_path: Path) -> None:
    """Ctrl-C while a host hangs: playbook, workers and ssh are gone when the call returns, and so are its files."""
    with ssh_hosts(["frozen"], tmp_path / "hosts") as hosts:
        hosts["frozen"].freeze()
        inventory = hosts.write_inventory(tmp_path / "inventory.json")
        work = tmp_path / "work"
        work.mkdir()
        settings = Settings(inventory=inventory, work_dir=work, host_timeout_s=600)
        target = subject("frozen", hosts["frozen"].address, state="silent", items=())
        with trio.fail_after(100):  # the host's own time is over much later
            async with trio.open_nursery() as nursery:
                nursery.start_soon(second_pass.run, [target], settings, ignore)
                await seen(str(hosts.known_hosts), "ssh ")
                assert mentioning(str(work))
                nursery.cancel_scope.cancel()
        assert mentioning(str(work)) == []
        assert mentioning(f"UserKnownHostsFile={hosts.known_hosts}") == []
        assert list(work.iterdir()) == []


async def test_a_killed_coordinator_leaves_no_process(tmp_path: Path) -> None:
    """Nobody is left to clean up, and still Ansible and its ssh end."""
    with ssh_hosts(["frozen"], tmp_path / "hosts") as hosts:
        hosts["frozen"].freeze()
        inventory = hosts.write_inventory(tmp_path / "inventory.json")
        work = tmp_path / "work"
        work.mkdir()
        command = [sys.executable, "-c", PROGRAM, str(inventory), str(work), hosts["frozen"].address]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as coordinator:  # noqa: ASYNC220  to be killed
            await seen(str(hosts.known_hosts), "ssh ")
            coordinator.send_signal(signal.SIGKILL)
        await gone(str(work))  # long before the host's time is over
        await gone(f"UserKnownHostsFile={hosts.known_hosts}")


def second_look(subjects: list[Subject], settings: Settings) -> Mapping[tuple[str, str], Outcome]:
    """A whole second pass, its progress unheard."""
    return trio.run(second_pass.run, subjects, settings, ignore)


def ignore(_line: str) -> None:
    """Progress nobody waits for."""


async def test_a_batch_has_a_limit_of_its_own(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    """Should Ansible never come back, its nodes are unreachable after the batch's time: 2 x 20 s, and the slack."""

    async def hang(_job: Job, _heard: Heard) -> Done:
        await trio.sleep_forever()
        raise AssertionError

    monkeypatch.setattr(outing, "play", hang)
    subjects = [subject(f"n{index:03}") for index in range(30)]
    outcomes = await second_pass.run(subjects, Settings(), ignore)
    assert {(each.outcome, each.message) for each in outcomes.values()} == {("unreachable", "no result within 60 s")}
    assert trio.current_time() == pytest.approx(60)


def test_without_ansible_every_node_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing program costs the second pass, not the report."""

    async def missing(_job: Job, _heard: Heard) -> Done:
        raise SecondPassError("ansible-playbook is not installed: install fleet-inspector[coordinator]")

    monkeypatch.setattr(outing, "play", missing)
    outcomes = second_look([subject("n001"), subject("n002")], Settings())
    assert {each.outcome for each in outcomes.values()} == {"skipped"}
    assert all("not installed" in each.message for each in outcomes.values())


@pytest.mark.parametrize(
    ("content", "words"), [(None, "does not exist"), ("all: [this is no inventory", "cannot be read")]
)
def test_an_unusable_inventory_is_named(tmp_path: Path, content: str | None, words: str) -> None:
    """With its path, so that it can be put right."""
    inventory = tmp_path / "inventory.yml"
    if content is not None:
        inventory.write_text(content, encoding="utf-8")
    outcome = second_look([subject("n001")], Settings(inventory=inventory))["main", "n001"]
    assert outcome.outcome == "skipped"
    assert words in outcome.message
    assert str(inventory) in outcome.message


def test_batches_are_bounded_and_isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch has its own inventory. Ansible's settings of the operator do not come along, the ssh agent does."""
    jobs: list[tuple[Job, Any]] = []

    def noted(job: Job) -> tuple[Job, Any]:
        return job, json.loads(Path(job.inventories[-1]).read_bytes())

    async def record(job: Job, _heard: Heard) -> Done:
        await trio.lowlevel.checkpoint()
        jobs.append(noted(job))
        return Done("successful", 0)

    monkeypatch.setattr(outing, "play", record)
    monkeypatch.setenv("ANSIBLE_CONFIG", "/home/somebody/ansible.cfg")
    monkeypatch.setenv("ANSIBLE_STRATEGY", "linear")
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", "/home/somebody/.vault")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    subjects = [subject("n001", "10.0.0.1"), subject("n002", "10.0.0.2"), subject("n001", "10.9.0.1", ring="other")]
    outcomes = second_look(subjects, Settings(batch=2, forks=7))
    assert set(outcomes) == {("main", "n001"), ("main", "n002"), ("other", "n001")}
    hosts = [inventory["inspector_batch"]["hosts"] for _, inventory in jobs]
    assert [{name: each["ansible_host"] for name, each in batch.items()} for batch in hosts] == [
        {"n001": "10.0.0.1", "n002": "10.0.0.2"},
        {"n001": "10.9.0.1"},
    ]
    job = jobs[0][0]
    assert job.forks == 7
    assert job.environment["ANSIBLE_CONFIG"].startswith(str(Path(job.private_dir).parent))
    assert "ANSIBLE_STRATEGY" not in job.environment
    assert job.environment["ANSIBLE_VAULT_PASSWORD_FILE"] == "/home/somebody/.vault"  # noqa: S105  a path
    assert job.environment["SSH_AUTH_SOCK"] == "/run/agent"
    assert job.environment["ANSIBLE_HOST_KEY_CHECKING"] == "True"
    assert not Path(job.private_dir).exists()


def test_nobody_to_look_at_starts_nothing(tmp_path: Path) -> None:
    """No directory, no process, no progress."""
    heard: list[str] = []
    assert trio.run(second_pass.run, [], Settings(work_dir=tmp_path / "missing"), heard.append) == {}
    assert heard == []
    assert os.listdir(tmp_path) == []  # noqa: PTH208
