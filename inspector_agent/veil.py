"""CORE. Keeps what is secret on the node: of what a check says of such an item only the outcome and a keyed hash leave.

A plain hash of a short value can be guessed by hashing guesses; a keyed one tells whoever lacks the key nothing but
whether two values of one item are the same. Nodes that share a key fail in the same way visibly.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from inspector_agent import limits
from inspector_agent.findings import Reported

if TYPE_CHECKING:
    from config_center.resolve import Item

SECRET = "(secret)"  # noqa: S105 - in the place of one
UNSAID = "(secret: what the check says of it stays on the node)"


def is_secret(item: Item) -> bool:
    """Whether its observed value must not leave the node in clear."""
    return item.secret or bool(item.from_file)


class Veil:
    """What a node says of secrets. `key`: any bytes but none."""

    def __init__(self, key: bytes) -> None:
        if not key:
            raise ValueError("a veil without a key hides nothing")
        self._key = blake2b(key, digest_size=blake2b.MAX_KEY_SIZE).digest()

    def over(self, said: Reported) -> tuple[Reported, bytes]:
        """What may be told of a secret finding, and the mark of its value: b"" unless it fails."""
        message = UNSAID if said.outcome in ("error", "na") else ""
        mark = self._mark(said) if said.outcome == "fail" else b""
        return msgspec.structs.replace(said, observed="", message=message), mark

    def _mark(self, said: Reported) -> bytes:
        text = f"{said.id}\n{said.observed}".encode("utf-8", "replace")
        return blake2b(text, key=self._key, digest_size=limits.observed_hash_bytes).digest()


def request_of(item: Item, contents: Mapping[str, str]) -> dict[str, Any]:
    """What a check is told of an item, with what its files hold in the place of their names. `contents`: by path."""
    request = item.request
    if item.from_file:
        expect = {name: dict(matchers) for name, matchers in item.expect.items()}
        for name, files in item.from_file.items():
            for matcher, path in files.items():
                text = contents[path]
                operand: Any = [line for line in text.splitlines() if line] if matcher == "one_of" else text
                expect.setdefault(name, {})[matcher] = operand
        request["expect"] = expect
    return request


def paths_of(item: Item) -> list[str]:
    """The files that hold operands of an item, absolute paths."""
    return [path for files in item.from_file.values() for path in files.values()]
