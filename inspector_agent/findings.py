"""What a check reports, and how its output is read. Pure: bytes in, lines out.

The output of a check is hostile, or at least broken, until it is proven otherwise: a line has a bounded length, unknown
fields are ignored, texts are cut and stripped of what would move a terminal's cursor, and every byte is counted, so
that a flood can be stopped. A line is one of
    {"start": "<item id>"}                                                            this item is being looked at now
    {"held": "<item id>"}                                                  bundled checks leave it, as they were told to
    {"id": "<item id>", "outcome": "pass|fail|error|na", "observed": "…", "message": "…", "ms": 0.2, "keep": …}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from inspector_agent.runner import limits

Outcome = Literal["pass", "fail", "error", "na"]


class Finding(msgspec.Struct, frozen=True, gc=False):
    """The outcome of one item on this node.

    Attributes:
        number: of the item in its release.
        id: `<check>:<key>`.
        outcome: pass, fail, error or na (waivers are applied later, by those who know them).
        observed: what the check saw, at most 200 printable characters; "" of an item whose value is a secret.
        message: why, for people; an error and an na always have one.
        ms: how long the check says it took, in milliseconds.
        mark: a keyed hash of what the check saw of a secret; b"" of an ordinary item.
    """

    number: int
    id: str
    outcome: str
    observed: str = ""
    message: str = ""
    ms: float = 0.0
    mark: bytes = b""


class Started(msgspec.Struct, frozen=True, gc=False):
    """The check begins with this item."""

    id: str


class Reported(msgspec.Struct, frozen=True, gc=False):
    """A well-formed finding line, not yet matched with an item that was asked for.

    keep: JSON for the next look at this item; b"": nothing, or more than is kept.
    """

    id: str
    outcome: str
    observed: str
    message: str
    ms: float
    keep: bytes = b""


class Left(msgspec.Struct, frozen=True, gc=False):
    """The check leaves this item to a later run."""

    id: str


class Garbage(msgspec.Struct, frozen=True, gc=False):
    """A line that is neither; `text` is its beginning, printable."""

    text: str


Line = Started | Left | Reported | Garbage


class _Wire(msgspec.Struct, gc=False):
    """Either kind of line as it is written."""

    start: str | None = None
    held: str | None = None
    id: str | None = None
    outcome: Outcome | None = None
    observed: str | int | float | bool | None = None
    message: str = ""
    ms: float = 0.0
    keep: msgspec.Raw = msgspec.Raw(b"null")


_decode = msgspec.json.Decoder(_Wire).decode


def printable(text: str, chars_max: int) -> str:
    """The text in at most `chars_max` characters, each printable: what a check saw must not steer a terminal."""
    if len(text) > chars_max:
        text = text[: chars_max - 1] + "…"
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def parse_line(raw: bytes) -> Line:
    """One line of a check's output. Never raises."""
    try:
        wire = _decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _garbage(raw)
    if wire.start is not None:
        return Started(wire.start) if len(wire.start) <= limits.item_id_chars_max else _garbage(raw)
    if wire.held is not None:
        return Left(wire.held) if len(wire.held) <= limits.item_id_chars_max else _garbage(raw)
    if wire.id is None or wire.outcome is None or len(wire.id) > limits.item_id_chars_max:
        return _garbage(raw)
    observed = wire.observed
    if isinstance(observed, bool):
        observed = "true" if observed else "false"
    return Reported(
        id=wire.id,
        outcome=wire.outcome,
        observed=printable("" if observed is None else str(observed), limits.observed_chars_max),
        message=printable(wire.message, limits.message_chars_max),
        ms=min(max(wire.ms, 0.0), 86_400_000.0),
        keep=bytes(wire.keep) if is_keepable(wire.keep) else b"",
    )


def is_keepable(raw: msgspec.Raw) -> bool:
    """Whether this is JSON that can be kept for an item's next look: not null, within the bound, and sound."""
    if len(raw) > limits.keep_bytes_max:
        return False
    try:
        return msgspec.json.decode(raw) is not None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False


def _garbage(raw: bytes) -> Garbage:
    return Garbage(printable(raw[:80].decode("utf-8", "replace"), 60))


class LineReader:
    """Cuts a stream of bytes into lines, within bounds.

    Attributes:
        bytes_read: all bytes ever fed.
        flooded: more than `bytes_max` came; what was fed since is not read any more.
    """

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        self.bytes_read = 0
        self.flooded = False
        self._rest = b""
        self._skipping = False  # inside a line that is too long: up to its end nothing is kept

    def feed(self, data: bytes) -> Iterator[Line]:
        """The lines that these bytes complete. A line too long yields one Garbage, when it gets too long."""
        self.bytes_read += len(data)
        self.flooded = self.flooded or self.bytes_read > self.bytes_max
        if self.flooded:
            self._rest = b""
            return
        *complete, self._rest = (self._rest + data).split(b"\n")
        for raw in complete:
            if self._skipping:
                self._skipping = False
            elif len(raw) > limits.line_bytes_max:
                yield _garbage(raw)
            elif raw.strip():
                yield parse_line(raw)
        if self._skipping:
            self._rest = b""
        elif len(self._rest) > limits.line_bytes_max:
            self._skipping = True
            yield _garbage(self._rest)
            self._rest = b""

    def end(self) -> Iterator[Line]:
        """The last line, where the check ended without a newline."""
        rest, self._rest = self._rest, b""
        if rest.strip() and not self._skipping:
            yield parse_line(rest)
