"""Shell: Ed25519 keys, which sign pointers (operators') and node records (a node's own), and their files.

    mykey       ed25519-secret:<base64 of 32 bytes>   readable by its owner alone, or it is refused
    mykey.pub   ed25519:<base64 of 32 bytes>          for everybody: what `trusted_keys` takes, as text or by this file

A key's id is the beginning of SHA-256 of its public half. PyNaCl is imported where it is used: programs that only pass
keys on stay as small as they were.
"""

from __future__ import annotations

import binascii
import os
import stat
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import msgspec

from config_center.canonical import digest_of
from config_center.errors import TrustError
from config_center.files import write_whole
from config_center.pointer import Pointer, Signature, payload_of

PUBLIC_PREFIX: Final = "ed25519:"
SECRET_PREFIX: Final = "ed25519-secret:"  # noqa: S105 - how a secret begins, not one
PUBLIC_SUFFIX: Final = ".pub"
NODE_PREFIX: Final = b"inspector.node/1\n"

_KEY_BYTES: Final = 32
_SIGNATURE_DIGITS: Final = 128
_KEY_FILE_BYTES_MAX: Final = 1_024
_PRIVATE: Final = 0o600


class PublicKey(msgspec.Struct, frozen=True):
    """The public half of a key. raw: its 32 bytes."""

    raw: bytes

    @property
    def id(self) -> str:
        """Names the key: 16 hexadecimal digits."""
        return digest_of(self.raw)[:16]

    @property
    def text(self) -> str:
        """As it is written: `ed25519:<base64>`."""
        return PUBLIC_PREFIX + _base64(self.raw)


class SecretKey:
    """The secret half of a key. seed: its 32 bytes; no repr and no traceback shows them."""

    __slots__ = ("seed",)

    def __init__(self, seed: bytes) -> None:
        self.seed = seed

    @property
    def public(self) -> PublicKey:
        """Its public half."""
        return PublicKey(_pair(self.seed)[0])

    @property
    def id(self) -> str:
        """Names the key: 16 hexadecimal digits."""
        return self.public.id


class KeyPair:
    """A fresh key, and how its two files have it. id: 16 hexadecimal digits."""

    __slots__ = ("id", "public_text", "secret_text")

    def __init__(self, secret: SecretKey) -> None:
        self.secret_text = SECRET_PREFIX + _base64(secret.seed)
        self.public_text = secret.public.text
        self.id = secret.id


def generate() -> KeyPair:
    """Make a key from the system's randomness."""
    return KeyPair(SecretKey(os.urandom(_KEY_BYTES)))


def write_keypair(path: Path) -> KeyPair:
    """Make a key and write it to `path` (secret, for its owner alone) and `path.pub`. Raises TrustError.

    A key that is there already is never written over.
    """
    if path.suffix == PUBLIC_SUFFIX:
        raise TrustError(f"{path} is how the public half would be called: name the secret one without {PUBLIC_SUFFIX}")
    public = path.with_name(path.name + PUBLIC_SUFFIX)
    for there in (path, public):
        if os.path.lexists(there):
            raise TrustError(f"{there} is there already: a key is never written over; name another file")
    pair = generate()
    try:
        write_whole(path, f"{pair.secret_text}\n".encode(), mode=_PRIVATE)
        write_whole(public, f"{pair.public_text}\n".encode())
    except OSError as error:
        raise TrustError(f"the key cannot be written to {path}: {error.strerror or error}") from error
    return pair


def read_secret(path: Path) -> SecretKey:
    """Read a secret key's file. Raises TrustError, also where anybody but its owner could read it."""
    raw, mode = _read(path)
    if mode & 0o077:
        raise TrustError(f"{path} can be read by others (mode {mode:04o}): chmod 600 it, or better: make a new key")
    text = raw.decode("utf-8", "replace").strip()
    if text.startswith(PUBLIC_PREFIX):
        raise TrustError(f"{path} is a public key: signing needs the secret one, of the file without {PUBLIC_SUFFIX}")
    if not text.startswith(SECRET_PREFIX):
        raise TrustError(f"{path} is no secret key: it would begin with {SECRET_PREFIX}")
    seed = _bytes_of(text.removeprefix(SECRET_PREFIX))
    if seed is None:
        raise TrustError(f"{path} is a damaged secret key: it has to have {_KEY_BYTES} bytes of base64")
    return SecretKey(seed)


def parse_public(text: str) -> PublicKey:
    """Read a public key as it is written, `ed25519:<base64>`. Raises TrustError."""
    if text.startswith(SECRET_PREFIX):
        raise TrustError("a secret key stands where a public one should: take it away, and make a new one")
    raw = _bytes_of(text.removeprefix(PUBLIC_PREFIX)) if text.startswith(PUBLIC_PREFIX) else None
    if raw is None:
        raise TrustError(f"{text[:70]!r} is no public key: `{PUBLIC_PREFIX}` and {_KEY_BYTES} bytes of base64 are")
    return PublicKey(raw)


def read_public(path: Path) -> PublicKey:
    """Read a public key's file. Raises TrustError."""
    text = _read(path)[0].decode("utf-8", "replace").strip()
    try:
        return parse_public(text)
    except TrustError as error:
        raise TrustError(f"{path}: {error}") from error


def find_public(text: str, folder: Path) -> PublicKey:
    """A public key as configurations name it: the key itself, or a file of one, relative to `folder`. TrustError."""
    if text.startswith((PUBLIC_PREFIX, SECRET_PREFIX)):
        return parse_public(text)
    return read_public(folder / text)


def sign(pointer: Pointer, secrets: Sequence[SecretKey]) -> Pointer:
    """The pointer, signed with each of these keys; signatures that it had are gone."""
    payload = payload_of(pointer)
    made = {secret.id: Signature(secret.id, _sign(secret, payload)) for secret in secrets}
    return msgspec.structs.replace(pointer, signatures=tuple(made[key] for key in sorted(made)))


def verify(pointer: Pointer, trusted: Sequence[PublicKey], revoked: Collection[str] = ()) -> None:
    """Make sure that a trusted key has signed the pointer. Raises TrustError, which says what is wrong with it.

    revoked: ids of keys that do not count, beside those that the pointer itself revokes. One good signature is enough;
    a wrong one in the name of a key that counts is a forgery, whatever stands beside it.
    """
    counting = {key.id: key for key in trusted}
    for gone in (*revoked, *pointer.revoked):
        counting.pop(gone, None)
    if not trusted:
        raise TrustError("no key is trusted")
    if not counting:
        raise TrustError("every trusted key is revoked: put a new one into `trusted_keys`")
    if not pointer.signatures:
        raise TrustError("it is not signed")
    payload = payload_of(pointer)
    good = 0
    for made in pointer.signatures:
        if made.key in counting:
            if not _is_good(counting[made.key], payload, made.signature):
                raise TrustError(f"its signature by key {made.key} is wrong: it was changed or forged")
            good += 1
    if not good:
        raise TrustError(_not_by_us(pointer, {*revoked, *pointer.revoked}))


def _not_by_us(pointer: Pointer, revoked: set[str]) -> str:
    keys = [made.key for made in pointer.signatures]
    gone = [key for key in keys if key in revoked]
    if gone:
        return f"it is signed by key {gone[0]}, which is revoked, and by no other trusted one"
    return f"it is signed by no trusted key, but by {', '.join(keys[:3])}{', …' if len(keys) > 3 else ''}"


def sign_bytes(secret: SecretKey, raw: bytes, prefix: bytes = NODE_PREFIX) -> str:
    """Sign `prefix + raw`; the prefix says what kind of statement it is. Returns 128 hexadecimal digits."""
    return _sign(secret, prefix + raw)


def verify_bytes(public: PublicKey, raw: bytes, signature: str, prefix: bytes = NODE_PREFIX) -> None:
    """Make sure that this key has signed `prefix + raw`; signature: of any origin. Raises TrustError."""
    if not _is_good(public, prefix + raw, signature):
        raise TrustError(f"the signature is not one of key {public.id} over these bytes")


def _sign(secret: SecretKey, message: bytes) -> str:
    import nacl.bindings  # a signature is made or checked by few processes, each of them short

    return nacl.bindings.crypto_sign(message, _pair(secret.seed)[1])[:64].hex()


def _is_good(public: PublicKey, message: bytes, signature: str) -> bool:
    import nacl.bindings
    from nacl.exceptions import BadSignatureError

    if len(signature) != _SIGNATURE_DIGITS or not set(signature) <= set("0123456789abcdef"):
        return False
    try:
        nacl.bindings.crypto_sign_open(bytes.fromhex(signature) + message, public.raw)
    except BadSignatureError:
        return False
    return True


def _pair(seed: bytes) -> tuple[bytes, bytes]:
    """(public half, what libsodium signs with)."""
    import nacl.bindings

    public, secret = nacl.bindings.crypto_sign_seed_keypair(seed)
    return public, secret


def _base64(raw: bytes) -> str:
    return binascii.b2a_base64(raw, newline=False).decode("ascii")


def _bytes_of(text: str) -> bytes | None:
    """The 32 bytes that a text stands for, if it is the one way to write them."""
    try:
        raw = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
    return raw if len(raw) == _KEY_BYTES and _base64(raw) == text else None


def _read(path: Path) -> tuple[bytes, int]:
    """(content, mode) of a small file. Raises TrustError."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            raw = file.read(_KEY_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise TrustError(f"the key {path} cannot be read: {error.strerror or error}") from error
    if len(raw) > _KEY_FILE_BYTES_MAX:
        raise TrustError(f"{path} has more than {_KEY_FILE_BYTES_MAX} bytes: it is no key")
    return raw, mode
