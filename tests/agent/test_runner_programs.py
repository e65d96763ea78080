"""A site's own executables: each in a process of its own, by the contract, within the same limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import trio

from inspector_agent.runner import limits
from inspector_agent.runner.burial import Family
from tests.support.checks import Bench, agent_process, gone, items, program
from tests.support.waiting import soon

DAEMON = """
    setsid sh -c 'echo $$ > {0}.new; mv {0}.new {0}; exec sleep 600' </dev/null >/dev/null 2>&1 &
    while [ ! -e {0} ]; do sleep 0.01; done
"""


async def nobody_looks(_family: Family) -> None:
    """In the place of the search for orphans."""
    await trio.lowlevel.checkpoint()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A runner whose site executables live in `bench.parts`."""
    return Bench(tmp_path)


def says(*lines: dict[str, object]) -> str:
    """A script that prints these lines."""
    return "".join(f"echo '{json.dumps(line)}'\n" for line in lines)


def passes(key: str) -> dict[str, object]:
    """A finding line for an item of kind raid."""
    return {"id": f"raid:{key}", "outcome": "pass", "observed": "optimal"}


async def test_an_executable_gets_its_items_on_stdin_and_reports_on_stdout(bench: Bench) -> None:
    """The whole request arrives; the environment is a small one of ours."""
    program(
        bench.parts,
        "raid",
        f"""
        cat > {bench.parts}/request; env > {bench.parts}/environment
        {says(passes("md0"))}
        """,
    )
    found = await bench.run(items("md0", check="raid"))
    assert found["raid:md0"].observed == "optimal"
    request = json.loads((bench.parts / "request").read_text())
    assert request["items"] == [
        {
            "id": "raid:md0",
            "check": "raid",
            "key": "md0",
            "expect": {"value": {"equals": "x"}},
            "with": {},
            "timeout_s": 5.0,
        }
    ]
    names = {line.partition("=")[0] for line in (bench.parts / "environment").read_text().splitlines()}
    assert names - {"PWD", "OLDPWD", "SHLVL", "_"} == {"PATH", "LC_ALL", "HOME"}


async def test_it_is_found_with_or_without_a_suffix(bench: Bench) -> None:
    """A directory of layers has checks/raid.sh; a release has it as raid."""
    program(bench.parts, "raid.sh", says(passes("md0")))
    assert (await bench.run(items("md0", check="raid")))["raid:md0"].outcome == "pass"


async def test_a_missing_executable_is_named(bench: Bench) -> None:
    """The error says which file is looked for."""
    found = await bench.run(items("md0", check="raid"))
    assert found["raid:md0"].outcome == "error"
    assert found["raid:md0"].message == f"no such check: neither bundled nor {bench.parts}/raid"


@pytest.mark.parametrize("kind", ["../fake", "..", "/bin/true", "a b"])
async def test_no_kind_leads_out_of_the_directory(bench: Bench, kind: str) -> None:
    """A kind is a name, whoever wrote the item."""
    program(bench.parts, "raid", "true")
    (finding,) = (await bench.run(items("x", check=kind))).values()
    assert finding.message.startswith("no such check")


async def test_a_file_that_is_not_executable_is_named(bench: Bench) -> None:
    """The error says which file, and what is wrong with it."""
    path = program(bench.parts, "raid", "true", mode=0o644)
    found = await bench.run(items("md0", check="raid"))
    assert found["raid:md0"].message == f"the check {path} is not executable"


async def test_a_file_that_no_kernel_runs_is_named(bench: Bench) -> None:
    """Executable, and neither a binary nor a script with an interpreter."""
    bench.parts.mkdir()
    path = bench.parts / "raid"
    path.write_text("just words", encoding="utf-8")
    path.chmod(0o755)
    found = await bench.run(items("md0", check="raid"))
    assert f"(exit 126) without a finding: cannot run {path}: Exec format error" in found["raid:md0"].message


async def test_exit_77_is_an_error_of_all_it_did_not_report(bench: Bench) -> None:
    """With the last line of its stderr, which says why."""
    program(bench.parts, "raid", says(passes("md0")) + "echo first >&2; echo no controller >&2; exit 77")
    found = await bench.run(items("md0", "md1", check="raid"))
    assert found["raid:md0"].outcome == "pass"
    assert found["raid:md1"].message == "check ended (exit 77) without a finding: no controller"


async def test_an_executable_that_hangs_is_killed_and_asked_for_the_rest(bench: Bench) -> None:
    """It says what it does, so only that item errs; the next process gets what is left."""
    script = f"""
        if grep -q md0; then
            {says({"start": "raid:md0"})}
            exec sleep 600
        fi
        {says(passes("md1"))}
        """
    program(bench.parts, "raid", script)
    found = await bench.run(items("md0", "md1", check="raid", timeout_s=0.1))
    assert found["raid:md0"].message == "timeout after 0.1 s"
    assert found["raid:md1"].outcome == "pass"
    assert not bench.left_behind()


async def test_one_that_closes_its_output_and_lives_on_is_killed(bench: Bench) -> None:
    """The end of its output is not its end; nobody waits for it longer than the item may take."""
    program(bench.parts, "raid", says({"start": "raid:md0"}) + "exec sleep 600 >&- 2>&-")
    found = await bench.run(items("md0", check="raid", timeout_s=0.1))
    assert found["raid:md0"].message == "timeout after 0.1 s"


async def test_one_that_reads_nothing_is_not_at_fault(bench: Bench) -> None:
    """A request too big for the pipe, never read: what counts is what it prints."""
    program(bench.parts, "raid", "exec <&-\n" + says(passes("k" * 200)))
    asked = items("k" * 200, *(f"{'x' * 200}{number}" for number in range(500)), check="raid")
    assert (await bench.run(asked))[f"raid:{'k' * 200}"].outcome == "pass"


async def test_a_daemon_left_behind_ends_with_its_executable(bench: Bench, tmp_path: Path) -> None:
    """It is in another session and holds no pipe of ours; its supervisor still finds it."""
    pid_file = tmp_path / "pid"
    program(bench.parts, "raid", DAEMON.format(pid_file) + says(passes("md0")))
    found = await bench.run(items("md0", check="raid"))
    assert found["raid:md0"].outcome == "pass"
    assert gone(int(pid_file.read_text()))
    assert not bench.left_behind()


async def test_cancelling_ends_it_with_all_it_started(bench: Bench, tmp_path: Path) -> None:
    """Executable, supervisor and daemon."""
    pid_file = tmp_path / "pid"
    program(bench.parts, "raid", DAEMON.format(pid_file) + "sleep 600")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bench.run, items("md0", check="raid"))
        await soon(pid_file.exists, f"{pid_file} written")
        nursery.cancel_scope.cancel()
    assert gone(int(pid_file.read_text()))
    assert not bench.left_behind()


async def test_what_a_killed_agent_left_dies(tmp_path: Path) -> None:
    """The supervisor hears that its agent has died, and ends even the daemon."""
    pid_file, parts = tmp_path / "pid", tmp_path / "parts"
    program(parts, "raid", f"echo $$ > {tmp_path}/program\n" + DAEMON.format(pid_file) + "sleep 600")
    with agent_process(tmp_path, "raid:md0") as agent:
        await soon(pid_file.exists, f"{pid_file} written")
        agent.kill()
        assert gone(int((tmp_path / "program").read_text()))
        assert gone(int(pid_file.read_text()))


async def test_an_executable_that_kills_its_supervisor_gains_nothing(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies with it, by itself."""
    monkeypatch.setattr(Family, "bury_orphans", nobody_looks)
    program(bench.parts, "raid", f"echo $$ > {tmp_path}/pid; kill -9 $PPID; exec sleep 600")
    found = await bench.run(items("md0", check="raid", timeout_s=0.3))
    assert "SIGKILL" in found["raid:md0"].message
    assert gone(int((tmp_path / "pid").read_text()))


async def test_few_executables_run_at_once(bench: Bench) -> None:
    """A release with many site checks does not start them all together; all get their turn."""
    kinds = [f"kind{number}" for number in range(9)]
    for kind in kinds:
        program(
            bench.parts,
            kind,
            f"""
            touch {bench.parts}/{kind}.on; ls {bench.parts} | grep -c '[.]on$' > {bench.parts}/{kind}.count
            [ $(cat {bench.parts}/{kind}.count) = 1 ] || touch {bench.parts}/several
            sleep 0.05; until [ -e {bench.parts}/several ]; do sleep 0.01; done  # however long the next takes to begin
            rm {bench.parts}/{kind}.on
            echo '{{"id": "{kind}:x", "outcome": "pass"}}'
            """,
        )
    asked = [item for kind in kinds for item in items("x", check=kind, timeout_s=30.0)]
    found = await bench.run(asked, deadline_s=60.0)
    assert [finding.outcome for finding in found.values()] == ["pass"] * 9
    counts = [int((bench.parts / f"{kind}.count").read_text()) for kind in kinds]
    assert 1 < max(counts) <= limits.programs_at_once + 1
