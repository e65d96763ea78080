"""Where `inspector-agent check` takes a release from: a fleet's directory, what is published, or one release's file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from config_center import limits as center_limits
from config_center.depot import DATABASE_SUFFIX, Depot, open_depot
from config_center.errors import CenterError, StoreError
from config_center.folder import Folder
from config_center.pointer import decode_pointer
from config_center.release import Release, SiteCheck, decode
from inspector_agent.bundled import checks_dir
from inspector_agent.errors import SourceError


@dataclass(frozen=True)
class Source:
    """A release and where its executables are.

    Attributes:
        about: for people, e.g. "release 12 (3fa94c0d1e22)" or "layers of examples/fleet, not published".
        parts_dir: the executables under their kinds' names.
    """

    release: Release
    about: str
    parts_dir: Path


@contextmanager
def open_source(path: Path, name: str, traits: Mapping[str, str]) -> Iterator[Source]:
    """The release that a path has for the node of that name and these traits.

    A path is a directory of layers, a folder or a database of published releases, or one release's file. Raises
    CenterError (InvalidLayers with all mistakes) or SourceError.
    """
    if (path / "layers").is_dir():
        yield _from_layers(path)
    elif path.is_dir() or path.name == "current.json":
        with _from_depot(Folder(path if path.is_dir() else path.parent), name, traits) as source:
            yield source
    elif path.suffix == DATABASE_SUFFIX:
        with _from_depot(_database(path), name, traits) as source:
            yield source
    else:
        with _from_file(path) as source:
            yield source


def _from_layers(directory: Path) -> Source:
    from config_center.describe import catalogue_of
    from config_center.drafting import draft

    release = draft(directory, catalogue_of(checks_dir()))
    return Source(release, f"layers of {directory}, not published", directory.absolute() / "checks")


def _database(path: Path) -> Depot:
    try:
        return open_depot(str(path))
    except ImportError as error:
        raise SourceError(f"{path} is a center's database, which this installation cannot read: {error}") from error


@contextmanager
def _from_depot(depot: Depot, name: str, traits: Mapping[str, str]) -> Iterator[Source]:
    try:
        raw = depot.pointer_bytes()
        if raw is None:
            raise SourceError(
                f"{depot.where} is neither a fleet's directory (it has no layers/) nor one of published releases (it "
                "has no current.json)"
            )
        _, digest = decode_pointer(raw).assigned(name, traits)
        found = depot.release_bytes(digest)
        if found is None:
            raise SourceError(f"{depot.where} lacks release {digest[:12]}, which its pointer names")
        with _laid_out(decode(found, digest), depot) as source:
            yield source
    finally:
        depot.close()


@contextmanager
def _from_file(path: Path) -> Iterator[Source]:
    try:
        with path.open("rb") as file:
            release = decode(file.read(center_limits.release_bytes_max + 1))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    except CenterError as error:
        raise SourceError(f"{path}: {error}") from error
    with _laid_out(release, Folder(path.parent.parent)) as source:
        yield source


@contextmanager
def _laid_out(release: Release, depot: Depot) -> Iterator[Source]:
    """The release with its executables under their names, in a folder that is gone afterwards."""
    with TemporaryDirectory(prefix="inspector-") as folder:
        for check in release.checks:
            _lay_out(check, depot, Path(folder) / check.name)
        yield Source(release, f"release {release.number} ({release.digest[:12]})", Path(folder))


def _lay_out(check: SiteCheck, depot: Depot, target: Path) -> None:
    try:
        content = depot.part_bytes(check.sha256)
    except StoreError as error:
        raise SourceError(f"the executable of the check {check.name} cannot be had: {error}") from error
    if content is None:
        raise SourceError(f"the executable of the check {check.name} is missing: {depot.where} has no {check.sha256}")
    target.write_bytes(content)
    target.chmod(0o700)
