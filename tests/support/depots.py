"""Databases and folders with releases in them, for tests of whatever reads or serves them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from config_center.canonical import digest_of
from config_center.database import Database
from config_center.folder import Folder
from config_center.layers import Part
from config_center.match import Terms
from config_center.pointer import Canary, Pointer, encode_pointer
from config_center.release import Layer, Release, SiteCheck, build, canonical
from config_center.rows import NewAct
from tests.support.center import item, layer

WHEN = "2030-01-01T00:00:00Z"
DATABASE = ".center.db"  # hidden, so that a web server of the folder does not find it


def part(content: bytes, name: str = "raid") -> Part:
    """An executable of the site."""
    return Part(SiteCheck(name, f"checks/{name}", digest_of(content), len(content)), content)


def layers_of(value: int | str) -> list[Layer]:
    """One layer with one item that expects a value."""
    return [layer("a", {"sysctl:a": item(1, equals=value)})]


def new_act(
    layers: Sequence[Layer],
    parts: Sequence[Part] = (),
    *,
    serial: int = 1,
    number: int | None = None,
    message: str = "",
) -> NewAct:
    """A publication for everybody; number: the serial, if not said."""
    release = build(
        layers, [one.check for one in parts], number=number or serial, created=WHEN, message=message
    )  # fmt: skip
    return NewAct(
        serial=serial,
        kind="publish",
        number=release.number,
        digest=release.digest,
        who="ops@example",
        at=WHEN,
        why=message,
        pointer=encode_pointer(Pointer(serial=serial, number=release.number, digest=release.digest, created=WHEN)),
        release=canonical(release),
        parts=tuple(one.content for one in parts),
    )


def put(database: Database, layers: Sequence[Layer], parts: Sequence[Part] = (), *, message: str = "") -> Release:
    """Publish these layers as the next release; returns it as it is stored."""
    database.migrate()
    last = database.latest()
    after = last.serial if last else 0
    act = database.record(new_act(layers, parts, serial=after + 1, message=message), after=after)
    return database.release(act.digest)


def put_canary(database: Database, layers: Sequence[Layer], match: Terms) -> Release:
    """Give the nodes of `match` a release of these layers; everybody else keeps theirs."""
    last, main = database.latest(), database.current()
    assert last is not None
    act = new_act(layers, serial=last.serial + 1)
    canary = Canary(act.number, act.digest, match)
    pointer = Pointer(serial=act.serial, number=main.number, digest=main.digest, created=WHEN, canary=canary)
    database.record(msgspec.structs.replace(act, kind="canary", pointer=encode_pointer(pointer)), after=last.serial)
    return database.release(act.digest)


def mirror(directory: Path, layers: Sequence[Layer], parts: Sequence[Part] = (), *, message: str = "") -> Release:
    """Publish these layers into a static folder, which keeps its database hidden in itself."""
    with closing(Database.at(directory / DATABASE)) as database:
        release = put(database, layers, parts, message=message)
        Folder(directory).export(database)
    return release


class MirroredStore:
    """A fleet's store, mirrored in a folder: what tests of agents and coordinators publish into.

    directory: the folder that is served.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def publish(self, layers: Sequence[Layer], parts: Sequence[Part] = ()) -> Release:
        """The next release of these layers, in the folder too."""
        return mirror(self.directory, layers, parts)

    def current(self) -> Release:
        """What is current."""
        with closing(Database.at(self.directory / DATABASE)) as database:
            return database.current()
