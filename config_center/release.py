"""CORE. A release: an immutable, numbered set of layers and checks, named by the digest of its canonical bytes.

In a directory and over HTTP alike: `current.json` (the pointer), `releases/<digest>.json`, `parts/<sha256>`.
A release carries nothing of the catalogue but normalised items, so that whoever decodes it needs no knowledge of kinds.
Everything decoded is bounded and checked as a whole: what `decode` returns can be resolved without further errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from config_center import limits
from config_center.canonical import canonical_bytes, digest_of
from config_center.documents import read_document
from config_center.errors import MatchError, ReleaseError
from config_center.match import Match

__all__ = [
    "Expect",
    "Layer",
    "LayerItem",
    "Operand",
    "Parameters",
    "Release",
    "Scalar",
    "SiteCheck",
    "build",
    "canonical",
    "decode",
    "digest_of",
    "same_content",
]

RELEASE_SCHEMA: Final = "inspector.release/1"
SEVERITIES: Final = ("critical", "major", "minor", "info")  # worst first
SEVERITY_DEFAULT: Final = "major"

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_KIND: Final = re.compile(rf"[a-z][a-z0-9_-]{{0,{limits.name_chars_max - 1}}}")

Scalar = str | int | float | bool
Operand = Scalar | list[Scalar]
Expect = dict[str, dict[str, Operand]]  # property -> matcher -> operand; all must hold
Parameters = dict[str, Operand]


class LayerItem(msgspec.Struct, frozen=True, omit_defaults=True, rename={"with_": "with"}):
    """One expectation of one layer. line: where its file says so, from 1. Metadata left empty is left out."""

    line: int
    expect: Expect
    with_: Parameters
    severity: str
    timeout_s: float
    title: str = ""
    rationale: str = ""
    remediation: str = ""
    remedy: str = ""
    references: tuple[str, ...] = ()
    owner: str = ""


class Layer(msgspec.Struct, frozen=True):
    """One file of expectations. match: as Match.of takes it, {} for every node; items: id `<check>:<key>` -> item."""

    name: str
    file: str
    match: dict[str, tuple[str, ...]]
    items: dict[str, LayerItem]


class SiteCheck(msgspec.Struct, frozen=True):
    """An executable of the site, published beside the release as `parts/<sha256>`; name: the kind it checks."""

    name: str
    file: str
    sha256: str
    bytes: int


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A whole release.

    number   counts publications, from 1; never goes back
    created  RFC 3339, UTC
    items    the item table: sorted ids; an item's number is its index here
    layers   in order: later wins, item by item
    digest   of the canonical bytes; not part of them
    """

    schema: str = RELEASE_SCHEMA
    number: int
    created: str
    message: str = ""
    items: tuple[str, ...]
    layers: tuple[Layer, ...]
    checks: tuple[SiteCheck, ...] = ()
    digest: str = ""


def build(
    layers: Sequence[Layer], checks: Sequence[SiteCheck], *, number: int, created: str, message: str = ""
) -> Release:
    """Make a release of layers and checks. Raises ReleaseError where it would break a bound or a rule of its own."""
    items = tuple(sorted({item for layer in layers for item in layer.items}))
    bare = Release(
        number=number,
        created=created,
        message=message,
        items=items,
        layers=tuple(layers),
        checks=tuple(sorted(checks, key=lambda check: check.name)),
    )
    _check(bare)
    raw = canonical(bare)
    if len(raw) > limits.release_bytes_max:
        raise ReleaseError(
            f"the release would have {len(raw)} bytes, at most {limits.release_bytes_max} are taken: "
            "shorten titles and rationales, or split the fleet"
        )
    return msgspec.structs.replace(bare, digest=digest_of(raw))


def canonical(release: Release) -> bytes:
    """The bytes of a release; its digest is taken over them. Raises ReleaseError for what JSON cannot say."""
    try:
        return canonical_bytes(_document(release))
    except ValueError as error:
        raise ReleaseError(f"the release holds a value that JSON cannot say: {error}") from error


def same_content(one: Release, other: Release) -> bool:
    """They differ in number, time and message at most: publishing one after the other changes nothing."""
    return _content(one) == _content(other)


def decode(raw: bytes, digest: str | None = None) -> Release:
    """Read a release. digest: the one it must have; None takes any.

    Raises ReleaseError, and nothing else, on any bytes.
    """
    if len(raw) > limits.release_bytes_max:
        raise ReleaseError(f"the release is too big: {len(raw)} bytes, at most {limits.release_bytes_max} are taken")
    found = digest_of(raw)
    if digest is not None and found != digest:
        raise ReleaseError(
            f"the release is not the one asked for: its bytes have digest {found[:12]}…, not {digest[:12]}…; "
            "it was cut short or changed on its way"
        )
    release = read_document(raw, Release, RELEASE_SCHEMA, "release")
    _check(release)
    return msgspec.structs.replace(release, digest=found)


def _document(release: Release) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(release)
    del document["digest"]
    return document


def _content(release: Release) -> bytes:
    """What a digest would be taken over, but for what every publication changes. Bytes, because to Python 1 == True."""
    document = _document(release)
    return canonical_bytes({key: document[key] for key in ("items", "layers", "checks")})


def _check(release: Release) -> None:
    """Every rule that types alone do not hold."""
    if not 1 <= release.number <= limits.release_number_max:
        raise ReleaseError(
            f"a release number counts from 1 to {limits.release_number_max}, this one is {release.number}"
        )
    if len(release.message) > limits.message_chars_max:
        raise ReleaseError(f"the message has {len(release.message)} characters, at most {limits.message_chars_max}")
    for count, most, what in (
        (len(release.layers), limits.layers_max, "layers"),
        (len(release.items), limits.items_max, "different items"),
        (len(release.checks), limits.parts_max, "checks"),
    ):
        if count > most:
            raise ReleaseError(f"the release has {count} {what}, at most {most} are taken")
    if list(release.items) != sorted({item for layer in release.layers for item in layer.items}):
        raise ReleaseError("the item table is not the sorted list of the layers' items")
    for item in release.items:
        _check_id(item)
    for layer in release.layers:
        _check_layer(layer)
    _check_parts(release.checks)


def _check_id(item: str) -> None:
    kind, colon, key = item.partition(":")
    if not colon or not _KIND.fullmatch(kind) or not is_key(key):
        raise ReleaseError(f"{item[:80]!r} is no item id: `<check>:<key>` is")


def is_key(text: str) -> bool:
    """It can be the key of an item: some printable characters, none at the ends a space."""
    return 0 < len(text) <= limits.key_chars_max and text.isprintable() and text == text.strip()


def is_kind(text: str) -> bool:
    """It can name a kind of check."""
    return _KIND.fullmatch(text) is not None


def _check_layer(layer: Layer) -> None:
    if not layer.file.isprintable() or not layer.name.isprintable():
        raise ReleaseError(f"a layer has an unprintable name: {layer.file[:80]!r}")
    try:
        Match.of(layer.match)
    except MatchError as error:
        raise ReleaseError(f"{layer.file}: {error}") from error
    for name, item in layer.items.items():
        if item.severity not in SEVERITIES:
            raise ReleaseError(f"{layer.file}: {name} has severity {item.severity[:40]!r}")
        if not limits.timeout_s_min <= item.timeout_s <= limits.timeout_s_max:
            raise ReleaseError(f"{layer.file}: {name} has a timeout of {item.timeout_s} s")
        if not item.expect or not all(item.expect.values()):
            raise ReleaseError(f"{layer.file}: {name} expects nothing")


def _check_parts(checks: Iterable[SiteCheck]) -> None:
    names = [check.name for check in checks]
    if names != sorted(set(names)):
        raise ReleaseError("the checks of the release are not sorted by name, or one stands twice")
    total = 0
    for check in checks:
        total += check.bytes
        if not is_kind(check.name) or not _DIGEST.fullmatch(check.sha256):
            raise ReleaseError(f"{check.name[:80]!r} with digest {check.sha256[:70]!r} is no check")
        if not 0 <= check.bytes <= limits.part_bytes_max or total > limits.parts_bytes_max:
            raise ReleaseError(f"the checks of the release are too big, at {check.name}: {check.bytes} bytes")
