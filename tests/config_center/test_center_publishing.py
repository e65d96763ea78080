"""Acts as plain values, the publishing function that programs use, and what the audit trail knows."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import msgspec
import pytest

from config_center.acts import Content, Standing, Step, promoted, published, restored, revoked, tried
from config_center.canary_words import hold_to_tags, read_canary
from config_center.database import Database
from config_center.drafting import draft
from config_center.errors import InvalidLayers, MatchError, Refused, StoreConflict, StoreError
from config_center.folder import Folder
from config_center.keys import generate, read_secret
from config_center.match import Term
from config_center.model import Release
from config_center.pointer import Canary, Signature
from config_center.publishing import Author, open_store, publish, record, standing_of, timestamp, whoami
from config_center.trail import before_the_current, find_release, last_commit, last_signed
from tests.support.center import item, layer, small_catalogue, terms, write_fleet

REPOSITORY = Path(__file__).parent.parent.parent
WHEN = "2030-01-01T00:00:00Z"
RAID = "#!/bin/sh\nexit 1\n"


def content(value: int) -> Content:
    """One item that expects a value."""
    return Content([layer("a", {"sysctl:a": item(equals=value)})], [])


def after(standing: Standing, step: Step | None) -> Standing:
    """What stands after a step."""
    assert step is not None
    if step.kind == "canary":
        return Standing(step.pointer, standing.main, step.release)
    return Standing(step.pointer, step.release)


def standing(*values: int) -> Standing:
    """After publishing these values one after the other."""
    now = Standing()
    for value in values:
        now = after(now, published(now, now.draft(content(value), WHEN)))
    return now


def canary(now: Standing, value: int, **match: str) -> Standing:
    """After trying a value."""
    return after(now, tried(now, now.draft(content(value), WHEN), terms(**match)))


def test_acts_count_serials_and_numbers_up() -> None:
    """Whatever is done, in any order."""
    now = standing(1)
    seen = [now]
    for act in ("canary", "canary", "promote", "rollback", "publish", "canary", "rollback", "canary", "publish"):
        value = len(seen) + 1
        if act == "canary":
            now = canary(now, value, rack="b1")
        elif act == "promote":
            now = after(now, promoted(now, WHEN))
        elif act == "rollback":
            now = after(now, restored(now, seen[0].main or now.draft(content(0), WHEN), WHEN))
        else:
            now = after(now, published(now, now.draft(content(value), WHEN)))
        seen.append(now)
    pointers = [one.pointer for one in seen if one.pointer]
    assert [pointer.serial for pointer in pointers] == list(range(1, len(seen) + 1))
    highest = [max(number for number, _ in pointer.releases()) for pointer in pointers]
    assert highest == sorted(highest)
    assert [pointer.number for pointer in pointers] == [1, 1, 1, 3, 4, 5, 5, 7, 7, 9]


def test_identical_content_is_no_act() -> None:
    """For everybody, or as the same canary."""
    now = standing(1)
    assert published(now, now.draft(content(1), "later", "why")) is None
    assert tried(now, now.draft(content(1), WHEN), terms(rack="b1")) is None
    now = canary(now, 2, rack="b1")
    assert tried(now, now.draft(content(2), WHEN), terms(rack="b1")) is None
    assert tried(now, now.draft(content(2), WHEN), terms(rack="b2")) is not None
    step = published(now, now.draft(content(2), WHEN))
    assert step is not None
    assert (step.kind, step.is_new, step.release.number) == ("promote", False, 2)


def test_publishing_what_the_others_have_takes_a_canary_back() -> None:
    """Somebody reverted the change and publishes for everybody: the canary must not stay out in silence."""
    now = canary(standing(1), 2, rack="b1")
    step = published(now, now.draft(content(1), WHEN, "reverted"))
    assert step is not None
    assert (step.kind, step.is_new, step.release.number, step.release.restores) == ("rollback", True, 3, 1)
    assert (step.pointer.canary, step.pointer.number, step.release.message) == (None, 3, "reverted")
    assert tried(now, now.draft(content(1), WHEN), terms(rack="b1")) is None


def test_the_pointer_of_a_canary() -> None:
    """It keeps what everybody has, and says whom the canary is for."""
    now = canary(standing(1), 2, rack="b1")
    assert now.pointer is not None
    assert now.canary is not None
    assert now.pointer.canary == Canary(2, now.canary.digest, {"rack": Term(any=("b1",))})
    assert now.pointer.number == 1


def test_what_is_revoked_stays_revoked() -> None:
    """Through every later act; signatures do not."""
    now = canary(standing(1), 2, rack="b1")
    signed = msgspec.structs.replace(now.pointer, signatures=(Signature("a" * 16, "b" * 128),)) if now.pointer else None
    now = Standing(signed, now.main, now.canary)
    step = revoked(now, "c" * 16, WHEN)
    assert (step.pointer.revoked, step.pointer.signatures, step.pointer.canary) == (
        ("c" * 16,), (), now.pointer and now.pointer.canary,
    )  # fmt: skip
    now = Standing(step.pointer, now.main, now.canary)
    later = revoked(now, "a" * 16, WHEN)
    assert later.pointer.revoked == ("a" * 16, "c" * 16)
    assert promoted(now, WHEN).pointer.revoked == ("c" * 16,)


def test_acts_that_cannot_be() -> None:
    """Each says why."""
    with pytest.raises(Refused, match="no canary"):
        promoted(standing(1), WHEN)
    with pytest.raises(Refused, match="nothing is published yet"):
        revoked(Standing(), "a" * 16, WHEN)
    with pytest.raises(Refused, match="publish one for everybody first"):
        tried(Standing(), Standing().draft(content(1), WHEN), {})
    now = standing(1)
    with pytest.raises(MatchError):
        tried(now, now.draft(content(2), WHEN), terms(rack="["))
    assert now.main is not None
    with pytest.raises(Refused, match="has the content of 1 already"):
        restored(now, now.main, WHEN)


def test_words_of_a_canary() -> None:
    """As in a layer's match."""
    assert read_canary(
        ["rack=b1", "rack=b2", "node=n[001-010]", "fact.kernel>=6.1", "fact.kernel<6.6", "zone != c"]
    ) == {
        "rack": Term(any=("b1", "b2")),
        "node": Term(any=("n[001-010]",)),
        "fact.kernel": Term(at_least="6.1", below="6.6"),
        "zone": Term(none=("c",)),
    }
    hold_to_tags(read_canary(["rack=b[01-03]", "zone!=c", "node=x", "fact.os=y"]), {"rack": ["b*"], "zone": []})
    hold_to_tags(read_canary(["rack=b1"]), {})
    with pytest.raises(MatchError, match="no tag rakc; did you mean rack"):
        hold_to_tags(read_canary(["rakc=b1"]), {"rack": []})
    with pytest.raises(MatchError, match="rack is never x; known: b1, b2"):
        hold_to_tags(read_canary(["rack=x"]), {"rack": ["b1", "b2"]})
    with pytest.raises(MatchError, match="given twice"):
        read_canary(["fact.kernel>=6.1", "fact.kernel>=6.2"])


def test_publishing_a_directory(tmp_path: Path) -> None:
    """Layers, waivers and the site's executables, into the store and a mirror of it; identical content is kept."""
    layers = {"a.yml": "items: {raid: {md0: ok}, sysctl: {a: 1}}\n"}
    fleet = write_fleet(tmp_path / "fleet", layers, {"raid": RAID})
    (fleet / "waivers.yml").write_text(
        "waivers: [{items: ['sysctl:a'], match: {zone: b}, owner: o, reason: r, ticket: t, expires: 2099-01-01}]\n"
    )
    store, now = tmp_path / "new" / "center.db", datetime(2030, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    done = publish(fleet, store, small_catalogue(), now=now, message="why", to=[tmp_path / "www"])
    assert (done.release.number, done.release.created, done.release.message, done.is_new) == (1, WHEN, "why", True)
    assert [waiver.ticket for waiver in done.release.waivers] == ["t"]
    for depot in (Database.at(store), Folder(tmp_path / "www")):
        assert depot.part_bytes(done.release.checks[0].sha256) == RAID.encode()
        assert depot.pointer_bytes() == Database.at(store).pointer_bytes()
    again = publish(fleet, store, small_catalogue(), message="other")
    assert (again.is_new, again.release) == (False, done.release)
    write_fleet(fleet, {"b.yml": ""})
    with pytest.raises(InvalidLayers):
        publish(fleet, store, small_catalogue())
    assert draft(write_fleet(fleet, {"b.yml": "items: {sysctl: {a: 2}}\n"}), small_catalogue()).number == 1


def test_publishing_with_a_key(tmp_path: Path) -> None:
    """The statement carries its signature."""
    fleet = write_fleet(tmp_path / "fleet", {"a.yml": "items: {sysctl: {a: 1}}\n"})
    pair = generate()
    (tmp_path / "key").write_text(pair.secret_text)
    (tmp_path / "key").chmod(0o600)
    publish(fleet, tmp_path / "center.db", small_catalogue(), keys=[read_secret(tmp_path / "key")])
    database = Database.at(tmp_path / "center.db")
    assert last_signed(database) == (pair.id,)
    now = standing_of(database).pointer
    assert now is not None
    assert [one.key for one in now.signatures] == [pair.id]


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    """It can only mirror one."""
    with pytest.raises(StoreError, match="can only mirror a store"):
        open_store(str(tmp_path))


def made(tmp_path: Path, *values: int) -> tuple[Database, list[Release]]:
    """A store in which these values were published, and the releases."""
    database = Database.at(tmp_path / "center.db")
    database.migrate()
    releases = []
    for value in values:
        now = standing_of(database)
        step = published(now, now.draft(content(value), WHEN))
        assert step is not None
        record(database, step, Author("me", commit=f"{value:040x}"))
        releases.append(step.release)
    return database, releases


def test_an_act_that_was_built_on_an_older_one(tmp_path: Path) -> None:
    """Nothing of it is stored, and what to do is said."""
    database, _ = made(tmp_path, 1)
    now = standing_of(database)
    first, second = (published(now, now.draft(content(value), WHEN)) for value in (2, 3))
    assert first is not None
    assert second is not None
    record(database, first, Author("me"))
    with pytest.raises(StoreConflict, match="somebody else published meanwhile, and nothing of this was: look at"):
        record(database, second, Author("you"))
    assert database.release_bytes(second.release.digest) is None
    assert [act.serial for act in database.acts()] == [2, 1]


def test_many_publishers_at_once_never_share_a_number(tmp_path: Path) -> None:
    """Each of these processes publishes something else; who is not first is told so."""
    store = tmp_path / "center.db"
    publish(write_fleet(tmp_path / "0", {"a.yml": "items: {sysctl: {a: 0}}\n"}), store, small_catalogue())
    program = (
        "import sys; from pathlib import Path; from config_center.errors import StoreConflict\n"
        "from config_center.publishing import publish; from tests.support.center import small_catalogue\n"
        "catalogue = small_catalogue(); print('ready', flush=True); sys.stdin.readline()\n"
        "try:\n    print(publish(Path(sys.argv[1]), sys.argv[2], catalogue).release.number)\n"
        "except StoreConflict:\n    print('conflict')\n"
    )
    publishers = []
    for number in range(1, 6):
        fleet = write_fleet(tmp_path / str(number), {"a.yml": f"items: {{sysctl: {{a: {number}}}}}\n"})
        publishers.append(
            subprocess.Popen(
                [sys.executable, "-c", program, str(fleet), str(store)], cwd=REPOSITORY, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            )
        )  # fmt: skip
    for publisher in publishers:
        assert publisher.stdout is not None
        assert publisher.stdout.readline() == "ready\n"
    for publisher in publishers:
        assert publisher.stdin is not None
        publisher.stdin.write("\n")
        publisher.stdin.flush()
    said = [publisher.communicate(timeout=60)[0].strip() for publisher in publishers]
    numbers = sorted(int(word) for word in said if word != "conflict")
    assert numbers == list(range(2, 2 + len(numbers)))
    assert numbers
    assert [act.number for act in Database.at(store).acts()] == [*reversed(numbers), 1]


def test_what_was_there_before(tmp_path: Path) -> None:
    """A release that restored another counts as that one."""
    database, releases = made(tmp_path, 1, 2, 3)
    assert before_the_current(database, standing_of(database)) == releases[1]
    for expected in (2, 1):
        now = standing_of(database)
        record(database, restored(now, before_the_current(database, now), WHEN), Author("me"))
        assert database.current().restores == expected
    with pytest.raises(Refused, match="nothing before it"):
        before_the_current(database, standing_of(database))
    assert last_commit(database) == f"{3:040x}"


def test_finding_releases(tmp_path: Path) -> None:
    """By number, by the beginning of a digest, by a word."""
    database, releases = made(tmp_path, 1, 2)
    for name in ("2", releases[1].digest, "current"):
        assert find_release(database, name) == releases[1]
    letters = next(length for length in range(6, 64) if not releases[0].digest[:length].isdigit())
    assert find_release(database, releases[0].digest[:letters]) == releases[0]
    for name in ("3", "ffffff", "canary"):
        with pytest.raises(StoreError):
            find_release(database, name)


def test_a_digest_that_begins_with_digits_alone(tmp_path: Path) -> None:
    """It is no number, unless a release has that."""
    database, releases = made(tmp_path, *range(1, 41))
    one = next(release for release in releases if release.digest[:6].isdigit())
    assert find_release(database, one.digest[:6]) == one
    assert find_release(database, "40") == releases[39]
    with pytest.raises(StoreError, match="no release 999999"):
        find_release(database, "999999")


def test_who_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The login and the host; behind sudo, who called it."""
    login, host = pwd.getpwuid(os.getuid()).pw_name, socket.gethostname()
    monkeypatch.delenv("SUDO_USER", raising=False)
    assert whoami() == f"{login}@{host}"
    monkeypatch.setenv("SUDO_USER", "ali\x1bce")
    assert whoami() == (f"alice@{host} as {login}" if os.getuid() == 0 else f"{login}@{host}")


def test_timestamps_are_utc() -> None:
    """To the second."""
    assert timestamp(datetime(2030, 1, 1, 0, 0, 0, 999, tzinfo=UTC)) == WHEN
