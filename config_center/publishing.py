"""Shell: from a fleet's directory to its next release, and every other act, recorded in the store."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from config_center import limits
from config_center.acts import Standing, Step, published
from config_center.catalogue import Catalogue
from config_center.depot import open_depot
from config_center.drafting import draft, draft_of, timestamp
from config_center.errors import Refused, StoreConflict, StoreError
from config_center.folder import Folder
from config_center.keys import SecretKey, sign
from config_center.layers import Part, load_fleet
from config_center.pointer import decode_pointer, encode_pointer
from config_center.release import Release, canonical
from config_center.rows import Act, NewAct

if TYPE_CHECKING:
    from config_center.database import Database

__all__ = [
    "STORE",
    "Author",
    "Publication",
    "draft",
    "open_store",
    "publish",
    "record",
    "refuse_unrecordable",
    "standing_of",
    "timestamp",
    "whoami",
]

STORE = Path("published", "center.db")
"""The store of a fleet's directory, where no other is named."""


@dataclass(frozen=True, slots=True)
class Author:
    """Whose act it is, as the audit trail keeps it. unclean: with changes that are in no commit."""

    who: str
    why: str = ""
    commit: str = ""
    unclean: bool = False


@dataclass(frozen=True, slots=True)
class Publication:
    """What came of publishing. is_new: False when the current release says the same already; it is kept then."""

    release: Release
    is_new: bool


def publish(
    directory: Path,
    store: Path | str,
    catalogue: Catalogue,
    *,
    now: datetime | None = None,
    message: str = "",
    to: Sequence[Path] = (),
    keys: Sequence[SecretKey] = (),
) -> Publication:
    """Validate a fleet's directory and make it everybody's release, without a question: for programs and tests.

    store: a database's file or URL, made if need be; to: folders that become static mirrors of it.
    Raises InvalidLayers with all mistakes; ReleaseError, StoreConflict and other StoreErrors as their authors do.
    """
    fleet = load_fleet(directory, catalogue).sound()
    database = open_store(str(store))
    try:
        database.migrate()
        standing = standing_of(database)
        step = published(standing, draft_of(standing, fleet, timestamp(now), message))
        if step is not None:
            record(database, step, Author(whoami(), message), keys, fleet.parts)
        for folder in to:
            Folder(folder).export(database)
        return Publication(step.release if step else database.current(), is_new=step is not None)
    finally:
        database.close()


def open_store(where: str) -> Database:
    """The store of that name, not opened yet. Raises StoreError for a folder, which can only mirror one."""
    depot = open_depot(where)
    if isinstance(depot, Folder):
        raise StoreError(
            f"{where} is a folder, which can only mirror a store (--to): a store is a file named *.db, or a URL"
        )
    return depot


def standing_of(database: Database) -> Standing:
    """What stands in a store; nothing where it is not there yet."""
    raw = database.pointer_bytes()
    if raw is None:
        return Standing()
    pointer = decode_pointer(raw)
    canary = database.release(pointer.canary.digest) if pointer.canary else None
    return Standing(pointer, database.release(pointer.digest), canary)


def record(
    database: Database, step: Step, author: Author, keys: Sequence[SecretKey] = (), parts: Sequence[Part] = ()
) -> Act:
    """Sign an act and store it, in one transaction. parts: the site's executables of a new release.

    Raises Refused as refuse_unrecordable does, StoreConflict where somebody else's act came first.
    """
    refuse_unrecordable(step, author, keys)
    pointer = sign(step.pointer, keys) if keys else step.pointer
    act = NewAct(
        serial=pointer.serial,
        kind=step.kind,
        number=step.release.number,
        digest=step.release.digest,
        who=author.who,
        at=pointer.created,
        why=author.why,
        commit=author.commit,
        unclean=author.unclean,
        pointer=encode_pointer(pointer),
        release=canonical(step.release) if step.is_new else None,
        parts=tuple(part.content for part in parts) if step.is_new else (),
    )
    try:
        return database.record(act, after=step.after)
    except StoreConflict as error:
        raise StoreConflict(
            "somebody else published meanwhile, and nothing of this was: look at the difference again "
            f"(config-center diff), then repeat it ({error})"
        ) from error


def refuse_unrecordable(step: Step, author: Author, keys: Sequence[SecretKey]) -> None:
    """Raise Refused for too long a message, and for a key that is revoked: nobody would believe it."""
    if len(author.why) > limits.message_chars_max:
        raise Refused(f"the message has {len(author.why)} characters, at most {limits.message_chars_max} are kept")
    gone = [key.id for key in keys if key.id in step.pointer.revoked]
    if gone:
        raise Refused(f"key {gone[0]} is revoked: nobody would believe it; sign with another one")


def whoami() -> str:
    """Who acts, for the audit trail: `alice@host`, and `alice@host as root` behind sudo."""
    try:
        login = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name
        login = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER", "") if os.getuid() == 0 else ""
    host = socket.gethostname()
    text = f"{behind}@{host} as {login}" if behind and behind != login else f"{login}@{host}"
    return "".join(char for char in text if char.isprintable())[: limits.who_chars_max]
