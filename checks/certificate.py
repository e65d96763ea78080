"""Certificates in files: how long they hold, of whom and for what they are, and where their chain leads."""

from __future__ import annotations

import re
import time
from binascii import Error as Base64Error
from binascii import a2b_base64
from functools import partial

from checklib import limits, programs, x509
from checklib.errors import CannotTell
from checklib.kinds import MAY_SPAWN, Kind, Parameter, Property
from checklib.values import Observation, Observed, or_reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.x509 import Certificate

BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem")
# Where nodes of Kubernetes and etcd have theirs, and distributions those of a host.
FOLDERS = (
    "/etc/kubernetes", "/etc/kubernetes/pki", "/etc/kubernetes/pki/etcd", "/var/lib/kubelet/pki", "/etc/etcd",
    "/etc/etcd/pki", "/etc/docker", "/etc/pki/tls/certs",
)  # fmt: skip
_SUFFIXES = (".crt", ".pem", ".cer", ".der", ".conf", ".kubeconfig")
# How a kubeconfig names a certificate: as base64 of PEM, or by a file.
_ENTRIES = {"client": "client-certificate", "ca": "certificate-authority"}
_DEPTH = re.compile(r"^error [0-9]+ at [0-9]+ depth lookup: ?(.{1,200})$", re.MULTILINE)
_ENTRY = r"""["']?{}{}["']?\s*:\s*["']?([^\s"',]+)"""


def parse_kubeconfig(text: str, entry: str) -> tuple[str, str]:
    """A kubeconfig, YAML or JSON -> (base64 of PEM, path) of the first client or ca in it; empty where it has none."""
    inside = re.search(_ENTRY.format(_ENTRIES[entry], "-data"), text)
    named = re.search(_ENTRY.format(_ENTRIES[entry], ""), text)
    return inside[1] if inside else "", named[1] if named else ""


def _plain(one: Certificate) -> dict[str, Observation]:
    kind, bits, curve = one.key()
    return {
        "not_before": moment(one.not_before),
        "not_after": moment(one.not_after),
        "subject": one.subject(),
        "issuer": one.issuer(),
        "common_name": one.common_name(),
        "names": list(one.names()),
        "usages": list(one.usages()),
        "self_signed": one.issuer_raw == one.subject_raw,
        "is_ca": one.is_ca(),
        "key_type": kind,
        "key_bits": bits,
        "curve": curve,
        "signature": one.signed_with(),
    }


def moment(seconds: int) -> str:
    """Seconds since 1970 -> 2027-01-31T12:00:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _load(node: Node, path: str, entry: str) -> list[Certificate]:
    """All certificates of a file, or of what a kubeconfig holds or names. Raises CannotTell where there are none."""
    raw = node.root.read(path, limits.certificate_file_bytes_max)
    found = x509.read_certificates(raw)
    if not found and any(name.encode() in raw for name in _ENTRIES.values()):
        found = _of_kubeconfig(node, path, raw.decode("utf-8", "replace"), entry)
    if not found:
        raise CannotTell(f"{path} has no certificate, neither as PEM or DER nor as a kubeconfig's {entry}")
    return found


def _of_kubeconfig(node: Node, path: str, text: str, entry: str) -> list[Certificate]:
    inside, named = parse_kubeconfig(text, entry)
    if inside:
        try:
            return x509.read_certificates(a2b_base64(inside))
        except Base64Error as error:
            raise CannotTell(f"{path} holds a {entry} that is no base64") from error
    if not named:
        return []
    other = named if named.startswith("/") else f"{path.rpartition('/')[0]}/{named}"
    return x509.read_certificates(node.root.read(other, limits.certificate_file_bytes_max))


def observe(item: Item, node: Node) -> Observed:
    """The first certificate of a file, and of some things all that are there."""
    path, entry = item.key, str(item.parameters.get("entry", "client"))
    if not path.startswith("/"):
        raise CannotTell(f"{path[:80]!r} is no absolute path")
    if entry not in _ENTRIES:
        raise CannotTell(f"entry is {' or '.join(_ENTRIES)}, not {entry[:80]!r}")
    if not node.root.exists(path):
        return Observed({}, exists=False, note=f"there is no {path}{node.root.whereabouts()}")
    found = node.once(f"certificates {entry} {path}", lambda: _load(node, path, entry))
    now = time.time()
    values: dict[str, Observation] = {
        **_plain(found[0]),
        "days_left": x509.days_between(found[0].not_after, now),
        "soonest_days_left": min(x509.days_between(one.not_after, now) for one in found),
        "count": len(found),
    }
    if "sha256" in item.expect:
        import hashlib  # it brings OpenSSL with it: only who wants a hash pays for it

        values["sha256"] = hashlib.sha256(found[0].raw).hexdigest()
    notes = []
    for name, tell in (("chain", _chain), ("verified", _verified)):
        if name in item.expect:
            reason = or_reason(partial(tell, item, node, found))
            values[name] = reason if isinstance(reason, Exception) else not reason
            notes += [reason] if reason and isinstance(reason, str) else []
    return Observed(values, note="; ".join(notes))


def _authority(item: Item, node: Node) -> str:
    """The file of those who are trusted."""
    path = str(item.parameters["ca"]) if "ca" in item.parameters else node.root.first(*BUNDLES)
    if not path.startswith("/"):
        raise CannotTell(f"{path[:80]!r} is no absolute path")
    return path


def _chain(item: Item, node: Node, found: list[Certificate]) -> str:
    """Why no chain leads to those who are trusted; empty where one does."""
    path = _authority(item, node)
    anchors = node.once(f"certificates ca {path}", lambda: _load(node, path, "ca"))
    return x509.leads_to(found[0], found[1:], anchors, time.time())


def _verified(item: Item, node: Node, found: list[Certificate]) -> str:
    """Why openssl, which computes the signatures too, does not trust it; empty where it does."""
    others = ["-untrusted", item.key] if len(found) > 1 else []
    arguments = ["-no-CApath", "-partial_chain", "-CAfile", _authority(item, node), *others, item.key]
    ended = node.tool("openssl", "verify", *arguments, timeout_s=item.timeout_s)
    if ended.code == 0:
        return ""
    # `error 20 at 0 depth lookup: unable to get local issuer certificate`, on stdout or stderr as versions go
    reason = _DEPTH.search(ended.stdout + ended.stderr)
    if reason is None:
        raise CannotTell(f"openssl: {programs.first_line(ended.stderr) or f'exit code {ended.code}'}")
    return reason[1]


def discover(node: Node) -> Iterable[str]:
    """Files with certificates in the usual places of nodes, and the bundle of those that are trusted."""
    named = (f"{folder}/{name}" for folder in FOLDERS for name in node.root.names(folder) if name.endswith(_SUFFIXES))
    paths = [path for path in dict.fromkeys((*BUNDLES, *named)) if node.root.exists(path)]
    return [path for path in paths[: limits.found_certificates_max] if _has_some(node, path)]


def _has_some(node: Node, path: str) -> bool:
    try:
        parse = node.once(f"certificates client {path}", lambda: _load(node, path, "client"))
        return bool([_plain(one) for one in parse])
    except (CannotTell, OSError):
        return False


KIND = Kind(
    "certificate",
    title="a certificate in a file",
    chapter="accounts",
    key="the path of a PEM or DER file, of a bundle, or of a kubeconfig; of several certificates the first counts",
    key_begins="/",
    main="days_left",
    properties={
        "days_left": Property("number", "until it ends, rounded down; below 0 when it has", unit="days"),
        "soonest_days_left": Property("number", "the least of all certificates in the file", unit="days"),
        "count": Property("number", "how many certificates are in the file"),
        "not_before": Property("word", "when it begins, in UTC: 2027-01-31T12:00:00Z"),
        "not_after": Property("word", "when it ends, in UTC"),
        "subject": Property("word", "whose it is, as RFC 4514 writes it, the last part first: CN=n001,O=system:nodes"),
        "issuer": Property("word", "who gave it, written likewise"),
        "common_name": Property("word", "the subject's CN; absent where it has none"),
        "names": Property("list", "what it is for (subjectAltName): DNS names, IP addresses, mail addresses, URIs"),
        "usages": Property("list", "its extended key usages: serverAuth, clientAuth …"),
        "self_signed": Property("bool", "whether issuer and subject are the same; the signature is not computed"),
        "is_ca": Property("bool", "whether others may be signed with it (basicConstraints and keyUsage)"),
        "key_type": Property("word", "rsa, ec, ed25519, ed448, dsa or rsa-pss"),
        "key_bits": Property("number", "the size of its key", unit="bits"),
        "curve": Property("word", "of an ec key, as openssl calls it: prime256v1, secp384r1; absent of others"),
        "signature": Property("word", "how it is signed, as openssl calls it: sha256WithRSAEncryption"),
        "sha256": Property("word", "of the certificate itself, in hexadecimal: its fingerprint"),
        "chain": Property(
            "bool",
            "whether a chain leads to one of `ca`, through the file's other certificates: issuer and subject, key "
            "identifiers, right to sign and dates fit; signatures are not computed",
        ),
        "verified": Property(
            "bool", "whether `openssl verify` says so too, which computes the signatures; na below another root"
        ),
    },
    parameters={
        "ca": Parameter("text", "the file of those who are trusted; the distribution's bundle where nothing is said"),
        "entry": Parameter("text", "of a kubeconfig: client (where nothing is said) or ca"),
    },
    example={
        "/var/lib/kubelet/pki/kubelet-client-current.pem": {
            "at_least": 14,
            "expect": {"chain": True, "key_type": {"one_of": ["rsa", "ec"]}},
            "with": {"ca": "/etc/kubernetes/pki/ca.crt"},
        },
    },
    outcomes=(
        "A file that is not there is absent; an error where it may not be read or has no certificate. chain and "
        "verified are na where no bundle of trusted ones is there, verified also without openssl; for verified the "
        "file must hold the certificate itself, as a kubeconfig does not. Any root can be looked at."
    ),
    reads=[
        "the file",
        "what a kubeconfig names",
        "the file of ca (chain, verified)",
        "openssl verify (verified alone)",
    ],
    cost="one read; chain reads the bundle too (some 20 ms, once); verified one run of openssl (some 20 ms)",
    observe=observe,
    discover=discover,
    effort=MAY_SPAWN,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
