"""docs/checks.md is true: its commands, its JSON and its ten lines of shell, taken from the page itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from checklib import limits

from config_center.describe import site_kind
from config_center.resolve import Item
from inspector_agent.bundled import checks_dir
from inspector_agent.findings import Finding
from inspector_agent.runner.run import CheckRunner
from tests.support.check_cases import REPOSITORY, lines_of, module, plant

PAGE = (REPOSITORY / "docs" / "checks.md").read_text(encoding="utf-8")
CLEAN = """\
Personalities : [raid1]
md0 : active raid1 sdb1[1] sda1[0]
      1046528 blocks [2/2] [UU]

unused devices: <none>
"""


def blocks(language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A directory with the page's own check in checks/raid."""
    (script,) = blocks("sh")
    assert len([line for line in script.splitlines() if not line.startswith("#")]) <= 10
    return plant(tmp_path / "site", {"/checks/raid": {"text": script, "mode": "0755"}})


def test_the_first_command_works() -> None:
    """Run as it stands, in the repository; the figures of this machine may differ."""
    shown = blocks("console")[0].splitlines()
    done = subprocess.run(["/bin/sh", "-c", shown[0][2:]], cwd=REPOSITORY, capture_output=True, check=True)
    start, found = lines_of(done.stdout)
    assert start == json.loads(shown[1])
    assert list(found) == list(json.loads(shown[2]))
    assert (found["id"], found["outcome"] in {"pass", "fail"}) == ("sysctl:vm.swappiness", True)


@pytest.mark.parametrize(
    ("tree", "outcome", "observed"),
    [
        ({"/proc/mdstat": CLEAN}, "pass", "clean"),
        ({"/proc/mdstat": CLEAN.replace("[UU]", "[U_]")}, "fail", "degraded"),
        ({}, "na", None),
    ],
)
def test_the_ten_lines_of_shell_are_a_check(
    site: Path, tmp_path: Path, tree: dict[str, Any], outcome: str, observed: str | None
) -> None:
    """Run by hand as the page says, on arrays that are whole, degraded and not there."""
    root = plant(tmp_path / "root", {"/etc": {"directory": True}, **tree})
    command, *_ = blocks("console")[1].splitlines()
    command = command[2:].replace('"root": "/"', f'"root": "{root}"')
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=site, capture_output=True, check=True, env={"PATH": os.environ["PATH"]}
    )
    (found,) = lines_of(done.stdout)
    assert (found["id"], found["outcome"], found.get("observed")) == ("raid:all", outcome, observed)
    assert found.get("message") or outcome != "na"


async def test_the_agent_runs_it_too(site: Path, tmp_path: Path) -> None:
    """By the page's own request, several items at once, as a kind that does not describe itself."""
    assert site_kind(site / "checks" / "raid", "raid").open
    root = plant(tmp_path / "root", {"/proc/mdstat": CLEAN.replace("[UU]", "[_U]")})
    runner = CheckRunner(
        checks_dir=checks_dir(), parts_dir=site / "checks", root=str(root), facts={"name": "n001", "tags": {}}
    )
    items = [
        Item(number=number, id=f"raid:{key}", check="raid", key=key, expect={"value": {"equals": "clean"}}, with_={},
             severity="major", timeout_s=60.0, source="layers/10.yml:3")
        for number, key in enumerate(("all", "md0"))
    ]  # fmt: skip
    findings: list[Finding] = []
    await runner.run(items, findings.append, deadline_s=60)
    assert {(one.id, one.outcome, one.observed) for one in findings} == {
        ("raid:all", "fail", "degraded"),
        ("raid:md0", "fail", "degraded"),
    }


def test_the_json_of_the_page_is_the_contract() -> None:
    """Its request can be decoded without a mistake, and its description and bounds are the real ones."""
    from checklib.contract import decode_request, finding

    request, found = (json.loads(block) for block in blocks("json"))
    assert [item.mistake for item in decode_request(request).items] == [""]
    assert list(finding("a", "pass")) == list(found)
    assert f"at most {limits.observed_chars_max} characters" in PAGE
    assert f"`message` has at most {limits.message_chars_max}." in PAGE
    for text, bytes_max in (
        ("prints more than 1 MiB", limits.output_bytes_max),
        ("memory (512 MiB)", limits.program_memory_bytes),
        ("file size (16 MiB)", limits.program_file_bytes),
    ):
        number = re.search(r"\d+", text)
        assert text in PAGE
        assert number is not None
        assert int(number[0]) << 20 == bytes_max


def test_the_bounds_a_page_of_a_kind_names_are_the_real_ones() -> None:
    """Of files, whose content is compared and hashed within bounds."""
    told = {name: one.title for name, one in module("file").KIND.properties.items()}
    assert f"at most {limits.file_bytes_max >> 20} MiB" in told["content"]
    assert f"at most {limits.hashed_bytes_max >> 20} MiB" in told["sha256"]
