"""Secrets: what an item expects comes from a file of the node, and nothing of it is told, whatever a check does."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import msgspec
import pytest

from config_center.resolve import Item
from inspector_agent import below
from inspector_agent.bundled import checks_dir
from inspector_agent.findings import Finding
from inspector_agent.runner import limits
from inspector_agent.veil import SECRET, UNSAID
from tests.support.checks import Bench, items, program

TOKEN = "hunter2-correct-horse"  # noqa: S105 - what the tests look for
LEAKS = ("pass", "fail", "error", "na", "garbage", "stranger", "raises", "stderr")


def secret(one: Item, matcher: str = "equals", path: str = "/etc/token") -> Item:
    """The item, expecting what a file holds."""
    return msgspec.structs.replace(one, expect={}, from_file={"value": {matcher: path}})


def root_with(directory: Path, content: bytes = TOKEN.encode() + b"\n") -> str:
    """A root directory that holds the secret."""
    (directory / "root/etc").mkdir(parents=True)
    (directory / "root/etc/token").write_bytes(content)
    return str(directory / "root")


def sysctl(directory: Path, value: str, content: str = TOKEN) -> str:
    """A root directory with the secret and a kernel parameter."""
    root = root_with(directory, content.encode())
    Path(root, "proc/sys/kernel").mkdir(parents=True)
    Path(root, "proc/sys/kernel/core_pattern").write_text(f"{value}\n")
    return root


CORE = items("kernel.core_pattern", check="sysctl")[0]


def told(found: dict[str, Finding]) -> str:
    """Everything that leaves a run."""
    return repr(found) + msgspec.json.encode(found).decode()


@pytest.mark.parametrize("way", LEAKS)
async def test_no_word_of_a_secret_is_told(tmp_path: Path, way: str) -> None:
    """A value, a message, garbage, a traceback: only the outcome is left, and a mark where it fails."""
    bench = Bench(tmp_path, root=root_with(tmp_path))
    found = await bench.run([secret(items(f"leaks {way}")[0])])
    finding = found[f"fake:leaks {way}"]
    assert TOKEN not in told(found)
    assert finding.outcome == (way if way in ("pass", "fail", "na") else "error")
    assert (len(finding.mark), finding.observed) == (3 if way == "fail" else 0, "")
    if way in ("error", "na"):
        assert finding.message == UNSAID
    if way in ("garbage", "stranger"):
        assert SECRET in finding.message


async def test_a_check_was_told_the_secret(tmp_path: Path) -> None:
    """The counterpart: the same ways, of an ordinary item, show that the check knows what the file holds."""
    bench = Bench(tmp_path)
    (one,) = items("leaks fail")
    found = await bench.run([msgspec.structs.replace(one, expect={"value": {"equals": TOKEN}})])
    assert TOKEN in told(found)


async def test_ordinary_items_keep_their_words_beside_secret_ones(tmp_path: Path) -> None:
    """A lane of its own: the last words of a check of secrets cannot be taken for those of another item."""
    bench = Bench(tmp_path, root=root_with(tmp_path))
    ordinary = items("good morning", "raises trouble", "exits 3")
    found = await bench.run([*ordinary, *(secret(one) for one in items("leaks stderr", "leaks raises"))])
    assert found["fake:good morning"].observed == "morning"
    assert "trouble" in found["fake:raises trouble"].message
    assert TOKEN not in told(found)
    assert bench.left_behind() == set()


async def test_an_item_marked_secret_is_behind_the_veil_without_a_file(tmp_path: Path) -> None:
    """`secret: true`: what the check saw stays, whatever was expected."""
    (one,) = items("leaks fail")
    marked = msgspec.structs.replace(one, secret=True, expect={"value": {"matches": TOKEN}})
    found = await Bench(tmp_path).run([marked])
    assert TOKEN not in told(found)
    assert found["fake:leaks fail"].mark


@pytest.mark.parametrize(
    ("value", "matcher", "outcome"),
    [
        (TOKEN, "equals", "pass"),
        ("other", "equals", "fail"),
        (f"before {TOKEN} after", "contains", "pass"),
        ("second", "one_of", "pass"),
        ("third", "one_of", "fail"),
    ],
)
async def test_the_file_is_the_operand(tmp_path: Path, value: str, matcher: str, outcome: str) -> None:
    """By the real checks; of a file with several lines one_of takes each."""
    content = f"{TOKEN}\n\nsecond\n" if matcher == "one_of" else f"{TOKEN}\n"
    root = sysctl(tmp_path, value, content)
    bench = Bench(tmp_path, root=root, checks=checks_dir())
    found = await bench.run([secret(CORE, matcher)])
    assert found[CORE.id].outcome == outcome, found
    assert not {TOKEN, value} & set(told(found).replace("'", " ").split())


async def test_equal_marks_are_equal_values_under_one_key(tmp_path: Path) -> None:
    """What folds nodes that are wrong in the same way; without the key nobody can make it."""
    marks = []
    for place, value, key in (("a", "x", b"k"), ("b", "x", b"k"), ("c", "y", b"k"), ("d", "x", b"l"), ("e", "x", b"")):
        bench = Bench(tmp_path / place, root=sysctl(tmp_path / place, value), checks=checks_dir(), key=key)
        marks.append((await bench.run([secret(CORE)]))[CORE.id].mark)
    assert marks[0] == marks[1]
    assert len(set(marks)) == 4


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.unlink(), "No such file"),
        (lambda path: (path.unlink(), path.mkdir()), "no regular file"),
        (lambda path: (path.unlink(), os.mkfifo(path)), "no regular file"),  # type: ignore[func-returns-value]
        (lambda path: (path.unlink(), path.symlink_to("/etc/../../../token")), "No such file"),
        (lambda path: path.write_bytes(b"x" * (limits.secret_bytes_max + 1)), "more than 4096 bytes"),
        (lambda path: path.write_bytes(b"\n"), "it is empty"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "no text"),
    ],
    ids=["missing", "directory", "fifo", "link", "big", "empty", "binary"],
)
async def test_a_file_that_cannot_be_used_is_an_error_and_nothing_runs(tmp_path: Path, make: object, why: str) -> None:
    """It says which file and why; a guess instead of what is expected would be a wrong verdict."""
    root = root_with(tmp_path)
    (tmp_path / "token").write_text("outside of the root")
    make(Path(root, "etc/token"))  # type: ignore[operator]
    bench = Bench(tmp_path, root=root)
    found = await bench.run([secret(items(f"say_pid_and_hang {tmp_path}/ran")[0]), *items("good x")])
    finding = bench.order[0]
    assert finding.outcome == "error"
    assert "/etc/token" in finding.message
    assert why in finding.message
    assert not (tmp_path / "ran").exists()
    assert found["fake:good x"].outcome == "pass"


async def test_a_dead_filesystem_costs_only_its_items(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading hangs in a child that is ended."""

    def hang(*_: object) -> bytes:
        signal.pause()
        raise AssertionError

    monkeypatch.setattr(below, "read", hang)
    monkeypatch.setattr(limits, "secret_read_s_max", 0.2)
    bench = Bench(tmp_path, root=root_with(tmp_path))
    found = await bench.run([secret(items("good y")[0]), *items("good x")])
    assert "no answer" in found["fake:good y"].message
    assert found["fake:good x"].outcome == "pass"
    assert bench.left_behind() == set()


async def test_more_files_than_are_read_err(tmp_path: Path) -> None:
    """Bounded whatever a release asks for."""
    bench = Bench(tmp_path, root=root_with(tmp_path))
    many = items(*(f"good {index:04}" for index in range(limits.secret_files_max + 2)))
    found = await bench.run([secret(one, path=f"/etc/{one.key[5:]}") for one in many])
    assert sum("more than 256 files" in finding.message for finding in found.values()) == 2


async def test_a_sites_executable_gets_the_secret_on_its_stdin_alone(tmp_path: Path) -> None:
    """Not by an argument or the environment, which every user of the node can see."""
    bench = Bench(tmp_path, root=root_with(tmp_path))
    seen, out = tmp_path / "seen.in", tmp_path / "seen.out"
    body = f"""
        {{ cat >{seen}; env; tr '\\0' ' ' </proc/$$/cmdline; }} >{out}; cat {seen} >&2; exit 4
    """
    program(bench.parts, "vault", body)
    found = await bench.run([secret(items("x", check="vault")[0])])
    assert TOKEN in seen.read_text()
    assert TOKEN not in out.read_text()
    assert TOKEN not in told(found)
    assert "exit 4" in found["vault:x"].message


async def test_an_item_with_a_problem_errs_unrun(tmp_path: Path) -> None:
    """A variable has no value for this node: said as it is, for secret items too."""
    problem = "${zone} has no value for this node"
    one, other = items(f"say_pid_and_hang {tmp_path}/ran", f"say_pid_and_hang {tmp_path}/ran too")
    asked = [msgspec.structs.replace(item, problem=problem) for item in (one, secret(other))]
    found = await Bench(tmp_path, root=root_with(tmp_path)).run(asked)
    assert [(finding.outcome, finding.message) for finding in found.values()] == [("error", problem)] * 2
    assert not (tmp_path / "ran").exists()
