"""What systemd hears of a watch, at real sockets; time is the test's own."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from inspector_coord.watch import limits
from inspector_coord.watch.systemd import Systemd
from tests.support.watched import Paper, happening


@contextmanager
def listening(name: str) -> Iterator[socket.socket]:
    """systemd's end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as end:
        end.bind("\0" + name[1:] if name.startswith("@") else name)
        yield end


def heard(end: socket.socket) -> list[str]:
    """All that has come."""
    words = []
    try:
        while True:
            words.append(end.recv(4_096).decode())
    except BlockingIOError:
        return words


def environ(name: str, **more: str) -> dict[str, str]:
    return {"NOTIFY_SOCKET": name, **more}


@pytest.mark.parametrize("abstract", [False, True])
async def test_ready_status_and_stopping(tmp_path: Path, abstract: bool) -> None:
    """By a path, and by an abstract name."""
    name = f"@inspector-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    ring = Paper(
        roster={"n1": "alive", "n2": "failed"}, open_incidents=[happening("n2")], turned_at=trio.current_time()
    )
    with listening(name) as end:
        systemd = Systemd(environ(name))
        systemd.sees({"main": ring, "dark": Paper(judging=False, turned_at=trio.current_time())})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(systemd.run)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert heard(end) == [
            "READY=1", "STATUS=2 rings, 2 members, 1 open incident; not judged: dark", "STOPPING=1",
        ]  # fmt: skip


async def test_the_watchdog_hears_of_us_while_every_loop_goes_round(tmp_path: Path, mock_clock: MockClock) -> None:
    """At half of its time; one loop that hangs is enough to be silent, and is named."""
    name = str(tmp_path / "notify")
    one, two = Paper(), Paper()
    with listening(name) as end:
        systemd = Systemd(environ(name, WATCHDOG_USEC="4000000", WATCHDOG_PID=str(os.getpid())))
        systemd.sees({"one": one, "two": two})
        async with trio.open_nursery() as nursery:
            nursery.start_soon(systemd.run)
            for _ in range(3):
                await trio.testing.wait_all_tasks_blocked()
                one.turned_at = two.turned_at = trio.current_time()
                assert heard(end).count("WATCHDOG=1") == 1
                mock_clock.jump(2.0)
            mock_clock.jump(limits.beat_fresh_s)
            one.turned_at = trio.current_time()
            await trio.testing.wait_all_tasks_blocked()
            words = heard(end)
            assert "WATCHDOG=1" not in words
            assert "STATUS=hung: two" in words
            two.turned_at = trio.current_time()
            mock_clock.jump(2.0)
            await trio.testing.wait_all_tasks_blocked()
            assert "WATCHDOG=1" in heard(end)
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize("more", [{}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": "1"}])
async def test_no_watchdog_is_told_where_none_watches(
    tmp_path: Path, mock_clock: MockClock, more: dict[str, str]
) -> None:
    """None is configured, or another process is meant."""
    name = str(tmp_path / "notify")
    with listening(name) as end:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Systemd(environ(name, **more)).run)
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(60.0)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert "WATCHDOG=1" not in heard(end)


async def test_a_systemd_that_does_not_listen_ends_nothing(tmp_path: Path) -> None:
    """The watch goes on."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Systemd(environ(str(tmp_path / "nobody"))).run)
        await trio.testing.wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 1
        nursery.cancel_scope.cancel()
