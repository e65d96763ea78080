"""What the config center was told by the nodes themselves: their facts, kept here for when it is down (trio shell).

CACHE/nodes.kept   a line of JSON (which center, which ETag), then the center's `nodes.json` as it came

Nobody vouches for this list. That is no harm: a node decides by the facts it has itself, and says by which items. Where
facts from here would ask for others, its verdict is none; a wrong list can never make a pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import httpx
import msgspec
import trio

from config_center.files import write_whole
from inspector_coord import limits
from inspector_coord.center_http import CenterDown, Reply, get
from inspector_coord.current import Known, KnownNode

__all__ = ["known_nodes"]


class _Document(msgspec.Struct, frozen=True):
    schema: Literal["inspector.nodes/1"]
    nodes: dict[str, KnownNode]


class _Kept(msgspec.Struct, frozen=True):
    """Where the kept list is from. `body` and `since` (RFC 3339, when it came) are not part of its line."""

    center: str
    etag: str
    body: bytes = b""
    since: str = ""


async def known_nodes(client: httpx.AsyncClient, centers: Sequence[str], path: Path) -> Known:
    """What is known of the nodes, from the first center that says; else what is kept. Never raises: it has a note.

    `centers`: those that are there; none is no mistake.
    """
    kept = await trio.to_thread.run_sync(_read, path)
    problems: list[str] = []
    for center in centers:
        etag = kept.etag if kept is not None and kept.center == center else ""
        try:
            reply = await get(client, f"{center}/nodes.json", limits.nodes_bytes_max, etag=etag)
            return Known(await _nodes(reply, center, kept, path))
        except CenterDown as problem:
            problems.append(str(problem))
    said = "; ".join(problems) or "no config center is there"
    if kept is None:
        return Known(note=f"{said}: the facts of the nodes are not known, so layers that ask for them are not either")
    try:
        return Known(
            await trio.to_thread.run_sync(_decode, kept.body), f"{said}: facts of the nodes are of {kept.since}"
        )
    except msgspec.DecodeError as problem:
        return Known(note=f"{said}; {path} cannot be read ({problem}): the facts of the nodes are not known")


async def _nodes(reply: Reply, center: str, kept: _Kept | None, path: Path) -> dict[str, KnownNode]:
    """The nodes of a reply, which are kept. Raises CenterDown."""
    try:
        if reply.status == httpx.codes.NOT_MODIFIED and kept is not None:
            await trio.to_thread.run_sync(path.touch)  # as fresh as today's
            return await trio.to_thread.run_sync(_decode, kept.body)
        if reply.status != httpx.codes.OK:
            # A mirror of plain files has no such list.
            raise CenterDown(f"the config center {center} answers {reply.status} for nodes.json")
        nodes = await trio.to_thread.run_sync(_decode, reply.body)
        head = msgspec.json.encode({"center": center, "etag": reply.etag})
        await trio.to_thread.run_sync(write_whole, path, head + b"\n" + reply.body)
    except msgspec.DecodeError as problem:
        raise CenterDown(f"the config center {center} sends a nodes.json that cannot be read: {problem}") from problem
    except OSError as problem:
        raise CenterDown(f"{path} cannot be written: {problem.strerror or problem}") from problem
    return nodes


def _decode(raw: bytes) -> dict[str, KnownNode]:
    if len(raw) > limits.nodes_bytes_max:
        raise msgspec.DecodeError(f"it has more than {limits.nodes_bytes_max} bytes")
    try:
        return msgspec.json.decode(raw, type=_Document).nodes
    except (UnicodeError, RecursionError) as problem:
        raise msgspec.DecodeError(str(problem)) from problem


def _read(path: Path) -> _Kept | None:
    try:
        with path.open("rb") as file:
            head, _, body = file.read(limits.nodes_bytes_max).partition(b"\n")
            since = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="seconds")
        line = msgspec.json.decode(head, type=_Kept)
    except (OSError, msgspec.DecodeError, UnicodeError):
        return None
    return _Kept(line.center, line.etag, body, since.replace("+00:00", "Z"))
