"""Another root: files are found as its own inhabitants would find them, and nothing leads out of it."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path

import pytest
from checklib.errors import CannotTell
from checklib.root import Root
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.check_cases import look_at, outcome, plant


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A root, with a secret beside it."""
    plant(tmp_path, {"/secret": "of the machine\n", "/outside/file": "outside\n"})
    return plant(
        tmp_path / "root",
        {
            "/etc/plain": "inside\n",
            "/secret": "of the root\n",
            "/etc/up": {"link": "../../../../../../../../../secret"},
            "/etc/absolute": {"link": "/secret"},
            "/etc/machine": {"link": str(tmp_path / "secret")},
            "/ways/out": {"link": str(tmp_path / "outside")},
            "/ways/up": {"link": "../.."},
            "/ways/chain": {"link": "/etc/chain2"},
            "/etc/chain2": {"link": "up"},
            "/etc/self": {"link": "self"},
            "/root-itself": {"link": "/"},
        },
    )


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/etc/plain", "inside\n"),
        ("/etc/up", "of the root\n"),
        ("/etc/absolute", "of the root\n"),
        ("/ways/chain", "of the root\n"),
        ("/ways/up/secret", "of the root\n"),
        ("/../../secret", "of the root\n"),
        ("/etc/../../../secret", "of the root\n"),
        ("/root-itself/root-itself/secret", "of the root\n"),
        ("//etc/./plain", "inside\n"),
    ],
)
def test_links_and_dots_stay_inside(house: Path, path: str, text: str) -> None:
    """However a path is written or linked, it ends below the root."""
    root = Root(str(house))
    assert root.text(path) == text
    assert Path(root.on_host(path)).read_text(encoding="utf-8") == text
    root.close()


@pytest.mark.parametrize(
    "path", ["/etc/machine", "/ways/out/file", "/ways/out/../secret/x", "/etc/plain/x", "/nothing"]
)
def test_what_is_outside_does_not_exist(house: Path, path: str) -> None:
    """A link to the machine's own files leads nowhere; the error names the path as it was asked for."""
    root = Root(str(house))
    with pytest.raises((FileNotFoundError, NotADirectoryError)) as caught:
        root.read(path)
    assert caught.value.filename == path
    assert not root.exists(path)
    root.close()


def test_a_ring_of_links_ends(house: Path) -> None:
    """As in the kernel: too many links."""
    root = Root(str(house))
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        root.read("/etc/self")
    root.close()


@pytest.mark.parametrize("path", ["/", "/.", "/..", "/etc", "/etc/..", "/root-itself"])
def test_directories_are_no_files(house: Path, path: str) -> None:
    """Also the root itself, by any name: its names can be listed, its content cannot be read."""
    root = Root(str(house))
    with pytest.raises(CannotTell, match="is no regular file"):
        root.read(path)
    assert "plain" in root.names(path) + root.names("/etc")
    assert root.stat(path).st_dev == house.stat().st_dev
    root.close()


def test_a_bind_into_proc_of_another_root_stays_inside(house: Path) -> None:
    """/proc/self/root as the root directory: a link by itself, and still the place that paths start from."""
    plant(house, {"/way": {"link": "/etc/plain"}})
    inner = os.open(house, os.O_PATH)
    root = Root(f"/proc/self/fd/{inner}")
    assert root.text("/way") == "inside\n"
    root.close()
    os.close(inner)


def open_fds() -> set[str]:
    """The descriptors of this process."""
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def test_nothing_stays_open(house: Path) -> None:
    """However many directories were walked through, also in vain."""
    before = open_fds()
    plant(house, {f"/many/{number}/file": "x" for number in range(80)})
    root = Root(str(house))
    for number in range(80):
        root.read(f"/many/{number}/file")
        assert not root.exists(f"/many/{number}/nothing/x")
        assert not root.exists("/etc/machine")
    root.close()
    assert open_fds() <= before


@pytest.mark.parametrize("key", ["/fifo", "/socket", "/null"])
def test_only_regular_files_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """A FIFO is not waited for, a device is not touched."""
    monkeypatch.chdir(tmp_path)  # a socket's name must be short
    os.mkfifo(tmp_path / "fifo")
    plant(tmp_path, {"/null": {"link": "/dev/null"}, "/dev/null": {"link": "/fifo"}})
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        finding = look_at("file", key, {"content": {"any": True}}, tmp_path)
    assert outcome(finding) == ("error", "", f"{key} is no regular file, so that it has no text")
    finding = look_at("sysctl", "fifo", {"value": {"any": True}}, plant(tmp_path, {"/proc/sys": {"link": "/"}}))
    assert outcome(finding) == ("error", "", "/proc/sys/fifo is no regular file")


def test_a_huge_file_costs_nothing(tmp_path: Path) -> None:
    """A file of 10 GB is neither read into memory nor hashed for minutes: both are errors, its size is told."""
    with (plant(tmp_path, {}) / "huge").open("wb") as file:
        file.truncate(10 << 30)
    found = look_at("file", "/huge", {"content": {"any": True}}, tmp_path)
    assert outcome(found) == ("error", "", "/huge has more than 1048576 bytes: too much to be looked into")
    hashed = look_at("file", "/huge", {"sha256": {"any": True}}, tmp_path)
    assert outcome(hashed) == ("error", "", "/huge has more than 268435456 bytes: too much to be hashed")
    assert found["ms"] + hashed["ms"] < 1000
    assert look_at("file", "/huge", {"size": {"equals": 10 << 30}}, tmp_path)["outcome"] == "pass"


def test_a_wrong_mode_is_told_although_the_content_is_not(tmp_path: Path) -> None:
    """What certainly deviates is a fail; what could not be told besides does not hide it."""
    plant(tmp_path, {"/binary": {"text": "\0", "mode": "0600"}})
    both = {"mode": {"equals": "0644"}, "content": {"contains": "x"}}
    assert outcome(look_at("file", "/binary", both, tmp_path)) == ("fail", "mode 0600", "mode expected 0644")
    both["mode"] = {"equals": "0600"}
    assert look_at("file", "/binary", both, tmp_path)["outcome"] == "error"


NAMES = st.sampled_from(["a", "b", "c"])
TARGETS = st.lists(st.sampled_from(["a", "b", "c", "..", "."]), min_size=1, max_size=4)
PLACES = st.lists(NAMES, min_size=1, max_size=3).map(tuple)
LINKS = st.tuples(st.booleans(), TARGETS).map(lambda made: ("/" if made[0] else "") + "/".join(made[1]))
TREES = st.dictionaries(PLACES, st.one_of(st.just("file"), LINKS.map(lambda link: ("link", link))), max_size=8)
PATHS = st.lists(st.sampled_from(["a", "b", "c", "..", "."]), min_size=1, max_size=5).map(
    lambda names: "/" + "/".join(names)
)


def model(tree: dict[tuple[str, ...], str | tuple[str, str]], path: str) -> tuple[str, ...] | None:
    """Where a path leads, by the book (path_resolution(7)); None where it leads nowhere."""
    ahead, links = path.split("/")[::-1], 0
    here: tuple[str, ...] = ()
    directories = {place[:depth] for place in tree for depth in range(len(place))} | {()}
    while ahead:
        name = ahead.pop()
        if here not in directories:
            return None
        if name in {"", "."}:
            continue
        if name == "..":
            here = here[:-1]
            continue
        here = (*here, name)
        entry = tree.get(here)
        if isinstance(entry, tuple):
            links += 1
            if links > 40:
                return None
            ahead += entry[1].split("/")[::-1]
            here = () if entry[1].startswith("/") else here[:-1]
        elif entry is None and here not in directories:
            return None
    return here


@given(tree=TREES, path=PATHS)
@settings(max_examples=150, deadline=None)
def test_any_tree_is_walked_by_the_book(tree: dict[tuple[str, ...], str | tuple[str, str]], path: str) -> None:
    """Random files, directories and links: found where the model finds it, and nowhere else."""
    from tempfile import TemporaryDirectory

    # What lies below a file or a link cannot be made.
    tree = {
        place: entry for place, entry in tree.items() if not any(place[:depth] in tree for depth in range(len(place)))
    }
    with TemporaryDirectory() as place:
        made = {
            "/" + "/".join(names): {"link": entry[1]} if isinstance(entry, tuple) else {"text": "/".join(names)}
            for names, entry in tree.items()
        }
        plant(Path(place) / "root", {"/": {"directory": True}, **made})
        root = Root(f"{place}/root")
        wanted = model(tree, path)
        try:
            found = root.stat(path).st_ino
        except OSError:
            found = None
        expected = None if wanted is None else Path(place, "root", *wanted).stat().st_ino
        root.close()
        assert found == expected


@pytest.mark.parametrize(
    ("depth", "wanted"),
    [
        (1, ["/etc/absolute", "/etc/chain2", "/etc/machine", "/etc/plain", "/etc/self", "/etc/up"]),
        (None, ["/etc/absolute", "/etc/chain2", "/etc/machine", "/etc/plain", "/etc/self", "/etc/up"]),
    ],
)
def test_a_directory_is_looked_through(house: Path, depth: int | None, wanted: list[str]) -> None:
    """Links are told as links, wherever they lead."""
    root = Root(str(house))
    found = dict(root.find("/etc", depth=depth))
    root.close()
    assert list(found) == wanted
    assert [path for path, status in found.items() if stat.S_ISREG(status.st_mode)] == ["/etc/plain"]


def test_a_tree_is_looked_through_as_find_does(tmp_path: Path) -> None:
    """On the machine's own root and below another: every name once, also strange ones, as deep as asked for."""
    plant(tmp_path, {f"/t/{way}/{name}": "x" for way in ("a", "a/b", "a/b/c", "d e") for name in ("1", "ü", "\n")})
    for depth in (1, 2, 3, None):
        limit = [] if depth is None else ["-maxdepth", str(depth)]
        listed = subprocess.run(
            ["find", str(tmp_path / "t"), "-mindepth", "1", *limit, "-print0"], check=True, capture_output=True
        )
        wanted = sorted(name for name in listed.stdout.decode().split("\0") if name)
        assert sorted(path for path, _ in Root("/").find(f"{tmp_path}/t/", depth=depth)) == wanted
        below = Root(str(tmp_path))
        assert sorted(f"{tmp_path}{path}" for path, _ in below.find("/t", depth=depth)) == wanted
        below.close()


def test_another_filesystem_is_told_and_not_entered() -> None:
    """So that nobody comes to look through /proc, or through what other machines serve."""
    names = [path for path, _ in Root("/").find("/", depth=2, entries_max=10**6)]
    assert "/proc" in names
    assert not [path for path in names if path.startswith("/proc/")]


def test_looking_through_is_bounded_and_leaves_nothing_open(tmp_path: Path) -> None:
    """In width, in depth, and where it is given up in the middle; what is not there or no directory is an error."""
    plant(tmp_path, {f"/t/{number}/x": "" for number in range(5)})
    before = open_fds()
    root = Root("/")
    assert len(list(root.find(f"{tmp_path}/t", entries_max=10))) == 10
    with pytest.raises(CannotTell, match=f"^more than 9 files lie below {tmp_path}/t: name a smaller part of it$"):
        list(root.find(f"{tmp_path}/t", entries_max=9))
    for _ in root.find(f"{tmp_path}/t"):
        break
    (tmp_path / "deep" / "/".join("d" * 70)).mkdir(parents=True)
    with pytest.raises(CannotTell, match="more than 64 directories deep"):
        list(root.find(f"{tmp_path}/deep"))
    with pytest.raises(FileNotFoundError):
        list(root.find(f"{tmp_path}/nothing"))
    with pytest.raises(NotADirectoryError):
        list(root.find(f"{tmp_path}/t/1/x"))
    root.close()
    assert open_fds() == before


def test_what_goes_away_meanwhile_is_left_out(tmp_path: Path) -> None:
    """A directory that is swapped for a link is not followed either."""
    plant(tmp_path, {"/t/a/x": "", "/t/b/x": "", "/t/c/x": "", "/outside/secret": ""})
    found = []
    for path, _ in Root("/").find(f"{tmp_path}/t"):
        found.append(path.removeprefix(f"{tmp_path}/t/"))
        if path.endswith("/a"):
            shutil.rmtree(tmp_path / "t/a")
            shutil.rmtree(tmp_path / "t/b")
        if path.endswith("/c"):
            shutil.rmtree(tmp_path / "t/c")
            (tmp_path / "t/c").symlink_to(tmp_path / "outside")
    assert found == ["a", "c"]


def test_of_a_huge_log_the_last_lines_are_read(tmp_path: Path) -> None:
    """Whole lines, however much stands before them; of a small one all."""
    plant(tmp_path, {"/log": "one\ntwo\nthree\n", "/empty": ""})
    with (tmp_path / "huge").open("wb") as file:
        file.seek(1 << 40)
        file.write(b"half a line\nlast but one\nlast \xff\n")
    root = Root(str(tmp_path))
    assert root.tail("/log") == ("one\ntwo\nthree\n", True)
    assert root.tail("/log", 12) == ("two\nthree\n", False)
    assert root.tail("/log", 6) == ("", False)
    assert root.tail("/empty") == ("", True)
    assert root.tail("/huge", 200_000) == ("last but one\nlast \ufffd\n", False)
    with pytest.raises(FileNotFoundError):
        root.tail("/nothing")
    root.close()
