"""Which pointers the coordinator believes, once `trusted_keys` names somebody to believe.

CACHE/trust.json   the highest serial that was taken and the digest of its statement, and every key ever revoked
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from config_center import keys
from config_center.canonical import digest_of
from config_center.errors import TrustError
from config_center.files import write_whole
from config_center.pointer import Pointer, payload_of
from inspector_coord import limits
from inspector_coord.config import Config
from inspector_coord.errors import ConfigError, ReleaseError

__all__ = ["Trust", "keys_of"]


class _Memory(msgspec.Struct, frozen=True):
    serial: Annotated[int, Meta(ge=0)] = 0
    revoked: Annotated[tuple[str, ...], Meta(max_length=limits.revoked_remembered_max)] = ()
    statement: str = ""  # digest of what was signed as this serial

    def and_also(self, other: _Memory) -> _Memory:
        """Both; the statement is that of the higher serial, and the one that was there first."""
        later = other if other.serial > self.serial else self
        return _Memory(later.serial, tuple(sorted({*self.revoked, *other.revoked})), later.statement)


class Trust:
    """Verifies pointers against keys, and remembers what must not be forgotten. Without keys it believes everything."""

    def __init__(self, directory: Path, trusted: tuple[keys.PublicKey, ...]) -> None:
        self._path = directory / "trust.json"
        self._trusted = trusted

    def check(self, pointer: Pointer) -> None:
        """Refuse a pointer that is unsigned, not by us, by a revoked key, or past: TrustError.

        Past is one that is older than one that was taken, or another one of its serial.

        Keys that a good pointer revokes are remembered at once, whatever becomes of its release. Raises ReleaseError
        where the memory cannot be read or written.
        """
        if not self._trusted:
            return
        memory = self._memory()
        self._verify(pointer, memory)
        if pointer.serial < memory.serial:
            raise TrustError(
                f"it is older than one that was taken already (serial {pointer.serial} after {memory.serial}): a "
                "mirror lags behind, or somebody replays it; if the center's store was restored from a backup, "
                f"`config-center publish --after {memory.serial}` goes on; if it really began anew, remove "
                f"{self._path}"
            )
        if pointer.serial == memory.serial and memory.statement not in ("", digest_of(payload_of(pointer))):
            raise TrustError(
                f"it is another one than the statement that was taken as act {pointer.serial}: two stores count for "
                f"themselves; if this is the right one, `config-center publish --after {memory.serial}` goes on"
            )
        self._remember(_Memory(revoked=pointer.revoked))

    def check_kept(self, pointer: Pointer) -> None:
        """The same for a pointer that was taken earlier: it may be older, but its keys must still count."""
        if self._trusted:
            self._verify(pointer, self._memory())

    def take(self, pointer: Pointer) -> None:
        """The pointer holds from now on. Raises ReleaseError."""
        if self._trusted:
            self._remember(_Memory(pointer.serial, pointer.revoked, digest_of(payload_of(pointer))))

    def _verify(self, pointer: Pointer, memory: _Memory) -> None:
        keys.verify(pointer, self._trusted, memory.revoked)

    def _memory(self) -> _Memory:
        try:
            with self._path.open("rb") as file:
                return msgspec.json.decode(file.read(limits.trust_bytes_max), type=_Memory)
        except FileNotFoundError:
            return _Memory()
        except (OSError, msgspec.DecodeError, ValueError) as problem:
            raise ReleaseError(
                f"{self._path} cannot be read ({problem}): it says which releases and keys are past; mend it, "
                "or remove it if you know that the config center is the right one"
            ) from problem

    def _remember(self, news: _Memory) -> None:
        """Add to the memory; another sweep of this user may do the same at this moment."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.with_suffix(".lock").open("wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                memory = self._memory()
                new = memory.and_also(news)
                if new != memory:
                    write_whole(self._path, msgspec.json.encode(new))
        except OSError as problem:
            raise ReleaseError(
                f"the cache {self._path.parent} cannot be written: {problem.strerror or problem}"
            ) from problem


def keys_of(config: Config) -> tuple[keys.PublicKey, ...]:
    """The keys of `trusted_keys`: texts, or names of .pub files beside coordinator.yml. Raises ConfigError."""
    try:
        return tuple(keys.find_public(text, config.file.parent) for text in config.trusted_keys)
    except TrustError as problem:
        raise ConfigError(f"{config.file}: trusted_keys: {problem}") from problem
