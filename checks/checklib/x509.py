"""Certificates (RFC 5280) out of PEM, DER and kubeconfig files. Pure: bytes in, plain values or CannotTell out.

Signatures are not computed here: that a certificate was signed by another is told by names and key identifiers.
"""

from __future__ import annotations

import re
from binascii import Error as Base64Error
from binascii import a2b_base64

from checklib import der, limits
from checklib.errors import CannotTell
from checklib.oids import ATTRIBUTES, CURVES, KEYS, SIGNATURES, USAGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from checklib.der import Element

DAY_S = 86_400
_BEGIN = re.compile(rb"-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----")
_END = b"-----END "
_EXPLICIT_VERSION, _EXPLICIT_EXTENSIONS = 0xA0, 0xA3
_EMAIL, _DNS, _URI, _IP = 0x81, 0x82, 0x86, 0x87
_KEY_ID, _KEY_CERT_SIGN = 0x80, 5
_ESCAPED = frozenset(',+"\\<>;')


class Certificate:
    """One certificate. Only what is asked for is looked into beyond the outermost parts.

    raw            its DER
    issuer_raw     the issuer's name as DER; subject_raw likewise
    not_before     seconds since 1970, UTC; not_after likewise
    extensions     object identifier -> content
    """

    __slots__ = ("_issuer", "_key", "_subject", "extensions", "not_after", "not_before", "raw", "signature")

    def __init__(self, raw: bytes) -> None:
        whole = der.first(raw).expect(der.SEQUENCE, "outermost part")
        self.raw = whole.whole
        tbs, *_ = _some(whole, 3, "outermost part")
        parts = _some(tbs.expect(der.SEQUENCE, "body"), 6, "body")
        if parts[0].tag == _EXPLICIT_VERSION:
            parts = parts[1:]
        if len(parts) < 6:
            raise CannotTell("the certificate's body lacks parts")
        _serial, algorithm, self._issuer, validity, self._subject, self._key = parts[:6]
        self.signature = _algorithm(algorithm)[0]
        begin, end, *_ = _some(validity, 2, "validity")
        self.not_before, self.not_after = der.moment(begin), der.moment(end)
        self.extensions = dict(_extensions(parts[6:]))

    @property
    def issuer_raw(self) -> bytes:
        """The issuer's name as DER."""
        return self._issuer.whole

    @property
    def subject_raw(self) -> bytes:
        """The subject's name as DER."""
        return self._subject.whole

    def issuer(self) -> str:
        """Who gave it, as RFC 4514 writes it: CN=ca,O=Example."""
        return name(self._issuer)

    def subject(self) -> str:
        """Whom it is of, as RFC 4514 writes it."""
        return name(self._subject)

    def common_name(self) -> str | None:
        """The last CN of its subject; None where it has none."""
        found = [value for rdn in _rdns(self._subject) for short, value in rdn if short == "CN"]
        return found[-1] if found else None

    def names(self) -> list[str]:
        """What it is for: DNS names, addresses, mail addresses and URIs, in its own order."""
        alternatives = self.extensions.get("2.5.29.17")
        found = [] if alternatives is None else [_general_name(one) for one in _sequence(alternatives)]
        if len(found) > limits.certificate_names_max:
            raise CannotTell(f"the certificate is for more than {limits.certificate_names_max} names")
        return [one for one in found if one]

    def usages(self) -> list[str]:
        """Its extended key usages: serverAuth, clientAuth …"""
        content = self.extensions.get("2.5.29.37")
        words = [] if content is None else [der.oid(one.content) for one in _sequence(content)]
        return [USAGES.get(word, word) for word in words]

    def is_ca(self) -> bool:
        """Whether others may be signed with it: by basicConstraints, and by keyUsage where it has one."""
        constraints = self.extensions.get("2.5.29.19")
        if constraints is None or not any(
            one.tag == der.BOOLEAN and one.content != b"\0" for one in _sequence(constraints)
        ):
            return False
        usage = self.extensions.get("2.5.29.15")
        if usage is None:
            return True
        bits = der.first(usage).expect(der.BIT_STRING, "key usage").content[1:2]
        return bool(bits) and bool(bits[0] & 0x80 >> _KEY_CERT_SIGN)

    def key(self) -> tuple[str, int | None, str | None]:
        """(sort of key, bits, curve): rsa, ec, ed25519 …; None where there is no such thing or it is not known."""
        algorithm, bits = _some(self._key, 2, "key")[:2]
        sort, parameters = _algorithm(algorithm)
        word, size = KEYS.get(sort, (sort, None))
        if word == "ec":
            curve = der.oid(parameters.content) if parameters is not None and parameters.tag == der.OID else ""
            short, size = CURVES.get(curve, (curve or None, None))
            return word, size, short
        if word.startswith("rsa"):
            inner = der.first(bits.expect(der.BIT_STRING, "key").content[1:])
            return word, der.integer(_some(inner, 2, "key")[0].content).bit_length(), None
        if word == "dsa" and parameters is not None:
            return word, der.integer(_some(parameters, 3, "key")[0].content).bit_length(), None
        return word, size, None

    def signed_with(self) -> str:
        """The signature's algorithm as openssl calls it: sha256WithRSAEncryption."""
        return SIGNATURES.get(self.signature, self.signature)

    def may_be_signed_by(self, other: Certificate) -> bool:
        """By names, by key identifiers where both have one, and by whether the other one may sign at all."""
        if self.issuer_raw != other.subject_raw:
            return False
        wanted, own = self._issuer_key_id(), other.extensions.get("2.5.29.14")
        if wanted is not None and own is not None and der.first(own).content != wanted:
            return False
        return other.is_ca() or other.raw == self.raw

    def _issuer_key_id(self) -> bytes | None:
        content = self.extensions.get("2.5.29.35")
        parts = [] if content is None else _sequence(content)
        return next((one.content for one in parts if one.tag == _KEY_ID), None)


def days_between(end: float, now: float) -> int:
    """Whole days, rounded down: 0 on the last day, below 0 when it is over."""
    return int((end - now) // DAY_S)


def read_certificates(raw: bytes) -> list[Certificate]:
    """All certificates of a PEM or DER file, in order; private keys beside them are passed over."""
    if raw[:1] == b"\x30":
        return [Certificate(raw)]
    return [Certificate(one) for one in _pem(raw)]


def _pem(raw: bytes) -> Iterator[bytes]:
    count = place = 0
    while begin := _BEGIN.search(raw, place):
        end = raw.find(_END, begin.end())
        count += 1
        if end < 0 or count > limits.certificates_max:
            raise CannotTell(
                "a certificate does not end" if end < 0 else f"more than {limits.certificates_max} certificates"
            )
        if end - begin.end() > 2 * limits.certificate_bytes_max:
            raise CannotTell(f"a certificate has more than {limits.certificate_bytes_max} bytes")
        try:
            yield a2b_base64(raw[begin.end() : end])
        except Base64Error as error:
            raise CannotTell("a certificate is no base64") from error
        place = end


def leads_to(first: Certificate, others: list[Certificate], anchors: list[Certificate], now: float) -> str:
    """Why no chain of certificates leads from the first to one of the anchors, each valid now; empty: one does."""
    known = {one.raw for one in anchors}
    reason = ""
    ways = [[first]]
    for _ in range(limits.chain_max):
        longer: list[list[Certificate]] = []
        for way in ways:
            last = way[-1]
            if not last.not_before <= now <= last.not_after:
                reason = reason or f"{last.subject()} is not valid now"
                continue
            if last.raw in known:
                return ""
            issuers = [one for one in (*anchors, *others) if one not in way and last.may_be_signed_by(one)]
            reason = reason or ("" if issuers else f"there is no certificate of {last.issuer()}")
            longer += [[*way, one] for one in issuers]
        ways = longer[: limits.chain_max]
    return reason or "the chain is too long"


def name(element: Element) -> str:
    """A name as RFC 4514 writes it, the last part first, with openssl's short names."""
    rdns = _rdns(element.expect(der.SEQUENCE, "name"))
    return ",".join("+".join(f"{short}={_escape(value)}" for short, value in rdn) for rdn in reversed(rdns))


def _rdns(element: Element) -> list[list[tuple[str, str]]]:
    found = []
    for rdn in element.parts():
        pairs = [_some(pair, 2, "name") for pair in rdn.expect(der.SET, "name").parts()]
        found.append([(_attribute(kind), der.text(value)) for kind, value, *_ in pairs])
    if sum(map(len, found)) > limits.certificate_names_max:
        raise CannotTell(f"the certificate has a name of more than {limits.certificate_names_max} parts")
    return found


def _attribute(element: Element) -> str:
    word = der.oid(element.expect(der.OID, "name").content)
    return ATTRIBUTES.get(word, word)


def _escape(value: str) -> str:
    shown = "".join(
        f"\\{char}" if char in _ESCAPED else f"\\{ord(char):02X}" if ord(char) < 0x20 or char == "\x7f" else char
        for char in value
    )
    if shown[-1:] == " ":
        shown = shown[:-1] + "\\ "
    return "\\" + shown if shown[:1] in {" ", "#"} else shown


def _general_name(element: Element) -> str:
    """One name of subjectAltName; empty where it is of a sort that nobody checks."""
    if element.tag in {_EMAIL, _DNS, _URI}:
        return element.content.decode("ascii", "replace")
    if element.tag == _IP and len(element.content) in {4, 16}:
        import socket

        family = socket.AF_INET if len(element.content) == 4 else socket.AF_INET6
        return socket.inet_ntop(family, element.content)
    return ""


def _extensions(parts: list[Element]) -> Iterator[tuple[str, bytes]]:
    for part in parts:
        if part.tag == _EXPLICIT_EXTENSIONS:
            for extension in _sequence(part.content):
                kind, *_, value = _some(extension, 2, "extension")
                yield (
                    der.oid(kind.expect(der.OID, "extension").content),
                    value.expect(der.OCTET_STRING, "extension").content,
                )


def _algorithm(element: Element) -> tuple[str, Element | None]:
    """(object identifier, parameters)"""
    kind, *more = _some(element.expect(der.SEQUENCE, "algorithm"), 1, "algorithm")
    return der.oid(kind.expect(der.OID, "algorithm").content), more[0] if more else None


def _sequence(raw: bytes) -> list[Element]:
    return der.first(raw).expect(der.SEQUENCE, "extension").parts()


def _some(element: Element, count: int, what: str) -> list[Element]:
    """The parts of an element, at least so many."""
    parts = element.parts()
    if len(parts) < count:
        raise CannotTell(f"the certificate's {what} lacks parts")
    return parts
