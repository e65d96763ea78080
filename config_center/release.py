"""CORE. A release: an immutable, numbered set of layers and checks, named by the digest of its canonical bytes.

In a directory and over HTTP alike: `current.json` (the pointer), `releases/<digest>.json`, `parts/<sha256>`.
A release carries nothing of the catalogue but normalised items, so that whoever decodes it needs no knowledge of kinds.
Everything decoded is bounded and checked as a whole: what `decode` returns can be resolved without further errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from config_center import limits
from config_center.canonical import canonical_bytes, digest_of
from config_center.documents import read_document
from config_center.errors import ReleaseError
from config_center.model import (
    RELEASE_SCHEMA,
    SEVERITIES,
    SEVERITY_DEFAULT,
    Expect,
    FromFile,
    Layer,
    LayerItem,
    Operand,
    Parameters,
    Release,
    Scalar,
    SiteCheck,
    Variable,
    Waiver,
)
from config_center.soundness import check_release, is_key, is_kind

__all__ = [
    "SEVERITIES",
    "SEVERITY_DEFAULT",
    "Expect",
    "FromFile",
    "Layer",
    "LayerItem",
    "Operand",
    "Parameters",
    "Release",
    "Scalar",
    "SiteCheck",
    "Variable",
    "Waiver",
    "build",
    "canonical",
    "decode",
    "digest_of",
    "is_key",
    "is_kind",
    "same_content",
]


def build(
    layers: Sequence[Layer],
    checks: Sequence[SiteCheck],
    *,
    number: int,
    created: str,
    message: str = "",
    waivers: Sequence[Waiver] = (),
    restores: int = 0,
) -> Release:
    """Make a release. restores: the number of the older one whose content it is, 0 for none.

    Raises ReleaseError where it would break a bound or a rule of its own.
    """
    items = tuple(sorted({item for layer in layers for item in layer.items}))
    bare = Release(
        number=number,
        created=created,
        message=message,
        items=items,
        layers=tuple(layers),
        checks=tuple(sorted(checks, key=lambda check: check.name)),
        waivers=tuple(waivers),
        restores=restores,
    )
    check_release(bare)
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
    """They differ in number, time, message and `restores` at most: publishing one after the other changes nothing."""
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
    check_release(release)
    return msgspec.structs.replace(release, digest=found)


def _document(release: Release) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(release)
    del document["digest"]
    return document


def _content(release: Release) -> bytes:
    """What a digest would be taken over, but for what every publication changes. Bytes, because to Python 1 == True."""
    document = _document(release)
    return canonical_bytes({key: document[key] for key in ("items", "layers", "checks", "waivers")})
