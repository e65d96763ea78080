"""Slips of a tired hand at the command line: each is named before anything is done, or undone."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from config_center import acting, example, extras, limits
from config_center.files import write_whole
from config_center.trail import last_commit
from tests.support.center_cli import REPOSITORY, CenterCli

FULL = Path("/dev/full")  # whoever writes to it hears that the disk is full


@pytest.fixture
def center(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CenterCli:
    monkeypatch.chdir(tmp_path)
    return CenterCli(tmp_path, capsys, monkeypatch)


def with_full_output(center: CenterCli, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a child whose standard output takes nothing."""
    with FULL.open("w") as full:
        return subprocess.run(
            [sys.executable, "-m", "config_center", *words, "--checks", str(center.checks)], cwd=center.home,
            env={"PYTHONPATH": str(REPOSITORY)}, stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip


def test_a_revert_published_while_a_canary_is_out_ends_it(center: CenterCli) -> None:
    """And says so; published as a canary, it says what stays out."""
    center.done("publish", "fleet")
    center.change(2)
    center.done("publish", "fleet", "--canary", "zone=b")
    center.change(1)
    run = center.done("publish", "fleet", "--canary", "zone=b")
    assert "nothing changed, it stays" in run.out
    assert "release 2, the canary for zone=b, stays out: promote or rollback ends it" in run.out
    run = center.done("publish", "fleet", "-m", "reverted")
    assert "release 2, the canary that is out, ends with it" in run.err
    assert "with the content of release 1: published" in run.out
    assert "canary" not in center("status", "fleet").out


def test_a_canary_for_nobody(center: CenterCli) -> None:
    """A tag that fleet.yml does not name is refused; one that no known node has is warned of."""
    center.done("publish", "fleet")
    center.change(2)
    Path("nodes.yml").write_text("n1: {zone: b}\n")
    words = ("publish", "fleet", "--dry-run", "--roster", "nodes.yml", "--canary")
    assert "no known node is meant by zone=c: nobody would try it" in center(*words, "zone=c").err
    assert "nobody" not in center(*words, "zone=b").err
    (center.fleet / "fleet.yml").write_text("tags: {zone: [a, b]}\n")
    run = center(*words, "zoen=b")
    assert (run.code, run.err) == (2, "config-center: --canary: fleet.yml names no tag zoen; did you mean zone?\n")
    assert "zone is never c" in center(*words, "zone=c").err


def test_keys_that_speak_against_the_act(center: CenterCli) -> None:
    """Said before the difference is shown and anybody is asked."""
    ids = [center("keygen", name, "--json").json["id"] for name in ("one", "two", "three")]
    center.done("publish", "fleet", "--key", "one")
    run = center("revoke", ids[2], "--dir", "fleet", "--key", "one", "--dry-run")
    assert f"nothing here was ever signed by {ids[2]}: is it that one?" in run.err
    run = center.done("revoke", ids[0], "--dir", "fleet", "--key", "two")
    assert "is it that one" not in run.err
    assert run.out.startswith(f"key {ids[0]}: revoked for good; signed by {ids[1]}")
    center.change(2)
    run = center("publish", "fleet", "--key", "one")
    assert (run.code, run.out) == (2, "")
    assert f"key {ids[0]} is revoked" in run.err
    assert "would be refused" in center("publish", "fleet", "--key", "one", "--dry-run").err
    assert "say opposite things" in center("publish", "fleet", "--key", "two", "--unsigned", "--yes").err
    assert "names no file" in center("keygen", "").err


def test_a_full_disk_behind_the_output(center: CenterCli) -> None:
    """What cannot be shown is not done; what is done is said to be, on stderr."""
    said = "standard output takes nothing (No space left on device): nothing was done\n"
    run = with_full_output(center, "publish", "fleet", "--yes")
    assert (run.returncode, run.stderr) == (2, f"config-center: {said}")
    run = with_full_output(center, "publish", "fleet", "--yes", "--json")
    assert run.returncode == 2
    assert "act 1 is recorded, but: standard output takes nothing: No space left on device\n" in run.stderr
    run = with_full_output(center, "validate", "fleet", "--json")
    assert (run.returncode, run.stderr.splitlines()[-1]) == (
        2, "config-center: standard output: No space left on device",
    )  # fmt: skip


def test_what_was_published_from_no_commit_lifts_no_guard(center: CenterCli) -> None:
    """After one --unclean act, a colleague's stale checkout is still refused."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    for words in (["init", "-q"], ["add", "layers"], [*identity, "commit", "-qm", "1"]):
        subprocess.run(["git", *words], cwd=center.fleet, check=True)
    center.done("publish", "fleet")
    first = last_commit(center.database)
    center.change(2)
    (center.fleet / ".git").rename(center.home / "aside")
    center.done("publish", "fleet", "--unclean")
    assert last_commit(center.database) == first
    center.change(3)
    assert f"came from commit {first[:12]}" in center("publish", "fleet", "--yes").err


def test_tags_that_cannot_be_meant(center: CenterCli) -> None:
    """render says what it was told that no layer can mean."""
    (center.fleet / "fleet.yml").write_text("tags: {zone: [a, b]}\n")
    words = ("render", "n1", "--dir", "fleet", "--checks", str(center.checks), "--tag", "zone=b")
    assert "warning: fleet.yml names no tag zoen; did you mean zone?" in center(*words, "--tag", "zoen=b").err
    assert "zone is 'b' already; a node has one value of a tag" in center(*words, "--tag", "zone=a").err
    assert center(*words).err == "n1: 2 items\n"
    assert "a node has a name" in center("render", "", "--dir", "fleet").err


def test_names_do_not_speak_to_a_terminal(center: CenterCli) -> None:
    """Nor do they end a command; and what init says can be pasted."""
    run = center("validate", "\x1b[31m")
    assert run.err.startswith("config-center: \\x1b[31m/layers: no such folder")
    run = center("init", "a b")
    assert f"  config-center validate {shlex.quote('a b')}\n" in run.err
    assert center("log", "fleet").code == 2
    Path("empty.db").touch()
    assert center("log", "fleet", "--store", "empty.db").err == "nothing is published yet\n"


def test_a_waiver_that_is_over(center: CenterCli) -> None:
    """Is no waiver any more to render, and a warning to publish, for people and programs."""
    ended = "{items: sysctl:a, match: {node: '*'}, owner: o, reason: r, ticket: t, expires: 2020-01-31}"
    (center.fleet / "waivers.yml").write_text(f"waivers:\n  - {ended}\n")
    run = center("render", "n1", "--dir", "fleet", "--checks", str(center.checks))
    assert "waiver ended on 2020-01-31 (waivers.yml:2)" in run.out
    said = "fleet/waivers.yml:2:84: this waiver ended on 2020-01-31"
    run = center("publish", "fleet", "--dry-run", "--json")
    assert f"warning: {said}" in run.err
    assert run.json["warnings"][0].startswith(said)
    center.done("publish", "fleet")
    assert f"warning: {said}" in center("publish", "fleet").err


def test_ctrl_c_when_the_act_is_recorded(center: CenterCli, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes nothing back, and must not look as if it had."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(acting, "export_all", interrupted)
    run = center("publish", "fleet", "--yes", "--to", "www")
    assert run.code == 2
    assert "act 1 is recorded, but you interrupted: it may not be exported or announced everywhere" in run.err
    monkeypatch.setattr("importlib.import_module", interrupted)
    with pytest.raises(SystemExit) as info:
        extras.start("config-center", "config_center.cli", "center")
    assert info.value.code == extras.INTERRUPTED


def test_a_roster_whose_tags_are_a_list(center: CenterCli) -> None:
    """Nobody means a node without tags by it; a name alone is one."""
    Path("nodes.yml").write_text("n1: [zone, b]\n")
    words = ("publish", "fleet", "--dry-run", "--roster", "nodes.yml")
    assert "nodes.yml:1:5: tags are a mapping; write name: {tag: value}" in center(*words).err
    Path("nodes.yml").write_text("n1:\nn2: {}\n")
    assert "of 2 known nodes" in center(*words).out


def test_layers_that_make_too_big_a_release_are_a_mistake(center: CenterCli, monkeypatch: pytest.MonkeyPatch) -> None:
    """validate says what publish would: a pipeline must not learn it after the merge."""
    monkeypatch.setattr(limits, "release_bytes_max", 100)
    run = center("validate", "fleet", "--checks", str(center.checks))
    assert run.code == 1
    assert run.out.startswith("fleet/layers:1:1: the release would have ")
    assert "1 mistake in 1 file" in run.err


def test_an_example_that_does_not_fit_leaves_nothing(center: CenterCli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second try must not find the half of the first."""

    def full(path: Path, content: bytes) -> None:
        if path.name == "waivers.yml":
            raise OSError(28, "No space left on device")
        write_whole(path, content)

    monkeypatch.setattr(example, "write_whole", full)
    Path("new").mkdir()
    Path("new/notes.txt").touch()
    run = center("init", "new")
    assert (run.code, run.err) == (2, "config-center: new: cannot be written: No space left on device\n")
    assert list(Path("new").iterdir()) == [Path("new/notes.txt")]
