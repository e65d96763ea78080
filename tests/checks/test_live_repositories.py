"""Kind repository held against apt and dnf themselves, and against what pyinfra captured and understood."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from checklib.contract import decode_request
from checklib.node import Node

from inspector_lab.tools import locate
from tests.support.captures import captures
from tests.support.check_cases import CASES, load, look, look_at, module, plant
from tests.support.others import PLAIN, told

ANY = {"any": True}
LISTED = ("suites", "components", "types")


def apt_says(folder: str, place: Path) -> dict[str, tuple[set[str], ...]]:
    """URL -> suites, components and types of what apt would fetch, by its own reading of the files."""
    (place / "lists/partial").mkdir(parents=True)
    where = ["-o", f"Dir::Etc={folder}", "-o", f"Dir::State::lists={place}/lists"]
    row_format = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(TARGET_OF)|$(CREATED_BY)"
    rows = told("apt-get", "indextargets", "--no-release-info", *where, "--format", row_format).splitlines()
    found: dict[str, tuple[set[str], ...]] = {}
    for row in rows:
        url, *words, created = row.split("|")
        if created in {"Packages", "Sources"}:
            bare = module("repository").repofiles.without_user(url).rstrip("/")
            sets = found.setdefault(bare, (set(), set(), set()))
            for known, word in zip(sets, words, strict=True):
                known.update({word} - {"$(COMPONENT)"})
    return found


def ours(root: Path | str) -> dict[str, tuple[set[str], ...]]:
    """The same by our kind, of those that are switched on."""
    with closing(Node(decode_request({"root": str(root), "items": []}))) as node:
        keys = module("repository").discover(node)
    found = {}
    for key in keys:
        if look_at("repository", key, {"enabled": {"equals": True}}, root)["outcome"] == "pass":
            items = [{"check": "repository", "key": key, "expect": {name: ANY}} for name in LISTED]
            seen = [finding["observed"].partition(" ")[2] for finding in look(items, root)]
            found[key] = tuple(set(text.split()) - {"none"} for text in seen)
    return found


def test_this_machines_repositories_are_what_apt_says(tmp_path: Path) -> None:
    """All that are set up here, whatever they are."""
    theirs = apt_says("/etc/apt", tmp_path)
    assert theirs
    assert ours("/") == theirs


def test_every_form_is_read_as_apt_reads_it(tmp_path: Path) -> None:
    """The trees of the case files: one-line and deb822, options, comments, discs, entries that are switched off."""
    for case in ("apt-debian-12", "apt-ubuntu-22.04"):
        root = plant(tmp_path / case / "root", load(CASES / "repository" / f"{case}.yml")["tree"])
        theirs = {
            url.replace("cdrom://", "cdrom:"): sets for url, sets in apt_says(f"{root}/etc/apt", root.parent).items()
        }
        assert len(theirs) > 1
        assert ours(root) == theirs
    bad = plant(tmp_path / "bad", load(CASES / "repository" / "apt-refused.yml")["tree"])
    refused = told("apt-get", "indextargets", "-o", f"Dir::Etc={bad}/etc/apt", codes=(100,))
    assert refused == ""


def test_dnf_reads_the_same(tmp_path: Path) -> None:
    """Names and whether they are enabled; where dnf is installed, it says so itself."""
    root = plant(tmp_path / "root", load(CASES / "repository" / "rocky-9.yml")["tree"])
    (root / "etc/dnf/repos.override.d/99-config_manager.repo").unlink()  # dnf 5 alone reads these
    wanted = {"baseos": "enabled", "baseos-debug": "disabled", "kubernetes": "enabled", "local": "enabled"}
    names = ["baseos", "baseos-debug", "kubernetes", "local"]
    found = look([{"check": "repository", "key": name, "expect": {"enabled": ANY}} for name in names], root)
    assert {name: one["observed"] for name, one in zip(names, found, strict=True)} == {
        name: "true" if state == "enabled" else "false" for name, state in wanted.items()
    }
    dnf = locate("dnf")
    if dnf is not None:
        done = subprocess.run(
            [str(dnf), "-q", "-C", "-c", f"{root}/etc/dnf/dnf.conf", f"--setopt=reposdir={root}/etc/yum.repos.d",
             f"--installroot={tmp_path}/install", "--releasever=9", "--noplugins", "repolist", "--all"],
            capture_output=True, check=True, text=True, env=PLAIN,
        )  # fmt: skip
        rows = [line.split() for line in done.stdout.splitlines()[1:]]
        assert {row[0]: row[-1] for row in rows} == wanted


def test_what_pyinfra_captured_is_understood_as_it_does() -> None:
    """Files of apt, dnf, yum and zypper; a line that apt refuses, and pyinfra passes over, is refused by itself."""
    folder = captures()
    if folder is None:
        return
    repository = module("repository")
    for path in sorted((folder / "pyinfra").glob("*/repos.json")):
        case: dict[str, Any] = json.loads(path.read_text("utf-8"))
        found = repository.parse_repo("\n".join(case["output"]))
        assert [one.name for one in found] == [one["name"] for one in case["fact"]]
        assert [" ".join(one.urls) for one in found] == [one.get("baseurl", "") for one in case["fact"]]
    case = json.loads((folder / "pyinfra/apt.AptSources/sources.json").read_text("utf-8"))
    lines = [line for line in case["output"] if line.startswith("deb")]
    assert [
        {
            "url": one.urls[0], "distribution": one.suites[0], "type": one.types[0], "components": one.components,
            "options": {"arch": one.architectures} if one.architectures else {},
        }
        for one in repository.parse_list("\n".join(lines))
    ] == case["fact"]  # fmt: skip
