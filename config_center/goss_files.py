"""Shell: the Goss files that layers and includes name, each read once, from within the fleet's directory."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from config_center.catalogue import Catalogue
from config_center.goss import GOSS
from config_center.mistakes import Notes
from config_center.reading import Reader
from config_center.validate import read_goss
from config_center.written import Reference, Written


class GossFiles:
    """Reads them, and knows which have been named."""

    def __init__(self, reader: Reader, catalogue: Catalogue) -> None:
        self._reader = reader
        self._catalogue = catalogue
        self._read: dict[Path, Written | None] = {}

    def with_goss(self, written: Written, folder: Path, notes: Notes) -> Written:
        """A layer or an include with the Goss files it names, by paths from its own folder on.

        notes: of the file that names them.
        """
        taken = [self._taken(reference, folder, notes) for reference in written.goss]
        return dataclasses.replace(written, taken=tuple(one for one in taken if one))

    def knows(self, path: Path) -> bool:
        """It is one of them, or a folder that holds one."""
        return any(path == known or path in known.parents for known in self._read)

    def _taken(self, reference: Reference, folder: Path, notes: Notes) -> Written | None:
        directory = self._reader.directory
        inside = Path(os.path.normpath(folder.relative_to(directory) / reference.name))
        path = directory / inside
        if inside.is_absolute() or inside.parts[:1] == ("..",):
            what = f"{GOSS}: {reference.name[:80]} is not in the fleet's directory"
            notes.at(reference, what, "put the file there; a path begins at this file's own folder")
        elif not path.exists():
            what = f"{GOSS}: there is no file {reference.name[:80]}"
            notes.at(reference, what, "a path begins at this file's own folder")
        elif path in self._read:
            return self._read[path]
        else:
            self._read[path] = self._fresh(path)
            return self._read[path]
        return None

    def _fresh(self, path: Path) -> Written | None:
        own = Notes(self._reader.named(path))
        raw = self._reader.yaml(path, own)
        name = path.relative_to(self._reader.directory).with_suffix("").as_posix()
        written = None if raw is None else read_goss(raw, name, self._catalogue, own)
        self._reader.take(own)
        return written
