"""Keys, git and the ring around publishing: what is refused, what is recorded, what is only a warning."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from config_center import guards, limits, ring_commands
from config_center.errors import GitError, TrustError
from config_center.keys import read_public, verify
from config_center.pointer import Pointer, decode_pointer
from tests.support.center_cli import CenterCli

IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false")


@pytest.fixture
def center(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CenterCli:
    monkeypatch.chdir(tmp_path)
    return CenterCli(tmp_path, capsys, monkeypatch)


def pointer(center: CenterCli) -> Pointer:
    """The current one."""
    return decode_pointer(center.database.pointer_bytes() or b"")


def keygen(center: CenterCli, name: str) -> str:
    """Make a key; its id."""
    return str(center("keygen", name, "--json").json["id"])


def git(center: CenterCli, *words: str) -> str:
    """Run git in the fleet's directory, as its author would."""
    done = subprocess.run(["git", *IDENTITY, *words], cwd=center.fleet, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(center: CenterCli, value: int) -> str:
    """Change the layers and commit them; the commit's id."""
    center.change(value)
    git(center, "add", "layers")
    git(center, "commit", "-q", "-m", f"a is {value}")
    return git(center, "rev-parse", "HEAD")


@pytest.fixture
def repository(center: CenterCli) -> CenterCli:
    """With the fleet's directory in git, and its first release published."""
    git(center, "init", "-q")
    commit(center, 1)
    center.done("publish", "fleet")
    return center


def test_keygen(center: CenterCli) -> None:
    """The secret for its owner alone; what to do with the public one; nothing is written over."""
    run = center("keygen", "key")
    assert run.code == 0
    assert f"trusted_keys: [{read_public(Path('key.pub')).text!r}]" in run.out
    assert Path("key").stat().st_mode & 0o777 == 0o600
    assert Path("key").read_text().strip() not in run.out
    run = center("keygen", "key")
    assert (run.code, "key is there already" in run.err) == (2, True)


def test_signing_with_several_keys(center: CenterCli) -> None:
    """Each of them is enough for a node; that is how a key is replaced."""
    old, new = keygen(center, "old"), keygen(center, "new")
    run = center.done("publish", "fleet", "--key", "old", "--key", "new", "--json")
    assert sorted(run.json["signed_by"]) == sorted([old, new])
    for name in ("old.pub", "new.pub"):
        verify(pointer(center), [read_public(Path(name))])
    assert f"key {', '.join(sorted([old, new]))}" in center("log", "fleet").out
    assert f"signed by {', '.join(sorted([old, new]))}" in center("status", "fleet").out


def test_unsigned_after_signed_must_be_spelled_out(center: CenterCli) -> None:
    """Nodes that trust a key would not take it, so it would seem done; that goes on until a key is used again."""
    key = keygen(center, "key")
    center.done("publish", "fleet", "--key", "key")
    center.change(2)
    run = center("publish", "fleet", "--yes")
    assert run.code == 2
    assert f"not signed, but what was published before was, by {key}" in run.err
    assert "would be refused: not signed" in center("publish", "fleet", "--dry-run").err
    run = center.done("publish", "fleet", "--unsigned")
    assert "nodes that trust a key will not take it" in run.err
    center.change(3)
    assert center("publish", "fleet", "--yes").code == 2
    assert center("rollback", "fleet", "--yes").code == 2
    assert center.done("publish", "fleet", "--key", "key").err == ""


def test_another_key_is_warned_about(center: CenterCli) -> None:
    """Unless the old one is revoked."""
    keygen(center, "old")
    keygen(center, "new")
    center.done("publish", "fleet", "--key", "old")
    center.change(2)
    assert "signed by none of the keys of before" in center.done("publish", "fleet", "--key", "new").err


def test_revoking_a_key(center: CenterCli) -> None:
    """By another one; it can sign nothing any more, and stays revoked."""
    old = keygen(center, "old")
    keygen(center, "new")
    center.done("publish", "fleet", "--key", "old", "--key", "new")
    revoke = ("revoke", old, "--dir", "fleet", "--yes")
    assert "give --key FILE" in center(*revoke).err
    assert f"key {old} is revoked: nobody would believe it" in center(*revoke, "--key", "old").err
    center.done(*revoke[:-1], "--key", "new", "-m", "lost laptop")
    assert (pointer(center).serial, pointer(center).number, pointer(center).revoked) == (2, 1, (old,))
    with pytest.raises(TrustError):
        verify(pointer(center), [read_public(Path("old.pub"))])
    verify(pointer(center), [read_public(Path("new.pub"))])
    assert f"revokes {old}" in center("log", "fleet").out
    assert f"revoked keys: {old}" in center("status", "fleet").out
    center.change(2)
    assert "is revoked" in center("publish", "fleet", "--yes", "--key", "old").err
    center.done("publish", "fleet", "--key", "new")
    assert pointer(center).revoked == (old,)
    assert "is revoked already" in center(*revoke, "--key", "new").err
    assert "is no id of a key" in center("revoke", "x", "--dir", "fleet", "--yes", "--key", "new").err


def test_a_key_that_cannot_be_used(center: CenterCli) -> None:
    """Missing, readable by others, public: nothing is published."""
    keygen(center, "key")
    Path("key").chmod(0o644)
    for name in ("nowhere", "key", "key.pub"):
        run = center("publish", "fleet", "--yes", "--key", name)
        assert (run.code, run.err.startswith("config-center: ")) == (2, True)
    assert not center.store.exists()


def test_the_commit_is_recorded(repository: CenterCli) -> None:
    """And a later one may follow."""
    second = commit(repository, 2)
    run = repository.done("publish", "fleet")
    assert run.err == ""
    act = repository.database.latest()
    assert act is not None
    assert (act.commit, act.unclean) == (second, False)
    assert f"commit {second[:12]}" in repository("log", "fleet").out


def test_what_is_not_committed_is_refused_by_name(repository: CenterCli) -> None:
    """Unless it is said to be unclean, which is recorded."""
    repository.change(2)
    run = repository("publish", "fleet", "--yes")
    assert (run.code, "unclean: not committed: layers/00-fleet.yml" in run.err) == (2, True)
    assert "would be refused: unclean" in repository("publish", "fleet", "--dry-run").err
    assert "unclean, and recorded so" in repository.done("publish", "fleet", "--unclean").err
    act = repository.database.latest()
    assert act is not None
    assert act.unclean
    assert " UNCLEAN" in repository("log", "fleet").out.splitlines()[0]


def test_a_colleagues_change_is_not_taken_back_unseen(repository: CenterCli) -> None:
    """Publishing from a branch that lacks the commit published last names what it would take back."""
    first = git(repository, "rev-parse", "HEAD")
    commit(repository, 2)
    repository.done("publish", "fleet")
    git(repository, "checkout", "-q", "-b", "mine", first)
    commit(repository, 3)
    run = repository("publish", "fleet", "--yes")
    assert run.code == 2
    assert "does not come after" in run.err
    assert "it would take back: " in run.err
    assert "a is 2" in run.err
    git(repository, "checkout", "-q", "main")
    commit(repository, 4)
    repository.done("publish", "fleet")


def test_a_commit_that_is_not_here_and_a_directory_without_git(repository: CenterCli) -> None:
    """Both could take something back unseen."""
    (repository.fleet / ".git").rename(repository.home / "elsewhere")
    repository.change(2)
    assert "is in no git work tree" in repository("publish", "fleet", "--yes").err
    git(repository, "init", "-q")
    commit(repository, 5)
    assert "which is not in this repository: git fetch first" in repository("publish", "fleet", "--yes").err


def test_a_repository_that_git_does_not_read_counts_as_unclean(
    repository: CenterCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what git says; --unclean publishes all the same."""

    def refuse(_: Path) -> None:
        raise GitError("it is in a git repository of another user")

    monkeypatch.setattr(guards, "read_worktree", refuse)
    repository.change(2)
    run = repository("publish", "fleet", "--yes")
    assert (run.code, "unclean: it is in a git repository of another user" in run.err) == (2, True)
    repository.done("publish", "fleet", "--unclean")


def test_a_message_has_a_bound(center: CenterCli) -> None:
    """Also that of an act without a release of its own."""
    center.done("publish", "fleet")
    center.change(2)
    center.done("publish", "fleet", "--canary", "zone=b")
    run = center("promote", "fleet", "--yes", "-m", "x" * 5000)
    assert (run.code, "at most 4096 are kept" in run.err) == (2, True)


def test_the_first_publication_may_be_unclean(center: CenterCli) -> None:
    """It takes nothing back; it is recorded as what it is."""
    git(center, "init", "-q")
    assert "unclean, and recorded so: not committed" in center.done("publish", "fleet").err
    act = center.database.latest()
    assert act is not None
    assert (act.commit, act.unclean) == ("", True)


@pytest.fixture
def inspector(center: CenterCli, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the shoes of `inspector`, which writes down its arguments; by default it succeeds."""
    program = center.home / "inspector"
    program.write_text('#!/bin/sh\necho "$@" >> called\n')
    program.chmod(0o755)
    monkeypatch.setattr(ring_commands, "PROGRAM", str(program))
    return program


def test_the_ring_is_told(center: CenterCli, inspector: Path) -> None:
    """By the serial of the act and the digest of its release."""
    assert center.done("publish", "fleet", "--ring", "coordinator.yml", "--json").json["announced"] is True
    assert Path("called").read_text() == f"--config coordinator.yml announce 1 {pointer(center).digest}\n"


def test_a_ring_that_cannot_be_told_is_a_warning(center: CenterCli, inspector: Path) -> None:
    """It is published all the same, and the command to run is named."""
    inspector.write_text("#!/bin/sh\necho 'inspector: no entry' >&2\nexit 4\n")
    run = center.done("publish", "fleet", "--ring", "c.yml")
    assert "warning: the ring was not told (inspector: no entry)" in run.err
    assert f"--config c.yml announce 1 {pointer(center).digest}" in run.err
    inspector.unlink()
    center.change(2)
    assert "is not installed here" in center.done("publish", "fleet", "--ring", "c.yml").err


def test_status_asks_the_ring(center: CenterCli, inspector: Path) -> None:
    """Which nodes have which release; who has none, who did not answer. Exit 3 of the question is no failure."""
    center.done("publish", "fleet")
    center.change(2)
    center.done("publish", "fleet", "--canary", "rack=b1")
    inspector.write_text(
        '#!/bin/sh\ntest "$*" = "--config c.yml releases --json" || exit 2\ncat answer\nexit 3\n',
    )
    Path("answer").write_text(
        '{"releases": [{"number": 11, "digest": "aa", "nodes": "n019", "count": 1}, {"number": 12, "digest": '
        '"bb", "nodes": "n[001-018]", "count": 18}], "without": "n021", "no_answer": {"silent": "n020"}, "absent": "", '
        '"notes": [], "problems": ["ring x: no entry"]}'
    )
    run = center("status", "fleet", "--ring", "c.yml")
    assert run.code == 0
    assert "canary: release 2 (" in run.out
    assert run.out.splitlines()[-4:] == [
        "release 12 (bb): n[001-018] (18)",
        "release 11 (aa): n019 (1)",
        "no release: n021",
        "no answer, silent: n020",
    ]
    assert run.err == "warning: ring x: no entry\n"
    document = center("status", "fleet", "--ring", "c.yml", "--json").json
    assert document["release"]["number"] == 1
    assert document["canary"]["match"] == {"rack": {"any": ["b1"]}}
    assert document["nodes"]["releases"][0]["count"] == 1


@pytest.mark.parametrize("answer", ["", "[]", "{}", '{"releases": [{}]}', "[" * 100_000])
def test_an_answer_of_the_ring_that_cannot_be_read(center: CenterCli, inspector: Path, answer: str) -> None:
    """One sentence."""
    center.done("publish", "fleet")
    Path("answer").write_text(answer)
    inspector.write_text("#!/bin/sh\ncat answer\n")
    run = center("status", "fleet", "--ring", "c.yml")
    assert (run.code, "cannot be read" in run.err) == (2, True)


def test_a_ring_command_that_hangs_or_floods_is_cut(
    center: CenterCli, inspector: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status ends."""
    center.done("publish", "fleet")
    monkeypatch.setattr(limits, "ring_command_s_max", 0.3)
    inspector.write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    assert "did not end within 0.3 s" in center("status", "fleet", "--ring", "c.yml").err
    monkeypatch.setattr(limits, "ring_command_s_max", 60.0)
    monkeypatch.setattr(limits, "ring_command_bytes_max", 1000)
    inspector.write_text("#!/bin/sh\nhead -c 5000 /dev/zero\n")
    assert "printed more than 1000 bytes" in center("status", "fleet", "--ring", "c.yml").err


def test_the_command_beside_this_python_is_used(center: CenterCli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real one here: it has no such coordinator.yml."""
    center.done("publish", "fleet")
    monkeypatch.setenv("PATH", os.devnull)
    run = center("status", "fleet", "--ring", "nowhere.yml")
    assert (run.code, "nowhere.yml" in run.err) == (2, True)
