"""What systemd is told of a watcher (shell): that it is ready, how it is, and that it is alive, while it really is.

The word goes as a datagram to the socket that NOTIFY_SOCKET names (sd_notify(3)). A watcher in which the loop of any
ring hangs keeps silent, and systemd starts it anew.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

import trio

from inspector_coord.plain import plain
from inspector_coord.watch import limits
from inspector_coord.watch.conclusions import Happening
from inspector_coord.watch.listening import Watched

__all__ = ["Systemd"]


class Systemd:
    """A listener for systemd's notification socket and watchdog, as the environment tells of them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        self._to = "\0" + name[1:] if name.startswith("@") else name
        self._watchdog_s = _watchdog_s(environ)
        self._rings: Mapping[str, Watched] = {}
        self._status = ""

    def told(self, ring: str, happening: Happening, unix: float) -> None:
        """What happens is for others: the status tells what is so."""

    def sees(self, rings: Mapping[str, Watched]) -> None:
        """See `Sees`."""
        self._rings = rings

    async def run(self) -> None:
        """Ready at once, as a ring that cannot be reached is tried for ever; then how it is, and that it is alive."""
        self._say("READY=1")
        every_s = min(limits.look_s, self._watchdog_s * limits.watchdog_share or limits.look_s)
        try:
            while True:
                hung = self._hung()
                self._tell_status(f"hung: {', '.join(hung)}" if hung else self._words())
                if self._watchdog_s and not hung:
                    self._say("WATCHDOG=1")
                await trio.sleep(every_s)
        finally:
            self._say("STOPPING=1")

    def _hung(self) -> list[str]:
        """Rings whose loop has not gone round for too long."""
        last = trio.current_time() - limits.beat_fresh_s
        return [name for name, ring in self._rings.items() if ring.turned_at < last]

    def _words(self) -> str:
        rings = self._rings.values()
        blind = [name for name, ring in self._rings.items() if not ring.judging]
        members, opened = sum(len(ring.roster) for ring in rings), sum(len(ring.open_incidents) for ring in rings)
        told = f"{_many(len(rings), 'ring')}, {_many(members, 'member')}, {_many(opened, 'open incident')}"
        return f"{told}; not judged: {', '.join(blind)}" if blind else told

    def _tell_status(self, text: str) -> None:
        """As `systemctl status` shows it; the same twice is said once."""
        if text != self._status and self._say(f"STATUS={plain(text, limits.status_chars_max)}"):
            self._status = text

    def _say(self, words: str) -> bool:
        """Whether systemd takes it. One that does not is no reason to end: it starts anew whom it does not hear."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as out:
            try:
                out.sendto(words.encode(), self._to)
            except OSError:
                return False
        return True


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _watchdog_s(environ: Mapping[str, str]) -> float:
    """Seconds after which a silent process is started anew; 0 where nobody watches, or another process is meant."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    wanted = environ.get("WATCHDOG_USEC", "")
    return int(wanted) / 1e6 if wanted.isdecimal() else 0.0
