"""inspector-agent check: what a waiver, a secret, a fact, a variable and a canary mean for a node, without any ring."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from config_center.describe import catalogue_of
from config_center.match import Term
from config_center.pointer import encode_pointer
from config_center.publishing import publish
from inspector_agent import cli
from inspector_agent.bundled import checks_dir
from tests.support.center import write_fleet
from tests.support.mirror import pointer_to

TOKEN = "hunter2-correct-horse"  # noqa: S105 - what the tests look for
LAYERS = {
    "10-all.yml": """
        items:
          sysctl:
            vm.swappiness: {at_most: 10}
            kernel.core_pattern: {equals: {from_file: /etc/token}}
            kernel.domainname: {matches: "^x", secret: true}
            kernel.hostname: {equals: "${zone}-host"}
        """,
    "20-old-kernels.yml": """
        match: {fact.kernel: {below: "5.0"}}
        items: {sysctl: {vm.swappiness: {at_most: 60}}}
        """,
}
WAIVERS = """
    waivers:
      - items: ["sysctl:vm.*"]
        match: {rack: b1}
        owner: storage
        reason: waits for the new kernel
        ticket: OPS-7
        expires: 2099-12-31
    """

Call = Callable[..., tuple[int, str]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Check a node of that fleet: (exit code, all that was printed)."""
    fleet = write_fleet(tmp_path / "fleet", LAYERS)
    lines = (line.removeprefix("    ") for line in WAIVERS.splitlines())
    (fleet / "waivers.yml").write_text("\n".join(lines), encoding="utf-8")
    root = tmp_path / "root"
    for path, text in {
        "proc/sys/vm/swappiness": "60\n",
        "proc/sys/kernel/core_pattern": f"{TOKEN}\n",
        "proc/sys/kernel/domainname": f"{TOKEN}\n",
        "proc/sys/kernel/hostname": "a-host\n",
        "proc/sys/kernel/osrelease": "6.1.0-37-amd64\n",
        "etc/token": "another-token-altogether\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")

    def run(*words: str) -> tuple[int, str]:
        release = [] if "--release" in words else ["--release", str(fleet)]
        monkeypatch.setattr("sys.argv", ["inspector-agent", "check", *release, "--root", str(root), *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out + err

    return run


def test_a_waived_finding_is_shown_with_its_waiver_and_its_end(call: Call) -> None:
    """It is no failure, and it does not disappear either."""
    code, out = call("--tag", "rack=b1", "--item", "sysctl:vm.*", "--name", "n001")
    lines = [line.rstrip() for line in out.splitlines()]
    assert (code, lines[1]) == (0, "  waived  sysctl:vm.swappiness  is 60, expected at_most 10")
    assert lines[2].strip() == "waived until 2099-12-31 by waivers.yml:3"
    assert lines[-1].startswith("1 waived in")
    code, out = call("--tag", "rack=b2", "--item", "sysctl:vm.*")
    assert code == 1
    assert "  waived" not in out


def test_a_waiver_in_json(call: Call) -> None:
    """For programs."""
    _, out = call("--tag", "rack=b1", "--item", "sysctl:vm.*", "--json")
    (finding,) = json.loads(out)["findings"]
    assert (finding["outcome"], finding["waiver"], finding["waived_until"]) == (
        "waived", "waivers.yml:3", "2099-12-31",
    )  # fmt: skip


@pytest.mark.parametrize("form", [["--all"], ["--all", "--json"], []])
def test_no_secret_is_printed(call: Call, form: list[str], tmp_path: Path) -> None:
    """Neither what is expected nor what is there, in whatever form; the outcome is."""
    code, out = call("--item", "sysctl:kernel.core*", "--item", "sysctl:kernel.domain*", *form)
    assert code == 1
    assert "(secret)" in out
    assert TOKEN not in out
    assert "another-token" not in out
    assert "what /etc/token holds" in out
    (tmp_path / "root/etc/token").write_text(f"{TOKEN}\n")
    code, out = call("--item", "sysctl:kernel.core*", *form)
    assert code == 0
    assert TOKEN not in out


def test_a_secret_that_cannot_be_read_is_said_by_its_file(call: Call, tmp_path: Path) -> None:
    """And is an error, never a fail."""
    (tmp_path / "root/etc/token").unlink()
    code, out = call("--item", "sysctl:kernel.core*")
    assert code == 1
    assert "error  sysctl:kernel.core_pattern" in out
    assert "/etc/token" in out
    assert "No such file" in out


def test_facts_of_the_root_choose_layers(call: Call, tmp_path: Path) -> None:
    """The kernel of the image, not that of this machine."""
    assert call("--item", "sysctl:vm.*")[0] == 1
    (tmp_path / "root/proc/sys/kernel/osrelease").write_text("4.19.0-27-amd64\n")
    assert call("--item", "sysctl:vm.*")[0] == 0


def test_a_variable_without_a_value_is_an_error_of_its_item(call: Call) -> None:
    """It names the variable, and nothing is guessed."""
    assert call("--tag", "zone=a", "--item", "sysctl:kernel.hostname")[0] == 0
    code, out = call("--item", "sysctl:kernel.hostname")
    assert code == 1
    assert "error  sysctl:kernel.hostname  ${zone}" in out


@pytest.mark.parametrize("form", ["center.db", "mirror"])
def test_published_releases_are_taken_by_their_pointer(call: Call, tmp_path: Path, form: str) -> None:
    """A center's database, or a static mirror of it."""
    publish(tmp_path / "fleet", tmp_path / "center.db", catalogue_of(checks_dir()), to=[tmp_path / "mirror"])
    code, out = call("--release", str(tmp_path / form), "--name", "n001", "--item", "sysctl:vm.*")
    assert code == 1
    assert out.startswith("n001: release 1 (")


@pytest.mark.parametrize(("rack", "number"), [("a1", 1), ("b1", 2)])
def test_while_a_canary_is_out_each_node_is_checked_against_its_own_release(
    call: Call, tmp_path: Path, rack: str, number: int
) -> None:
    """By the pointer, as the agent of that node would."""
    fleet, mirror = tmp_path / "fleet", tmp_path / "mirror"
    first = publish(fleet, tmp_path / "center.db", catalogue_of(checks_dir()), to=[mirror]).release
    write_fleet(fleet, {"30-new.yml": "items: {sysctl: {kernel.new: {absent: true}}}\n"})
    second = publish(fleet, tmp_path / "center.db", catalogue_of(checks_dir()), to=[mirror]).release
    pointer = pointer_to(first, 3, second, {"rack": Term(any=("b1",))})
    (mirror / "current.json").write_bytes(encode_pointer(pointer))
    _, out = call("--release", str(mirror), "--name", "n001", "--tag", f"rack={rack}")
    assert out.startswith(f"n001: release {number} (")
