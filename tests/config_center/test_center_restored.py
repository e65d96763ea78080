"""A store that was restored from a backup, or lost: nodes have seen acts of which it knows nothing, and it goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from config_center.pointer import Pointer, decode_pointer
from inspector_agent.acceptance import Seen, check_signed, check_unsigned
from tests.support.center_cli import CenterCli


@pytest.fixture
def center(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CenterCli:
    """Three acts, exported; then a backup of the first is restored."""
    monkeypatch.chdir(tmp_path)
    cli = CenterCli(tmp_path, capsys, monkeypatch)
    cli.done("publish", "fleet")
    shutil.copy(cli.store, "backup.db")
    for value in (2, 3):
        cli.change(value)
        cli.done("publish", "fleet", "--to", "mirror")
    shutil.copy("backup.db", cli.store)
    return cli


def mirrored() -> Pointer:
    """What the mirror's nodes are told."""
    return decode_pointer(Path("mirror/current.json").read_bytes())


def test_it_goes_on_above_what_nodes_have_seen(center: CenterCli) -> None:
    """The mirror says what to do; then nodes follow, with keys and without, and the next act needs nothing more."""
    seen = mirrored()
    run = center("publish", "fleet", "--to", "mirror", "--yes")
    assert run.code == 2
    assert "knows only up to act 2" in run.err
    assert "publish --after 3" in run.err
    center.done("publish", "fleet", "--to", "mirror", "--after", "3")
    offered = mirrored()
    assert (offered.serial, offered.number) == (4, 4)
    check_signed(offered, seen, Seen(seen.serial))
    check_unsigned(offered, seen, "n001", {})
    center.change(5)
    center.done("publish", "fleet", "--to", "mirror")
    assert (mirrored().serial, mirrored().number) == (5, 5)
    assert [act.serial for act in center.database.acts()] == [5, 4, 2, 1]


def test_also_where_nothing_has_changed(center: CenterCli) -> None:
    """Nodes may have another content under the numbers that were lost."""
    center.change(1)
    assert "nothing changed" in center.done("publish", "fleet").out
    center.done("publish", "fleet", "--to", "mirror", "--after", "3")
    assert (mirrored().serial, mirrored().number) == (4, 4)


def test_also_where_nothing_is_left(center: CenterCli) -> None:
    """A new store in the place of the lost one."""
    center.store.unlink()
    center.done("publish", "fleet", "--to", "mirror", "--after", "3")
    assert (mirrored().serial, mirrored().number) == (4, 4)


def test_also_after_acts_that_nodes_refused(center: CenterCli) -> None:
    """Nobody noticed, and published until another act had the serial that nodes have seen."""
    seen = mirrored()
    for value in (4, 5):
        center.change(value)
        center.done("publish", "fleet")
    assert center.database.pointer_bytes() != Path("mirror/current.json").read_bytes()
    center.done("publish", "fleet", "--to", "mirror", "--after", "3")
    assert (mirrored().serial, mirrored().number) == (4, 4)
    check_unsigned(mirrored(), seen, "n001", {})


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--after", "1"], "the store is ahead of act 1, it goes on after act 2: leave --after out"),
        (["--after", "3", "--canary", "zone=b"], "--after makes a release for everybody"),
        (["--after", "4294967295"], "less than or equal to 4294967294"),
    ],
)
def test_what_makes_no_sense_is_refused(center: CenterCli, words: list[str], why: str) -> None:
    """And nothing is recorded."""
    center.done("publish", "fleet")
    run = center("publish", "fleet", "--yes", *words)
    assert run.code == 2
    assert why in run.err
    assert len(center.database.acts()) == 2
