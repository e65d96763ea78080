"""What the coordinator and its Ansible child say to each other: one JSON line each (core: no I/O)."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["Done", "Job", "TaskResult", "decode_job", "decode_line", "encode"]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a playbook. `variables` are extra variables; `limit_s` is a backstop of the coordinator's own."""

    playbook: str
    inventories: tuple[str, ...]
    private_dir: str
    environment: dict[str, str]
    variables: dict[str, str | int]
    forks: int
    limit_s: int


class TaskResult(msgspec.Struct, frozen=True, tag="task"):
    """One task's end on one host. `task` is the first word of the task's name in the playbook."""

    host: str
    task: str
    status: Literal["ok", "failed", "unreachable"]
    rc: int | None = None
    stdout: str = ""
    stderr: str = ""
    message: str = ""


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The playbook's end. `tail` is the last of what Ansible printed beside its results: why it could not begin."""

    status: str
    rc: int | None = None
    tail: str = ""


def encode(message: Job | TaskResult | Done) -> bytes:
    """One line."""
    return msgspec.json.encode(message) + b"\n"


def decode_job(line: bytes) -> Job:
    """In the child; raises msgspec.DecodeError."""
    return msgspec.json.decode(line, type=Job)


def decode_line(line: bytes) -> TaskResult | Done:
    """In the coordinator; raises msgspec.DecodeError."""
    return msgspec.json.decode(line, type=TaskResult | Done)
