"""Shell: the example fleet that `config-center init` writes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from config_center.errors import CenterError
from config_center.files import write_whole

_MARK: Final = "fleet.yml"  # a folder with this file is the example, and no stranger's


def example_folder() -> Path:
    """Where it lies: inside this package where installed, among the examples in a clone.

    Raises CenterError where it is in neither place.
    """
    here = Path(__file__).resolve().parent
    for folder in (here / "example", here.parent / "examples" / "container-hosts"):
        if (folder / _MARK).is_file():
            return folder
    raise CenterError(f"the example is not there, neither in {here} nor beside it: install the whole project")


def write_example(directory: Path) -> list[Path]:
    """Copy it into a directory, which is made if need be; returns the files, relative to it.

    Raises CenterError, and has written nothing, where something of it is there already or cannot be written.
    """
    folder = example_folder()
    taken = [path.name for path in sorted(folder.iterdir()) if _is_there(directory / path.name)]
    if taken:
        raise CenterError(
            f"{directory} has {', '.join(taken)} already, and nothing is overwritten: name another directory"
        )
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    written: list[Path] = []
    try:
        for file in files:
            write_whole(directory / file, (folder / file).read_bytes())
            written.append(file)
    except BaseException as error:
        _take_back(directory, written)
        if isinstance(error, OSError):
            raise CenterError(f"{directory}: cannot be written: {error.strerror or error}") from error
        raise
    return files


def _take_back(directory: Path, files: list[Path]) -> None:
    """Remove what was written: half an example would stand in the way of the next try."""
    for file in files:
        (directory / file).unlink(missing_ok=True)
    folders = {parent for file in files for parent in file.parents if parent != Path()}
    for folder in sorted(folders, key=lambda one: -len(one.parts)):
        with suppress(OSError):  # something else stands in it by now
            (directory / folder).rmdir()


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()
