"""A real etcd on loopback, plain and with certificates both ways, as its own client would ask it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from inspector_lab.tools import locate
from tests.support.check_cases import look_at, outcome
from tests.support.others import told
from tests.support.serf import claimed_prefix

OK = {"value": {"equals": "ok"}}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of loopback, where nobody else has a port: a free one of 127.0.0.1 may be taken before etcd has it."""
    with claimed_prefix() as network:
        yield f"{network}.1"


@contextmanager
def etcd(place: Path, address: str, *more: str) -> Iterator[int]:
    """The port at which one answers; with TLS where `more` says so."""
    program = locate("etcd")
    assert program is not None
    port, peer = 2379, 2380
    url, peers = f"http{'s' if more else ''}://{address}:{port}", f"http://{address}:{peer}"
    arguments = [
        "--data-dir", str(place / "data"), "--listen-client-urls", url, "--advertise-client-urls", url,
        "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", f"default={peers}",
    ]  # fmt: skip
    with subprocess.Popen(
        [str(program), *arguments, *more], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr is not None
            assert any("ready to serve client requests" in line or "serving client" in line for line in process.stderr)
            yield port
        finally:
            process.kill()


def test_a_real_etcd_is_healthy_until_it_is_gone(tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own word; its version is what it says of itself over HTTP."""
    program = locate("etcd")
    assert program is not None
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    with etcd(tmp_path, address) as port:
        where = {"address": f"{address}:{port}"}
        assert look_at("etcd", "health", OK, parameters=where)["outcome"] == "pass"
        line = HTTPConnection(address, port, timeout=60)
        line.request("GET", "/version")
        version = json.load(line.getresponse())["etcdserver"]
        line.close()
        found = look_at("etcd", "version", {"value": {"equals": version, "at_least": "3.0"}})
        assert (found["outcome"], found["observed"]) == ("pass", version)
    gone = look_at("etcd", "health", OK, parameters=where)
    assert (gone["outcome"], gone["observed"]) == ("fail", "Connection refused")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory, address: str) -> Path:
    """An authority, and from it a server's certificate for its address and a client's; another authority."""
    place = tmp_path_factory.mktemp("certificates")
    new = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "30")
    for name in ("ca", "other"):
        told("openssl", *new, "-subj", f"/CN={name}", "-keyout", f"{place}/{name}.key", "-out", f"{place}/{name}.crt")
    for name, extension in (("server", f"subjectAltName=IP:{address}"), ("client", "extendedKeyUsage=clientAuth")):
        told(
            "openssl", *new, "-CA", f"{place}/ca.crt", "-CAkey", f"{place}/ca.key", "-subj", f"/CN={name}",
            "-addext", extension, "-keyout", f"{place}/{name}.key", "-out", f"{place}/{name}.crt",
        )  # fmt: skip
    told(
        "openssl", "pkey", "-in", f"{place}/client.key", "-aes256", "-passout", "pass:x", "-out", f"{place}/locked.key"
    )
    both = "".join((place / f"client.{part}").read_text("ascii") for part in ("crt", "key"))
    (place / "client.pem").write_text(both, encoding="ascii")
    return place


def test_an_etcd_that_wants_certificates(tmp_path: Path, address: str, certificates: Path) -> None:
    """It is asked with ours, and has to show its own; without either nothing is taken for healthy."""
    of = {name: str(certificates / name) for name in ("ca.crt", "client.crt", "client.key", "client.pem", "other.crt")}
    ours = {"ca": of["ca.crt"], "cert": of["client.crt"], "key": of["client.key"]}
    server = ["--cert-file", f"{certificates}/server.crt", "--key-file", f"{certificates}/server.key"]
    with etcd(tmp_path, address, *server, "--client-cert-auth", "--trusted-ca-file", of["ca.crt"]) as port:

        def health(**files: str) -> tuple[str, str, str]:
            return outcome(look_at("etcd", "health", OK, parameters={"address": f"{address}:{port}", **files}))

        assert health(**ours) == ("pass", "ok", "")
        assert health(ca=of["ca.crt"], cert=of["client.pem"]) == ("pass", "ok", "")
        url = f"https://{address}:{port}/health"
        body = {"status": {"equals": 200}, "body": {"contains": '"health":"true"'}}
        assert look_at("http", url, body, parameters=ours)["outcome"] == "pass"
        assert health() == ("fail", "no HTTP", "expected ok")
        assert health(ca=of["ca.crt"])[1].startswith("TLS: ")  # bad certificate, or certificate required
        assert look_at("http", url, parameters={"ca": of["ca.crt"]})["message"].startswith("TLS: ")
        strange = health(**{**ours, "ca": of["other.crt"]})
        assert strange[:2] == ("fail", "its certificate does not hold: unable to get local issuer certificate")
        stranger = health(ca=of["ca.crt"], cert=of["other.crt"], key=f"{certificates}/other.key")
        assert stranger[1].startswith("TLS: ")
        for files, why in (
            ({"cert": of["client.crt"]}, f"{of['client.crt']}: no such certificate or key"),
            ({"cert": of["client.crt"], "key": "/nowhere.key"}, f"{of['client.crt']} with /nowhere.key: No such file"),
            ({"cert": of["client.crt"], "key": f"{certificates}/locked.key"}, f"{of['client.crt']} with "),
            ({"cert": of["client.crt"], "key": f"{certificates}/other.key"}, f"{of['client.crt']} with "),
            ({"key": of["client.key"]}, "the parameter key is of a certificate: name that as cert"),
            ({"cert": "client.crt"}, "'client.crt' is no absolute path"),
        ):
            found = health(**files)
            assert found[0] == "error"
            assert found[2].startswith(why), found
