"""CORE. The pointer, `current.json`: the signed statement which release is whose. It is all that a signature covers.

A release is bound to it by its digest, and the executables of a release by theirs. `serial` counts acts (publish,
canary, promote, rollback, revoke) and never goes back, so that an older statement cannot pass for a newer one.

A pointer has one form only: canonical bytes, no unknown field, no upper case in what is hexadecimal. So whoever
verifies may write it anew to know what was signed, and nothing unsigned can ride along.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from config_center import limits
from config_center.canonical import canonical_bytes
from config_center.documents import read_document
from config_center.errors import MatchError, ReleaseError
from config_center.match import Match, Terms

POINTER_SCHEMA: Final = "inspector.pointer/1"
SIGNED_PREFIX: Final = b"inspector.pointer/1\n"  # a signature over one kind of statement is none over another

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_KEY_ID: Final = re.compile(r"[0-9a-f]{16}")
_SIGNATURE: Final = re.compile(r"[0-9a-f]{128}")
_MOMENT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


class Canary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A release that only some nodes adopt. match: which ones, as Match.of takes it; {} is every node."""

    number: int
    digest: str
    match: Terms


class Signature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One signature. key: the id of the key that made it, 16 hexadecimal digits; signature: 128 of them."""

    key: str
    signature: str


class Pointer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which release is the current one, and for whom.

    serial      counts acts, from 1; strictly monotonic
    number      of the release for everybody; digest: its digest
    created     when the act was, RFC 3339; for people: nothing is accepted or refused by it
    canary      the release of the nodes it matches, while one is tried
    revoked     ids of keys that are not to be believed any more, sorted
    signatures  over payload_of(pointer); at most one a key
    """

    schema: str = POINTER_SCHEMA
    serial: int
    number: int
    digest: str
    created: str
    canary: Canary | None = None
    revoked: tuple[str, ...] = ()
    signatures: tuple[Signature, ...] = ()

    def assigned(self, name: str, traits: Mapping[str, str]) -> tuple[int, str]:
        """Number and digest of the release of one node: the canary's where it matches, else the one for everybody."""
        canary = self.canary
        if canary is not None and Match.of(canary.match).covers(name, traits):
            return canary.number, canary.digest
        return self.number, self.digest

    def releases(self) -> tuple[tuple[int, str], ...]:
        """Number and digest of all releases it names: the one for everybody, then the canary's."""
        main = (self.number, self.digest)
        return (main, (self.canary.number, self.canary.digest)) if self.canary else (main,)


def encode_pointer(pointer: Pointer) -> bytes:
    """The bytes of `current.json`."""
    return canonical_bytes(msgspec.to_builtins(pointer))


def payload_of(pointer: Pointer) -> bytes:
    """What is signed: everything but the signatures, after a prefix that says what kind of statement it is."""
    document: dict[str, Any] = msgspec.to_builtins(pointer)
    del document["signatures"]
    return SIGNED_PREFIX + canonical_bytes(document)


def decode_pointer(raw: bytes) -> Pointer:
    """Read `current.json`; its signatures are not looked into. Raises ReleaseError, and nothing else, on any bytes."""
    if len(raw) > limits.pointer_bytes_max:
        raise ReleaseError(f"the pointer is too big: {len(raw)} bytes, at most {limits.pointer_bytes_max} are taken")
    pointer = read_document(raw, Pointer, POINTER_SCHEMA, "pointer")
    _check(pointer)
    if encode_pointer(pointer) != raw:
        raise ReleaseError("the pointer was rewritten: its bytes are not as a config center writes them")
    return pointer


def is_key_id(text: str) -> bool:
    """It can be the id of a key: 16 hexadecimal digits, lower case."""
    return _KEY_ID.fullmatch(text) is not None


def _check(pointer: Pointer) -> None:
    """Every rule that types alone do not hold."""
    if not 1 <= pointer.serial <= limits.serial_max:
        raise ReleaseError(f"the pointer's serial counts from 1 to {limits.serial_max}, this one is {pointer.serial}")
    for number, digest in pointer.releases():
        if not 1 <= number <= limits.release_number_max or not _DIGEST.fullmatch(digest):
            raise ReleaseError(f"the pointer names no release: number {number}, digest {digest[:70]!r}")
    if not _MOMENT.fullmatch(pointer.created):
        raise ReleaseError(f"the pointer's `created` is no moment of RFC 3339: {pointer.created[:40]!r}")
    if pointer.canary is not None:
        _check_canary(pointer, pointer.canary)
    _check_ids(pointer.revoked, "revoked keys", limits.revoked_max)
    if list(pointer.revoked) != sorted(pointer.revoked):
        raise ReleaseError("the pointer's revoked keys are not sorted")
    _check_ids((signature.key for signature in pointer.signatures), "signatures", limits.signatures_max)
    for signature in pointer.signatures:
        if not _SIGNATURE.fullmatch(signature.signature):
            raise ReleaseError(f"the pointer has a signature that is none: {signature.signature[:40]!r}")


def _check_canary(pointer: Pointer, canary: Canary) -> None:
    if pointer.number == canary.number or pointer.digest == canary.digest:
        raise ReleaseError(f"the pointer's canary is the release for everybody, {pointer.number}")
    try:
        Match.of(canary.match)
    except MatchError as error:
        raise ReleaseError(f"the pointer's canary: {error}") from error


def _check_ids(ids: Iterable[str], what: str, most: int) -> None:
    found = list(ids)
    if len(found) > most:
        raise ReleaseError(f"the pointer has {len(found)} {what}, at most {most} are taken")
    if len(set(found)) != len(found):
        raise ReleaseError(f"the pointer has {what} of one key twice")
    for one in found:
        if not is_key_id(one):
            raise ReleaseError(f"the pointer's {what}: {one[:40]!r} is no key's id, which has 16 hexadecimal digits")
