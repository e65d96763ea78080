"""Inspection agents for tests: attached to a real ring, with a release of their own, in this process."""

from __future__ import annotations

import errno
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import trio

from config_center.release import Layer, Release
from inspector_agent.agent import run_agent
from inspector_agent.config import AgentConfig
from inspector_agent.log import Log
from inspector_agent.ring import Answer as Response
from inspector_agent.ring import connect
from inspector_agent.wire import QUERY_NAME, Answer, Question, decode_answer, encode_question
from tests.support.center import item, layer
from tests.support.serf import SerfNode
from tests.support.waiting import soon
from tests.support.web import Web

SWAPPINESS = layer("10-all", {"sysctl:vm.swappiness": item(at_most=10), "sysctl:kernel.pid_max": item(at_least=1)})


@dataclass
class Fixture:
    """One agent that runs.

    Attributes:
        lines: its log, one decoded line each, as they came.
    """

    config: AgentConfig
    lines: list[str] = field(default_factory=list)
    clock_skew_s: float = 0.0
    full: bool = False  # no line can be written
    refused_lines: int = 0
    counted: Counter[str] = field(default_factory=Counter)

    def write(self, line: bytes) -> None:
        """Takes what the agent logs."""
        if self.full:
            self.refused_lines += 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.lines.append(line.decode())

    def clock(self) -> float:
        """The agent's wall clock."""
        return time.time() + self.clock_skew_s

    async def run(self) -> None:
        """Be the agent."""
        await run_agent(self.config, clock=self.clock, log=Log(self.clock, self.write), counted=self.counted)

    @property
    def heard(self) -> int:
        """How many questions the agent has heard."""
        return self.counted["heard"]

    def logged(self, event: str) -> list[str]:
        """The lines of one event."""
        return [line for line in self.lines if line.split(" ")[1].strip() == event]

    async def says(self, event: str, *, times: int = 1) -> None:
        """Returns as soon as the agent has logged the event so often."""
        await soon(lambda: len(self.logged(event)) >= times, what=f"{event} in {self.lines}")


def node_root(directory: Path, **parameters: object) -> Path:
    """A root directory below which a node has these kernel parameters (`vm_swappiness=60`)."""
    for name, value in {"kernel_pid_max": 4096, "vm_swappiness": 10, **parameters}.items():
        path = directory / "proc/sys" / name.replace("_", "/", 1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    return directory


def config_for(node: SerfNode, directory: Path, *centers: str, **parameters: object) -> AgentConfig:
    """What an agent of that Serf node is told. Its cache and root are below `directory`."""
    home = directory / node.name
    return AgentConfig(
        rpc=node.rpc,
        auth_key=None,
        config_center=centers,
        cache=home / "cache",
        root=str(node_root(home / "root", **parameters)),
        query_prefix="",
        poll_s=60.0,
    )


@asynccontextmanager
async def agents(*configs: AgentConfig) -> AsyncIterator[list[Fixture]]:
    """Agents that run side by side; wait for what they say before relying on it."""
    fixtures = [Fixture(config) for config in configs]
    async with trio.open_nursery() as nursery:
        for fixture in fixtures:
            nursery.start_soon(fixture.run)
        yield fixtures
        nursery.cancel_scope.cancel()


def publish(web: Web, directory: Path, *layers: Layer, checks: Mapping[str, bytes] | None = None) -> Release:
    """Publish layers at the center; by default two kernel parameters."""
    return web.publish(directory / "store", layers or [SWAPPINESS], dict(checks or {}))


def question_for(release: Release, sweep: int = 1, **fields: object) -> Question:
    """A question that leaves time enough on any machine: what is known is answered at once."""
    ordinary: dict[str, object] = {
        "sweep": sweep.to_bytes(8, "big"),
        "release": bytes.fromhex(release.digest)[:8],
        "number": release.number,
        "answer_within_ms": 20_000,
        "issued_at": int(time.time()),
    }
    return Question(**{**ordinary, **fields})  # type: ignore[arg-type]


async def sweep(
    entry: SerfNode,
    question: Question,
    *,
    expect: int,
    prefix: str = "",
    timeout_s: float = 30.0,
    auth: str | None = None,
) -> dict[str, Answer]:
    """Ask through this entry; returns once `expect` nodes have answered, or when Serf ends the query."""
    answers: dict[str, Answer] = {}
    async with (
        connect(entry.rpc, auth_key=auth) as client,
        client.query(f"{prefix}{QUERY_NAME}", encode_question(question), timeout_s=timeout_s) as records,
    ):
        async for record in records:
            if isinstance(record, Response):
                assert record.name not in answers, f"{record.name} answered twice"
                answers[record.name] = decode_answer(record.payload)
            if len(answers) == expect:
                break
    return answers


class Gate:
    """A check of the site, kind `gate`, that waits until it is opened, and notes each time it is started."""

    # So that it ends by being opened, whatever happens in the meantime.
    LAYER = layer("30-gate", {"gate:one": msgspec.structs.replace(item(), timeout_s=60.0)})

    def __init__(self, directory: Path) -> None:
        self._starts = directory / "starts"
        self._open = directory / "open"
        os.mkfifo(self._open)
        self._end = os.open(self._open, os.O_RDWR | os.O_NONBLOCK)  # so that neither side waits for the other to come
        self._starts.touch()

    @property
    def program(self) -> bytes:
        """Its executable."""
        finding = '{"id": "gate:one", "outcome": "pass", "observed": "open"}'
        return f"#!/bin/sh\necho >> {self._starts}\nread opened < {self._open}\necho '{finding}'\n".encode()

    @property
    def starts(self) -> int:
        """How often it was started."""
        return len(self._starts.read_text())

    async def entered(self, times: int = 1) -> None:
        """Returns once it waits."""
        await soon(lambda: self.starts >= times, what="the check is started")

    def open(self) -> None:
        """Let the one that waits go on."""
        os.write(self._end, b"\n")


def with_config(config: AgentConfig, **changes: object) -> AgentConfig:
    """The configuration with some settings changed."""
    return replace(config, **changes)  # type: ignore[arg-type]


def names(answers: Mapping[str, Answer]) -> list[str]:
    """Who answered, sorted."""
    return sorted(answers)
