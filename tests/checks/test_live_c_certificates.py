"""Certificates held against openssl and cryptography; and the reader of DER fed with what is nearly right."""

from __future__ import annotations

import re
import ssl
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from checklib import der, x509
from checklib.errors import CannotTell
from cryptography import x509 as theirs
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.check_cases import look_at, plant
from tests.support.others import told

ANY = {"any": True}
DAY_S = 86_400
SUBJECT = '/C=DE/ST=Thüringen/O=Example, Inc. "west"/OU=<a>;+b/CN=n001.example.net/emailAddress=ops@example.net'
EXTENSIONS = """\
[v3]
subjectAltName=DNS:n001.example.net,DNS:*.pods,IP:10.0.0.1,IP:fd00::1,email:ops@example.net,URI:spiffe://x/y
extendedKeyUsage=clientAuth,serverAuth
keyUsage=digitalSignature
basicConstraints=CA:FALSE
[ca]
basicConstraints=critical,CA:TRUE
keyUsage=keyCertSign
subjectKeyIdentifier=hash
"""
KEYS = {
    "rsa": ["rsa", "-pkeyopt", "rsa_keygen_bits:2048"],
    "p256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p521": ["ec", "-pkeyopt", "ec_paramgen_curve:secp521r1"],
    "ed25519": ["ed25519"],
    "ed448": ["ed448"],
}
SAID = {
    "key_bits": r"Public-Key: \((\d+) bit\)",
    "signature": r"Signature Algorithm: (\S+)",
    "curve": r"ASN1 OID: (\S+)",
    "names": r"Subject Alternative Name:\s*\n\s*(.*)",
}
# A file of PEM that is there wherever OpenSSL is; where a machine has none, openssl's own tests' stand-in is made.
BUNDLE = Path(ssl.get_default_verify_paths().openssl_cafile)


def make(folder: Path, name: str, key: list[str], *arguments: str, subject: str = SUBJECT) -> Path:
    """A certificate by openssl, self-signed or, with -CA, by another; its key stands beside it."""
    (folder / "ext.cnf").write_text(f"[req]\ndistinguished_name=dn\n[dn]\n{EXTENSIONS}", encoding="utf-8")
    told("openssl", "genpkey", "-algorithm", *key, "-out", str(folder / f"{name}.key"))
    told("openssl", "req", "-new", "-utf8", "-config", str(folder / "ext.cnf"), "-key", str(folder / f"{name}.key"),
         "-subj", subject, "-out", str(folder / f"{name}.csr"))  # fmt: skip
    signing = arguments if "-CA" in arguments else ("-signkey", str(folder / f"{name}.key"), *arguments)
    told("openssl", "x509", "-req", "-in", str(folder / f"{name}.csr"), "-extfile", str(folder / "ext.cnf"),
         "-out", str(folder / f"{name}.pem"), "-set_serial", "0x4711", *signing)  # fmt: skip
    return folder / f"{name}.pem"


def ours(path: Path, *properties: str, root: Path | str = "/", **parameters: str) -> dict[str, str]:
    """What is observed of each; what is not told at all raises."""
    found = {}
    for name in properties:
        one = look_at("certificate", str(path), {name: ANY}, root, parameters=parameters)
        assert one["outcome"] == "pass", one
        found[name] = one["observed"].removeprefix(f"{name} ")
    return found


@pytest.mark.parametrize("key", KEYS)
def test_it_says_what_openssl_says(key: str, tmp_path: Path) -> None:
    """Subject, issuer, dates, names, key and signature, as PEM and as DER."""
    path = make(tmp_path, key, KEYS[key], "-days", "40", "-extensions", "v3")
    binary = tmp_path / "binary.der"
    told("openssl", "x509", "-in", str(path), "-outform", "DER", "-out", str(binary))
    shown = told("openssl", "x509", "-in", str(path), "-noout", "-subject", "-issuer", "-dates", "-dateopt", "iso_8601",
                 "-fingerprint", "-sha256", "-nameopt", "RFC2253,-esc_msb,utf8")  # fmt: skip
    said = dict(line.partition("=")[::2] for line in shown.splitlines())
    text = told("openssl", "x509", "-in", str(path), "-noout", "-text")
    for file in (path, binary):
        mine = ours(file, "subject", "issuer", "not_before", "not_after", "sha256", "signature", "names", "usages")
        assert (mine["subject"], mine["issuer"]) == (said["subject"], said["issuer"])
        assert mine["not_before"] == said["notBefore"].replace(" ", "T")
        assert mine["not_after"] == said["notAfter"].replace(" ", "T")
        assert mine["sha256"] == said["sha256 Fingerprint"].replace(":", "").lower()
        assert mine["signature"] == found_in(text, "signature")
        plain = re.sub(r"(DNS|IP Address|email|URI):", "", found_in(text, "names")).replace(
            "FD00:0:0:0:0:0:0:1", "fd00::1"
        )
        assert mine["names"] == plain.replace(",", "")
        assert mine["usages"] == "clientAuth serverAuth"
        if key not in {"ed25519", "ed448"}:
            assert ours(file, "key_bits")["key_bits"] == found_in(text, "key_bits")
        if key in {"p256", "p521"}:
            assert ours(file, "curve")["curve"] == found_in(text, "curve")
        days = ours(file, "days_left", "soonest_days_left")
        assert set(days.values()) <= {"39", "40"}


def found_in(text: str, what: str) -> str:
    """What openssl x509 -text has of it."""
    found = re.search(SAID[what], text)
    assert found, text
    return found[1]


def bundle(tmp_path: Path) -> bytes:
    """The distribution's bundle; where there is none, one of our own making."""
    if BUNDLE.is_file():
        return BUNDLE.read_bytes()
    return b"".join(make(tmp_path, key, KEYS[key], "-extensions", "ca").read_bytes() for key in KEYS)


@pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive")  # real ones, old as they are
def test_every_authority_of_this_machine_is_what_cryptography_reads(tmp_path: Path) -> None:
    """Some 140 real certificates of thirty years: names, dates, keys, signatures, who may sign."""
    raw = bundle(tmp_path)
    mine, other = x509.read_certificates(raw), theirs.load_pem_x509_certificates(raw)
    assert len(mine) == len(other)
    sorts = {rsa.RSAPublicKey: "rsa", ec.EllipticCurvePublicKey: "ec",
             ed25519.Ed25519PublicKey: "ed25519", ed448.Ed448PublicKey: "ed448"}  # fmt: skip
    for one, same in zip(mine, other, strict=True):
        subject = same.subject.rfc4514_string({theirs.NameOID.EMAIL_ADDRESS: "emailAddress",
                                               theirs.NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier",
                                               theirs.NameOID.SERIAL_NUMBER: "serialNumber"})  # fmt: skip
        assert one.subject() == subject
        assert one.not_before == same.not_valid_before_utc.timestamp()
        assert one.not_after == same.not_valid_after_utc.timestamp()
        assert one.signature == same.signature_algorithm_oid.dotted_string
        key = same.public_key()
        sort, bits, _ = one.key()
        assert sort in [word for kind, word in sorts.items() if isinstance(key, kind)]
        assert bits == getattr(key, "key_size", bits)
        basic = same.extensions.get_extension_for_class(theirs.BasicConstraints).value
        assert one.is_ca() == basic.ca
        assert one.may_be_signed_by(one) == (same.issuer == same.subject)


def test_chains_are_told_as_openssl_verifies_them(tmp_path: Path) -> None:
    """A whole one, one that lacks a part, one of another authority of that name, one that is over, and a forgery."""
    ca = make(tmp_path, "ca", KEYS["rsa"], "-days", "90", "-extensions", "ca", subject="/CN=ca")
    other = make(tmp_path, "other", KEYS["p256"], "-days", "90", "-extensions", "ca", subject="/CN=ca")
    between = make(tmp_path, "between", KEYS["p256"], "-CA", str(ca), "-CAkey", str(tmp_path / "ca.key"), "-days", "60",
                   "-extensions", "ca", subject="/CN=between")  # fmt: skip
    by = ["-CA", str(between), "-CAkey", str(tmp_path / "between.key"), "-extensions", "v3"]
    leaf = make(tmp_path, "leaf", KEYS["p256"], *by, "-days", "20", subject="/CN=leaf")
    over = make(tmp_path, "over", KEYS["p256"], *by, "-days", "-1", subject="/CN=over")
    whole = tmp_path / "whole.pem"
    whole.write_text(leaf.read_text() + (tmp_path / "leaf.key").read_text() + between.read_text(), encoding="utf-8")
    late = tmp_path / "late.pem"
    late.write_text(over.read_text() + between.read_text(), encoding="utf-8")
    forged = tmp_path / "forged.der"
    raw = x509.read_certificates(between.read_bytes())[0].raw
    forged.write_bytes(raw[:-4] + bytes([raw[-4] ^ 1]) + raw[-3:])
    below = make(tmp_path, "below", KEYS["p256"], "-CA", str(leaf), "-CAkey", str(tmp_path / "leaf.key"), "-days", "9",
                 subject="/CN=below")  # fmt: skip
    cases = {
        (whole, ca): (True, True),
        (leaf, ca): (False, False),
        (leaf, between): (True, True),
        (whole, other): (False, False),
        (late, ca): (False, False),
        (ca, ca): (True, True),
        (below, leaf): (False, False),  # by one that may not sign
        (between, ca): (True, True),
        (forged, ca): (True, False),  # the chain is told by names: only openssl computes signatures
    }
    for (path, trusted), (chain, verified) in cases.items():
        for name, wanted in (("chain", chain), ("verified", verified)):
            found = look_at("certificate", str(path), {name: {"equals": wanted}}, parameters={"ca": str(trusted)})
            assert found["outcome"] == "pass", (path.name, trusted.name, found)
    assert look_at("certificate", str(late), {"days_left": {"at_most": -1}})["outcome"] == "pass"
    assert ours(whole, "soonest_days_left", "count") == {"soonest_days_left": "19", "count": "2"}


def test_days_are_counted_down_to_the_second() -> None:
    """0 on the last day, below 0 from the end on."""
    days = x509.days_between
    now = time.time()
    assert [days(now + left, now) for left in (2 * DAY_S, DAY_S - 1, 0, -1, -DAY_S - 1)] == [2, 0, 0, -1, -2]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A certificate with all sorts of parts, as DER."""
    path = make(tmp_path_factory.mktemp("good"), "p256", KEYS["p256"], "-extensions", "v3")
    return x509.read_certificates(path.read_bytes())[0].raw


def test_what_is_cut_off_is_refused(good: bytes) -> None:
    """At every byte; and what stands behind it does not matter."""
    for size in range(1, len(good)):
        with pytest.raises(CannotTell):
            x509.read_certificates(good[:size])
    assert x509.read_certificates(good + b"more")[0].raw == good


def read_all(raw: bytes) -> None:
    """Everything that can be asked of a certificate."""
    for one in x509.read_certificates(raw):
        assert one.not_before <= 253_402_300_799
        told_by_us: list[Any] = [one.subject(), one.issuer(), one.common_name(), one.names(), one.usages(), one.key()]
        told_by_us += [one.is_ca(), one.signed_with(), one.may_be_signed_by(one)]
        assert x509.leads_to(one, [one], [one], 0.0) is not None


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_what_is_nearly_a_certificate_raises_nothing_unexpected(good: bytes, data: st.DataObject) -> None:
    """Bytes changed, left out, put in; lengths and tags too."""
    raw = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with suppress(CannotTell):
        read_all(bytes(raw))


@settings(max_examples=300, deadline=None)
@given(raw=st.binary(max_size=200))
def test_any_bytes_are_elements_or_are_refused(raw: bytes) -> None:
    """Whatever is read has its place in what was given, one behind the other."""
    with suppress(CannotTell):
        assert b"".join(one.whole for one in der.elements(raw)) == raw
    for read in (der.oid, lambda content: der.moment(der.Element(der.UTC_TIME, content, content))):
        with suppress(CannotTell):
            read(raw)
    with suppress(CannotTell):
        read_all(b"0" + raw)
    with suppress(CannotTell):
        read_all(b"-----BEGIN CERTIFICATE-----\n" + raw + b"\n-----END CERTIFICATE-----\n")


def test_a_file_of_beginnings_takes_no_time(tmp_path: Path) -> None:
    """Four million bytes in which nothing ends, or nothing but endings stand, are refused at once."""
    began = time.process_time()
    for text in ("-----BEGIN CERTIFICATE-----\n" * 140_000, "-----BEGIN CERTIFICATE-----\n-----END -----\n" * 80_000):
        root = plant(tmp_path, {"/x.pem": text})
        assert look_at("certificate", "/x.pem", {"count": ANY}, root)["outcome"] == "error"
    assert time.process_time() - began < 10
