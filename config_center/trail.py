"""Shell: what the audit trail of a store knows: releases by what people call them, and what was there before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from config_center import limits
from config_center.acts import Standing
from config_center.errors import NothingPublished, Refused, StoreError
from config_center.pointer import Pointer, decode_pointer
from config_center.publishing import standing_of
from config_center.release import Release, same_content
from config_center.rows import Act

if TYPE_CHECKING:
    from config_center.database import Database

CURRENT: Final = "current"
CANARY: Final = "canary"

_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_DIGEST: Final = re.compile(r"[0-9a-f]{6,64}")
_PAGE: Final = 200
_MAKES: Final = frozenset({"publish", "canary"})  # acts that bring what somebody wrote


def walk(database: Database) -> Iterator[Act]:
    """Acts, newest first, at most limits.acts_walked_max of them."""
    before: int | None = None
    for _ in range(limits.acts_walked_max // _PAGE):
        page = database.acts(limit=_PAGE, before=before)
        yield from page
        if len(page) < _PAGE:
            return
        before = page[-1].serial


def is_name(text: str) -> bool:
    """It names a release rather than a directory: a number, some digits of a digest, `current` or `canary`."""
    return text in {CURRENT, CANARY} or bool(_NUMBER.fullmatch(text) or _DIGEST.fullmatch(text))


def find_release(database: Database, text: str) -> Release:
    """The release of a name as is_name takes it. Raises NothingPublished, or StoreError where there is none.

    Where the beginning of a digest has no letter, and is no release's number, it is that digest's.
    """
    if text in {CURRENT, CANARY}:
        return _standing_release(database, text)
    found = {act.digest for act in walk(database) if act.digest.startswith(text)} if _DIGEST.fullmatch(text) else set()
    if _NUMBER.fullmatch(text) and (not found or any(act.number == int(text) for act in walk(database))):
        return database.release_numbered(int(text))
    if len(found) > 1:
        raise StoreError(f"{text} is the beginning of {len(found)} digests in {database.where}: give more digits")
    if not found:
        raise StoreError(f"no release in {database.where} has a digest that begins with {text}: see config-center log")
    return database.release(found.pop())


def _standing_release(database: Database, word: str) -> Release:
    standing = standing_of(database)
    release = standing.main if word == CURRENT else standing.canary
    if release is None and standing.main is None:
        raise NothingPublished(f"{database.where}: nothing is published yet: run config-center publish")
    if release is None:
        raise StoreError(f"{database.where} has no canary just now")
    return release


def last_commit(database: Database) -> str:
    """The last commit that something people wrote came from; "" where nothing did.

    What was published from none since then (--unclean) takes nothing of it back for those who publish next.
    """
    return next((act.commit for act in walk(database) if act.kind in _MAKES and act.commit), "")


def last_signed(database: Database) -> tuple[str, ...]:
    """Ids of the keys of the last signed statement; none where none ever was."""
    for act in walk(database):
        if signatures := decode_pointer(act.pointer).signatures:
            return tuple(one.key for one in signatures)
    return ()


def signers(database: Database) -> frozenset[str]:
    """Ids of all keys that ever signed a statement."""
    return frozenset(one.key for pointer in _pointers(database) for one in pointer.signatures)


def before_the_current(database: Database, standing: Standing) -> Release:
    """What a rollback goes back to: with a canary, what everybody else has; else what was there before that.

    A release that restored an older one counts as that one: going back twice goes two steps back, not forth again.
    Raises Refused where nothing was there before.
    """
    if standing.main is None:
        raise Refused(f"{database.where}: nothing is published yet, so there is nothing to go back to")
    if standing.canary is not None:
        return standing.main
    at = standing.main.restores or standing.main.number
    seen = False
    last = 0
    for pointer in _pointers(database):
        if pointer.number == last:
            continue
        last = pointer.number
        seen = seen or pointer.number == at
        if seen and pointer.number != at:
            older = database.release(pointer.digest)
            if not same_content(older, standing.main):
                return older
    raise Refused(f"release {standing.main.number} is the first of its kind: there is nothing before it to go back to")


def _pointers(database: Database) -> Iterator[Pointer]:
    for act in walk(database):
        yield decode_pointer(act.pointer)
