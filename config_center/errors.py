"""What can go wrong in the config center, as one small tree.

CenterError                 every error of this package; its text says what was wrong, where, and what to do
├── CatalogueError          the description of the checks cannot be had, or cannot be read
├── GitError                git cannot or will not read the repository of a fleet's directory
├── InvalidLayers           the layers have mistakes; carries all of them
├── MatchError              a pattern of a `match` cannot be read
├── Refused                 an act is not done: it would take something back unseen, or nobody agreed to it
├── QueryError              a question about nodes cannot be read, or asks for what no node has
├── ReleaseError            a release or pointer is malformed, too big, or not the one its digest names
├── RingError               the ring could not be told or asked
├── ServeError              the address to serve on cannot be had
├── TrustError              a key cannot be used, or a signature is missing, wrong, or of a key that does not count
└── StoreError              a depot (database or folder of published releases) cannot be read or written
    ├── NothingPublished    there is no release yet
    ├── StoreConflict       somebody else wrote first; nothing was written
    └── StoreBusy           the depot cannot be reached just now; nothing says that it is damaged

No module here raises anything else on bad input; a bug stays a bug and raises what it raises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from config_center.mistakes import Mistake


class CenterError(Exception):
    """Every error of this package."""


class CatalogueError(CenterError):
    """The description of the checks cannot be had, or cannot be read."""


class GitError(CenterError):
    """Git cannot or will not read the repository of a fleet's directory."""


class InvalidLayers(CenterError):  # noqa: N818 - it names a state of the layers, and reads so where it is caught
    """The layers have mistakes.

    mistakes: all of them, in the order of the files; directory: the fleet's, to which their files are relative.
    """

    def __init__(self, mistakes: Sequence[Mistake], directory: Path) -> None:
        self.mistakes = tuple(mistakes)
        self.directory = directory
        count = len(self.mistakes)
        first = f"; the first: {self.mistakes[0]}" if self.mistakes else ""
        super().__init__(f"the layers have {count} mistake{'' if count == 1 else 's'}{first}")


class MatchError(CenterError):
    """A pattern of a `match` cannot be read."""


class Refused(CenterError):  # noqa: N818 - a decision, not a fault
    """An act is not done: it would take something back unseen, or nobody agreed to it."""


class QueryError(CenterError):
    """A question about nodes cannot be read, or asks for what no node has."""


class ReleaseError(CenterError):
    """A release or a pointer is malformed, too big, or not the one its digest names."""


class RingError(CenterError):
    """The ring could not be told or asked."""


class ServeError(CenterError):
    """The address to serve on cannot be had."""


class TrustError(CenterError):
    """A key cannot be used; or a signature is missing, wrong, or made by a key that is not trusted, or is revoked."""


class StoreError(CenterError):
    """A depot, which is a database or a folder of published releases, cannot be read or written."""


class NothingPublished(StoreError):  # noqa: N818 - a fact, not a fault
    """There is no release yet."""


class StoreConflict(StoreError):  # noqa: N818 - what another one did, and no fault
    """Somebody else wrote first: what was about to be written rests on what is no longer so. Nothing was written."""


class StoreBusy(StoreError):  # noqa: N818 - a state of the machine, which may pass
    """The depot cannot be reached just now: database down or locked, no descriptor left, a disk's error, no right."""
