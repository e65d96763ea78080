"""A fleet's directory: order of layers, the site's own checks, and what stands in it by mistake."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import pytest

from config_center import limits
from config_center.errors import CenterError, InvalidLayers
from config_center.layers import load_fleet
from tests.support.center import small_catalogue, write_fleet

GOOD = "items: {sysctl: {a: 1}}\n"


def mistakes_of(directory: Path) -> list[str]:
    """What load_fleet reports, as text."""
    return [str(mistake) for mistake in load_fleet(directory, small_catalogue()).mistakes]


def test_layers_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    """However the file system lists them; a layer's name is its file's without the suffix."""
    fleet = load_fleet(
        write_fleet(tmp_path, dict.fromkeys(("20-b.yml", "100-c.yml", "10-a.yml", "a.b.yml"), GOOD)),
        small_catalogue(),
    ).sound()
    assert [(layer.name, layer.file) for layer in fleet.layers] == [
        ("10-a", "layers/10-a.yml"),
        ("100-c", "layers/100-c.yml"),
        ("20-b", "layers/20-b.yml"),
        ("a.b", "layers/a.b.yml"),
    ]
    assert fleet.mistakes == ()


def test_a_directory_that_is_none_is_an_error(tmp_path: Path) -> None:
    """It says what was looked for."""
    with pytest.raises(CenterError, match=r"layers: no such folder; a fleet's directory holds layers/\*\.yml"):
        load_fleet(tmp_path / "nowhere", small_catalogue())


def test_layers_with_mistakes_are_not_to_be_used(tmp_path: Path) -> None:
    """`sound` refuses them, and carries all mistakes."""
    fleet = load_fleet(write_fleet(tmp_path, {"a.yml": GOOD, "b.yml": "", "c.yml": "x: 1"}), small_catalogue())
    with pytest.raises(
        InvalidLayers, match=r"the layers have 3 mistakes; the first: layers/b\.yml:1:1: empty layer"
    ) as info:
        fleet.sound()
    assert info.value.mistakes == fleet.mistakes


def test_nothing_in_the_folder_of_layers_is_passed_over_silently(tmp_path: Path) -> None:
    """Another suffix, a folder, a dangling link, a pipe: each is a mistake, because nobody would notice."""
    write_fleet(tmp_path, {"a.yml": GOOD, "b.yaml": GOOD, "c.yml~": GOOD, ".hidden.yml": "{"})
    folder = tmp_path / "layers"
    (folder / "more").mkdir()
    (folder / "gone.yml").symlink_to("nowhere")
    os.mkfifo(folder / "pipe.yml")
    (folder / "dir.yml").mkdir()
    assert mistakes_of(tmp_path) == [
        "layers/b.yaml:1:1: this file is not read; a layer is a file named *.yml",
        "layers/c.yml~:1:1: this file is not read; a layer is a file named *.yml",
        "layers/dir.yml:1:1: not a regular file",
        "layers/gone.yml:1:1: not a regular file",
        "layers/more:1:1: a folder is not read here; a layer is a file named *.yml",
        "layers/pipe.yml:1:1: not a regular file",
    ]


def test_a_directory_without_layers_is_a_mistake(tmp_path: Path) -> None:
    """Publishing it would uncover every node."""
    assert mistakes_of(write_fleet(tmp_path, {})) == ["layers:1:1: no layer: there is no *.yml file"]


def test_bounds_of_a_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many layers, too many items, too big a file: each a mistake."""
    monkeypatch.setattr(limits, "layers_max", 2)
    monkeypatch.setattr(limits, "items_max", 3)
    monkeypatch.setattr(limits, "layer_bytes_max", 200)
    write_fleet(tmp_path, {"a.yml": "items: {sysctl: {a: 1, b: 1, c: 1, d: 1}}", "b.yml": "#" * 201, "c.yml": GOOD})
    assert mistakes_of(tmp_path) == [
        "layers:1:1: 3 files, at most 2 are taken",
        "layers:1:1: 4 different items, at most 3 are taken",
        "layers/b.yml:1:1: the file is too big: at most 200 bytes are taken",
    ]


def test_a_hundred_thousand_items_are_refused_quickly(tmp_path: Path) -> None:
    """One mistake, not a hundred thousand, and no memory eaten."""
    text = "items:\n  sysctl:\n" + "".join(f"    k{n}: 1\n" for n in range(100_000))
    assert mistakes_of(write_fleet(tmp_path, {"a.yml": text})) == [
        f"layers/a.yml:{limits.yaml_nodes_max // 2}:13: the file holds more than 100000 values; split it"
    ]


SITE = f"#!{sys.executable} -S\n"


def test_the_sites_own_checks_are_parts(tmp_path: Path) -> None:
    """Named by the file without its suffix, addressed by content; they can be expected at once."""
    own = {"kinds": {"raid": {"main": "state", "properties": {"state": {"type": "text"}}}}}
    checks = {"raid.py": SITE + f"print({json.dumps(own)!r})\n", "plain": "#!/bin/sh\nexit 3\n"}
    layer = "items: {raid: {md0: clean}, plain: {x: {expect: {any_thing: 1}, with: {whatever: [a, 1]}}}}\n"
    fleet = load_fleet(write_fleet(tmp_path, {"a.yml": layer}, checks), small_catalogue()).sound()
    assert [(part.check.name, part.check.file, part.content.decode()) for part in fleet.parts] == [
        ("plain", "checks/plain", checks["plain"]),
        ("raid", "checks/raid.py", checks["raid.py"]),
    ]
    for part in fleet.parts:
        assert part.check.sha256 == hashlib.sha256(part.content).hexdigest()
        assert part.check.bytes == len(part.content)
    assert fleet.layers[0].items["raid:md0"].expect == {"state": {"equals": "clean"}}
    assert fleet.layers[0].items["plain:x"].with_ == {"whatever": ["a", 1]}


def test_what_an_open_kind_takes_keeps_its_type(tmp_path: Path) -> None:
    """Of a check that does not describe itself anything is taken, but nothing that would change on the way."""
    layer = "items:\n  plain:\n    a: true\n    b: 1.5\n    c: 1.10\n    d: {expect: {x: 0644}}\n    e: {x: 1}\n"
    found = mistakes_of(write_fleet(tmp_path, {"a.yml": layer}, {"plain": "#!/bin/sh\nexit 3\n"}))
    assert [line.split(" ")[0] for line in found] == ["layers/a.yml:5:8:", "layers/a.yml:6:21:", "layers/a.yml:7:9:"]


def test_described_kinds_of_the_site_are_held_to_their_description(tmp_path: Path) -> None:
    """A misspelt property of a site's own check is found as one of ours is."""
    own = {"kinds": {"raid": {"main": "state", "properties": {"state": {"type": "text"}}}}}
    checks = {"raid": SITE + f"print({json.dumps(own)!r})\n"}
    found = mistakes_of(write_fleet(tmp_path, {"a.yml": "items: {raid: {md0: {expect: {stat: 1}}}}\n"}, checks))
    assert found == ["layers/a.yml:1:31: raid has no property 'stat'; did you mean state?"]


def test_what_is_wrong_with_the_sites_checks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not executable, no name for a kind, a name that is taken, a folder, too big: all at once."""
    monkeypatch.setattr(limits, "part_bytes_max", 100)
    monkeypatch.setattr(limits, "parts_bytes_max", 120)
    names = ["sysctl.sh", "Bad Name", "two.py", "two.sh", "late", "big"]
    checks = dict.fromkeys(names, "#!/bin/sh\nexit 3\n") | {"big": "#" * 101, "late": "#" * 100}
    write_fleet(tmp_path, {"a.yml": GOOD}, checks | {"readme.md": "not a check", ".hidden": ""})
    (tmp_path / "checks" / "readme.md").chmod(0o644)
    (tmp_path / "checks" / "folder").mkdir()
    (tmp_path / "checks" / "__pycache__").mkdir()
    assert mistakes_of(tmp_path) == [
        "checks/Bad Name:1:1: 'Bad Name' cannot name a check; small letters, digits, - and _; a suffix is left out",
        "checks/big:1:1: the file is too big: at most 100 bytes are taken",
        "checks/folder:1:1: not a regular file",
        "checks/readme.md:1:1: readme.md is not executable; chmod +x it, or move it out of checks/",
        "checks/sysctl.sh:1:1: sysctl is a bundled check already; give the site's own another name",
        "checks/two.sh:1:1: checks/two.py is kind two too; rename one of the two",
    ]
    (tmp_path / "checks" / "more").write_text("#" * 30)
    (tmp_path / "checks" / "more").chmod(0o755)
    assert "checks/more:1:1: all checks together have more than 120 bytes" in mistakes_of(tmp_path)
