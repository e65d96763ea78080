"""The coordinator's own exceptions.

    CoordError                 exit_code: what `inspector` ends with
    ├── ConfigError        2   coordinator.yml, a group file or an option says what cannot be used
    ├── TargetError        2   a target that cannot be read, or that matches nobody
    ├── ItemError          2   an item pattern that matches nothing, or too many of them for one question
    ├── ReleaseError       2   nothing is published, or neither the center nor the cache has the release
    ├── ReportError        2   the report to read is missing, or is none
    ├── HistoryError       2   the history has not what is asked for, or cannot be used by this program
    │   └── HistoryAway    4   its database cannot be reached, is damaged, full, or cannot be written
    ├── OutputError        1   what was to be printed cannot be written
    ├── NoEntryError       4   no Serf agent of any ring could be used
    └── Interrupted      130   Ctrl-C or SIGTERM came before there was a result

The ring client, the wire format and the config center have trees of their own; the shells here turn what reaches a
person into one of these, with the place and what to do.
"""

from __future__ import annotations

from config_center.extras import INTERRUPTED


class CoordError(Exception):
    """Base of everything the coordinator raises on purpose; its text is shown to a person as it is."""

    exit_code = 2


class ConfigError(CoordError):
    """What stands in a configuration file or was given as an option cannot be used."""


class TargetError(CoordError):
    """A target cannot be read, or no member of the fleet matches it."""


class ItemError(CoordError):
    """The items asked for cannot be asked for."""


class ReleaseError(CoordError):
    """There is no release to ask for."""


class ReportError(CoordError):
    """There is no report to read, or the file is not one."""


class HistoryError(CoordError):
    """The history has not what is asked for, or cannot be used by this program."""


class HistoryAway(HistoryError):  # noqa: N818 -- it names a state of the database
    """The database of the history cannot be reached, is damaged, full, or cannot be written."""

    exit_code = 4


class OutputError(CoordError):
    """Standard output takes nothing more."""

    exit_code = 1


class NoEntryError(CoordError):
    """No entry of any ring could be used."""

    exit_code = 4


class Interrupted(CoordError):  # noqa: N818 -- it names what a person did
    """Ctrl-C or SIGTERM came before there was a result."""

    exit_code = INTERRUPTED
