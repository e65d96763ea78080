"""What systemd is told of a watcher (shell): that it is ready, how it is, and that it is alive, while it really is.

The word goes as a datagram to the socket that NOTIFY_SOCKET names (sd_notify(3)). Without that variable, nothing is said.
A watcher whose loops hang, or one of them, keeps silent, and systemd starts it anew.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping

import trio

from inspector_coord.plain import plain
from inspector_coord.watch import limits

__all__ = ["Heart", "Systemd"]


class Heart:
    """The loops that have to go round: each beats at least every `every_s`, and whenever it does something."""

    every_s = limits.beat_every_s

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._beats: dict[str, float] = {}

    def beat(self, loop: str) -> None:
        """A loop is alive."""
        self._beats[loop] = self._clock()

    def gone(self, loop: str) -> None:
        """A loop has ended on purpose."""
        self._beats.pop(loop, None)

    @property
    def still(self) -> list[str]:
        """Loops that have not gone round for too long, sorted."""
        last = self._clock() - limits.beat_fresh_s
        return sorted(loop for loop, at in self._beats.items() if at < last)

    @property
    def alive(self) -> bool:
        """All loops go round, and there is one."""
        return bool(self._beats) and not self.still


class Systemd:
    """systemd's notification socket and watchdog, as the environment tells of them."""

    def __init__(self, heart: Heart, environ: Mapping[str, str] | None = None) -> None:
        environ = os.environ if environ is None else environ
        self._heart = heart
        name = environ.get("NOTIFY_SOCKET", "")
        self._to = "\0" + name[1:] if name.startswith("@") else name
        self._every_s = _watchdog_s(environ)
        self._said: str | None = None

    def ready(self) -> None:
        """The rings are watched."""
        self._say("READY=1")

    def status(self, text: str) -> None:
        """How it is, in one line, as `systemctl status` shows it; the same twice is said once."""
        if text != self._said:
            self._said = text
            self._say(f"STATUS={plain(text, limits.status_chars_max)}")

    def stopping(self) -> None:
        """It ends, and that is meant."""
        self._say("STOPPING=1")

    async def run(self) -> None:
        """Tell that the watcher is alive, twice as often as systemd wants to hear it, as long as that is true."""
        while self._every_s and self._to:
            if self._heart.alive:
                self._say("WATCHDOG=1")
            await trio.sleep(self._every_s)

    def _say(self, words: str) -> None:
        """A systemd that does not listen is no reason to end: whoever it has forgotten it will start anew."""
        if not self._to:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as out:
            try:
                out.sendto(words.encode(), self._to)
            except OSError:
                self._said = None  # say the status again next time


def _watchdog_s(environ: Mapping[str, str]) -> float:
    """Seconds between two signs of life; 0 where none is wanted, or of another process."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    wanted = environ.get("WATCHDOG_USEC", "")
    return int(wanted) / 1e6 * limits.watchdog_share if wanted.isdecimal() else 0.0
