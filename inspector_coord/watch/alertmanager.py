"""Alerts go to Alertmanagers (trio shell around `alerts` and `outbox`), to each on its own: none waits for another.

Nobody waits for it: `told` only changes what is to be sent. What does not arrive is tried again, ever later, in its
newest state. That something does not arrive is said once, and once that it does again.

A watcher that is isolated does not know whether an incident is still true. It keeps an alert alive only while the
Alertmanager has it: another watcher may see more, and has resolved it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import httpx
import msgspec
import trio

from inspector_coord.plain import plain
from inspector_coord.watch import limits
from inspector_coord.watch.alerts import ALERT_NAMES, Alert, Book, Labels, as_json
from inspector_coord.watch.conclusions import Happening, Kind
from inspector_coord.watch.listening import Watched
from inspector_coord.watch.outbox import Outbox, Push

__all__ = ["Alertmanagers"]

JSON = {"Content-Type": "application/json"}


class _Failed(Exception):  # noqa: N818 -- a fact: said once, and tried again
    """A request did not succeed; the text says why. refused: the same again would be refused again."""

    def __init__(self, why: str, *, refused: bool = False) -> None:
        super().__init__(why)
        self.refused = refused


class _There(msgspec.Struct):
    """What an Alertmanager tells of an alert, as far as we ask."""

    labels: dict[str, str]


class Alertmanagers:
    """A listener that pushes alerts to several addresses, e.g. `http://alerts.example:9093`.

    watcher  how this watcher is named in annotations
    say      takes a line for a person
    failed   is called with the address for each push that failed
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        watcher: str,
        say: Callable[[str], None],
        resend_s: float = limits.resend_s,
        failed: Callable[[str], None] | None = None,
    ) -> None:
        self._book = Book(watcher)
        self._rings: Mapping[str, Watched] = {}
        self._to = [_Address(url, self._book, resend_s, say, failed or _nobody) for url in urls]

    def told(self, ring: str, happening: Happening, unix: float) -> None:
        """See `Listener`."""
        self._put(self._book.told(ring, happening, unix), unix)

    def sees(self, rings: Mapping[str, Watched]) -> None:
        """See `Sees`. What is open was told by a watcher before this one; its end is to be told, however soon."""
        self._rings = rings
        for name, ring in rings.items():
            for last in ring.open_incidents:
                self._book.told(name, last, time.time() - (trio.current_time() - last.at))
            for one in self._to:
                one.hold(self._book.standing(name))

    def _put(self, changed: Mapping[Labels, Alert | None], unix: float) -> None:
        for one in self._to:
            one.put(changed, unix)

    async def run(self) -> None:
        """Push, for ever."""
        async with trio.open_nursery() as nursery:
            for one in self._to:
                nursery.start_soon(one.run)
            nursery.start_soon(self._resume)

    async def _resume(self) -> None:
        """Incidents that were open before this watcher began, as soon as it knows that they still are.

        That it is isolated it knows without seeing the ring.
        """
        await trio.sleep(limits.replay_s)
        for name in self._rings:
            self._put(self._book.standing(name, Kind.ISOLATED), time.time())
        waiting = dict(self._rings)
        while waiting:
            for name in [name for name, ring in waiting.items() if ring.judging]:
                del waiting[name]
                self._put(self._book.standing(name), time.time())
            await trio.sleep(limits.replay_s)


class _Address:
    """One Alertmanager."""

    def __init__(
        self, url: str, book: Book, resend_s: float, say: Callable[[str], None], failed: Callable[[str], None]
    ) -> None:
        self._url = httpx.URL(url.rstrip("/") + "/api/v2/alerts")
        self._shown = str(httpx.URL(url).copy_with(userinfo=b""))
        self._book, self._resend_s, self._say, self._failed = book, resend_s, say, failed
        self._outbox = Outbox(resend_s)
        self._changed = trio.Event()
        self._failures = 0  # in a row
        self._dropped = 0

    def hold(self, taken_over: Mapping[Labels, Alert]) -> None:
        """See `Outbox.hold`."""
        self._outbox.hold(taken_over)

    def put(self, changed: Mapping[Labels, Alert | None], unix: float) -> None:
        """More to tell."""
        self._outbox.put(changed, time.monotonic(), unix)
        self._changed.set()

    async def run(self) -> None:
        """Tell what is due, when it is due; after a failure later, then with what is true by then."""
        async with httpx.AsyncClient(trust_env=False, timeout=limits.push_s) as client:
            while True:
                self._changed = trio.Event()
                pushes = self._outbox.due(time.monotonic())
                if pushes:
                    await self._deliver(client, pushes)
                    continue
                with trio.move_on_after(max(0.0, self._outbox.next_at - time.monotonic())):
                    await self._changed.wait()

    async def _deliver(self, client: httpx.AsyncClient, pushes: Sequence[Push]) -> None:
        try:
            await self._push(client, await self._still_true(client, pushes))
        except _Failed as problem:
            self._failed(self._shown)
            self._failures += 1
            if self._failures == 1:
                self._say(f"alerts do not reach {self._shown}: {problem}; they are kept, and tried again")
            if problem.refused:
                self._outbox.sent(pushes, time.monotonic())  # the same would be refused again, and would hold up others
            else:
                await trio.sleep(min(limits.push_again_s * 2 ** min(self._failures - 1, 10), limits.push_again_s_max))
            return
        self._outbox.sent(pushes, time.monotonic())
        if self._failures:
            self._say(f"alerts reach {self._shown} again, after {self._failures} pushes that failed")
            self._failures = 0
        if self._outbox.dropped and not self._dropped:
            self._say(f"more than {limits.alerts_max} alerts: those beyond are not told to {self._shown}")
        self._dropped = self._outbox.dropped

    async def _still_true(self, client: httpx.AsyncClient, pushes: Sequence[Push]) -> list[Push]:
        """Without those that an isolated watcher would only raise from the dead."""
        unsure = [push for push in pushes if self._is_unsure(push)]
        there = await self._there(client) if unsure else frozenset()
        return [push for push in pushes if push not in unsure or push.alert.labels in there]

    def _is_unsure(self, push: Push) -> bool:
        known = push.ended is not None or not push.again or push.alert.kind is Kind.ISOLATED
        return not known and self._book.isolated(push.alert.ring)

    async def _push(self, client: httpx.AsyncClient, pushes: Sequence[Push]) -> None:
        lapse = time.time() + limits.resends_missed * self._resend_s
        alerts = [as_json(push.alert, lapse if push.ended is None else push.ended) for push in pushes]
        if alerts:
            await self._ask(client, "POST", content=msgspec.json.encode(alerts))

    async def _there(self, client: httpx.AsyncClient) -> frozenset[Labels]:
        """The alerts of ours, whoever's they are, that the Alertmanager has."""
        params = {"filter": f"alertname=~{'|'.join(ALERT_NAMES.values())}"}
        body = await self._ask(client, "GET", params=params)
        try:
            found = msgspec.json.decode(body, type=list[_There])
        except (msgspec.DecodeError, RecursionError) as problem:
            raise _Failed(f"its list of alerts cannot be read: {problem}") from problem
        return frozenset(tuple(sorted(one.labels.items())) for one in found)

    async def _ask(
        self, client: httpx.AsyncClient, method: str, *, content: bytes = b"", params: dict[str, str] | None = None
    ) -> bytes:
        """A request within its bounds of time and size. Raises _Failed."""
        body = bytearray()
        try:
            with trio.fail_after(limits.push_s):
                async with client.stream(method, self._url, content=content, params=params, headers=JSON) as response:
                    async for piece in response.aiter_bytes():  # to its end: httpx cannot put half a reply away cleanly
                        if len(body) <= limits.reply_bytes_max:
                            body += piece
        except trio.TooSlowError as problem:
            raise _Failed(f"it has not answered within {limits.push_s:g} s") from problem
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as problem:
            raise _Failed(plain(problem, limits.problem_chars_max) or type(problem).__name__) from problem
        if len(body) > limits.reply_bytes_max:
            raise _Failed(f"its reply has more than {limits.reply_bytes_max} bytes")
        if not response.is_success:
            why = plain(body.decode("utf-8", "replace").strip(), limits.problem_chars_max)
            raise _Failed(f"it answers {response.status_code} {why}".rstrip(), refused=response.status_code == 400)
        return bytes(body)


def _nobody(_: str) -> None:
    """Nobody counts."""
