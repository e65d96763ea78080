"""The store: monotonic numbers, a pointer that never names what is not there, one publisher at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from config_center.canonical import digest_of
from config_center.errors import InvalidLayers, NothingPublished, ReleaseError, StoreError
from config_center.layers import Part
from config_center.pointer import decode_pointer
from config_center.publishing import draft, publish, timestamp
from config_center.release import SiteCheck, decode
from config_center.store import Publication, Store
from tests.support.center import item, layer, small_catalogue, write_fleet

REPOSITORY = Path(__file__).parent.parent.parent
WHEN = "2030-01-01T00:00:00Z"


def part(content: bytes, name: str = "raid") -> Part:
    """An executable of the site."""
    return Part(SiteCheck(name, f"checks/{name}", digest_of(content), len(content)), content)


def put(store: Store, value: int, *parts: Part, message: str = "") -> Publication:
    """Publish one item that expects a value."""
    return store.publish([layer("a", {"sysctl:a": item(1, equals=value)})], parts, created=WHEN, message=message)


def test_the_directory_is_laid_out_as_it_is_served(tmp_path: Path) -> None:
    """Pointer, releases by digest, parts by digest: any static server can hand them out."""
    content = b"#!/bin/sh\n"
    done = put(Store(tmp_path / "new" / "store"), 1, part(content), message="why")
    files = {str(path.relative_to(tmp_path / "new" / "store")) for path in tmp_path.rglob("*") if path.is_file()}
    digest = done.release.digest
    assert files == {".lock", "current.json", f"releases/{digest}.json", f"parts/{digest_of(content)}"}
    raw = (tmp_path / "new" / "store" / "releases" / f"{digest}.json").read_bytes()
    assert decode(raw, digest) == done.release
    pointer = decode_pointer((tmp_path / "new" / "store" / "current.json").read_bytes())
    assert (pointer.number, pointer.digest, pointer.signatures) == (1, digest, ())
    assert (done.release.message, done.release.created, done.is_new) == ("why", WHEN, True)


def test_numbers_count_up_and_identical_content_gets_none(tmp_path: Path) -> None:
    """Time and message alone make no release; going back to an earlier content does, under a new number."""
    store = Store(tmp_path)
    first = put(store, 1)
    again = put(store, 1, message="another message")
    assert (again.is_new, again.release) == (False, first.release)
    assert put(store, 2).release.number == 2
    back = put(store, 1)
    assert (back.is_new, back.release.number) == (True, 3)
    assert store.current() == back.release
    assert store.release(first.release.digest) == first.release


def test_a_change_of_type_or_of_a_part_is_a_change(tmp_path: Path) -> None:
    """1, 1.0, true and "1" are equal to Python; another part is another release."""
    store = Store(tmp_path)
    values = [1, 1.0, True, "1"]
    done = [store.publish([layer("a", {"s:a": item(1, equals=value)})], [], created=WHEN) for value in values]
    assert [one.release.number for one in done] == [1, 2, 3, 4]
    assert put(store, 1, part(b"a")).release.number == 5
    assert put(store, 1, part(b"b")).release.number == 6
    assert put(store, 1, part(b"b")).is_new is False


def test_nothing_published_is_said(tmp_path: Path) -> None:
    """Before the first release there is no pointer, and the error says what to do."""
    assert Store(tmp_path).pointer() is None
    with pytest.raises(NothingPublished, match="nothing is published yet: run config-center publish"):
        Store(tmp_path).current()


def test_numbers_go_on_when_the_pointer_was_lost(tmp_path: Path) -> None:
    """Agents refuse to go back: the releases themselves tell the highest number."""
    store = Store(tmp_path)
    put(store, 1)
    put(store, 2)
    (tmp_path / "current.json").unlink()
    assert put(store, 3).release.number == 3


@pytest.mark.parametrize("damage", ["pointer", "release", "truncated", "missing"])
def test_a_damaged_store_is_not_built_upon(tmp_path: Path, damage: str) -> None:
    """Neither read nor published to: the error names the file, and nothing is overwritten."""
    store = Store(tmp_path)
    digest = put(store, 1).release.digest
    path = tmp_path / ("current.json" if damage == "pointer" else f"releases/{digest}.json")
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.write_bytes(b"{}")
    before = (tmp_path / "current.json").read_bytes()
    for attempt in (store.current, lambda: put(store, 2)):
        with pytest.raises(StoreError, match=f"{path.name} cannot be used: .*; restore it from a mirror"):
            attempt()
    assert (tmp_path / "current.json").read_bytes() == before


def test_a_part_that_is_not_what_it_says_is_refused(tmp_path: Path) -> None:
    """Before anything is written under its name."""
    store = Store(tmp_path)
    with pytest.raises(ReleaseError, match="checks/raid: its content is not what its digest names"):
        put(store, 1, Part(part(b"a").check, b"b"))
    assert store.pointer() is None
    assert list((tmp_path / "parts").iterdir()) == []


def test_a_directory_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """The store is where a file is: one clear error, no half release."""
    (tmp_path / "store").write_text("in the way")
    with pytest.raises(StoreError, match=r"cannot be written: .*; what was published before stays"):
        put(Store(tmp_path / "store"), 1)


def test_a_full_disk_leaves_the_last_good_release(tmp_path: Path) -> None:
    """A write that fails half-way (here by the limit of file sizes) is an error of ours; the current one stays."""
    program = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from config_center.errors import StoreError; from config_center.store import Store\n"
        "from tests.support.center import item, layer\n"
        "store = Store(Path(sys.argv[1]))\n"
        "def put(text):\n"
        "    layers = [layer('a', {'s:a': item(1, equals=text)})]\n"
        "    return store.publish(layers, [], created='2030-01-01T00:00:00Z')\n"
        "put('x')\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))\n"
        "try: put('y' * 1000)\n"
        "except StoreError as error: print(error)\n"
        "print(store.current().number, put('z').release.number)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert "File too large; what was published before stays" in done.stdout
    assert done.stdout.splitlines()[-1] == "1 2"


def test_a_publisher_may_die_at_any_step(tmp_path: Path) -> None:
    """At every fsync and rename, before, after and with torn writes: the pointer names a whole release, old or new.

    The next publisher then gets through, under the right number, and takes what was left away.
    """
    put(Store(tmp_path / "origin"), 1, part(b"first"))
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.center_crash", str(tmp_path / "origin")],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    assert [step for step in steps if not step["whole"] or step["next"] != step["number"] + 1 or step["left"]] == []
    before = [step["number"] for step in steps if step["step"].startswith("before")]
    # The store's folder; part, release and pointer each with file, rename, folder; then nothing more to die at.
    assert before == [1] * 9 + [2, 2]
    assert [step["number"] for step in steps if step["step"].startswith("after")] == [1] * 8 + [2, 2, 2]


def test_publishers_at_once_never_share_a_number(tmp_path: Path) -> None:
    """Four processes publish eight releases each into one store: 32 releases, 32 numbers, the last one current."""
    program = (
        "import sys; from pathlib import Path\n"
        "from config_center.store import Store; from tests.support.center import item, layer\n"
        "for turn in range(8):\n"
        "    items = {'s:a': item(1, equals=f'{sys.argv[2]} {turn}')}\n"
        "    Store(Path(sys.argv[1])).publish([layer('a', items)], [], created='2030-01-01T00:00:00Z')\n"
    )
    publishers = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), str(who)], cwd=REPOSITORY) for who in range(4)
    ]
    assert [publisher.wait(60) for publisher in publishers] == [0, 0, 0, 0]
    store = Store(tmp_path)
    numbers = sorted(store.release(path.stem).number for path in (tmp_path / "releases").iterdir())
    assert numbers == list(range(1, 33))
    assert store.current().number == 32


def test_publishing_a_directory(tmp_path: Path) -> None:
    """From layers to the current release in one call; mistakes stop it before anything is written."""
    fleet = write_fleet(tmp_path / "fleet", {"a.yml": "items: {sysctl: {a: 1}}\n"}, {"raid": "#!/bin/sh\nexit 3\n"})
    now = datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    done = publish(fleet, tmp_path / "store", small_catalogue(), now=now, message="first")
    assert (done.release.number, done.release.created, done.release.message) == (1, "2030-01-02T01:04:05Z", "first")
    assert [check.name for check in done.release.checks] == ["raid"]
    assert draft(fleet, small_catalogue()).items == done.release.items
    write_fleet(fleet, {"b.yml": "items: {sysctl: {a: {at_mots: 1}}}\n"})
    with pytest.raises(InvalidLayers):
        publish(fleet, tmp_path / "store", small_catalogue())
    with pytest.raises(InvalidLayers):
        draft(fleet, small_catalogue())
    assert Store(tmp_path / "store").current() == done.release


def test_the_present_is_in_utc() -> None:
    """To the second, with Z, whatever the time zone of the machine."""
    said = datetime.strptime(timestamp(None), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - said).total_seconds()) < 60
    assert os.environ.get("TZ", "") == "" or timestamp(None).endswith("Z")
