"""sshd's options held against sshd -T, and PAM's stacks against what libpam really runs."""

from __future__ import annotations

import ctypes
import getpass
from pathlib import Path
from typing import Any

import pytest

from inspector_lab.tools import find
from tests.support.check_cases import look, look_at, module, plant
from tests.support.others import host, told

ANY = {"any": True}
CONFIG = """\
HostKey {here}/key
Port 2200
Include {here}/more.conf
PermitRootLogin without-password
PermitRootLogin yes
LoginGraceTime 1m30s
ClientAliveInterval=2m
MaxAuthTries 3 # a word about it
Banner "{here}/a banner"
AllowUsers alice bob@10.0.0.0/8
AllowUsers carol
ChallengeResponseAuthentication no
MACs hmac-sha2-512,hmac-sha2-256
Subsystem sftp internal-sftp
Match User bob
  PasswordAuthentication no
  MaxAuthTries 1
Match all
  X11Forwarding no
"""
MORE = "UseDNS yes\nMaxAuthTries 5\nMatch Group nobody\n  AllowTcpForwarding no\n"
SERVICES = {
    "top": """\
auth  optional {tool} quiet {script} one
@include {here}/common
auth  include  {here}/inner
-auth optional {tool} quiet {script} [two words] # not this
auth  substack {here}/deep
account optional {tool} quiet {script} account
session optional {tool} quiet \\
   {script} session
auth optional {tool} quiet {script} last
""",
    "common": "auth optional {tool} quiet {script} common\npassword required {tool} quiet {script} password\n",
    "inner": "session optional {tool} quiet {script} inner-session\nAUTH Optional {tool} quiet {script} inner-auth\n",
    "deep": "auth include {here}/inner\nauth [success=ok default=ignore] {tool} quiet {script} deep # \\\n",
}

ODD = [
    "one \\ # c", "one # c \\", "one \\  \n three", "a#b c", "a\\#b c", "[a # b] c", "one \\\n# comment\n three",
    "one \\\n\n", "[a b][c\\]d] e", "one\t\ttwo", "[] one",
]  # fmt: skip


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """A configuration of its own with a host key of its own, so that whoever runs the tests may ask sshd about it."""
    told("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key"))
    (tmp_path / "sshd_config").write_text(CONFIG.format(here=tmp_path), encoding="utf-8")
    (tmp_path / "more.conf").write_text(MORE, encoding="utf-8")
    return tmp_path / "sshd_config"


def effective(*arguments: str) -> dict[str, str]:
    """What sshd -T prints, read in another way than ours: option -> all its lines."""
    found: dict[str, str] = {}
    for line in told("sshd", "-T", *arguments).splitlines():
        name, _, value = line.partition(" ")
        found[name] = f"{found[name]} {value}" if name in found else value
    return {name: value.replace("without-password", "prohibit-password") for name, value in found.items()}


def ours(names: list[str], parameters: dict[str, Any], root: Path | str = "/") -> dict[str, str]:
    """What we tell of each; only what could be told."""
    items = [{"check": "sshd", "key": name, "expect": {"value": ANY}, "with": parameters} for name in names]
    told_by_us = zip(names, look(items, root), strict=True)
    return {name: found["observed"] for name, found in told_by_us if found["outcome"] == "pass"}


def test_options_are_what_sshd_says(server: Path) -> None:
    """All of them, with and without a connection that Match blocks are held to."""
    find("sshd")
    for parameters, arguments in (
        ({"file": str(server)}, ["-f", str(server)]),
        ({"file": str(server), "user": "bob", "host": "h", "addr": "10.0.0.1"},
         ["-f", str(server), "-C", "user=bob,host=h,addr=10.0.0.1"]),
    ):  # fmt: skip
        theirs = effective(*arguments)
        assert len(theirs) > 60
        mine = ours(list(theirs), parameters)
        assert mine.keys() == theirs.keys()
        assert {name: value for name, value in mine.items() if theirs[name][:199] != value[:199]} == {}
    assert mine["maxauthtries"] == "1", "what a Match block says goes before all else"
    assert mine["passwordauthentication"] == "no"


def test_plain_files_tell_what_sshd_tells(server: Path, tmp_path: Path) -> None:
    """Below another root, where sshd cannot be asked: what we tell of the same files is what it takes from them."""
    theirs = effective("-f", str(server))
    root = tmp_path / "root"
    texts = {"/etc/ssh/sshd_config": server, str(tmp_path / "more.conf"): tmp_path / "more.conf"}
    plant(root, {place: path.read_text(encoding="utf-8") for place, path in texts.items()})
    mine = ours(list(theirs), {}, root)
    assert mine.items() <= theirs.items()
    assert set(mine) == {
        "hostkey", "port", "permitrootlogin", "logingracetime", "clientaliveinterval", "maxauthtries", "banner",
        "allowusers", "kbdinteractiveauthentication", "macs", "subsystem", "usedns", "x11forwarding",
    }  # fmt: skip
    conditional = look_at("sshd", "maxauthtries", {"value": ANY}, root, parameters={"user": "bob"})
    assert (conditional["outcome"], "Match" in conditional["message"]) == ("na", True)


def test_the_machines_own_sshd_is_asked_as_it_is() -> None:
    """As root with its host keys it tells; else it says why not, and that is no verdict."""
    done = host().run("%s -T", str(find("sshd")))
    found = look_at("sshd", "permitrootlogin", {"value": ANY})
    assert found["outcome"] == ("pass" if done.rc == 0 else "error")
    assert look_at("sshd", "permitrotlogin", {"value": {"absent": True}})["outcome"] == "error"


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """Services whose modules write down that they ran, below a root of their own."""
    script = tmp_path / "write-down"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$PAM_TYPE $*" >> {tmp_path}/ran\n', encoding="utf-8")
    script.chmod(0o755)
    here = tmp_path / "etc/pam.d"  # bare names the library looks for in the machine's own folder
    texts = {name: text.format(tool="pam_exec.so", script=script, here=here) for name, text in SERVICES.items()}
    plant(tmp_path, {f"/etc/pam.d/{name}": text for name, text in texts.items()})
    plant(tmp_path, {f"{here}/{name}": text for name, text in texts.items()})
    return tmp_path


def run_pam(folder: Path, service: str) -> None:
    """Authentication, account, session and password of a service, by the real library."""
    conversation = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)

    class Conversation(ctypes.Structure):
        _fields_ = (("ask", conversation), ("data", ctypes.c_void_p))

    pam = ctypes.CDLL("libpam.so.0")
    handle = ctypes.c_void_p()
    asks = Conversation(conversation(lambda *_: 19), None)  # PAM_CONV_ERR: nobody is there to be asked
    started = pam.pam_start_confdir(
        service.encode(), getpass.getuser().encode(), ctypes.byref(asks), str(folder).encode(), ctypes.byref(handle)
    )
    assert started == 0
    for step in (pam.pam_authenticate, pam.pam_acct_mgmt, pam.pam_open_session, pam.pam_chauthtok):
        step(handle, 0)
    pam.pam_end(handle, 0)


def test_modules_run_in_the_order_we_tell(stacks: Path) -> None:
    """Through @include, include and substack, with arguments in brackets, comments and continued lines."""
    run_pam(stacks / "etc/pam.d", "top")
    ran = [line.partition(" ")[::2] for line in (stacks / "ran").read_text(encoding="utf-8").splitlines()]
    kinds = {"auth": "auth", "account": "account", "session": "open_session", "password": "password"}
    for kind, called in kinds.items():
        wanted = [words for name, words in ran if name == called]
        arguments = [part for words in wanted for part in ("quiet", str(stacks / "write-down"), words)]
        expect = {"arguments": {"equals": arguments}, "modules": {"equals": ["pam_exec.so"] * len(wanted)}}
        found = look_at("pam", f"top/{kind}", expect, stacks)
        assert found["outcome"] == "pass", found
    order = ["one", "common", "inner-auth", "two words", "inner-auth", "deep", "last"]
    assert [words for name, words in ran if name == "auth"] == order


def test_odd_lines_are_read_as_the_library_reads_them(stacks: Path) -> None:
    """Comments before and after a backslash, between continued lines, brackets that never close."""
    begin = f"auth optional pam_exec.so quiet {stacks / 'write-down'}"
    for tail in ODD:
        (stacks / "ran").unlink(missing_ok=True)
        text = f"{begin} {tail}\n{begin} second\n"
        (stacks / "etc/pam.d/odd").write_text(text, encoding="utf-8")
        run_pam(stacks / "etc/pam.d", "odd")
        ran = (stacks / "ran").read_text(encoding="utf-8").splitlines()
        lines = module("pam").parse_lines(text)
        assert [" ".join(["auth", *line[5:]]) for line in lines] == list(map(str.rstrip, ran)), tail


def test_all_services_of_this_machine_are_read() -> None:
    """Each that its folder has, and of each every module that grep finds in its own file."""
    folder = Path("/etc/pam.d")
    services = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    parse = module("pam").parse_lines
    for service in services:
        text = (folder / service).read_text(encoding="utf-8")
        grep = told("grep", "-cE", "^-?(auth|account|password|session|@include)", str(folder / service), codes=(0, 1))
        assert len(parse(text)) == int(grep), service
    assert {one["outcome"] for one in look([{"check": "pam", "key": name} for name in services])} <= {"pass"}
