"""Whether what is kept on disk is what a config center gave, trusting nothing but signatures and digests.

The fetching child asks this before it lets a release serve. The resident agent asks it once for the release that it
takes from the disk after its start, in a forked child: keys, hashing and decoding need memory that the agent does not
keep.
"""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from config_center.canonical import digest_of
from config_center.errors import ReleaseError, TrustError
from config_center.keys import parse_public, verify
from config_center.pointer import Pointer
from config_center.release import Release, decode
from config_center.resolve import Baseline, resolve
from inspector_agent import limits
from inspector_agent.acceptance import Seen
from inspector_agent.kept import Kept
from inspector_agent.runner import kin


class Proven:
    """What of a cache is proven, as it is now.

    Args:
        kept: the cache.
        trusted_keys: as they are written; without any, the digests alone prove.

    Attributes:
        current: the pointer that holds; None if there is none, or if it proves nothing under these keys.
        seen: what this node remembers of all pointers it accepted.
    """

    def __init__(self, kept: Kept, trusted_keys: Sequence[str]) -> None:
        self.signs = bool(trusted_keys)
        self.seen = kept.seen()
        self.current = None
        self._kept = kept
        self._keys = tuple(parse_public(text) for text in trusted_keys)
        current = kept.current()
        if current is not None and self._is_good(current) and (not self.signs or current.serial >= self.seen.serial):
            self.current = current
            self.seen = self.seen.after(current) if self.signs else self.seen
        elif current is not None:  # of before keys were trusted: what it says is not believed, but its serial is past
            self.seen = Seen(max(self.seen.serial, current.serial), self.seen.revoked)

    def check(self, pointer: Pointer) -> None:
        """Make sure that a trusted key has signed it; without trusted keys anything goes. Raises TrustError."""
        if self.signs:
            verify(pointer, self._keys, self.seen.revoked)

    def _is_good(self, pointer: Pointer) -> bool:
        try:
            self.check(pointer)
        except TrustError:
            return False
        return True

    def warrants(self, digest: str) -> bool:
        """A pointer that is kept and good names this release."""
        if not self.signs:
            return True
        found = (self.current, self._kept.warrant(digest))
        return any(
            pointer is not None and self._is_good(pointer) and digest in [known for _, known in pointer.releases()]
            for pointer in found
        )

    def release(self, digest: str) -> Release | None:
        """The release of this digest, if it is warranted and every byte of it is kept undamaged."""
        return whole(self._kept, digest) if self.warrants(digest) else None


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


def work_out(release: Release, name: str, traits: Mapping[str, str]) -> Baseline:
    """What a release means for this node, without the texts for people: an agent keeps it in memory."""
    baseline = resolve(release, name, traits)
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


def holds(
    kept: Kept, baseline: Baseline, traits: Mapping[str, str], trusted_keys: Sequence[str], *, current: bool
) -> bool:
    """Whether a baseline from the disk is what its release, proven, means; and whether nobody else could write here.

    current: it has to be the release that the pointer, proven, assigns to this node now.
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
            proven = not kept.foreign() and _holds(Proven(kept, trusted_keys), baseline, traits, current=current)
        finally:
            os._exit(0 if proven else 1)
    return os.waitpid(child, 0)[1] == 0


def _holds(proven: Proven, baseline: Baseline, traits: Mapping[str, str], *, current: bool) -> bool:
    if current and not (proven.current and proven.current.assigned(baseline.node, traits)[1] == baseline.digest):
        return False
    release = proven.release(baseline.digest)
    return release is not None and same(work_out(release, baseline.node, traits), baseline)
