"""Shell: files of a fleet's directory, within bounds, and never from outside of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from config_center import limits
from config_center.mistakes import START, Mistake, Notes

SUFFIX: Final = ".yml"


def ordered(mistakes: Iterable[Mistake]) -> tuple[Mistake, ...]:
    """By file and line, each once; those of one place in the order of their finding."""
    return tuple(sorted(dict.fromkeys(mistakes), key=lambda mistake: (mistake.file, mistake.line, mistake.column)))


def printable(name: str) -> str:
    """A file's name that can be shown: control characters, and bytes that are no text, as escapes."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in name)


class Reader:
    """Reads one fleet's directory, and gathers what is wrong with it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.mistakes: list[Mistake] = []
        self.warnings: list[Mistake] = []
        self._home = directory.resolve()
        self._room = limits.fleet_bytes_max
        self._more = 0

    def take(self, notes: Notes) -> None:
        """Keep what was noted of one file."""
        self.mistakes.extend(notes.mistakes)
        self.warnings.extend(notes.warnings)
        self._more += notes.more

    @property
    def all_mistakes(self) -> tuple[Mistake, ...]:
        """By file and line, each once; of very many the first, and how many there are besides."""
        shown = ordered(self.mistakes)
        left = self._more + len(shown) - limits.mistakes_max
        if left > 0:
            shown = shown[: limits.mistakes_max]
            last = shown[-1]
            shown = (*shown, Mistake(last.file, last.line, last.column, f"{left} more mistakes are not listed"))
        return shown

    def add(self, file: str, what: str, hint: str = "") -> None:
        """A mistake that is about a file or folder as a whole."""
        self.mistakes.append(Mistake(file, 1, 1, what, hint))

    def yaml(self, path: Path, notes: Notes) -> bytes | None:
        """The bytes of a file that people write; None after noting why not."""
        raw = self.content(path, limits.layer_bytes_max, notes)
        if raw is None:
            return None
        if len(raw) > self._room:
            notes.at(START, f"all files together have more than {limits.fleet_bytes_max} bytes", "split the fleet")
            return None
        self._room -= len(raw)
        return raw

    def content(self, path: Path, most: int, notes: Notes) -> bytes | None:
        """The bytes of a regular file, at most one more than `most` of them read; None after noting why not."""
        try:
            if not path.is_file():
                notes.at(START, "not a regular file")
                return None
            if not path.resolve().is_relative_to(self._home):
                notes.at(START, "a link that leads out of the fleet's directory", "put the file itself here")
                return None
            with path.open("rb") as file:
                raw = file.read(most + 1)
        except OSError as error:
            notes.at(START, f"cannot be read: {error.strerror or error}")
            return None
        if len(raw) > most:
            notes.at(START, f"the file is too big: at most {most} bytes are taken")
            return None
        return raw

    def named(self, path: Path) -> str:
        """A path as mistakes name it: from the directory on, and harmless to a terminal."""
        return printable(path.relative_to(self.directory).as_posix())

    def entries(self, folder: Path) -> list[Path]:
        """What stands in a folder, by name, hidden files left out; nothing, noted, where it cannot be listed."""
        try:
            return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        except OSError as error:
            self.add(self.named(folder), f"cannot be listed: {error.strerror or error}")
            return []

    def files(self, folder: Path, most: int) -> tuple[list[Path], list[Path]]:
        """Its *.yml, at most so many of them; and what else stands there."""
        entries = self.entries(folder)
        found = [path for path in entries if path.suffix == SUFFIX and path.name.isprintable()]
        if len(found) > most:
            self.add(self.named(folder), f"{len(found)} files, at most {most} are taken")
        taken = set(found)
        return found[:most], [path for path in entries if path not in taken]
