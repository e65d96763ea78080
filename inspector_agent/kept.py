"""What an agent keeps on disk of the config center: the last good releases, and what they mean for this node.

    current.json                     the release that holds: the pointer as the config center writes it
    releases/<number>-<digest>.json  as fetched, verified; the current one and a few older ones
    warrants/<digest>.json           the last pointer accepted that names this release: it serves by its signature
    seen.json                        the highest serial and all revoked keys of pointers that trusted keys signed
    baselines/<digest>.json          a release resolved for this node: {"name", "traits", "baseline"}
    checks/<digest>/<kind>           the site's executables of that release
    parts/<sha256>                   the same files by their digests, shared by releases (hard links)
    etags.json                       what each center called the pointer that it sent last

Everything is written aside, synced and renamed, and the pointer goes last: at every moment, a full disk and a power cut
included, it names a release that is whole. One process writes at a time. The resident agent only reads.

What is kept runs with the agent's rights. So all of it belongs to the agent's user, and nobody else may write to it:
a directory that is not so is refused, for reading and for writing.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from config_center.errors import ReleaseError
from config_center.files import ASIDE, sync_folder, write_whole
from config_center.pointer import Pointer, decode_pointer, encode_pointer
from config_center.resolve import Baseline
from inspector_agent import limits
from inspector_agent.acceptance import Seen

PRIVATE = 0o600
LOCK = ".lock"  # of no content
FOLDERS = ("releases", "warrants", "baselines", "checks", "parts")
MAKE_ANEW = "remove it, the agent makes it anew; or name another `cache`"


class Resolved(msgspec.Struct, frozen=True):
    """A baseline and the node it was resolved for."""

    name: str
    traits: dict[str, str]
    baseline: Baseline


class Kept:
    """The directory. Reading methods never raise: what is missing or damaged is as good as never fetched."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def refused(self) -> str:
        """Why nothing here is used: others than this user could have written it. "" if not so, or nothing is here."""
        with suppress(OSError):
            return _shared(self.directory, self.directory.stat())
        return ""

    def foreign(self) -> str:
        """The same, after a look at every file."""
        found = self.refused()
        for folder, folders, files in os.walk(self.directory):
            for name in (*folders, *files):
                with suppress(FileNotFoundError):  # another process tidies up
                    path = Path(folder, name)
                    found = found or ("" if name == LOCK else _shared(path, path.lstat()))
        return found

    def current(self) -> Pointer | None:
        """The release that holds; None before the first."""
        if self.refused():
            return None
        return self._pointer("current.json")

    def warrant(self, digest: str) -> Pointer | None:
        """The last pointer accepted that names this release."""
        return self._pointer(f"warrants/{digest}.json")

    def _pointer(self, name: str) -> Pointer | None:
        with suppress(OSError, ReleaseError):
            return decode_pointer((self.directory / name).read_bytes())
        return None

    def seen(self) -> Seen:
        """What is remembered of all pointers that trusted keys signed."""
        with suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode((self.directory / "seen.json").read_bytes(), type=Seen)
        return Seen()

    def digests(self) -> list[str]:
        """Digests of all releases kept, newest first."""
        names: list[tuple[str, str, str]] = []
        with suppress(OSError):
            names += [path.stem.partition("-") for path in (self.directory / "releases").glob("*-*.json")]
        numbered = [(int(number), digest) for number, _, digest in names if number.isdecimal()]
        return [digest for _, digest in sorted(numbered, reverse=True)]

    def release(self, digest: str) -> bytes | None:
        """The bytes of a release, not yet verified again."""
        with suppress(OSError):
            for path in (self.directory / "releases").glob(f"*-{digest}.json"):
                return path.read_bytes()
        return None

    def baseline(self, digest: str, name: str, traits: Mapping[str, str]) -> Baseline | None:
        """What a release means for this node; None if that has not been worked out for this very name and traits."""
        if self.refused():
            return None
        with suppress(OSError, msgspec.MsgspecError):
            found = msgspec.json.decode((self.directory / "baselines" / f"{digest}.json").read_bytes(), type=Resolved)
            if (found.name, found.traits, found.baseline.digest) == (name, dict(traits), digest):
                return found.baseline
        return None

    def checks_dir(self, digest: str) -> Path:
        """Where the site's executables of a release are."""
        return self.directory / "checks" / digest

    def marks(self, digest: str) -> object:
        """Something that becomes unequal when a file of this release is changed, taken away or added. Cheap."""
        marks: list[tuple[str, int, int, int, int, int]] = []
        with suppress(OSError):
            folder = self.checks_dir(digest)
            for path in (*self.directory.glob(f"releases/*-{digest}.json"), folder, *sorted(folder.iterdir())):
                at = path.lstat()
                marks.append((path.name, at.st_ino, at.st_mode, at.st_uid, at.st_size, at.st_mtime_ns))
        return marks

    def etag(self, url: str) -> str:
        """What a center called the pointer that it sent last."""
        return self._etags().get(url, "")

    def _etags(self) -> dict[str, str]:
        with suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode((self.directory / "etags.json").read_bytes(), type=dict[str, str])
        return {}

    # ---- writing: in the fetching child only ----

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only writer; waits for another. Takes away what a crash left half written.

        Raises OSError, for a directory that is refused as well.
        """
        for name in (".", *FOLDERS):
            (self.directory / name).mkdir(parents=True, exist_ok=True, mode=PRIVATE | stat.S_IXUSR)
            if found := self.refused():
                raise PermissionError(errno.EACCES, f"{found}: {MAKE_ANEW}")
        with (self.directory / LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if found := self.foreign():
                raise PermissionError(errno.EACCES, f"{found}: {MAKE_ANEW}")
            for left in list(self.directory.rglob(f"{ASIDE}*")):
                _remove(left)
            yield

    def put_release(self, number: int, digest: str, raw: bytes) -> None:
        """Keep a verified release."""
        write_whole(self.directory / "releases" / f"{number}-{digest}.json", raw, mode=PRIVATE)

    def put_baseline(self, baseline: Baseline, name: str, traits: Mapping[str, str]) -> None:
        """Keep what a release means for this node."""
        raw = msgspec.json.encode(Resolved(name, dict(traits), baseline))
        write_whole(self.directory / "baselines" / f"{baseline.digest}.json", raw, mode=PRIVATE)

    def put_part(self, sha256: str, content: bytes) -> None:
        """Keep one verified executable."""
        write_whole(self.directory / "parts" / sha256, content, mode=PRIVATE | stat.S_IXUSR)

    def part(self, sha256: str) -> Path:
        """Where an executable is, or would be."""
        return self.directory / "parts" / sha256

    def put_checks(self, digest: str, parts: Mapping[str, str]) -> None:
        """Lay out a release's executables under their names. parts: name -> sha256."""
        target = self.checks_dir(digest)
        aside = target.with_name(ASIDE + digest)
        aside.mkdir(mode=PRIVATE | stat.S_IXUSR)
        for name, sha256 in parts.items():
            os.link(self.part(sha256), aside / name)
        sync_folder(aside)
        if target.is_dir():
            shutil.rmtree(target)
        aside.rename(target)
        sync_folder(target.parent)

    def put_warrants(self, pointer: Pointer) -> None:
        """An accepted pointer stands for those of its releases that are kept."""
        kept, raw = self.digests(), encode_pointer(pointer)
        for _, digest in pointer.releases():
            if digest in kept and self.warrant(digest) != pointer:
                write_whole(self.directory / "warrants" / f"{digest}.json", raw, mode=PRIVATE)

    def put_current(self, pointer: Pointer) -> None:
        """From now on this pointer holds. The last step."""
        write_whole(self.directory / "current.json", encode_pointer(pointer), mode=PRIVATE)

    def put_seen(self, seen: Seen) -> None:
        """Remember this of accepted pointers. The current one is remembered by itself until another takes its place."""
        if seen != self.seen():
            write_whole(self.directory / "seen.json", msgspec.json.encode(seen), mode=PRIVATE)

    def put_etag(self, url: str, etag: str, centers: Sequence[str]) -> None:
        """Remember what a center calls its pointer; of other URLs than these nothing is kept."""
        if not etag or etag == self.etag(url):
            return
        etags = {known: tag for known, tag in self._etags().items() if known in centers} | {url: etag}
        write_whole(self.directory / "etags.json", msgspec.json.encode(etags), mode=PRIVATE)

    def forget_old(self, *, but: str) -> None:
        """Keep the current releases, the one of digest `but`, and the newest others: `releases_kept_max` in all."""
        current = self.current()
        digests = self.digests()
        named = [digest for _, digest in current.releases() if digest in digests] if current else []
        first = list(dict.fromkeys([*named, but, *digests]))
        keep = set(first[: limits.releases_kept_max])
        for digest in set(digests) - keep:
            for path in self.directory.glob(f"releases/*-{digest}.json"):
                path.unlink(missing_ok=True)
        for folder in ("warrants", "baselines", "checks"):
            for path in (self.directory / folder).iterdir():
                if path.stem not in keep:
                    _remove(path)
        for path in self.directory.glob("parts/*"):
            if path.stat().st_nlink == 1:  # no release links to it any more
                path.unlink(missing_ok=True)


def _shared(path: Path, found: os.stat_result) -> str:
    """Why others than this user could have written this file or directory; "" if they could not."""
    if found.st_uid != os.geteuid():
        return f"{path} belongs to user {found.st_uid}, this is user {os.geteuid()}"
    if stat.S_ISLNK(found.st_mode):
        return f"{path} is a symbolic link"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"{path} can be written by others (mode {stat.S_IMODE(found.st_mode):04o})"
    return ""


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
