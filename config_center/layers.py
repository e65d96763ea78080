"""Shell: reads a fleet's directory, `layers/*.yml` and `checks/*`, and finds every mistake in it at once."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config_center import limits
from config_center.canonical import digest_of
from config_center.catalogue import Catalogue, Kind
from config_center.describe import site_kind
from config_center.errors import CenterError, InvalidLayers
from config_center.mistakes import START, Mistake, Notes
from config_center.release import Layer, SiteCheck, is_kind
from config_center.validate import read_layer

LAYERS: Final = "layers"
CHECKS: Final = "checks"
SUFFIX: Final = ".yml"


@dataclass(frozen=True, slots=True)
class Part:
    """One file that a release carries beside itself."""

    check: SiteCheck
    content: bytes


@dataclass(frozen=True, slots=True)
class Fleet:
    """What a directory holds. layers: in order, later wins; mistakes: all, by file and line."""

    directory: Path
    layers: tuple[Layer, ...]
    parts: tuple[Part, ...]
    mistakes: tuple[Mistake, ...]

    def sound(self) -> Fleet:
        """Itself. Raises InvalidLayers where it has mistakes: such layers are not to be used."""
        if self.mistakes:
            raise InvalidLayers(self.mistakes, self.directory)
        return self


def load_fleet(directory: Path, catalogue: Catalogue) -> Fleet:
    """Read and validate a fleet's directory; executables of the site in it are run to describe themselves.

    Raises CenterError where there is no such directory at all.
    """
    folder = directory / LAYERS
    if not folder.is_dir():
        raise CenterError(f"{folder}: no such folder; a fleet's directory holds {LAYERS}/*{SUFFIX}")
    mistakes: list[Mistake] = []
    parts, kinds = _site_checks(directory / CHECKS, catalogue, mistakes)
    catalogue = catalogue.with_kinds(kinds)
    layers = []
    for path in _layer_files(folder, mistakes):
        notes = Notes(f"{LAYERS}/{path.name}")
        raw = _content(path, limits.layer_bytes_max, notes)
        layer = None if raw is None else read_layer(raw, path.stem, catalogue, notes)
        if layer:
            layers.append(layer)
        mistakes.extend(sorted(notes.mistakes))
        if notes.more:
            mistakes.append(Mistake(notes.file, 1, 1, f"{notes.more} more mistakes are not listed"))
    _count(layers, mistakes)
    return Fleet(directory, tuple(layers), parts, tuple(mistakes))


def _layer_files(folder: Path, mistakes: list[Mistake]) -> list[Path]:
    """The layers in order. What stands beside them and would not be read is a mistake: nobody would notice."""
    files = []
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.suffix == SUFFIX and path.name.isprintable():
            files.append(path)
        else:
            what = "a folder is not read here" if path.is_dir() else "this file is not read"
            mistakes.append(Mistake(f"{LAYERS}/{path.name}", 1, 1, what, f"a layer is a file named *{SUFFIX}"))
    if not files:
        mistakes.append(Mistake(LAYERS, 1, 1, f"no layer: there is no *{SUFFIX} file"))
    if len(files) > limits.layers_max:
        mistakes.append(Mistake(LAYERS, 1, 1, f"{len(files)} layers, at most {limits.layers_max} are taken"))
    return files[: limits.layers_max]


def _site_checks(
    folder: Path, catalogue: Catalogue, mistakes: list[Mistake]
) -> tuple[tuple[Part, ...], dict[str, Kind]]:
    """The site's executables as parts, and what they say they check."""
    parts: dict[str, Part] = {}
    kinds: dict[str, Kind] = {}
    paths = sorted(path for path in folder.iterdir() if _is_meant(path)) if folder.is_dir() else []
    room = limits.parts_bytes_max
    for path in paths[: limits.parts_max]:
        notes = Notes(f"{CHECKS}/{path.name}")
        part = _part(path, catalogue, notes)
        if part and part.check.name in parts:
            other = parts[part.check.name].check.file
            notes.at(START, f"{other} is kind {part.check.name} too", "rename one of the two")
        elif part and part.check.bytes > room:
            notes.at(START, f"all checks together have more than {limits.parts_bytes_max} bytes")
        elif part:
            room -= part.check.bytes
            parts[part.check.name] = part
            kinds[part.check.name] = site_kind(path, part.check.name)
        mistakes.extend(notes.mistakes)
    if len(paths) > limits.parts_max:
        mistakes.append(Mistake(CHECKS, 1, 1, f"{len(paths)} files, at most {limits.parts_max} are taken"))
    return tuple(parts.values()), kinds


def _is_meant(path: Path) -> bool:
    return not path.name.startswith(".") and path.name != "__pycache__"


def _part(path: Path, catalogue: Catalogue, notes: Notes) -> Part | None:
    name = path.name.partition(".")[0]
    if not is_kind(name):
        notes.at(START, f"{path.name!r} cannot name a check", "small letters, digits, - and _; a suffix is left out")
    elif name in catalogue.kinds:
        notes.at(START, f"{name} is a bundled check already", "give the site's own another name")
    elif path.is_file() and not path.stat().st_mode & stat.S_IXUSR:
        notes.at(START, f"{path.name} is not executable", "chmod +x it, or move it out of checks/")
    else:
        content = _content(path, limits.part_bytes_max, notes)
        if content is not None:
            check = SiteCheck(name=name, file=notes.file, sha256=digest_of(content), bytes=len(content))
            return Part(check, content)
    return None


def _content(path: Path, most: int, notes: Notes) -> bytes | None:
    """The bytes of a regular file, at most one more than `most` of them read."""
    try:
        if not path.is_file():
            notes.at(START, "not a regular file")
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


def _count(layers: list[Layer], mistakes: list[Mistake]) -> None:
    different = len({item for layer in layers for item in layer.items})
    if different > limits.items_max:
        mistakes.append(Mistake(LAYERS, 1, 1, f"{different} different items, at most {limits.items_max} are taken"))
