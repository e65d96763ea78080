"""Shell: checks/*, the site's own executables, as parts of a release."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config_center import limits
from config_center.canonical import digest_of
from config_center.catalogue import Catalogue, Kind
from config_center.describe import site_kind
from config_center.mistakes import START, Notes
from config_center.reading import Reader, printable
from config_center.release import SiteCheck, is_kind

CHECKS: Final = "checks"


@dataclass(frozen=True, slots=True)
class Part:
    """One file that a release carries beside itself."""

    check: SiteCheck
    content: bytes


def read_site_checks(reader: Reader, catalogue: Catalogue) -> tuple[tuple[Part, ...], dict[str, Kind]]:
    """The site's executables as parts, and what they say they check."""
    folder = reader.directory / CHECKS
    parts: dict[str, Part] = {}
    kinds: dict[str, Kind] = {}
    entries = reader.entries(folder) if folder.is_dir() else []
    paths = [path for path in entries if path.name != "__pycache__"]
    room = limits.parts_bytes_max
    for path in paths[: limits.parts_max]:
        notes = Notes(reader.named(path))
        part = _part(path, reader, catalogue, notes)
        if part and part.check.name in parts:
            other = parts[part.check.name].check.file
            notes.at(START, f"{other} is kind {part.check.name} too", "rename one of the two")
        elif part and part.check.bytes > room:
            notes.at(START, f"all checks together have more than {limits.parts_bytes_max} bytes")
        elif part:
            room -= part.check.bytes
            parts[part.check.name] = part
            kinds[part.check.name] = site_kind(path, part.check.name)
        reader.take(notes)
    if len(paths) > limits.parts_max:
        reader.add(CHECKS, f"{len(paths)} files, at most {limits.parts_max} are taken")
    return tuple(parts.values()), kinds


def _part(path: Path, reader: Reader, catalogue: Catalogue, notes: Notes) -> Part | None:
    name = path.name.partition(".")[0]
    if not is_kind(name):
        notes.at(
            START,
            f"{path.name!r} cannot name a check",
            "small letters, digits, - and _; a suffix is left out",
        )
    elif name in catalogue.kinds:
        notes.at(START, f"{name} is a bundled check already", "give the site's own another name")
    elif path.is_file() and not path.stat().st_mode & stat.S_IXUSR:
        notes.at(START, f"{printable(path.name)} is not executable", "chmod +x it, or move it out of checks/")
    else:
        content = reader.content(path, limits.part_bytes_max, notes)
        if content is not None:
            check = SiteCheck(name=name, file=notes.file, sha256=digest_of(content), bytes=len(content))
            return Part(check, content)
    return None
