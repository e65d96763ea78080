"""CORE. What a database of the config center holds, as plain values: acts of publishers, and what nodes told."""

from __future__ import annotations

from typing import Final, Literal, get_args

import msgspec

Kind = Literal["publish", "canary", "promote", "rollback", "revoke"]
KINDS: Final[tuple[str, ...]] = get_args(Kind)


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One act of a publisher, as the audit trail keeps it for ever. The pointer of the last act is the current one.

    serial   counts acts; always grows
    number   of the release the act is about; digest: that release's
    who, at  who did it and when (RFC 3339, UTC)
    why      the publisher's words; commit: the git commit of the layers, "" where there is none; unclean: with changes
             that are in no commit
    pointer  the bytes of current.json from this act on
    """

    serial: int
    kind: Kind
    number: int
    digest: str
    who: str
    at: str
    why: str = ""
    commit: str = ""
    unclean: bool = False
    pointer: bytes


class NewAct(Act, frozen=True, kw_only=True):
    """An act still to be recorded, with what it brings.

    release  canonical bytes of a release that is not stored yet; None: the act is about one that is
    parts    contents of the site's executables it carries; those already stored may be left out
    """

    release: bytes | None = None
    parts: tuple[bytes, ...] = ()


class NodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a node told about itself last.

    seen  when it came (RFC 3339, UTC); sent: when the node's own clock says it was sent, Unix seconds
    key   the public key the node signed with, "ed25519:<base64>"; pinned by the first record, "" where it had none
    """

    name: str
    tags: dict[str, str]
    facts: dict[str, str]
    seen: str
    sent: int
    key: str = ""
