"""A baseline looked at once, here and now, without any ring: what `inspector-agent check` does."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory

from config_center import limits as center_limits
from config_center.canonical import digest_of
from config_center.errors import CenterError
from config_center.release import Release, SiteCheck, decode
from config_center.resolve import Item, resolve
from inspector_agent.bundled import checks_dir
from inspector_agent.errors import SourceError
from inspector_agent.facts import gather
from inspector_agent.findings import Finding
from inspector_agent.runner.run import CheckRunner


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


@dataclass(frozen=True)
class Question:
    """What is asked about which node.

    Attributes:
        patterns: of item ids, shell-style; none means all items.
        root: the directory below which all checks look.
        deadline_s: for all checks together.
    """

    node: str
    tags: Mapping[str, str]
    patterns: tuple[str, ...]
    root: str
    deadline_s: float


@dataclass(frozen=True)
class Run:
    """What came of it.

    Attributes:
        items: those that were looked at, by number.
        found: their findings, by number; every item has one.
        seconds: wall time of the checks.
    """

    source: Source
    node: str
    items: tuple[Item, ...]
    found: Mapping[int, Finding]
    seconds: float

    def counts(self) -> dict[str, int]:
        """How many items ended in each outcome."""
        outcomes = [finding.outcome for finding in self.found.values()]
        return {outcome: outcomes.count(outcome) for outcome in ("pass", "fail", "error", "na")}


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """The release that a path names: a directory of layers, a directory of published releases, or one release's file.

    Raises CenterError (InvalidLayers with all mistakes) or SourceError.
    """
    if (path / "layers").is_dir():
        yield _from_layers(path)
    elif path.is_dir() or path.name == "current.json":
        with _from_store(path if path.is_dir() else path.parent) as source:
            yield source
    else:
        with _from_file(path) as source:
            yield source


def _from_layers(directory: Path) -> Source:
    from config_center.describe import catalogue_of
    from config_center.drafting import draft

    release = draft(directory, catalogue_of(checks_dir()))
    return Source(release, f"layers of {directory}, not published", directory.absolute() / "checks")


@contextmanager
def _from_store(directory: Path) -> Iterator[Source]:
    from config_center.store import Store

    store = Store(directory)
    if store.pointer() is None:
        raise SourceError(
            f"{directory} is neither a fleet's directory (it has no layers/) nor one of published releases (it has no "
            "current.json)"
        )
    with _laid_out(store.current(), directory / "parts") as source:
        yield source


@contextmanager
def _from_file(path: Path) -> Iterator[Source]:
    try:
        with path.open("rb") as file:
            release = decode(file.read(center_limits.release_bytes_max + 1))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    except CenterError as error:
        raise SourceError(f"{path}: {error}") from error
    with _laid_out(release, path.parent.parent / "parts") as source:
        yield source


@contextmanager
def _laid_out(release: Release, parts: Path) -> Iterator[Source]:
    """The release with its executables under their names, in a folder that is gone afterwards."""
    with TemporaryDirectory(prefix="inspector-") as folder:
        for check in release.checks:
            _lay_out(check, parts / check.sha256, Path(folder) / check.name)
        yield Source(release, f"release {release.number} ({release.digest[:12]})", Path(folder))


def _lay_out(check: SiteCheck, part: Path, target: Path) -> None:
    try:
        shutil.copyfile(part, target)
        intact = digest_of(target.read_bytes()) == check.sha256
        target.chmod(0o700)
    except OSError as error:
        raise SourceError(
            f"the executable of the check {check.name} cannot be had: {part}: {error.strerror}"
        ) from error
    if not intact:
        raise SourceError(f"{part} is not the check {check.name} that the release names: it is damaged or was changed")


def choose(source: Source, question: Question) -> tuple[Item, ...]:
    """The items that are asked about. Raises SourceError where a pattern is idle."""
    items = resolve(source.release, question.node, question.tags).items
    for pattern in question.patterns:
        if not any(_covers(pattern, item) for item in items):
            raise SourceError(f"--item {pattern}: this node has no such item{_nearest(pattern, items)}")
    return tuple(item for item in items if not question.patterns or any(_covers(p, item) for p in question.patterns))


def _covers(pattern: str, item: Item) -> bool:
    return item.id == pattern or fnmatchcase(item.id, pattern)


def _nearest(pattern: str, items: Iterable[Item]) -> str:
    from config_center.mistakes import did_you_mean

    hint = did_you_mean(pattern, [item.id for item in items])
    return f"; {hint}" if hint else ""


async def look(
    source: Source,
    question: Question,
    items: tuple[Item, ...],
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Run:
    """Run the checks on chosen items. `progress` is told how many of how many items have a finding."""
    runner = CheckRunner(
        checks_dir=checks_dir(),
        parts_dir=source.parts_dir,
        root=question.root,
        facts={"name": question.node, "tags": dict(question.tags), **gather(question.root).as_dict()},
    )
    found: dict[int, Finding] = {}

    def emit(finding: Finding) -> None:
        found[finding.number] = finding
        progress(len(found), len(items))

    began = time.perf_counter()
    await runner.run(items, emit, deadline_s=question.deadline_s)
    return Run(source, question.node, items, found, time.perf_counter() - began)
