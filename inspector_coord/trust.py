"""Which pointers the coordinator believes, once `trusted_keys` names somebody to believe.

CACHE/trust.json   the highest serial that was taken, and every key that was ever revoked
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from config_center import keys
from config_center.errors import TrustError
from config_center.files import write_whole
from config_center.pointer import Pointer
from inspector_coord import limits
from inspector_coord.config import Config
from inspector_coord.errors import ConfigError, ReleaseError

__all__ = ["Trust", "keys_of"]


class _Memory(msgspec.Struct, frozen=True):
    serial: Annotated[int, Meta(ge=0)] = 0
    revoked: Annotated[tuple[str, ...], Meta(max_length=limits.revoked_remembered_max)] = ()


class Trust:
    """Verifies pointers against keys, and remembers what must not be forgotten. Without keys it believes everything."""

    def __init__(self, directory: Path, trusted: tuple[keys.PublicKey, ...]) -> None:
        self._path = directory / "trust.json"
        self._trusted = trusted

    def check(self, pointer: Pointer) -> None:
        """Refuse a pointer that is unsigned, not by us, by a revoked key, or older than one that was taken: TrustError.

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
                "mirror lags behind, or somebody replays it; if the config center really began anew, "
                f"remove {self._path}"
            )
        self._remember(0, pointer.revoked)

    def check_kept(self, pointer: Pointer) -> None:
        """The same for a pointer that was taken earlier: it may be older, but its keys must still count."""
        if self._trusted:
            self._verify(pointer, self._memory())

    def take(self, pointer: Pointer) -> None:
        """The pointer holds from now on. Raises ReleaseError."""
        if self._trusted:
            self._remember(pointer.serial, pointer.revoked)

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

    def _remember(self, serial: int, revoked: tuple[str, ...]) -> None:
        """Add to the memory; another sweep of this user may do the same at this moment."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.with_suffix(".lock").open("wb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                memory = self._memory()
                new = _Memory(max(memory.serial, serial), tuple(sorted({*memory.revoked, *revoked})))
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
