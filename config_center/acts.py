"""CORE. What an act of a publisher makes of what stands: the release it is about, and the next pointer, not signed yet.

Numbers only count up, also when something is taken back: a rollback is a new release with the content of an older one,
so that nobody on the way needs to tell an order to go back from a replay. A canary has the next number already, and
keeps it when it is promoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from config_center.errors import Refused
from config_center.match import Match, Terms
from config_center.pointer import Canary, Pointer, is_key_id
from config_center.release import Layer, Release, SiteCheck, Waiver, build, same_content
from config_center.rows import Kind

FIRST_SERIAL: Final = 1


class Content(msgspec.Struct, frozen=True):
    """What a release is made of."""

    layers: Sequence[Layer]
    checks: Sequence[SiteCheck]
    waivers: Sequence[Waiver] = ()

    @classmethod
    def of(cls, release: Release) -> Content:
        """The content of a release that is there."""
        return cls(release.layers, release.checks, release.waivers)


class Standing(msgspec.Struct, frozen=True):
    """What stands: the pointer, and the releases it names. All None before the first act.

    lost: the last act that nodes have seen, where the store does not know that one: it was restored from a backup, say
    """

    pointer: Pointer | None = None
    main: Release | None = None
    canary: Release | None = None
    lost: int = 0

    @property
    def serial(self) -> int:
        """Of the last act; 0 before the first."""
        return self.pointer.serial if self.pointer else 0

    @property
    def next_serial(self) -> int:
        """Of the act that comes next: higher than any that a node has seen."""
        return max(self.serial, self.lost) + 1

    def going_on_after(self, lost: int) -> Standing:
        """The same, where nodes have seen acts up to this one, or another one in its place. Raises Refused where the
        store is ahead.
        """
        if lost < self.serial:
            raise Refused(f"the store is ahead of act {lost}, it goes on after act {self.serial}: leave --after out")
        return msgspec.structs.replace(self, lost=lost)

    @property
    def canary_match(self) -> Terms:
        """Whom the canary is for; {} while there is none."""
        return self.pointer.canary.match if self.pointer and self.pointer.canary else {}

    def draft(self, content: Content, created: str, message: str = "", restores: int = 0) -> Release:
        """The content under the number that comes next. Raises ReleaseError for what cannot be a release.

        An act makes one release at most, so the serial of an act is no lower than any number up to it.
        """
        numbers = [self.lost, *(number for number, _ in self.pointer.releases())] if self.pointer else [self.lost]
        return build(
            content.layers, content.checks, number=max(numbers) + 1, created=created, message=message,
            waivers=content.waivers, restores=restores,
        )  # fmt: skip


class Step(msgspec.Struct, frozen=True):
    """An act, ready to be signed and recorded.

    release  the one it is about; is_new: it is not stored yet; after: the serial of the act it is built on, 0 for none
    key      the id of the one that is revoked, else ""
    """

    kind: Kind
    release: Release
    is_new: bool
    after: int
    pointer: Pointer
    key: str = ""


def published(standing: Standing, draft: Release) -> Step | None:
    """Make the draft everybody's release; None where everybody has that content already, and no canary another.

    A canary ends with it: where it has that very content, it is promoted, and keeps its number; where everybody else
    has, it is taken back. Where acts were lost, what everybody has is not known: it is a new release in any case.
    """
    known = not standing.lost
    if known and standing.main and same_content(standing.main, draft):
        return restored(standing, standing.main, draft.created, draft.message) if standing.canary else None
    if known and standing.canary and same_content(standing.canary, draft):
        return promoted(standing, draft.created)
    return Step(
        "publish", draft, is_new=True, after=standing.serial, pointer=_next(standing, draft.created, main=draft)
    )


def tried(standing: Standing, draft: Release, match: Terms) -> Step | None:
    """Make the draft the release of some nodes, in place of a canary that may stand; None where nothing would change.

    Raises Refused where there is nothing to go back to yet; MatchError where the match cannot be read.
    """
    Match(match)
    if standing.main is None:
        raise Refused("there is no release yet that the other nodes could keep: publish one for everybody first")
    if same_content(standing.main, draft):
        return None
    if standing.canary and same_content(standing.canary, draft) and match == standing.canary_match:
        return None
    pointer = _next(standing, draft.created, main=standing.main, canary=draft, match=match)
    return Step("canary", draft, is_new=True, after=standing.serial, pointer=pointer)


def promoted(standing: Standing, created: str) -> Step:
    """Make the canary everybody's release. Raises Refused where there is none."""
    if standing.canary is None:
        raise Refused("there is no canary to promote: config-center publish --canary MATCH makes one")
    pointer = _next(standing, created, main=standing.canary)
    return Step("promote", standing.canary, is_new=False, after=standing.serial, pointer=pointer)


def restored(standing: Standing, older: Release, created: str, message: str = "") -> Step:
    """Make the content of an older release everybody's, under a new number; a canary ends with it.

    Raises Refused where everybody has that content, and only that, already.
    """
    draft = standing.draft(Content.of(older), created, message, restores=older.restores or older.number)
    if standing.main and not standing.canary and same_content(standing.main, draft):
        raise Refused(f"release {standing.main.number}, which is current, has the content of {older.number} already")
    return Step("rollback", draft, is_new=True, after=standing.serial, pointer=_next(standing, created, main=draft))


def revoked(standing: Standing, key: str, created: str) -> Step:
    """Say of a key that it is not to be believed any more. Raises Refused."""
    if standing.pointer is None or standing.main is None:
        raise Refused("nothing is published yet, so nobody has been told to believe any key: there is none to revoke")
    if not is_key_id(key):
        raise Refused(f"{key[:80]!r} is no id of a key: 16 hexadecimal digits are, as keygen and log print them")
    if key in standing.pointer.revoked:
        raise Refused(f"key {key} is revoked already")
    revocations = tuple(sorted({*standing.pointer.revoked, key}))
    pointer = msgspec.structs.replace(
        standing.pointer, serial=standing.serial + 1, created=created, revoked=revocations, signatures=()
    )
    return Step("revoke", standing.main, is_new=False, after=standing.serial, pointer=pointer, key=key)


def _next(
    standing: Standing, created: str, *, main: Release, canary: Release | None = None, match: Terms | None = None
) -> Pointer:
    """The pointer that comes after; what was revoked stays revoked for ever."""
    return Pointer(
        serial=standing.next_serial,
        number=main.number,
        digest=main.digest,
        created=created,
        canary=Canary(canary.number, canary.digest, dict(match or {})) if canary else None,
        revoked=standing.pointer.revoked if standing.pointer else (),
    )
