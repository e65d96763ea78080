"""Fleets' directories that are broken, huge or hostile: every one ends in clear mistakes, soon and in little memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from config_center import limits
from config_center.layers import load_fleet
from config_center.release import build
from tests.support.center import small_catalogue
from tests.support.layers import write_files

REPOSITORY = Path(__file__).parent.parent.parent
GOOD = "items: {sysctl: {a: 1}}\n"


def mistakes(directory: Path, files: dict[str, str]) -> list[str]:
    """What is wrong with these files."""
    return [str(mistake) for mistake in load_fleet(write_files(directory, files), small_catalogue()).mistakes]


def test_links_that_lead_out_are_not_followed(tmp_path: Path) -> None:
    """Neither into a message nor into a release; links within the directory are files like others."""
    outside = write_files(tmp_path / "outside", {"secret": "root:hunter2\n", "checks/tool": "#!/bin/sh\n"})
    (outside / "checks" / "tool").chmod(0o755)
    fleet = write_files(tmp_path / "fleet", {"layers/a.yml": GOOD})
    for link in ("fleet.yml", "waivers.yml", "layers/b.yml", "include/c.yml"):
        (fleet / link).parent.mkdir(exist_ok=True)
        (fleet / link).symlink_to(outside / "secret")
    (fleet / "checks").symlink_to(outside / "checks")
    (fleet / "layers" / "same.yml").symlink_to("a.yml")
    (fleet / "layers" / "loop.yml").symlink_to("loop.yml")
    found = mistakes(fleet, {})
    out = "a link that leads out of the fleet's directory; put the file itself here"
    assert found == [
        f"checks/tool:1:1: {out}",
        f"fleet.yml:1:1: {out}",
        f"include/c.yml:1:1: {out}",
        f"layers/b.yml:1:1: {out}",
        "layers/loop.yml:1:1: not a regular file",
        f"waivers.yml:1:1: {out}",
    ]


def test_a_folder_of_layers_elsewhere_is_not_read(tmp_path: Path) -> None:
    """A link for a whole dimension leads out as well."""
    outside = write_files(tmp_path / "outside", {"x.yml": GOOD})
    fleet = write_files(tmp_path / "fleet", {"fleet.yml": "dimensions: [zone]\n", "layers/.keep": ""})
    (fleet / "layers" / "zone").symlink_to(outside)
    assert mistakes(fleet, {}) == [
        "layers/zone/x.yml:1:1: a link that leads out of the fleet's directory; put the file itself here"
    ]


def test_names_of_files_cannot_speak_to_a_terminal(tmp_path: Path) -> None:
    """Control characters and bytes that are no text are shown as escapes."""
    write_files(tmp_path, {"fleet.yml": "dimensions: [zone]\n", "layers/zone/a.yml": GOOD})
    odd = os.fsdecode(b"\x1b[31m\n\xff")
    for folder in ("layers", "layers/zone", "include", "checks"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{odd}.yml").write_text("")
    (tmp_path / "layers" / odd).mkdir()
    found = mistakes(tmp_path, {})
    assert [line.split(":")[0] for line in found] == [
        f"{folder}/\\x1b[31m\\n\\udcff{suffix}"
        for folder, suffix in (
            ("checks", ".yml"), ("include", ".yml"), ("layers", ""), ("layers", ".yml"), ("layers/zone", ".yml"),
        )
    ]  # fmt: skip
    assert all(line.isprintable() for line in found)


def test_what_cannot_be_read_is_told_beside_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk's error and a missing right are mistakes of that file, and hide no other."""
    write_files(tmp_path, {f"layers/{name}.yml": "" for name in "abc"})
    opened = Path.open

    def refuse(path: Path, *arguments: Any, **named: Any) -> Any:
        if path.name == "a.yml":
            raise PermissionError(13, "Permission denied")
        if path.name == "b.yml":
            raise OSError(5, "Input/output error")
        return opened(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", refuse)
    assert mistakes(tmp_path, {})[:2] == [
        "layers/a.yml:1:1: cannot be read: Permission denied",
        "layers/b.yml:1:1: cannot be read: Input/output error",
    ]


def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no traceback."""
    write_files(tmp_path, {"layers/a.yml": GOOD, "include/b.yml": GOOD})
    listed = Path.iterdir

    def refuse(path: Path) -> Any:
        if path.name == "include":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert mistakes(tmp_path, {}) == ["include:1:1: cannot be listed: Permission denied"]


@pytest.mark.parametrize("file", ["fleet.yml", "waivers.yml", "include/x.yml", "layers/x.yml"])
@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"a: caf\xe9\n", "byte 0xe9 is not UTF-8"),
        (b"\xff\xfea\x00", "byte 0xff is not UTF-8"),
        (b"a: \x00\n", "character U+0000 cannot stand in a file"),
        (b"a: &a [*a, *a]\n", "aliases are not taken"),
        (b"[" * 100_000, "nested deeper"),
        (b"{a: " * 100_000, "nested deeper"),
        (b"#" * (limits.layer_bytes_max + 1), "the file is too big"),
        (b"x: [" + b"a," * 200_000 + b"]\n", "more than 100000 values"),
        (b"a: 1\na: 2\n", "stands twice"),
        (b"a: !!python/object/apply:os.system [id]\n", "tags are not taken"),
    ],
    ids=["latin-1", "utf-16", "nul", "anchors", "brackets", "braces", "huge", "wide", "twice", "tag"],
)
def test_every_kind_of_file_is_read_with_the_same_care(tmp_path: Path, file: str, raw: bytes, told: str) -> None:
    """Not only layers."""
    write_files(tmp_path, {"layers/good.yml": GOOD, file: ""})
    (tmp_path / file).write_bytes(raw)
    started = time.process_time()
    found = [mistake for mistake in mistakes(tmp_path, {}) if mistake.startswith(f"{file}:")]
    assert told in "\n".join(found)
    assert time.process_time() - started < 8  # 1 s at most here


def test_all_files_together_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many big files are refused before they are parsed."""
    monkeypatch.setattr(limits, "fleet_bytes_max", 100)
    files = {f"layers/{n}.yml": GOOD + "#" * 20 + "\n" for n in range(4)}
    assert mistakes(tmp_path, files) == [
        f"layers/{n}.yml:1:1: all files together have more than 100 bytes; split the fleet" for n in (2, 3)
    ]


def test_a_thousand_layers_are_taken_and_one_more_is_not(tmp_path: Path) -> None:
    """Those that are taken make a release."""
    text = "match: {{node: n{0}}}\nitems: {{sysctl: {{a: {0}}}}}\n"
    files = {f"layers/node/{n:04}.yml": text.format(n) for n in range(limits.layers_max)}
    fleet = load_fleet(write_files(tmp_path, {"fleet.yml": "dimensions: [node]\n", **files}), small_catalogue()).sound()
    assert len(build(fleet.layers, [], number=1, created="2030-01-01T00:00:00Z").layers) == limits.layers_max
    assert mistakes(tmp_path, {"layers/node/x.yml": GOOD}) == ["layers/node:1:1: 1001 files, at most 1000 are taken"]


FLOOD = """
import sys, time
from pathlib import Path
from config_center.layers import load_fleet
from tests.support.center import small_catalogue
fleet = load_fleet(Path(sys.argv[1]), small_catalogue())
print(*fleet.mistakes, sep="\\n")
"""


@pytest.mark.parametrize("shape", ["items", "anchors", "mistakes", "ambiguous"])
def test_a_flood_is_a_mistake_in_bounded_time_and_memory(tmp_path: Path, shape: str) -> None:
    """A layer with 100,000 items and its like, in a process that may have 400 MiB and 30 s of CPU."""
    head = "items:\n  sysctl:\n"
    files = {
        "items": {"layers/a.yml": head + "".join(f"    k{n}: {{equals: {n}}}\n" for n in range(100_000))[:2_000_000]},
        "anchors": {"layers/a.yml": "a: &a [x]\n" + "".join(f"b{n}: [*a, *a, *a]\n" for n in range(30_000))},
        "mistakes": {
            f"layers/{f}.yml": head + "".join(f"    k{n}: {{x: 1}}\n" for n in range(9_000)) for f in range(4)
        },
        "ambiguous": {
            "fleet.yml": "dimensions: [d]\n",
            **{f"layers/d/{f}.yml": head + "".join(f"    k{n}: {f}\n" for n in range(400)) for f in range(60)},
        },
    }[shape]
    write_files(tmp_path, files)
    done = subprocess.run(
        [sys.executable, "-c", FLOOD, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, check=True,
        preexec_fn=_confine, env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, timeout=100,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert 1 <= len(lines) <= limits.mistakes_max + 1
    wanted = {"items": "more than 100000 values", "anchors": "aliases are not taken", "mistakes": "are not listed"}
    assert wanted.get(shape, "is ambiguous") in lines[-1 if shape == "mistakes" else 0 if shape != "anchors" else 1]


def _confine() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
