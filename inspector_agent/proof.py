"""Whether what is kept on disk is what a config center gave: by digests alone, trusting nothing but the release's own.

The fetching child asks this before it lets a release serve. The resident agent asks it once for the release that it
takes from the disk after its start, in a forked child: hashing and decoding need memory that the agent does not keep.
"""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from config_center.canonical import digest_of
from config_center.errors import ReleaseError
from config_center.release import Release, decode
from config_center.resolve import Baseline, resolve
from inspector_agent import limits
from inspector_agent.kept import Kept
from inspector_agent.runner import kin


def whole(kept: Kept, digest: str) -> Release | None:
    """The release of this digest with all its executables, if every byte of them is kept undamaged."""
    raw = kept.release(digest)
    if raw is None:
        return None
    try:
        release = decode(raw, digest)
    except ReleaseError:
        return None
    folder = kept.checks_dir(digest)
    with suppress(OSError):
        if {path.name for path in folder.iterdir()} == {check.name for check in release.checks} and all(
            is_part(folder / check.name, check.sha256) for check in release.checks
        ):
            return release
    return None


def is_part(path: Path, sha256: str) -> bool:
    """Whether this is an executable file of that content, and no link to one elsewhere."""
    with suppress(OSError):
        mode = path.lstat().st_mode
        return stat.S_ISREG(mode) and bool(mode & stat.S_IXUSR) and digest_of(path.read_bytes()) == sha256
    return False


def work_out(release: Release, name: str, tags: Mapping[str, str]) -> Baseline:
    """What a release means for this node, without the texts for people: an agent keeps it in memory."""
    baseline = resolve(release, name, tags)
    items = tuple(
        msgspec.structs.replace(
            item, title="", rationale="", remediation="", remedy="", references=(), owner="", overrides=()
        )
        for item in baseline.items
    )
    return msgspec.structs.replace(baseline, items=items)


def same(one: Baseline, other: Baseline) -> bool:
    """They say the same, byte by byte: to Python 1 == True."""
    return msgspec.json.encode(one) == msgspec.json.encode(other)


def holds(kept: Kept, baseline: Baseline, tags: Mapping[str, str]) -> bool:
    """Whether a baseline from the disk is what its release, verified, means; and whether nobody else could write here.

    Done in a forked child, in which an alarm ends what takes too long. Never raises.
    """
    parent = os.getpid()
    try:
        child = kin.fork()
    except OSError:
        return False
    if child == 0:
        proven = False
        try:
            kin.die_with_parent(parent)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(limits.proof_s_max)
            release = None if kept.foreign() else whole(kept, baseline.digest)
            proven = release is not None and same(work_out(release, baseline.node, tags), baseline)
        finally:
            os._exit(0 if proven else 1)
    return os.waitpid(child, 0)[1] == 0
