"""Where published releases are, whatever kind of place it is: what serving, exporting and comparing need of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from config_center.database import Database
    from config_center.folder import Folder

DATABASE_SUFFIX: Final = ".db"


class Depot(Protocol):
    """A place with a pointer, releases and parts. Every method raises StoreError where the place is damaged or broken,
    and StoreBusy where it cannot be reached just now; then nothing is known about what it holds.
    """

    @property
    def where(self) -> str:
        """What to call it in a message; never holds a password."""

    def pointer_bytes(self) -> bytes | None:
        """The bytes of the current pointer, known to be well-formed; None before the first release."""

    def release_bytes(self, digest: str) -> bytes | None:
        """The canonical bytes of the release of that digest, verified; None where there is none."""

    def part_bytes(self, sha256: str) -> bytes | None:
        """The bytes of the site's executable of that digest, verified; None where there is none."""

    def stamp(self) -> object:
        """Something cheap that differs as soon as something was published; None where only asking can tell."""

    def close(self) -> None:
        """Let go of connections. It can be used again."""


def open_depot(where: str) -> Folder | Database:
    """The depot that `where` names: a URL (`postgresql://…`, `sqlite:///…`), a SQLite file, else a static folder.

    Nothing is opened or made yet. A path is a SQLite file if it is a file or ends with .db.
    Raises StoreError for a URL that names no database we know.
    """
    if "://" in where:
        from config_center.database import Database

        return Database(where)
    path = Path(where)
    if path.suffix == DATABASE_SUFFIX or path.is_file():
        from config_center.database import Database

        return Database.at(path)
    from config_center.folder import Folder

    return Folder(path)
