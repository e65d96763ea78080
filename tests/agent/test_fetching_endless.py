"""A release that cannot be worked out in time: it costs its center's share of the time, and nothing else."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config_center.release import Release
from inspector_agent import fetch, limits, proof
from inspector_agent.download import Reply
from inspector_agent.errand import OutOfTimeError
from inspector_agent.jobs import Job, Outcome
from inspector_agent.kept import Kept
from tests.support.center import item, layer
from tests.support.depots import MirroredStore

GOOD, EVIL = "http://good.example", "http://evil.example"


class Fetches:
    """The fetching child's work, in this process, with two centers. `endless`: digests that are never worked out."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cache = directory / "cache"
        self.stores = {GOOD: directory / "good", EVIL: directory / "evil"}
        self.endless: set[str] = set()
        self._work_out = proof.work_out
        monkeypatch.setattr(fetch, "get", self._get)
        monkeypatch.setattr(fetch, "work_out", self._endlessly)

    def publish(self, center: str, *values: int) -> Release:
        """Releases of one item; the last one of them is returned."""
        store = MirroredStore(self.stores[center])
        return [store.publish([layer("10", {"sysctl:a.b": item(equals=value)})], []) for value in values][-1]

    def does(self, *centers: str, deadline_s: float, wanted: str = "") -> Outcome:
        """One job."""
        job = Job(str(self.cache), centers, "n001", {}, deadline_s, wanted=wanted)
        return fetch.do(job, time.monotonic() + deadline_s)

    def _get(self, url: str, **_bounds: Any) -> Reply:
        center, _, path = url.removeprefix("http://").partition("/")
        return Reply(200, (self.stores[f"http://{center}"] / path).read_bytes(), etag="", date="")

    def _endlessly(self, release: Release, *node: Any) -> Any:
        if release.digest in self.endless:
            for _ in itertools.count():
                pass
        return self._work_out(release, *node)


def ends(_number: int, _frame: object) -> None:
    """As the child's own handler."""
    raise OutOfTimeError


@pytest.fixture
def fetches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fetches]:
    """Nothing is fetched yet."""
    before = signal.signal(signal.SIGALRM, ends)
    yield Fetches(tmp_path, monkeypatch)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("is_question", [False, True])
def test_the_next_center_is_asked(fetches: Fetches, is_question: bool) -> None:
    """As if it had not been sent: also where nothing but a question would have had it."""
    good, evil = fetches.publish(GOOD, 1), fetches.publish(EVIL, 1, 2, 3)
    fetches.endless = {evil.digest}
    if is_question:
        assert fetches.does(EVIL, deadline_s=1.0, wanted=evil.digest[:16]).digest == ""
    found = fetches.does(EVIL, GOOD, deadline_s=6.0)  # half of it is for the good one, whose disk may be slow
    assert (found.digest, found.holds, found.failed, found.answered) == (good.digest, True, (EVIL,), GOOD)
    assert found.problem == ""


def test_the_last_good_release_stays(fetches: Fetches) -> None:
    """Whoever sends it, and although no time is left: the outcome says what serves on, and why nothing new does."""
    good = fetches.publish(GOOD, 1)
    assert fetches.does(GOOD, deadline_s=20.0).digest == good.digest
    evil = fetches.publish(GOOD, 2)
    fetches.endless = {evil.digest}
    found = fetches.does(GOOD, deadline_s=0.5)
    assert (found.digest, found.holds) == (good.digest, True)
    assert found.problem == f"{GOOD}: not complete after 0.5 s"


def test_what_is_kept_is_not_worked_out_for_ever_either(fetches: Fetches, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another node, for which the same release has no end: the child says so before it is killed."""
    monkeypatch.setattr(limits, "finish_s_min", 0.2)
    good = fetches.publish(GOOD, 1)
    assert fetches.does(GOOD, deadline_s=20.0).digest == good.digest
    fetches.endless = {good.digest}
    for path in (fetches.cache / "baselines").iterdir():
        path.unlink()
    found = fetches.does(deadline_s=0.2)
    assert found.digest == ""
    assert found.problem == "no config center is configured; what is kept: not complete after 0.2 s"
    assert [digest for digest in Kept(fetches.cache).digests() if digest == good.digest]
