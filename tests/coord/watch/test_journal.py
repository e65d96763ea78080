"""The journal of a watch: what is open survives crashes, rotation and full disks, and the watch never waits for it."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import trio

from inspector_coord.watch import journal_limits
from inspector_coord.watch.conclusions import Action, Happening, Kind
from inspector_coord.watch.journal import Journal
from inspector_coord.watch.record import Record, happening_of, read_record, record_of, written
from tests.support.waiting import soon

UNIX = 1_800_000_000.0


def happening(number: int, action: Action = Action.OPENED, **fields: Any) -> Happening:
    """Two nodes of a rack."""
    ordinary: dict[str, Any] = {
        "number": number, "action": action, "kind": Kind.DOWN, "nodes": ("n001", "n002"), "domain": "rack=b2", "of": 2,
        "since": 98.0, "at": 100.0, "evidence": "nobody reaches it", "back": ("n003",), "parted": ("zone=a",),
    }  # fmt: skip
    return Happening(**(ordinary | fields))


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[Journal, list[str]]]:
    """A journal that is written while the context is open; and what it says."""
    notes: list[str] = []
    journal = Journal(folder, notes.append)
    journal.read(["main"])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.run)
        yield journal, notes
        nursery.cancel_scope.cancel()


def reread(folder: Path) -> tuple[list[int], int]:
    """Numbers of what is open, and the highest number, as the next watch finds them."""
    past = Journal(folder, lambda _: None).read(["main"])
    return ([record.incident for record in past["main"].open], past["main"].number) if past else ([], 0)


def test_a_record_is_the_happening_and_nothing_else() -> None:
    """Written, read, and put into another clock: the same, as long ago as it was."""
    one = happening(7, direction="cannot send", count=4, closed_by=9)
    record = read_record(written(record_of("main", one, UNIX)))
    assert record is not None
    again = happening_of(record, UNIX + 50, 20.0)
    assert [again.at, again.since] == pytest.approx([-30.0, -32.0])
    assert again == happening(7, direction="cannot send", count=4, closed_by=9, at=again.at, since=again.since)


def test_what_lies_in_the_future_counts_as_now() -> None:
    """The wall clock was put back between two watches."""
    again = happening_of(record_of("main", happening(7), UNIX), UNIX - 3600, 20.0)
    assert (again.at, again.since) == (20.0, 20.0)


async def test_what_is_open_is_read_back(tmp_path: Path) -> None:
    async with running(tmp_path) as (journal, _):
        for one in (happening(1), happening(2), happening(1, Action.CLOSED), happening(3), happening(3, Action.CLOSED)):
            journal.told("main", one, UNIX)
    assert reread(tmp_path) == ([2], 3)


async def test_a_torn_last_line_costs_only_itself(tmp_path: Path) -> None:
    """A crash in mid-write: what stands before and what comes after is read."""
    async with running(tmp_path) as (journal, _):
        journal.told("main", happening(1), UNIX)
        journal.told("main", happening(2), UNIX)
    path = tmp_path / "events.ndjson"
    path.write_bytes(path.read_bytes()[:-40])
    async with running(tmp_path) as (journal, notes):
        journal.told("main", happening(5), UNIX)
    assert len(notes) == 1
    assert "1 lines that are none" in notes[0]
    assert reread(tmp_path) == ([1, 5], 5)


@pytest.mark.parametrize("line", [b"\xff\xfe\n", b"[]\n", b"{}\n", b"[" * 100_000 + b"\n", b"\0" * 1000])
async def test_lines_that_are_none_are_passed_over(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(line + b"\n" + written(record_of("main", happening(4), UNIX)))
    assert reread(tmp_path) == ([4], 4)


async def test_a_new_file_begins_with_what_is_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much has been told since: bounded files, and the newest alone knows what is open and the last number."""
    monkeypatch.setattr(journal_limits, "file_bytes_max", 4_000)
    async with running(tmp_path) as (journal, _):
        journal.told("main", happening(1), UNIX)
        for number in range(2, 90):
            journal.told("main", happening(number), UNIX)
            journal.told("main", happening(number, Action.CLOSED), UNIX)
            await soon(lambda: not journal.waiting, "it is written")
    files = sorted(tmp_path.glob("events*"))  # noqa: ASYNC240 -- a few names
    assert [file.name for file in files] == [*(f"events.{n}.ndjson" for n in range(1, 5)), "events.ndjson"]
    assert all(file.stat().st_size <= 5_000 for file in files)
    (tmp_path / "events.1.ndjson").unlink()
    assert reread(tmp_path) == ([1], 89)


async def test_what_is_told_while_a_new_file_is_begun_disturbs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread writes what was known when it began."""
    monkeypatch.setattr(journal_limits, "file_bytes_max", 1_200)
    told = iter((10, 11))

    def replace(record: Record, **changes: bool) -> Record:
        for number in told:
            trio.from_thread.run_sync(journal.told, "main", happening(number), UNIX)
        return msgspec.structs.replace(record, **changes)

    monkeypatch.setattr(
        "inspector_coord.watch.journal.msgspec", SimpleNamespace(structs=SimpleNamespace(replace=replace))
    )
    async with running(tmp_path) as (journal, notes):
        for number in range(1, 5):
            journal.told("main", happening(number), UNIX)
            await soon(lambda: not journal.waiting, "it is written")
    assert notes == []
    assert next(told, None) is None, "a file was begun"
    assert reread(tmp_path) == ([1, 2, 3, 4, 10, 11], 11)


async def test_of_a_ring_that_is_configured_no_more_nothing_is_left_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not taken over, and not carried into the next file."""
    async with running(tmp_path) as (journal, _):
        journal.told("renamed", happening(1), UNIX)
        journal.told("main", happening(2), UNIX)
    past = Journal(tmp_path, lambda _: None).read(["main", "new"])
    assert {ring: [record.incident for record in known.open] for ring, known in past.items()} == {"main": [2]}
    monkeypatch.setattr(journal_limits, "file_bytes_max", 600)
    async with running(tmp_path) as (journal, _):
        journal.told("main", happening(3), UNIX)
    lines = [read_record(line) for line in (tmp_path / "events.ndjson").read_bytes().splitlines()]
    assert [(one.ring, one.incident, one.carried) for one in lines if one is not None] == [
        ("main", 2, True), ("main", 3, False),
    ]  # fmt: skip


async def test_a_full_disk_stops_nothing_and_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events wait; once there is room they are written, and what had to be dropped is counted."""
    monkeypatch.setattr(journal_limits, "retry_s", 0.01)
    monkeypatch.setattr(journal_limits, "pending_max", 10)
    real, full = os.fsync, [True]

    def fsync(file: int) -> None:
        if full[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    async with running(tmp_path) as (journal, notes):
        journal.told("main", happening(1), UNIX)
        await soon(lambda: journal.counted["failed"] >= 3, "it has been tried")
        for number in range(2, 20):
            journal.told("main", happening(number), UNIX)
        tried = journal.counted["failed"]
        await soon(lambda: journal.counted["failed"] >= tried + 3, "it has been tried again")
        full[0] = False
        await soon(lambda: len(notes) == 2, f"it is written again: {notes}")
    assert "No space left on device" in notes[0]
    assert notes[1].endswith("is written again; 9 events were lost")
    assert (tmp_path / "events.1.ndjson").read_bytes() == b"", "what could not be synced was taken back"
    assert reread(tmp_path) == (list(range(1, 20)), 19)


async def test_two_watches_of_one_cache_do_not_write_into_each_others_files(tmp_path: Path) -> None:
    async with running(tmp_path) as (first, _):
        first.told("main", happening(1), UNIX)
        await soon(lambda: not first.waiting, "it is written")
        async with running(tmp_path) as (second, notes):
            second.told("main", happening(2), UNIX)
            await soon(lambda: bool(notes), "the second says so")
        assert notes == [f"another watch keeps the journal {tmp_path}/events.ndjson: this one does not"]
    assert reread(tmp_path) == ([1], 1)


async def test_after_a_loss_the_next_file_tells_all_that_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was lost while the disk was full is carried over, also where the first file anew could not be begun."""
    monkeypatch.setattr(journal_limits, "retry_s", 0.01)
    monkeypatch.setattr(journal_limits, "pending_max", 1)
    real, full = os.fsync, [True]

    def fsync(file: int) -> None:
        if full[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    async with running(tmp_path) as (journal, notes):
        journal.told("main", happening(1), UNIX)
        await soon(lambda: journal.counted["failed"] >= 1, "it has been tried")
        journal.told("main", happening(2), UNIX)
        tried = journal.counted["failed"]
        await soon(lambda: journal.counted["failed"] >= tried + 3, "a new file has been tried")
        full[0] = False
        await soon(lambda: len(notes) == 2, "it is written again")
    lines = [read_record(line) for line in (tmp_path / "events.ndjson").read_bytes().splitlines()]
    assert [(one.incident, one.carried) for one in lines if one is not None] == [(1, True), (2, False)]
