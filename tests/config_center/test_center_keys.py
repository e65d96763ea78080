"""Keys and what they sign: files that only their owner reads, signatures that nobody else makes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config_center.errors import TrustError
from config_center.keys import (
    SecretKey,
    find_public,
    generate,
    parse_public,
    read_public,
    read_secret,
    sign,
    sign_bytes,
    verify,
    verify_bytes,
    write_keypair,
)
from config_center.pointer import Pointer, Signature
from tests.support.center import WHEN, a_key

POINTER = Pointer(serial=7, number=12, digest="a" * 64, created=WHEN)
OLD, NEW, STRANGER = a_key(), a_key(), a_key()


def test_a_known_key_signs_as_everybody_elses_ed25519_does() -> None:
    """RFC 8032, 7.1, test 2: the same public half and the same signature."""
    key = SecretKey(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    assert key.public.raw.hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert sign_bytes(key, b"\x72", prefix=b"") == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert key.id == key.public.id == hashlib.sha256(key.public.raw).hexdigest()[:16]


def test_a_secret_is_not_called_as_public_halves_are(tmp_path: Path) -> None:
    """Somebody would give it to everybody."""
    with pytest.raises(TrustError, match=r"name the secret one without \.pub"):
        write_keypair(tmp_path / "ops.pub")
    assert list(tmp_path.iterdir()) == []


def test_a_key_survives_its_files(tmp_path: Path) -> None:
    """Secret for its owner alone, public for everybody; the id is the same everywhere."""
    pair = write_keypair(tmp_path / "keys" / "ops")
    secret, public = read_secret(tmp_path / "keys" / "ops"), read_public(tmp_path / "keys" / "ops.pub")
    assert (tmp_path / "keys" / "ops").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "keys" / "ops.pub").read_text() == f"{pair.public_text}\n"
    assert pair.id == secret.id == public.id == parse_public(pair.public_text).id
    assert find_public("ops.pub", tmp_path / "keys") == find_public(pair.public_text, Path("/")) == public
    verify(sign(POINTER, [secret]), [public])


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    """Neither half: what was signed with it could not be verified any more."""
    write_keypair(tmp_path / "ops")
    before = (tmp_path / "ops").read_bytes()
    with pytest.raises(TrustError, match="ops is there already: a key is never written over"):
        write_keypair(tmp_path / "ops")
    (tmp_path / "other.pub").symlink_to(tmp_path / "nowhere")
    with pytest.raises(TrustError, match=r"other\.pub is there already"):
        write_keypair(tmp_path / "other")
    assert (tmp_path / "ops").read_bytes() == before
    assert not (tmp_path / "other").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(TrustError, match="cannot be written to"):
        write_keypair(tmp_path / "file" / "ops")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    """It is no secret any more; the sentence says what to do."""
    write_keypair(tmp_path / "ops")
    (tmp_path / "ops").chmod(mode)
    with pytest.raises(TrustError, match=f"can be read by others \\(mode {mode:04o}\\): chmod 600"):
        read_secret(tmp_path / "ops")


def test_a_secret_shows_nowhere() -> None:
    """Not in a repr, and in no message."""
    pair, secret = generate(), SecretKey(b"s" * 32)
    for thing in (secret, pair):
        assert "sss" not in repr(thing)
        assert pair.secret_text not in repr(thing)
    with pytest.raises(TrustError, match="a secret key stands where a public one should") as caught:
        parse_public(pair.secret_text)
    assert pair.secret_text not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ed25519:",
        "ed25519:AAAA",
        "ed25519:" + "A" * 43,
        "ed25519:" + "A" * 42 + "B=",  # the last bits are not zero: a second way to write the same key
        "ed25519:" + "A" * 43 + "=\n",
        "ed25519: " + "A" * 43 + "=",
        "rsa:" + "A" * 43 + "=",
        "ed25519:" + "é" * 44,
    ],
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    """One key has one spelling."""
    with pytest.raises(TrustError, match="is no public key"):
        parse_public(text)


def test_files_that_are_no_keys_are_named(tmp_path: Path) -> None:
    """The wrong half, garbage, too much, nothing there."""
    write_keypair(tmp_path / "ops")
    (tmp_path / "ops.pub").chmod(0o600)
    for name, content in {"garbage": b"\xff\xfe", "short": b"ed25519-secret:AAAA", "huge": b"x" * 5000}.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    for name, words in {
        "ops.pub": "is a public key: signing needs the secret one",
        "garbage": "is no secret key",
        "short": "is a damaged secret key",
        "huge": "has more than 1024 bytes",
        "nothing": "cannot be read: No such file or directory",
    }.items():
        with pytest.raises(TrustError, match=words) as caught:
            read_secret(tmp_path / name)
        assert str(tmp_path / name) in str(caught.value)
    for name in ("ops", "garbage", "huge", "nothing"):
        with pytest.raises(TrustError, match=str(tmp_path / name)):
            read_public(tmp_path / name)


def test_one_trusted_signature_is_enough() -> None:
    """So that a new key can be brought in while old nodes know only the old one."""
    both = sign(POINTER, [OLD, NEW])
    assert [made.key for made in both.signatures] == sorted([OLD.id, NEW.id])
    for trusted in ([OLD], [NEW], [OLD, NEW], [STRANGER, NEW]):
        verify(both, [key.public for key in trusted])
    assert sign(both, [NEW]) == sign(POINTER, [NEW])


@pytest.mark.parametrize(
    ("pointer", "trusted", "revoked", "words"),
    [
        (POINTER, [OLD], (), "it is not signed"),
        (sign(POINTER, [STRANGER]), [OLD], (), f"it is signed by no trusted key, but by {STRANGER.id}"),
        (sign(POINTER, [OLD]), [OLD, NEW], (OLD.id,), f"it is signed by key {OLD.id}, which is revoked"),
        (sign(POINTER, [OLD]), [OLD], (OLD.id,), "every trusted key is revoked"),
        (sign(POINTER, [OLD]), [], (), "no key is trusted"),
    ],
    ids=["unsigned", "stranger", "revoked", "all revoked", "none trusted"],  # the workers' keys differ, names must not
)
def test_what_no_trusted_key_signed_is_refused(
    pointer: Pointer, trusted: list[SecretKey], revoked: tuple[str, ...], words: str
) -> None:
    """Unsigned, by a stranger, by a revoked key."""
    with pytest.raises(TrustError, match=words):
        verify(pointer, [key.public for key in trusted], revoked)


def test_a_pointer_that_revokes_a_key_is_not_proven_by_it() -> None:
    """Another trusted key has to say so."""
    revokes = msgspec.structs.replace(POINTER, revoked=(OLD.id,))
    trusted = [OLD.public, NEW.public]
    with pytest.raises(TrustError, match="which is revoked, and by no other trusted one"):
        verify(sign(revokes, [OLD]), trusted)
    verify(sign(revokes, [NEW]), trusted)
    verify(sign(revokes, [NEW, OLD]), trusted)


def test_a_forged_signature_beside_a_good_one_is_refused() -> None:
    """Somebody had a hand in it."""
    good = sign(POINTER, [OLD])
    forged = msgspec.structs.replace(good, signatures=(*good.signatures, Signature(NEW.id, "0" * 128)))
    verify(forged, [OLD.public])  # of a key that this node does not know, nobody can tell
    with pytest.raises(TrustError, match=f"its signature by key {NEW.id} is wrong"):
        verify(forged, [OLD.public, NEW.public])


def test_a_signature_of_another_statement_is_wrong() -> None:
    """Taken from an older pointer, in the name of the right key."""
    old = sign(POINTER, [OLD])
    newer = msgspec.structs.replace(old, serial=8)
    with pytest.raises(TrustError, match=f"its signature by key {OLD.id} is wrong: it was changed or forged"):
        verify(newer, [OLD.public])


def test_statements_of_different_kinds_do_not_pass_for_each_other() -> None:
    """What a node signs about itself is no pointer, whatever it contains."""
    raw = b'{"schema":"inspector.node/1"}'
    signature = sign_bytes(OLD, raw)
    verify_bytes(OLD.public, raw, signature)
    others = [(NEW, raw, b"inspector.node/1\n"), (OLD, raw + b" ", b"inspector.node/1\n")]
    for key, message, prefix in [*others, (OLD, raw, b"inspector.pointer/1\n")]:
        with pytest.raises(TrustError, match="the signature is not one of key"):
            verify_bytes(key.public, message, signature, prefix)


@given(st.text(max_size=140) | st.text("0123456789abcdef", min_size=128, max_size=128))
@settings(deadline=None, max_examples=200)
def test_no_text_passes_for_a_signature(signature: str) -> None:
    """Whatever a header says, one error is raised."""
    with pytest.raises(TrustError):
        verify_bytes(OLD.public, b"raw", signature)


def test_upper_case_is_another_text() -> None:
    """One signature has one spelling."""
    with pytest.raises(TrustError):
        verify_bytes(OLD.public, b"raw", sign_bytes(OLD, b"raw").upper())
