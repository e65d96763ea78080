"""Which pointers the coordinator believes: signed by us, not revoked, not older; else the last good one, and a note."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from config_center.keys import PublicKey, SecretKey, generate, sign
from config_center.pointer import Pointer, encode_pointer
from inspector_coord import limits
from inspector_coord.config import Config, Ring
from inspector_coord.current import Current
from inspector_coord.doctor import examine
from inspector_coord.errors import ConfigError, ReleaseError
from inspector_coord.release_cache import ReleaseCache
from inspector_coord.trust import keys_of
from tests.support.center import item, layer, release_of
from tests.support.mirror import Mirror, key, mirrored, pointer_to
from tests.support.serf import claimed_prefix

OLD = release_of(layer("00-fleet", {"sysctl:a": item(equals=1)}), number=1)
NEW = release_of(layer("00-fleet", {"sysctl:a": item(equals=2)}), number=2)
BEST = release_of(layer("00-fleet", {"sysctl:a": item(equals=3)}), number=3)


class Ours:
    """A cache that trusts two keys, and a mirror."""

    def __init__(self, directory: Path, mirror: Mirror) -> None:
        self.directory = directory
        self.mirror = mirror
        self.first = key(directory, "first")
        self.second = key(directory, "second")
        self.trusted: tuple[PublicKey, ...] = (self.first.public, self.second.public)

    async def current(self) -> Current:
        """As a new process sees it."""
        return await ReleaseCache(self.directory / "cache", self.mirror.url, self.trusted).current()

    async def refused(self, why: str) -> None:
        """The mirror's pointer is refused for this reason, and release 1 is asked for."""
        current = await self.current()
        assert current.release == OLD
        assert why in current.note
        assert current.note.endswith("asking for release 1, the last good one")


async def test_a_pointer_signed_by_any_trusted_key_is_believed(tmp_path: Path) -> None:
    """Rotation: the old key, both, the new one."""
    async with mirrored() as mirror:
        ours = Ours(tmp_path, mirror)
        for serial, keys in enumerate(((ours.first,), (ours.first, ours.second), (ours.second,)), 1):
            mirror.put(pointer_to(OLD, serial), OLD, keys=keys)
            assert ((await ours.current()).release, (await ours.current()).note) == (OLD, "")


async def test_what_is_not_ours_is_refused(tmp_path: Path) -> None:
    """Unsigned, signed by a stranger, changed after it was signed: the last good release is asked for, and why."""
    async with mirrored() as mirror:
        ours = Ours(tmp_path, mirror)
        mirror.put(pointer_to(OLD, 1), OLD, keys=(ours.first,))
        await ours.current()
        mirror.put(pointer_to(NEW, 2), NEW)
        await ours.refused("it is not signed")
        stranger = SecretKey(bytes(32))
        mirror.put(pointer_to(NEW, 2), NEW, keys=(stranger,))
        await ours.refused(f"it is signed by no trusted key, but by {stranger.id}")
        signed = sign(pointer_to(BEST, 2), (ours.first,))
        forged = msgspec.structs.replace(signed, number=NEW.number, digest=NEW.digest)
        mirror.files["current.json"] = encode_pointer(forged)
        await ours.refused(f"its signature by key {ours.first.id} is wrong")


async def test_nothing_good_at_all_is_said(tmp_path: Path) -> None:
    """No earlier release that counts: one sentence, with what to do."""
    async with mirrored() as mirror:
        ours = Ours(tmp_path, mirror)
        mirror.put(pointer_to(NEW, 2), NEW)
        with pytest.raises(ReleaseError, match="it is not signed; no earlier release is kept"):
            await ours.current()


async def test_an_older_act_is_a_replay(tmp_path: Path) -> None:
    """The serial counts, not the release's number: a rollback is a new act, an old act played again is none."""
    async with mirrored() as mirror:
        ours = Ours(tmp_path, mirror)
        mirror.put(pointer_to(NEW, 4), NEW, keys=(ours.first,))
        await ours.current()
        mirror.put(pointer_to(OLD, 5), OLD, keys=(ours.first,))
        assert (await ours.current()).release == OLD
        mirror.put(pointer_to(NEW, 4), NEW, keys=(ours.first,))
        await ours.refused("it is older than one that was taken already (serial 4 after 5)")


async def test_another_statement_of_the_same_serial_is_refused(tmp_path: Path) -> None:
    """Two stores that count for themselves, both with our key: the one that came first holds, as on the nodes."""
    async with mirrored() as mirror:
        ours = Ours(tmp_path, mirror)
        mirror.put(pointer_to(OLD, 5), OLD, keys=(ours.first,))
        await ours.current()
        mirror.put(pointer_to(NEW, 5), NEW, keys=(ours.first,))
        await ours.refused(
            "it is another one than the statement that was taken as act 5: two stores count for themselves"
        )
        mirror.put(pointer_to(OLD, 5), OLD, keys=(ours.second,))
        assert (await ours.current()).note == ""
        mirror.put(pointer_to(NEW, 6), NEW, keys=(ours.first,))
        assert (await ours.current()).release == NEW


async def test_a_revoked_key_is_remembered_for_good(tmp_path: Path) -> None:
    """Also where the pointer that revoked it is gone again, and where its release could not be had."""
    async with mirrored() as mirror:
        ours = Ours(tmp_path, mirror)
        revoking = msgspec.structs.replace(pointer_to(OLD, 2), revoked=(ours.first.id,))
        mirror.put(pointer_to(OLD, 1), OLD, keys=(ours.second,))
        await ours.current()
        missing = msgspec.structs.replace(pointer_to(NEW, 2), revoked=(ours.first.id,))
        mirror.put(missing, keys=(ours.second,))
        await ours.refused("answers 404 for release 2")
        mirror.put(pointer_to(NEW, 3), NEW, keys=(ours.first,))
        await ours.refused(f"it is signed by key {ours.first.id}, which is revoked")
        mirror.put(revoking, OLD, keys=(ours.second,))
        assert (await ours.current()).note == ""


async def test_what_was_kept_must_still_count(tmp_path: Path) -> None:
    """A release taken without keys, or by a key that is trusted no more, is no last good one."""
    async with mirrored() as mirror:
        ours = Ours(tmp_path, mirror)
        mirror.put(pointer_to(OLD, 1), OLD)
        await ReleaseCache(tmp_path / "cache", mirror.url).current()
        with claimed_prefix() as network, pytest.raises(ReleaseError, match="no earlier release is kept"):
            await ReleaseCache(tmp_path / "cache", f"http://{network}.1:1", ours.trusted).current()


async def test_a_damaged_memory_is_no_empty_one(tmp_path: Path) -> None:
    """Whoever can damage it must not make old statements good again."""
    async with mirrored() as mirror:
        ours = Ours(tmp_path, mirror)
        mirror.put(pointer_to(NEW, 4), NEW, keys=(ours.first,))
        await ours.current()
        (tmp_path / "cache" / "trust.json").write_bytes(b'{"serial": -4}')
        with pytest.raises(ReleaseError, match=r"trust\.json cannot be read"):
            await ours.current()


async def test_without_keys_everything_is_believed(tmp_path: Path) -> None:
    """As long as nobody says whom to trust, an older act is no replay either: a center may begin anew."""
    async with mirrored() as mirror:
        cache = ReleaseCache(tmp_path, mirror.url)
        mirror.put(pointer_to(NEW, 4), NEW, keys=(SecretKey(bytes(32)),))
        assert (await cache.current()).release == NEW
        mirror.put(pointer_to(OLD, 1), OLD)
        assert (await cache.current()).release == OLD
        assert not (tmp_path / "trust.json").exists()


async def test_mirrors_are_tried_in_order(tmp_path: Path) -> None:
    """One is away, one has nothing, one lies: the next one serves, and the note names those before it."""
    async with mirrored() as empty, mirrored() as liar, mirrored() as good:
        ours = Ours(tmp_path, good)
        liar.put(pointer_to(NEW, 9), NEW)
        good.put(pointer_to(OLD, 1), OLD, keys=(ours.first,))
        with claimed_prefix() as network:
            away = f"http://{network}.1:8600"
            cache = ReleaseCache(tmp_path / "cache", (away, empty.url, liar.url, good.url), ours.trusted)
            current = await cache.current()
    assert current.release == OLD
    for said in (f"{away} cannot be reached", f"{empty.url} has published nothing yet", "it is not signed"):
        assert said in current.note
    assert current.note.endswith(f"taken from {good.url}")


async def test_a_canary_comes_with_its_release(tmp_path: Path) -> None:
    """Both or none: without the canary's release the pointer is not taken."""
    async with mirrored() as mirror:
        ours = Ours(tmp_path, mirror)
        mirror.put(pointer_to(OLD, 1), OLD, keys=(ours.first,))
        await ours.current()
        mirror.put(pointer_to(OLD, 2, NEW), OLD, keys=(ours.first,))
        await ours.refused("answers 404 for release 2")
        mirror.put(pointer_to(OLD, 2, NEW), NEW, keys=(ours.first,))
        current = await ours.current()
        assert (current.release, current.canary, current.note) == (OLD, NEW, "")
        mirror.files.clear()
        (tmp_path / "cache" / "releases" / f"{NEW.digest}.json").unlink()
        with pytest.raises(ReleaseError, match="has published nothing yet"):
            await ours.current()


def test_keys_of_the_configuration(tmp_path: Path) -> None:
    """Texts, and files beside coordinator.yml; a mistake names the file and the key."""
    pair = generate()
    (tmp_path / "center.pub").write_text(f"{pair.public_text}\n")
    rings = {"main": Ring(("127.0.0.1:7373",))}

    def keys(*texts: str) -> list[str]:
        config = Config(rings=rings, config_center="http://x", trusted_keys=texts, file=tmp_path / "coordinator.yml")
        return [one.id for one in keys_of(config)]

    assert keys(pair.public_text, "center.pub") == [pair.id, pair.id]
    for wrong in ("ed25519:AAAA", "nowhere.pub", pair.secret_text):
        with pytest.raises(ConfigError, match=r"coordinator\.yml: trusted_keys: "):
            keys(wrong)


def test_the_memory_of_two_sweeps_at_once_only_grows(tmp_path: Path) -> None:
    """Each adds to what the other has written."""
    from inspector_coord.trust import Trust

    pair = SecretKey(bytes(32))
    first, second = (Trust(tmp_path, (pair.public,)) for _ in range(2))

    def signed(serial: int) -> Pointer:
        return sign(pointer_to(OLD, serial), (pair,))

    first.check(signed(3))
    second.take(signed(7))
    first.take(signed(3))
    assert msgspec.json.decode((tmp_path / "trust.json").read_bytes())["serial"] == 7


async def test_a_center_that_drips_is_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sends, and never ends: the document's time is bounded, not only the silence in it."""
    monkeypatch.setattr(limits, "document_s_max", 2.0)
    async with mirrored() as slow, mirrored() as mirror:
        slow.drips = True
        mirror.put(pointer_to(OLD, 1), OLD)
        current = await ReleaseCache(tmp_path, (slow.url, mirror.url)).current()
    assert current.release == OLD
    assert f"{slow.url}/current.json was not sent within 2 s" in current.note


async def test_doctor_says_who_is_believed(tmp_path: Path) -> None:
    """Without keys everybody is, which is worth a warning; with keys the center's pointer is held to them."""
    async with mirrored() as mirror:
        ours = Ours(tmp_path, mirror)
        mirror.put(pointer_to(OLD, 1, NEW), OLD, NEW, keys=(ours.first,))
        with claimed_prefix() as network:
            rings = {"main": Ring((f"{network}.1:7373",))}
            config = Config(rings=rings, config_center=mirror.url, cache=tmp_path / "c", file=tmp_path / "x.yml")
            loose = {sign.what: sign for sign in await examine(config)}
            strict = msgspec.structs.replace(config, trusted_keys=("second.pub",))
            tight = {sign.what: sign for sign in await examine(strict)}
    what = f"config center {mirror.url}"
    assert loose["trusted_keys"].health == "warn"
    assert loose[what].detail.endswith("1 items, canary release 2")
    assert "trusted_keys" not in tight
    assert tight[what].health == "fail"
    assert "is refused" in tight[what].detail
