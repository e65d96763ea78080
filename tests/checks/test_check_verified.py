"""docs/verified.md says how each kind was verified: it is made of notes, and the notes are held to the tests."""

from __future__ import annotations

import re

import pytest

from tests.support.check_cases import module
from tests.support.verified import PAGE, TESTS, claims, page, row, systems

KINDS = {kind.name for kind in module("batch").kinds()}
ALSO = {"testinfra": r"host\(\)|testinfra", "Ansible": r"\bfacts\(\)|\bansible\("}
FILES = sorted({file for part in claims().values() for files in part.values() for file in files})


def test_the_page_is_made_of_the_notes() -> None:
    """Run `python3 -m tests.support.verified docs/verified.md` where this fails."""
    assert PAGE.read_text(encoding="utf-8") == page()


@pytest.mark.parametrize("file", FILES)
def test_no_note_says_more_than_its_test_does(file: str) -> None:
    """The file names each kind that it is said to hold, and everybody it is said to hold it against."""
    text = (TESTS / f"{file}.py").read_text(encoding="utf-8")
    noted = [
        (kind, files[file]) for part in ("live", "played") for kind, files in claims()[part].items() if file in files
    ]
    noted += [(kind, []) for kind, files in claims()["captures"].items() if file in files]
    words = {word for _, said in noted if isinstance(said, list) for word in said}
    assert [kind for kind, _ in noted if not re.search(rf"[\"'({{ ]{kind}\b", text)] == []
    assert [word for word in words if not re.search(ALSO.get(word, rf"(?<![\w-]){re.escape(word)}\b"), text)] == []
    if any(file in files for files in claims()["captures"].values()):
        assert re.search(r"\b(captures|trees)\(", text)


def test_notes_are_of_kinds_there_are() -> None:
    """One of a kind that is no more would stand nowhere."""
    assert {kind for part in claims().values() for kind in part} <= KINDS


def test_distributions_are_found_in_sources() -> None:
    """Each once, by its longest name."""
    assert systems(["Debian 12, dpkg", "Debian's own; Rocky Linux 9's", "Ubuntu 24.04, openEuler 22.03 LTS"]) == [
        "Debian 12", "Rocky 9", "Ubuntu 24.04", "openEuler 22.03",
    ]  # fmt: skip
    assert systems(["rpm of Debian 12, with names as Rocky 9 has them"], first=True) == ["Debian 12"]


def test_a_machine_without_the_thing_is_not_taken_for_evidence_of_one() -> None:
    """Of a BMC only its absence was captured."""
    assert row("bmc", claims())[1] == "Debian 12 (that there is none)"
    assert row("memory", claims())[1] == "Debian 12"
    assert row("cni", claims())[1] == "–"
