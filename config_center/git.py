"""Shell: which git commit a fleet's directory is at, whether it is clean, and what a later commit left out.

git is run without a shell, within bounds of time and output, and so that nothing of the repository's own configuration
can run: no hook, no file system monitor, no filter, no pager, no helper of a remote. What the user and git say about
whom a repository may belong to (`safe.directory`) stays in force.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from config_center import limits
from config_center.errors import GitError
from config_center.reading import printable

CONTENT: Final = ("fleet.yml", "waivers.yml", "layers", "include", "checks")
"""What of a fleet's directory goes into a release: what stands beside it may be as unclean as it likes."""

# The repository's own configuration may name programs: for each word that would run one here, another value.
_NOTHING_RUNS: Final = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.sshCommand=false",
    "core.quotePath=false",
    "credential.helper=",
    "gpg.program=false",
    "log.showSignature=false",
    "protocol.allow=never",
    "status.submoduleSummary=false",
    "submodule.recurse=false",
)
_KEPT: Final = (
    "HOME",
    "XDG_CONFIG_HOME",
    "PATH",
    "TMPDIR",
    "SUDO_UID",
)  # SUDO_UID: git lets a repository be the caller's
_FILTER: Final = re.compile(r"(filter\..+)\.(clean|smudge|process|required)")
_SUBMODULE: Final = b"160000 "  # modes of `git ls-files --stage`
_LINK: Final = b"120000 "
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Worktree:
    """A fleet's directory in a git work tree.

    commit  the commit checked out, "" before the first; dirty: files that differ from it, relative to the directory,
            at most limits.git_names_max of them
    """

    directory: Path
    commit: str
    dirty: tuple[str, ...]


def read_worktree(directory: Path) -> Worktree | None:
    """Look at a directory; None where it is in no git work tree, or where git is not installed.

    Raises GitError where git cannot or will not read it.
    """
    inside = _git(directory, "rev-parse", "--is-inside-work-tree")
    if inside is None or (inside.code != 0 and "not a git repository" in inside.err):
        return None
    if inside.code != 0:
        raise _refused(directory, inside)
    if inside.out.strip() != b"true":
        return None
    head = _run(directory, "rev-parse", "--verify", "--quiet", "HEAD^{commit}", also=(1,))
    commit = head.out.decode("ascii", "replace").strip()
    return Worktree(directory, commit if _COMMIT.fullmatch(commit) else "", _dirty(directory))


def knows(directory: Path, commit: str) -> bool:
    """The repository has that commit."""
    return _run(directory, "cat-file", "-e", f"{_checked(commit)}^{{commit}}", also=(1, 128)).code == 0


def left_out(directory: Path, published: str, commit: str) -> tuple[str, ...]:
    """Commits that are in `published` but not in `commit`, as `<abbreviated id> <subject>`, newest first; bounded.

    Empty where `commit` comes after `published`, or is it. Raises GitError where one of them is not known.
    """
    found = _run(
        directory, "rev-list", f"--max-count={limits.git_commits_max}", "--abbrev-commit", "--no-commit-header",
        "--format=%h %s", _checked(published), f"^{_checked(commit)}", "--",
    )  # fmt: skip
    return tuple(line for line in found.out.decode("utf-8", "replace").splitlines() if line)


def _checked(commit: str) -> str:
    """What came from a store is a commit's id before it becomes a word on a command line."""
    if not _COMMIT.fullmatch(commit):
        raise GitError(f"{commit[:70]!r} is no id of a commit")
    return commit


def _dirty(directory: Path) -> tuple[str, ...]:
    """Files of a release's content that are changed, new or ignored, or that git was told not to look at."""
    hidden, links = _index(directory)
    found = _run(
        directory, "status", "--porcelain=v1", "-z", "--untracked-files=all", "--ignored=matching", "--no-renames",
        "--ignore-submodules=dirty", "--", *CONTENT, *_led_to(directory, links),
    )  # fmt: skip
    prefix = os.fsdecode(_run(directory, "rev-parse", "--show-prefix").out.rstrip(b"\n"))
    names = dict.fromkeys(hidden)  # each once, in this order
    for entry in found.out.split(b"\0"):
        name = os.fsdecode(entry[3:])
        if name and prefix.startswith(name):
            return (f"everything: git ignores {printable(name)}",)
        name = name.removeprefix(prefix)
        if name and not _is_passed_over(name):
            names[name] = None
    return tuple(map(printable, list(names)[: limits.git_names_max]))


def _index(directory: Path) -> tuple[list[str], list[str]]:
    """(files of the content that `git status` says nothing about, links among the content).

    It passes over those marked to be assumed unchanged or to be left out (a sparse checkout does), and over what is
    changed within a repository that stands in this one.
    """
    hidden, links = [], []
    for entry in _run(directory, "ls-files", "--stage", "-v", "-z", "--", *CONTENT).out.split(b"\0"):
        told, _, raw = entry.partition(b"\t")
        tag, _, mode = told.partition(b" ")
        name = os.fsdecode(raw)
        if _is_passed_over(name):
            continue
        if mode.startswith(_SUBMODULE):
            hidden.append(f"{name} (a repository of its own)")
        elif tag == b"S" or tag.islower():
            hidden.append(f"{name} (git was told not to look at it)")
        elif mode.startswith(_LINK):
            links.append(name)
    return hidden, links


def _led_to(directory: Path, links: Sequence[str]) -> list[str]:
    """Where links of the content lead to within the fleet's directory: what they show stands there."""
    home = directory.resolve()
    places = {(directory / link).resolve() for link in links}
    return sorted(str(place.relative_to(home)) for place in places if place != home and place.is_relative_to(home))


def _is_passed_over(name: str) -> bool:
    """A file that is not read from a fleet's directory anyway."""
    return any(part.startswith(".") or part == "__pycache__" for part in name.split("/"))


@dataclass(frozen=True, slots=True)
class _Done:
    code: int
    out: bytes
    err: str


def _run(directory: Path, *words: str, also: Sequence[int] = ()) -> _Done:
    """Run git; an exit code that is neither 0 nor in `also` raises GitError."""
    done = _git(directory, *_without_filters(directory), *words)
    if done is None:
        raise GitError("git is not installed")
    if done.code != 0 and done.code not in also:
        raise _refused(directory, done)
    return done


def _without_filters(directory: Path) -> list[str]:
    """Options that take away every filter the configuration has: `git status` would run them over changed files."""
    found = _git(directory, "config", "--null", "--name-only", "--get-regexp", r"^filter\.")
    names = found.out.decode("utf-8", "replace").split("\0") if found else []
    filters = sorted({match[1] for name in names if (match := _FILTER.fullmatch(name))})
    return [
        word
        for one in filters
        for key, value in (("clean", ""), ("smudge", ""), ("process", ""), ("required", "false"))
        for word in ("-c", f"{one}.{key}={value}")
    ]


def _git(directory: Path, *words: str) -> _Done | None:
    """Run git in a directory, within bounds; None where it is not installed. Raises GitError past a bound."""
    program = shutil.which("git")
    if program is None:
        return None
    options = [word for setting in _NOTHING_RUNS for word in ("-c", setting)]
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_LITERAL_PATHSPECS": "1",
    }
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        try:
            code = subprocess.run(
                [program, "--no-pager", *options, *words],
                cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                timeout=limits.git_s_max, check=False,
            ).returncode  # fmt: skip
        except OSError as error:
            raise GitError(f"git cannot be started in {directory}: {error.strerror or error}") from error
        except subprocess.TimeoutExpired as error:
            raise GitError(f"git {words[0]} did not end within {limits.git_s_max:g} s in {directory}") from error
        return _Done(code, _content(out), _content(err).decode("utf-8", "replace"))


def _content(file: IO[bytes]) -> bytes:
    """What was written, up to a bound."""
    file.seek(0)
    raw = file.read(limits.git_bytes_max + 1)
    if len(raw) > limits.git_bytes_max:
        raise GitError(
            f"git printed more than {limits.git_bytes_max} bytes: are generated files in the fleet's directory?"
        )
    return raw


def _refused(directory: Path, done: _Done) -> GitError:
    """Why git would not: its own words, and for the one that comes up in practice what to do."""
    lines = [line for line in done.err.splitlines() if line]
    said = (lines[0] if lines else f"exit code {done.code}").removeprefix("fatal: ")
    if "dubious ownership" in done.err:
        return GitError(
            f"{directory} is in a git repository of another user, which git does not read: publish as that user, or "
            f"run `git config --global --add safe.directory {directory.resolve()}` if you trust what is in it"
        )
    return GitError(f"git cannot read {directory}: {said[:300]}")
