"""What looks at items left for the next ones, on disk beside the releases, so that a restart forgets nothing.

    looks.json    {"<item id>": [Unix time in seconds, any JSON value], ...}, newest first

Written aside and renamed, at the end of a run; not synced: what a power cut takes is only counted since boot again. The
resident agent holds none of it in memory, and is the only one to read or write it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from inspector_agent import limits
from inspector_agent.findings import is_keepable
from inspector_agent.kept import PRIVATE, Kept


class Look(msgspec.Struct, frozen=True, array_like=True):
    """What one look kept. at: Unix time in seconds; value: JSON, not yet decoded."""

    at: float
    value: msgspec.Raw

    def told(self) -> dict[str, object]:
        """As a check is told of it: an item's `last`."""
        return {"value": msgspec.json.decode(self.value), "at": self.at}


_decode = msgspec.json.Decoder(dict[str, Look]).decode


class Looks:
    """The file. directory: the agent's cache."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / "looks.json"

    def read(self) -> dict[str, Look]:
        """What is kept, by item. Never raises: what is damaged, or could be others' work, is as good as never kept."""
        if not Kept(self._directory).refused():
            with suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                with self._path.open("rb") as file:
                    raw = file.read(limits.looks_bytes_max + 1)
                looks = _decode(raw) if len(raw) <= limits.looks_bytes_max else {}
                return {item: look for item, look in looks.items() if is_keepable(look.value)}
        return {}

    def keep(self, kept: Mapping[str, bytes], clock: float) -> None:
        """Keep what a finished run left, JSON by item; what is oldest gives way. Raises OSError."""
        if not kept:
            return
        looks = {item: Look(clock, msgspec.Raw(value)) for item, value in kept.items()}
        older = sorted(self.read().items(), key=lambda entry: -entry[1].at)
        pieces: list[bytes] = []
        size = 2
        for item, look in [*looks.items(), *((item, look) for item, look in older if item not in looks)]:
            piece = msgspec.json.encode(item) + b":" + msgspec.json.encode(look)
            size += len(piece) + 1
            if size > limits.looks_bytes_max:
                break
            pieces.append(piece)
        aside = self._path.with_suffix(".new")
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, PRIVATE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(b"{" + b",".join(pieces) + b"}")
        aside.replace(self._path)
