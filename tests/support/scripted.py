"""Inspection agents that do as they are told, on real Serf agents: each fault of an answer made to order."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import trio

from inspector_agent.ring import Disconnected, QueryEvent, QueryOver, RingClient, connect
from inspector_agent.wire import (
    QUERY_NAME,
    Answer,
    Counts,
    Question,
    Serving,
    decode_question,
    encode_answer,
    observed_hash,
)
from tests.support.serf import SerfNode


@dataclass
class ScriptedAgent:
    """Answers the questions that one Serf agent hears.

    script: what to do with the first question, the second …; the last word holds for all others:
        pass, fail, error, na, busy, clock, release, stale, incomplete, garbage, forged (another sweep's answer),
        hang (no answer), hold (answered together with the next one), leave (the ring)
    heard: questions so far; `asked` is set by the first one. An answer that comes too late for Serf is none.
    holds: (release, number) that it answers for, whatever it is asked for.
    """

    node: SerfNode
    script: tuple[str, ...] = ("pass",)
    auth_key: str | None = None
    item: int = 0
    observed: str = "60"
    items: int = 4
    holds: tuple[bytes, int] | None = None
    basis: Callable[[Question], bytes] = lambda _: b""
    heard: list[Question] = field(default_factory=list)
    asked: trio.Event = field(default_factory=trio.Event)
    _held: list[tuple[int, bytes]] = field(default_factory=list)
    _left: bool = False

    def forget(self, script: tuple[str, ...]) -> None:
        """Begin anew, with another script."""
        self.script, self.asked = script, trio.Event()
        self.heard.clear()

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Answer until cancelled, or until the Serf agent ends."""
        stream = f"query:{QUERY_NAME}"
        async with connect(self.node.rpc, auth_key=self.auth_key) as client, client.stream(stream) as events:
            task_status.started()
            with suppress(Disconnected):
                async for event in events:
                    if isinstance(event, QueryEvent):
                        await self._act(client, event)

    async def _act(self, client: RingClient, event: QueryEvent) -> None:
        question = decode_question(event.payload)
        self.heard.append(question)
        self.asked.set()
        word = self.script[min(len(self.heard), len(self.script)) - 1]
        if word == "leave":
            if not self._left:  # Serf refuses who is leaving already
                self._left = True
                await client.leave()
        elif word == "hold":
            self._held.append((event.id, self._answer("pass", question)))
        elif word != "hang":
            for query, raw in (*self._held, (event.id, self._answer(word, question))):
                with suppress(QueryOver):
                    await client.respond(query, raw)
            self._held.clear()

    def _answer(self, word: str, question: Question) -> bytes:
        if word == "garbage":
            return b"\x01\x00\xc1 this is no answer"
        wrong = {"fail": ((self.item,), ()), "error": ((), (self.item,))}.get(word, ((), ()))
        listed = wrong[0] + wrong[1]
        text = "timeout after 2 s" if word == "error" else self.observed
        good = self.items - len(listed)
        lags = word in ("release", "stale")
        release, number = self.holds or (b"oldoldol" if lags else question.release, question.number - lags)
        answer = Answer(
            sweep=bytes(8) if word == "forged" else question.sweep,
            state={"busy": Serving.BUSY, "clock": Serving.CLOCK, "release": Serving.RELEASE}.get(word, Serving.VERDICT),
            release=release,
            number=number,
            basis=self.basis(question),
            counts=Counts(na=self.items) if word == "na" else Counts(good, len(wrong[0]), len(wrong[1])),
            failing=wrong[0],
            erring=wrong[1],
            hashes=tuple(observed_hash(text) for _ in listed),
            clear=dict.fromkeys(listed, text),
            took_ms=3,
            clock=int(time.time() * 1000),
            incomplete=word == "incomplete",
        )
        return encode_answer(answer, budget=900)
