"""docs/adding-a-check.md, done literally in a copy: its files are put where it says, and its commands are run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from tests.support.check_cases import REPOSITORY, lines_of, plant

PAGE = (REPOSITORY / "docs" / "adding-a-check.md").read_text(encoding="utf-8")
FILES = re.findall(r"^```(?:python|yaml)\n# (\S+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^```console\n\$ (.*?)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with the page's files in it."""
    place = tmp_path_factory.mktemp("copy") / "repository"
    copytree(REPOSITORY, place, ignore=ignore_patterns(".*", "__pycache__", "build", "dist"))
    return plant(place, {f"/{path}": text for path, text in FILES})


def run(command: str, copy: Path) -> subprocess.CompletedProcess[bytes]:
    """As somebody types it in the repository, where python3 is the project's own."""
    tools = plant(
        copy.parent / "tools",
        {"/python3": {"text": f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n', "mode": "0755"}},
    )
    env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(copy), "PYTEST_ADDOPTS": ""}
    return subprocess.run(["/bin/sh", "-c", command], cwd=copy, capture_output=True, check=False, env=env)


def test_the_page_names_its_files_and_commands() -> None:
    """Nothing on it is left out below."""
    assert [path for path, _ in FILES] == [
        "checks/pressure.py", "tests/cases/pressure/kernel-6.1.yml", "fleet/layers/10-pressure.yml",
    ]  # fmt: skip
    assert PAGE.count("```") == 2 * (len(FILES) + len(COMMANDS))
    assert len(COMMANDS) == 4


@pytest.mark.timeout(900)  # it runs other tests: two minutes of a busy machine
def test_everything_on_the_page_works(copy: Path) -> None:
    """In its order: the program answers, the page is written, the tests pass, the layer is taken."""
    (try_it, shown), (make_pages, _), (test_it, _), (validate, _) = COMMANDS
    tried = run(try_it, copy)
    start, found = lines_of(tried.stdout)
    wanted = [json.loads(line) for line in shown.splitlines()]
    assert (start, list(found), found["id"]) == (wanted[0], list(wanted[1]), wanted[1]["id"]), tried.stderr
    assert found["outcome"] in {"pass", "na"}, found  # na: a kernel without pressure stall information

    assert run(make_pages, copy).returncode == 0
    page = (copy / "docs" / "checks" / "pressure.md").read_text(encoding="utf-8")
    assert "How long work waits for a resource." in page
    assert "[`pressure`](pressure.md)" in (copy / "docs" / "checks" / "README.md").read_text(encoding="utf-8")

    tested = run(f"{test_it} -p no:cacheprovider", copy)
    assert tested.returncode == 0, tested.stdout.decode()
    passed = re.search(rb"(\d+) passed", tested.stdout)
    assert passed
    assert int(passed[1]) > 10

    validated = run(validate, copy)
    assert validated.returncode == 0, validated.stderr
    assert b"1 items" in validated.stdout + validated.stderr


def test_what_it_says_is_noticed_is_noticed(copy: Path) -> None:
    """A wrong value, a number without a unit, an exception that nobody foresaw: each fails the test it belongs to."""
    code = dict(FILES)["checks/pressure.py"]
    for before, after in (('"avg60"', '"avg10"'), (', unit="percent"', ""), ("(KeyError, ValueError)", "KeyError")):
        assert before in code
        code = code.replace(before, after)
    plant(copy, {"/checks/pressure.py": code})
    modules = " ".join(f"tests/checks/test_check_{name}.py" for name in ("cases", "pages", "parsers"))
    told = run(f"python3 -m pytest -q {modules} -k pressure -p no:cacheprovider", copy).stdout.decode()
    failed = {line.partition("::")[2].partition(" - ")[0] for line in told.splitlines() if line.startswith("FAILED")}
    assert {
        "test_case[pressure/kernel-6.1]",
        "test_every_word_of_a_kind_is_explained[pressure]",
        "test_a_wrong_word_is_parsed_or_said[pressure.parse_pressure]",
    } <= failed, told


def test_its_code_is_as_ours() -> None:
    """By the linter and the formatter, in the folder's own settings."""
    code = dict(FILES)["checks/pressure.py"]
    for command in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", "checks/pressure.py", "-"],
            cwd=REPOSITORY,
            input=code,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
