"""A static folder: what is current of another depot, laid out as it is served."""

from __future__ import annotations

import errno
import os
from contextlib import closing
from pathlib import Path

import pytest

from config_center.canonical import digest_of
from config_center.database import Database
from config_center.errors import NothingPublished, StoreBusy, StoreError
from config_center.folder import Folder
from config_center.pointer import decode_pointer
from config_center.release import decode
from tests.support.depots import layers_of, part, put, put_canary


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A database with one release that carries an executable."""
    database = Database.at(tmp_path / "center.db")
    put(database, layers_of(1), [part(b"#!/bin/sh\n")])
    return database


def files(directory: Path) -> set[str]:
    """The files below a directory."""
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def test_the_folder_is_laid_out_as_it_is_served(database: Database, tmp_path: Path) -> None:
    """Pointer, releases by digest, parts by digest, byte for byte as in the database."""
    folder = Folder(tmp_path / "new" / "www")
    pointer = folder.export(database)
    release = database.current()
    part_name = release.checks[0].sha256
    assert files(folder.directory) == {".lock", "current.json", f"releases/{release.digest}.json", f"parts/{part_name}"}
    assert folder.pointer_bytes() == database.pointer_bytes()
    assert folder.release_bytes(release.digest) == database.release_bytes(release.digest)
    assert folder.part_bytes(part_name) == b"#!/bin/sh\n"
    assert (pointer.serial, pointer.digest) == (1, release.digest)
    assert decode((folder.directory / "releases" / f"{release.digest}.json").read_bytes(), release.digest) == release
    assert (folder.directory / "current.json").stat().st_mode & 0o777 == 0o644


def test_a_canary_comes_along_and_old_releases_stay(database: Database, tmp_path: Path) -> None:
    """Agents on the way from one to the next still find both."""
    folder = Folder(tmp_path / "www")
    folder.export(database)
    canary = put_canary(database, layers_of("canary"), {})
    folder.export(database)
    assert folder.release_bytes(canary.digest) is not None
    put(database, layers_of(3))
    folder.export(database)
    assert len(list((folder.directory / "releases").iterdir())) == 3
    again = {path: path.stat().st_mtime_ns for path in folder.directory.glob("releases/*")}
    folder.export(database)
    assert {path: path.stat().st_mtime_ns for path in folder.directory.glob("releases/*")} == again


def test_a_folder_of_a_folder(database: Database, tmp_path: Path) -> None:
    """A mirror of a mirror is the same mirror."""
    Folder(tmp_path / "one").export(database)
    Folder(tmp_path / "two").export(Folder(tmp_path / "one"))
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_nothing_published_is_said(tmp_path: Path) -> None:
    """And no pointer is made up."""
    with pytest.raises(NothingPublished, match="nothing is published yet"):
        Folder(tmp_path / "www").export(Database.at(tmp_path / "none.db"))
    assert Folder(tmp_path / "www").pointer_bytes() is None
    assert Folder(tmp_path / "www").release_bytes("0" * 64) is None
    assert not (tmp_path / "none.db").exists()


def test_a_mirror_does_not_go_back(database: Database, tmp_path: Path) -> None:
    """A store restored from a backup, or another fleet's: said, and the mirror stays as it is."""
    folder = Folder(tmp_path / "www")
    put(database, layers_of(2))
    folder.export(database)
    with closing(Database.at(tmp_path / "backup.db")) as backup:
        put(backup, layers_of(1))
        with pytest.raises(StoreError, match=r"mirrors act 2, .*backup.db knows only up to act 1: .* or was the store"):
            folder.export(backup)
    assert decode_pointer(folder.pointer_bytes() or b"").serial == 2


@pytest.mark.parametrize("damage", ["pointer", "release", "truncated", "part"])
def test_a_damaged_mirror_is_named_and_healed_by_an_export(database: Database, tmp_path: Path, damage: str) -> None:
    """Reading says which file; exporting again writes anew what is not as it should be."""
    folder = Folder(tmp_path / "www")
    folder.export(database)
    release = database.current()
    reads = {
        "pointer": ("current.json", folder.pointer_bytes),
        "release": (f"releases/{release.digest}.json", lambda: folder.release_bytes(release.digest)),
        "truncated": (f"releases/{release.digest}.json", lambda: folder.release_bytes(release.digest)),
        "part": (f"parts/{release.checks[0].sha256}", lambda: folder.part_bytes(release.checks[0].sha256)),
    }
    name, read = reads[damage]
    path = folder.directory / name
    path.write_bytes(path.read_bytes()[:-1] if damage == "truncated" else b"{}")
    with pytest.raises(StoreError, match=f"{path.name} (is damaged|cannot be used): .*; restore it by"):
        read()
    folder.export(database)
    assert read()


def test_a_depot_that_lacks_something_is_not_exported(database: Database, tmp_path: Path) -> None:
    """The pointer of before stays; it is said what is missing."""
    source, folder = Folder(tmp_path / "source"), Folder(tmp_path / "www")
    source.export(database)
    folder.export(source)
    put(database, layers_of(2), [part(b"other")])
    source.export(database)
    (source.directory / "parts" / digest_of(b"other")).unlink()
    with pytest.raises(StoreError, match=r"source lacks checks/raid of release .*: restore a backup"):
        folder.export(source)
    (source.directory / "releases" / f"{database.current().digest}.json").unlink()
    with pytest.raises(StoreError, match=r"source lacks release .*, which its pointer names"):
        folder.export(source)
    assert decode_pointer(folder.pointer_bytes() or b"").serial == 1


def test_a_directory_that_cannot_be_written_is_an_error(database: Database, tmp_path: Path) -> None:
    """There is a file where it should be: one clear error."""
    (tmp_path / "www").write_text("in the way")
    with pytest.raises(StoreError, match=r"cannot be written: .*; what was published before stays"):
        Folder(tmp_path / "www").export(database)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EIO, errno.EACCES])
def test_a_machine_in_trouble_is_not_called_damage(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Out of descriptors, a disk's error, no right: nobody is told to restore anything."""
    folder = Folder(tmp_path / "www")
    folder.export(database)

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(StoreBusy, match=r"cannot be read just now: .*; the file may be sound"):
        folder.pointer_bytes()
