"""What a node with trusted keys takes from a center, and from its own disk after a restart."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
import trio

from config_center import limits as center_limits
from config_center.keys import sign
from config_center.pointer import decode_pointer, encode_pointer
from inspector_agent import releases as releases_module
from tests.support.center import a_key
from tests.support.trusting import AWAY, RAID, TrustingNode, trusting_node
from tests.support.web import drips, reply, sends, web

STRANGER = a_key()
NOT_OURS = "refused: this node takes only what a trusted key has signed"


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[TrustingNode]:
    """A node that has followed nothing yet."""
    async with trusting_node(tmp_path) as made:
        yield made


async def test_a_signed_release_is_followed_and_proven_anew_after_a_restart(node: TrustingNode) -> None:
    """Signature, digests, and what the release means for this node."""
    node.signed.act(node.second)
    assert (await node.follows(node.second)).items[0].expect == {"value": {"equals": 2}}
    node.signed.act(node.third)
    await node.follows(node.third)


def unsigned(node: TrustingNode) -> str:
    """As every center's pointers were before there were keys."""
    node.signed.act(node.second, keys=())
    return "it is not signed; "


def by_a_stranger(node: TrustingNode) -> str:
    """Re-signed, by whoever holds the mirror."""
    node.signed.act(node.second, keys=[STRANGER])
    return f"it is signed by no trusted key, but by {STRANGER.id}; "


def changed(node: TrustingNode) -> str:
    """Its number of another act, its signature of this one."""
    pointer = node.signed.act(node.second)
    node.signed.files["/current.json"] = encode_pointer(msgspec.structs.replace(pointer, serial=99))
    return f"its signature by key {node.signed.key.id} is wrong: it was changed or forged; "


def self_revoked(node: TrustingNode) -> str:
    """A key cannot revoke itself and still be believed."""
    node.signed.act(node.second, revoked=(node.signed.key.id,))
    return "every trusted key is revoked: put a new one into `trusted_keys`; "


@pytest.mark.parametrize("forge", [unsigned, by_a_stranger, changed, self_revoked])
async def test_what_no_trusted_key_signed_is_refused(node: TrustingNode, forge: Callable[[TrustingNode], str]) -> None:
    """As news, for a question, with and without a release that holds; the sentence says what, and from which center."""
    words = forge(node)
    assert await node.refuses(node.started(), None, node.second) == f"{node.url}: {words}{NOT_OURS}"
    node.signed.act(node.first)
    await node.follows(node.first)
    words = forge(node)
    assert await node.refuses(node.started(), node.first, node.second) == f"{node.url}: {words}{NOT_OURS}"
    node.signed.act(node.second)
    await node.follows(node.second)


async def test_an_old_pointer_played_again_is_refused(node: TrustingNode) -> None:
    """Signed as well as ever, and still: by a running agent, after a restart, and with the current one gone."""
    node.signed.act(node.first)
    old = node.signed.files["/current.json"]
    await node.follows(node.first)
    node.signed.act(node.third)
    running = node.started()
    await running.refresh()
    node.signed.files["/current.json"] = old
    words = f"act 1 (release 1, {node.first.digest[:12]}) is older than act 2, which this node has seen"
    advice = "was the center's store restored from a backup? config-center publish --after 2 goes on"
    said = f"{node.url}: {words}: it was played again, or the mirror lags; refused ({advice})"
    assert await node.refuses(running, node.third) == said
    assert await node.refuses(node.started(), node.third) == said
    (node.cache / "current.json").unlink()
    assert (await node.refuses(node.started(), None)) == said
    (node.cache / "current.json").write_bytes(old)  # whoever restores a backup of the cache
    (node.cache / "current.json").chmod(0o600)
    node.holds(None)


async def test_a_cache_of_before_there_were_keys_is_not_believed(node: TrustingNode) -> None:
    """Its release may be anybody's. Its serial is past all the same: older acts stay refused."""
    node.signed.act(node.first)
    old = node.signed.files["/current.json"]
    for _ in range(3):
        before = node.signed.act(node.second, keys=())
    await node.follows(node.second, keys=())
    node.signed.files["/current.json"] = old
    said = await node.refuses(node.started(), None)
    assert f"is older than act {before.serial}, which this node has seen" in said
    assert said.endswith(f"act {before.serial} (release 2) in the cache proves nothing: "
                         "no trusted key has signed it, or it is not the newest that was seen")  # fmt: skip
    node.signed.files["/current.json"] = encode_pointer(sign(before, [node.signed.key]))  # the same act, signed now
    await node.follows(node.second)


async def test_a_key_can_be_changed_without_a_gap(node: TrustingNode) -> None:
    """Both sign; nodes learn the new one at their own pace; then the old one is revoked, for good."""
    old, new = node.signed.key, a_key()
    before, after = [old.public.text], [old.public.text, new.public.text]
    node.signed.act(node.first, keys=[old, new])
    for keys in (before, after, [new.public.text]):
        await node.follows(node.first, keys=keys)
    node.signed.act(node.second, keys=[new], revoked=(old.id,))
    await node.follows(node.second, keys=after)
    node.signed.act(node.third, keys=[old])  # a thief's: it does not say that its own key is revoked
    for _ in range(2):
        running = node.started(keys=after)
        await running.refresh()
        assert running.last_error == (
            f"{node.url}: it is signed by key {old.id}, which is revoked, and by no other trusted one; {NOT_OURS}"
        )
        node.holds(node.second, keys=after)
    node.signed.act(node.third, keys=[new])
    await node.follows(node.third, keys=after)
    node.signed.act(node.first, keys=[old])  # also when later acts no longer mention it
    running = node.started(keys=after)
    await running.refresh()
    assert "which is revoked" in running.last_error


async def test_two_statements_under_one_serial_are_refused(node: TrustingNode) -> None:
    """A store restored from a backup counts anew: which one is the center's, no node can tell."""
    node.signed.act(node.first)
    await node.follows(node.first)
    node.signed.act(node.second, serial=1)
    said = await node.refuses(node.started(), node.first, node.second)
    words = f"act 1 (release 2, {node.second.digest[:12]}) is another one than the act 1 that holds"
    advice = "is the one that is offered right? config-center publish --after 1 goes on"
    assert said == f"{node.url}: {words}: two stores count for themselves; refused ({advice})"


async def test_a_lower_number_is_followed_under_a_signature_only(node: TrustingNode) -> None:
    """Who holds the key may turn a node back; who only serves files may not."""
    node.signed.act(node.second)
    await node.follows(node.second)
    node.signed.act(node.first)
    await node.follows(node.first)
    node.signed.act(node.second, keys=())
    await node.follows(node.second, keys=())
    node.signed.act(node.first, keys=())
    running = node.started(keys=())
    await running.refresh()
    assert "only a pointer signed by a trusted key may turn a node back" in running.last_error
    node.holds(node.second, keys=())


@pytest.mark.parametrize("shift_s", [-86_400, 86_400])
async def test_no_clock_plays_a_part(node: TrustingNode, monkeypatch: pytest.MonkeyPatch, shift_s: int) -> None:
    """Neither the node's, a day off, nor what the center says of when."""
    clock = f"import time; real = time.time; time.time = lambda: real() + {shift_s}; "
    program = f"{clock}import runpy; runpy.run_module('inspector_agent.fetch', run_name='__main__')"
    monkeypatch.setattr(releases_module, "FETCH", (sys.executable, "-P", "-c", program))
    for release, created in ((node.first, "2030-01-02T00:00:00Z"), (node.second, "1999-01-01T00:00:00Z")):
        node.signed.act(release, created=created)
        await node.follows(release)


async def test_mixed_up_files_are_refused(node: TrustingNode) -> None:
    """Each is sound, none is where it belongs: releases and executables are bound by digest."""
    node.signed.act(node.first)
    await node.follows(node.first)
    node.signed.act(node.third)
    third, second = (f"/releases/{release.digest}.json" for release in (node.third, node.second))
    sound = dict(node.signed.files)
    node.signed.files[third] = sound[second]
    running = node.started()
    said = await node.refuses(running, node.first, node.third)
    assert said.startswith(f"{node.server.url}{third}: the release is not the one asked for")
    node.signed.files[third] = sound[third]
    raid, zfs = (f"/parts/{check.sha256}" for check in node.third.checks)
    node.signed.files[raid], node.signed.files[zfs] = b"x" * len(RAID), sound[raid]
    assert f"{node.server.url}{raid}: is not the check raid that the release names" in await node.refuses(
        running, node.first, node.third
    )
    node.signed.files[raid] = sound[raid]
    assert f"{node.server.url}{zfs}: is not the check zfs that the release names" in await node.refuses(
        running, node.first, node.third
    )
    node.signed.files[zfs] = sound[zfs]
    await node.follows(node.third)


async def test_a_pointer_cut_short_too_big_or_dripping_is_refused(node: TrustingNode) -> None:
    """And the mirror after it gives what it does not."""
    node.signed.act(node.first)
    await node.follows(node.first)
    pointer = encode_pointer(node.signed.act(node.second))
    running, too_big = node.started(), center_limits.pointer_bytes_max
    for raw, words in (
        (reply(pointer[:-9]), "the pointer is malformed"),
        (reply(pointer[:-9], length=len(pointer)), "cut short, 9 bytes are missing"),
        (reply(pointer + b" "), "the pointer was rewritten"),
        (reply(pointer + b" " * too_big), f"more than {too_big} bytes"),
    ):
        node.server.handlers["/current.json"] = sends(raw)
        said = await node.refuses(running, node.first, node.second)
        assert said.startswith(f"{node.url}: ")
        assert words in said
    node.server.handlers["/current.json"] = drips(reply(pointer), 0.05)
    with trio.fail_after(60.0):
        await running.refresh(0.8)
        assert f"{node.server.url}: not complete after 0." in running.last_error
        async with web() as mirror:
            mirror.files = node.signed.files
            mirrored = node.started(node.server.url, mirror.url)
            await mirrored.refresh(6.0)
            assert mirrored.last_error == ""
    node.holds(node.second)


def stolen(node: TrustingNode) -> None:
    """The pointer in the cache is signed by somebody else."""
    path = node.cache / "current.json"
    path.write_bytes(encode_pointer(sign(decode_pointer(path.read_bytes()), [STRANGER])))


def promoted(node: TrustingNode) -> None:
    """It names another release that is kept, which nobody signed so."""
    path = node.cache / "current.json"
    held = decode_pointer(path.read_bytes())
    path.write_bytes(encode_pointer(msgspec.structs.replace(held, number=1, digest=node.first.digest)))


def stripped(node: TrustingNode) -> None:
    """Its signature is gone."""
    path = node.cache / "current.json"
    path.write_bytes(encode_pointer(msgspec.structs.replace(decode_pointer(path.read_bytes()), signatures=())))


@pytest.mark.parametrize("tamper", [stolen, promoted, stripped])
async def test_what_lies_on_the_disk_is_proven_by_its_signature(
    node: TrustingNode, tamper: Callable[[TrustingNode], None]
) -> None:
    """By an agent that starts now, and under one that runs; with a center it is put right."""
    for release in (node.first, node.second):
        node.signed.act(release)
        await node.follows(release)
    running = node.started(AWAY)
    assert running.current() is not None
    tamper(node)
    node.holds(None)
    assert running.current() is None
    alone = node.started(AWAY)
    assert await alone.refresh() is None
    assert "in the cache proves nothing: no trusted key has signed it" in alone.last_error
    await node.follows(node.second)
    assert running.current() is not None


async def test_other_keys_prove_nothing_of_what_was_taken_by_the_old_ones(node: TrustingNode) -> None:
    """A key taken out of agent.yml counts no more, from the next start on."""
    node.signed.act(node.first)
    await node.follows(node.first)
    other = a_key().public.text
    node.holds(None, keys=[other])
    node.holds(node.first, keys=[other, *node.signed.trusted])


async def test_an_older_release_serves_a_question_as_long_as_its_key_counts(node: TrustingNode) -> None:
    """It was signed once, and is kept for slower coordinators."""
    new = a_key()
    keys = [*node.signed.trusted, new.public.text]
    for release in (node.first, node.second):
        node.signed.act(release)
        await node.follows(release, keys=keys)
    prefix = bytes.fromhex(node.first.digest)[:8]
    served = await node.started(AWAY, keys=keys).ensure(prefix, 1, 20.0)
    assert served is not None
    assert served.digest == node.first.digest
    node.signed.act(node.second, keys=[new], revoked=(node.signed.key.id,))
    await node.follows(node.second, keys=keys)
    assert await node.started(AWAY, keys=keys).ensure(prefix, 1, 20.0) is None
    shutil.rmtree(node.cache / "warrants")
    node.holds(node.second, keys=keys)


async def test_the_resident_agent_loads_no_library_of_keys(node: TrustingNode, tmp_path: Path) -> None:
    """Signatures are proven in children: what they need of memory goes with them."""
    node.signed.act(node.second)
    await node.follows(node.second)
    program = (
        "import sys\nfrom pathlib import Path\nimport inspector_agent.agent, inspector_agent.config as config\n"
        "from inspector_agent.releases import Releases\n"
        "keys = config.load(Path(sys.argv[1])).trusted_keys\n"
        "held = Releases(Path(sys.argv[2]), [], name='n001', traits={}, trusted_keys=keys).current()\n"
        "assert held.release_number == 2\n"
        "print({'nacl', 'cffi', '_cffi_backend', 'http.client'} & set(sys.modules))"
    )
    (tmp_path / "agent.yml").write_text(f"cache: /x\ntrusted_keys: {node.signed.trusted[0]}\n")
    arguments = [sys.executable, "-c", program, str(tmp_path / "agent.yml"), str(node.cache)]
    done = await trio.run_process(arguments, capture_stdout=True, stderr=subprocess.STDOUT)
    assert done.stdout == b"set()\n"
