"""Shell: reads a fleet's directory, and finds every mistake in it at once.

fleet.yml (may be missing), layers/*.yml or layers/<dimension>/*.yml, include/*.yml, the Goss files that these name,
waivers.yml, checks/*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from config_center import limits
from config_center.catalogue import Catalogue
from config_center.errors import CenterError, InvalidLayers
from config_center.fleet_file import FleetFile, read_fleet_file
from config_center.goss_files import GossFiles
from config_center.includes import INCLUDES, group_of
from config_center.mistakes import Mistake, Notes, did_you_mean
from config_center.reading import SUFFIX, Reader, ordered, printable
from config_center.release import Layer, Waiver
from config_center.site_checks import Part, read_site_checks
from config_center.validate import read_include, read_layer
from config_center.waivers import read_waivers
from config_center.whole import Whole, look_over
from config_center.written import Written

__all__ = ["Fleet", "Part", "load_fleet"]

LAYERS: Final = "layers"
FLEET_FILE: Final = "fleet.yml"
WAIVERS_FILE: Final = "waivers.yml"

# Names that somebody may take for ours: what stands there would be passed over in silence.
_MISNAMED: Final = {
    "fleet.yaml": FLEET_FILE,
    "waivers.yaml": WAIVERS_FILE,
    "waiver.yml": WAIVERS_FILE,
    "includes": f"{INCLUDES}/",
    "layer": f"{LAYERS}/",
}


@dataclass(frozen=True, slots=True)
class Fleet:
    """What a directory holds.

    layers    in order, later wins; each include as a layer before its includer
    mistakes  all, by file and line; warnings: what can be used, and should be looked at
    tags      the tags that fleet.yml names, with the patterns of their values; none: any tag
    """

    directory: Path
    layers: tuple[Layer, ...]
    parts: tuple[Part, ...]
    mistakes: tuple[Mistake, ...]
    waivers: tuple[Waiver, ...] = ()
    warnings: tuple[Mistake, ...] = ()
    dimensions: tuple[str, ...] = ()
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def sound(self) -> Fleet:
        """Itself. Raises InvalidLayers where it has mistakes: such layers are not to be used."""
        if self.mistakes:
            raise InvalidLayers(self.mistakes, self.directory)
        return self


def load_fleet(directory: Path, catalogue: Catalogue, today: date | None = None) -> Fleet:
    """Read and validate a fleet's directory; executables of the site in it are run to describe themselves.

    today: the day by which waivers are judged, None for the present one in UTC.
    Raises CenterError where there is no such directory at all.
    """
    if not (directory / LAYERS).is_dir():
        raise CenterError(f"{directory / LAYERS}: no such folder; a fleet's directory holds {LAYERS}/*{SUFFIX}")
    reader = Reader(directory)
    for name, meant in _MISNAMED.items():
        if (directory / name).exists():
            reader.add(name, "this is not read", f"did you mean {meant}?")
    known = _fleet_file(reader)
    parts, kinds = read_site_checks(reader, catalogue)
    catalogue = catalogue.with_kinds(kinds)
    goss = GossFiles(reader, catalogue)
    includes, names = _includes(reader, catalogue, goss)
    heads = _heads(reader, catalogue, known, goss)
    whole = Whole(tuple(group_of(head, includes) for head in heads), includes, names, known)
    notes = look_over(whole)
    reader.mistakes += notes.mistakes
    reader.warnings += notes.warnings
    layers = whole.layers
    items = {item for layer in layers for item in layer.items}
    waivers = _waivers(reader, items, known, today or datetime.now(UTC).date())
    return Fleet(
        directory, layers, parts, reader.all_mistakes, waivers, ordered(reader.warnings), known.dimensions,
        known.tags,
    )  # fmt: skip


def _fleet_file(reader: Reader) -> FleetFile:
    path = reader.directory / FLEET_FILE
    if not _is_there(path):
        return FleetFile()
    notes = Notes(FLEET_FILE)
    raw = reader.yaml(path, notes)
    known = FleetFile() if raw is None else read_fleet_file(raw, notes)
    reader.take(notes)
    return known


def _includes(reader: Reader, catalogue: Catalogue, goss: GossFiles) -> tuple[dict[str, Written], frozenset[str]]:
    """The includes that can be read, and the names of all."""
    folder = reader.directory / INCLUDES
    found = {}
    paths, others = reader.files(folder, limits.includes_max) if folder.is_dir() else ([], [])
    for path in paths:
        notes = Notes(f"{INCLUDES}/{path.name}")
        raw = reader.yaml(path, notes)
        written = None if raw is None else read_include(raw, f"{INCLUDES}/{path.stem}", catalogue, notes)
        if written:
            found[path.name] = goss.with_goss(written, folder, notes)
        reader.take(notes)
    _unread(reader, others, goss, "an include")
    return found, frozenset(path.name for path in paths)


def _heads(reader: Reader, catalogue: Catalogue, known: FleetFile, goss: GossFiles) -> list[Written]:
    """The layers' own files, in order."""
    folder = reader.directory / LAYERS
    places = [("", folder)]
    if known.dimensions:
        places = [(name, folder / name) for name in known.dimensions if (folder / name).is_dir()]
    found, others, count, room = [], list[Path](), 0, limits.layers_max
    for dimension, place in places:
        paths, beside = reader.files(place, room)
        others += beside
        count, room = count + len(paths), room - len(paths)
        for path in paths:
            notes = Notes(reader.named(path))
            name = f"{dimension}/{path.stem}" if dimension else path.stem
            raw = reader.yaml(path, notes)
            written = None if raw is None else read_layer(raw, name, catalogue, notes, known, dimension)
            if written:
                found.append(goss.with_goss(written, place, notes))
            reader.take(notes)
    _unread(reader, others, goss, "a layer")
    if known.dimensions:
        _strays(reader, folder, known.dimensions, goss)
    if not count:
        where = f"{LAYERS}/<dimension>/" if known.dimensions else LAYERS
        reader.add(LAYERS, f"no layer: there is no *{SUFFIX} file", f"write one in {where}" if known.dimensions else "")
    return found


def _unread(reader: Reader, paths: list[Path], goss: GossFiles, what: str) -> None:
    """What stands beside layers or includes and would not be read is a mistake: nobody would notice.

    what: one of them, in words.
    """
    for path in paths:
        if not goss.knows(path):
            why = "a folder is not read here" if path.is_dir() else "this file is not read"
            reader.add(reader.named(path), why, f"{what} is a file named *{SUFFIX}")


def _strays(reader: Reader, folder: Path, dimensions: tuple[str, ...], goss: GossFiles) -> None:
    """What stands in layers/ and belongs to no dimension."""
    for path in reader.entries(folder):
        if (path.name in dimensions and path.is_dir()) or goss.knows(path):
            continue
        if path.is_dir():
            hint = did_you_mean(path.name, dimensions)
            reader.add(reader.named(path), f"{FLEET_FILE} names no dimension {printable(path.name[:80])}", hint)
        else:
            hint = f"move it to {LAYERS}/<dimension>/: {', '.join(dimensions)}"
            reader.add(reader.named(path), "this file is not read: it is in no dimension", hint)


def _waivers(reader: Reader, items: set[str], known: FleetFile, today: date) -> tuple[Waiver, ...]:
    path = reader.directory / WAIVERS_FILE
    if not _is_there(path):
        return ()
    notes = Notes(WAIVERS_FILE)
    raw = reader.yaml(path, notes)
    waivers = () if raw is None else read_waivers(raw, items, known, today, notes)
    reader.take(notes)
    return waivers


def _is_there(path: Path) -> bool:
    """Something of that name is, be it a link that leads nowhere."""
    return path.exists() or path.is_symlink()
