"""The commit of a fleet's directory: real repositories, clean and not, strange and hostile."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from config_center import git, limits
from config_center.errors import GitError

IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false")


def run(directory: Path, *words: str) -> str:
    """Run git as a user would; its output."""
    done = subprocess.run(["git", *IDENTITY, *words], cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(directory: Path, name: str, text: str) -> str:
    """Write a file and commit it; the commit's id."""
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    run(directory, "add", "-A")
    run(directory, "commit", "-q", "-m", f"{name}: {text}")
    return run(directory, "rev-parse", "HEAD")


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """A fleet's directory inside a repository, with one commit."""
    home = tmp_path / "repository"
    home.mkdir()
    run(home, "init", "-q")
    directory = home / "fleet"
    directory.mkdir()
    commit(directory, "layers/a.yml", "one")
    return directory


def seen(directory: Path) -> git.Worktree:
    """The work tree of a directory that is in one."""
    found = git.read_worktree(directory)
    assert found is not None
    return found


def test_a_directory_in_no_repository_has_no_commit(tmp_path: Path) -> None:
    """It is no error: a fleet's directory need not be in git."""
    assert git.read_worktree(tmp_path) is None


def test_a_machine_without_git(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is like a directory in no repository."""
    monkeypatch.setenv("PATH", str(fleet))
    assert git.read_worktree(fleet) is None


def test_a_clean_directory(fleet: Path) -> None:
    """Its commit, and nothing dirty; what stands beside the content does not count."""
    (fleet / "published").mkdir()
    (fleet / "published" / "center.db").write_text("x")
    (fleet / "layers" / ".a.yml.swp").write_text("an editor's")
    assert seen(fleet) == git.Worktree(fleet, run(fleet, "rev-parse", "HEAD"), ())


def test_changed_new_gone_and_ignored_files_are_named(fleet: Path) -> None:
    """Relative to the directory; a layer that git ignores would be published from nowhere."""
    commit(fleet, "layers/b.yml", "b")
    commit(fleet, ".gitignore", "*.tmp.yml\n__pycache__\n")
    (fleet / "layers" / "a.yml").write_text("two")
    (fleet / "layers" / "b.yml").unlink()
    (fleet / "layers" / "ü new.yml").write_text("")
    (fleet / "layers" / "x.tmp.yml").write_text("")
    (fleet / "checks" / "__pycache__").mkdir(parents=True)
    (fleet / "checks" / "__pycache__" / "raid.pyc").write_text("")
    (fleet / "waivers.yml").write_text("")
    assert sorted(seen(fleet).dirty) == [
        "layers/a.yml",
        "layers/b.yml",
        "layers/x.tmp.yml",
        "layers/ü new.yml",
        "waivers.yml",
    ]


def test_many_dirty_files_are_named_up_to_a_bound(fleet: Path) -> None:
    """The rest tells nothing new."""
    for number in range(limits.git_names_max + 5):
        (fleet / "layers" / f"{number}.yml").write_text("")
    assert len(seen(fleet).dirty) == limits.git_names_max


def test_a_repository_without_a_commit(tmp_path: Path) -> None:
    """Everything in it is dirty."""
    run(tmp_path, "init", "-q")
    (tmp_path / "layers").mkdir()
    (tmp_path / "layers" / "a.yml").write_text("")
    assert seen(tmp_path) == git.Worktree(tmp_path, "", ("layers/a.yml",))


def test_what_a_commit_leaves_out(fleet: Path) -> None:
    """Nothing, where it comes after; else the commits that would be taken back, newest first."""
    first = run(fleet, "rev-parse", "HEAD")
    second = commit(fleet, "layers/a.yml", "two")
    third = commit(fleet, "layers/a.yml", "three")
    assert git.left_out(fleet, first, third) == ()
    assert git.left_out(fleet, third, third) == ()
    assert git.left_out(fleet, third, first) == (
        f"{run(fleet, 'rev-parse', '--short', third)} layers/a.yml: three",
        f"{run(fleet, 'rev-parse', '--short', second)} layers/a.yml: two",
    )
    assert git.knows(fleet, first)
    assert not git.knows(fleet, "0" * 40)


@pytest.mark.parametrize("text", ["", "HEAD", "--output=/tmp/x", "a" * 39, "$(id)"])
def test_only_ids_become_words_of_a_command(fleet: Path, text: str) -> None:
    """What a store holds as a commit may be anything."""
    with pytest.raises(GitError, match="is no id of a commit"):
        git.knows(fleet, text)
    with pytest.raises(GitError, match="is no id of a commit"):
        git.left_out(fleet, text, "0" * 40)


def test_nothing_of_the_repository_runs(fleet: Path, tmp_path: Path) -> None:
    """Not its filters, monitor, hooks, pager or attributes: each of them would leave a file behind."""
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\necho $0 >> {tmp_path}/sprung\ncat\n")
    trap.chmod(0o755)
    first = run(fleet, "rev-parse", "HEAD")
    commit(fleet, ".gitattributes", "*.yml filter=evil diff=evil\n*.txt filter=worse\n")
    last = run(fleet, "rev-parse", "HEAD")
    for key in ("filter.evil.clean", "filter.evil.smudge", "filter.worse.process", "core.fsmonitor", "core.pager",
                "core.sshCommand", "diff.evil.textconv", "diff.external", "gpg.program", "pager.status"):  # fmt: skip
        run(fleet, "config", key, str(trap))
    run(fleet, "config", "filter.evil.required", "true")
    run(fleet, "config", "core.hooksPath", str(tmp_path / "hooks"))
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks" / "post-index-change").symlink_to(trap)
    (fleet / "layers" / "a.yml").write_text("two")
    os.utime(fleet / "layers" / "a.yml", (1, 1))
    assert seen(fleet).dirty == ("layers/a.yml",)
    assert git.left_out(fleet, last, first)
    assert not (tmp_path / "sprung").exists()
    run(fleet, "status")
    assert (tmp_path / "sprung").exists()  # the trap works


def test_the_callers_git_variables_do_not_lead_astray(
    fleet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Publishing from a git hook: GIT_DIR names another repository there."""
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert seen(fleet).dirty == ()


def test_a_repository_of_another_user_is_refused_with_advice(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git's own protection stays in force, and its sentence says what to do."""
    monkeypatch.setenv("HOME", str(fleet))
    program = fleet / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPATH={os.environ["PATH"]} GIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec git "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    with pytest.raises(GitError, match=r"of another user.*safe\.directory"):
        git.read_worktree(fleet)


def test_a_git_that_hangs_or_floods_is_cut(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishing ends with a sentence, not with the machine's memory."""
    program = fleet / "bin" / "git"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    program.write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    program.chmod(0o755)
    monkeypatch.setattr(limits, "git_s_max", 0.2)
    with pytest.raises(GitError, match="did not end within"):
        git.read_worktree(fleet)
    monkeypatch.setattr(limits, "git_s_max", 20.0)
    monkeypatch.setattr(limits, "git_bytes_max", 1000)
    program.write_text("#!/bin/sh\nhead -c 5000 /dev/zero\n")
    with pytest.raises(GitError, match="printed more than 1000 bytes"):
        git.read_worktree(fleet)


@pytest.mark.parametrize("ignored", ["fleet/", "/.hidden/"])
def test_a_directory_that_its_repository_ignores_is_not_clean(fleet: Path, ignored: str) -> None:
    """The commit checked out says nothing of it: neither where it is ignored itself, nor below such a folder."""
    home = fleet.parent / "around"
    home.mkdir()
    run(home, "init", "-q")
    commit(home, ".gitignore", ignored)
    directory = home / ".hidden" / "fleet" if ignored == "/.hidden/" else home / "fleet"
    (directory / "layers").mkdir(parents=True)
    (directory / "layers" / "a.yml").write_text("x")
    assert seen(directory).dirty == (f"everything: git ignores {ignored.lstrip('/')}",)


def test_files_that_git_was_told_not_to_look_at_are_not_clean(fleet: Path) -> None:
    """A sparse checkout lacks layers that the commit has; a file assumed unchanged may say anything."""
    commit(fleet, "layers/b.yml", "b")
    run(fleet, "update-index", "--skip-worktree", "layers/b.yml")
    (fleet / "layers" / "b.yml").unlink()
    run(fleet, "update-index", "--assume-unchanged", "layers/a.yml")
    (fleet / "layers" / "a.yml").write_text("two")
    assert run(fleet, "status", "--porcelain") == ""
    told = "(git was told not to look at it)"
    assert seen(fleet).dirty == (f"layers/a.yml {told}", f"layers/b.yml {told}")


def test_a_repository_within_the_content_is_not_clean(fleet: Path, tmp_path: Path) -> None:
    """What is changed in it is not looked at: its own configuration could run a program."""
    other = tmp_path / "other"
    other.mkdir()
    run(other, "init", "-q")
    commit(other, "raid", "#!/bin/sh")
    run(fleet, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "checks")
    run(fleet, "commit", "-q", "-m", "checks")
    assert seen(fleet).dirty == ("checks (a repository of its own)",)


def test_where_links_lead_to_is_looked_at(fleet: Path) -> None:
    """A layer may be a link to a file beside the content: that file is what is published."""
    (fleet / "layers" / "b.yml").symlink_to("../shared/*b.yml")
    commit(fleet, "shared/*b.yml", "b")
    commit(fleet, "shared/c.yml", "c")
    (fleet / "shared" / "c.yml").write_text("nobody reads it")
    assert seen(fleet).dirty == ()
    (fleet / "shared" / "*b.yml").write_text("two")
    assert seen(fleet).dirty == ("shared/*b.yml",)
