"""Kernel parameters, command line, modules and limits, held against sysctl, modprobe, prlimit, PAM and others here."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from checklib import netns
from checklib.errors import CannotTell

from tests.support.check_cases import look, look_at, outcome, plant
from tests.support.machine import LINKS
from tests.support.mounted import RefusedError, inside
from tests.support.others import PLAIN, facts, host, told

ANY = {"any": True}
IS_ROOT = os.geteuid() == 0
# Counters, which the look itself changes, or others do all the time.
COUNTERS = {
    "fs.file-nr", "fs.inode-nr", "fs.inode-state", "fs.dentry-state", "kernel.ns_last_pid", "kernel.pty.nr",
    "fs.aio-nr", "net.netfilter.nf_conntrack_count",
}  # fmt: skip
RP_FILTER = "net.ipv4.conf.*.rp_filter"

MODPROBE = {
    "/etc/modprobe.d/10.conf": "install cramfs /bin/false\nblacklist cramfs\nblacklist usb-storage\n#blacklist ext4\n",
    "/etc/modprobe.d/20.conf": "options bonding max_bonds=0 \\\n  mode=4\noptions  nf-conntrack hashsize=1024\n",
    "/etc/modprobe.d/30.conf": "options bonding miimon=100\ninstall cramfs /bin/echo\nalias x y\nsoftdep a pre: b\n"
    "install fat /bin/false\ninstall fat /bin/echo\n",
    "/etc/modprobe.d/ignored.txt": "blacklist xfs\n",
}
# What a login may lower without any capability; soft limits of open files are left alone by containers' kernels.
LIMITS = """
*        -     nofile  1000
@users   -     nofile  900
games    soft  core    7
*        soft  core    3
games    hard  core    9
60000:   -     stack   1024
:5       hard  cpu     12
4:6      hard  fsize   99
*        -     memlock 64
@60      -     memlock 1
@games   hard  nproc   500
*        hard  nproc   400
root     hard  core    5
nobody   soft  sigpending 50
nobody   hard  sigpending 20
"""
LIMITS_D = {"10-a.conf": "games hard fsize 5000\n@games - sigpending 11\n", "20-b.conf": "@games - sigpending 12\n"}
RESOURCES = {
    "nofile": "Max open files", "core": "Max core file size", "stack": "Max stack size", "cpu": "Max cpu time",
    "fsize": "Max file size", "memlock": "Max locked memory", "nproc": "Max processes",
    "sigpending": "Max pending signals",
}  # fmt: skip


def values(check: str, keys: list[str], **more: Any) -> dict[str, str]:
    """Key -> what is observed of its main property, of all that pass."""
    main = {"limit": "soft"}.get(check, "value")
    findings = look([{"check": check, "key": key, "expect": {main: ANY}, **more} for key in keys])
    return {key: found["observed"] for key, found in zip(keys, findings, strict=True) if found["outcome"] == "pass"}


def said_by_sysctl() -> dict[str, str]:
    """What `sysctl -a` prints, white space normalised; of a value of several lines all. Links of labs are left out."""
    found: dict[str, list[str]] = {}
    for line in told("sysctl", "-a", codes=(0, 1, 255)).splitlines():
        name, equals, text = line.partition(" =")
        if equals and f".{LINKS}" not in name:
            found.setdefault(name, []).extend(text.split())
    return {name: " ".join(text) for name, text in found.items()}


def test_all_kernel_parameters_are_what_sysctl_says() -> None:
    """Those that say the same before and after: a thousand and more, each by the name that sysctl(8) gives it."""
    before = said_by_sysctl()
    ours = values("sysctl", list(before))
    after = said_by_sysctl()
    still = {name: text for name, text in before.items() if after.get(name) == text and name not in COUNTERS}
    assert len(still) > 0.9 * len(before) > 200
    shown = {name: (text or '""')[:200] for name, text in still.items()}
    assert {name: ours.get(name, "")[:199] for name in shown} == {name: text[:199] for name, text in shown.items()}


def test_a_star_stands_for_what_sysctl_finds_by_a_pattern() -> None:
    """All interfaces of this machine, and the ones that deviate by name."""
    theirs = {name: text for name, text in said_by_sysctl().items() if name.startswith("net.ipv4.conf.")}
    theirs = {name: text for name, text in theirs.items() if name.endswith(".rp_filter")}
    assert theirs
    for wanted in ("0", "1", "2"):
        deviating = sorted(name.split(".")[3] for name, text in theirs.items() if text != wanted)
        found = look_at("sysctl", RP_FILTER, {"value": {"equals": wanted}}, parameters={"except": [f"{LINKS}*"]})
        assert found["outcome"] == ("fail" if deviating else "pass")
        if 0 < len(deviating) < len(theirs):
            named = [part.partition(" (")[2].rstrip(")").split(", ") for part in found["observed"].split("; ")]
            assert sorted(name.replace("/", ".") for names in named for name in names) == deviating


@pytest.mark.parametrize("name", ["kernel.pid_max", "vm.swappiness", "net.ipv4.ip_forward"])
def test_a_kernel_parameter_is_what_testinfra_says(name: str) -> None:
    """It asks sysctl too, and makes numbers of numbers."""
    assert values("sysctl", [name]) == {name: str(host().sysctl(name))}


def test_300_interfaces_of_one_star_take_no_time(tmp_path: Path) -> None:
    """CPU time of the looking alone; the budget for 300 parameters of any kind is 60 ms."""
    tree = {f"/proc/sys/net/ipv4/conf/veth{number}/rp_filter": "1\n" for number in range(300)}
    root = plant(tmp_path, {**tree, "/proc/sys/net/ipv4/conf/lo/rp_filter": "0\n"})
    costs = []
    for _ in range(5):
        began = time.process_time()
        found = look_at("sysctl", RP_FILTER, {"value": {"equals": 1}}, root)
        costs.append(time.process_time() - began)
        assert outcome(found) == ("fail", "0 (lo)", "expected 1")
    assert min(costs) < 0.06


@contextmanager
def namespace() -> Iterator[str]:
    """A network namespace with a name of its own."""
    name = f"inspector-{os.getpid()}"
    told("ip", "netns", "add", name)
    try:
        yield name
    finally:
        told("ip", "netns", "del", name)


def in_namespace(name: str, *, wanted: int = 2, key: str = RP_FILTER) -> dict[str, Any]:
    """One finding from within a namespace."""
    return look_at("sysctl", key, {"value": {"equals": wanted}}, parameters={"netns": name})


def test_parameters_of_a_network_namespace_are_what_sysctl_says_there() -> None:
    """By name, by pattern and by a process in it; whoever asks stays where it was. Not as root, it is an error."""
    here = Path("/proc/self/ns/net").readlink()
    if not IS_ROOT:
        holder = in_namespace(f"process:{Path('/proc/self/comm').read_text('utf-8').strip()}")
        assert holder["outcome"] == "error"
        assert "cannot be entered: Operation not permitted" in holder["message"]
        return
    with namespace() as name:
        told("ip", "netns", "exec", name, "sysctl", "-q", "-w", "net.ipv4.conf.lo.rp_filter=2")
        theirs = told("ip", "netns", "exec", name, "sysctl", "-n", "net.ipv4.conf.lo.rp_filter").strip()
        assert outcome(in_namespace(name, key="net.ipv4.conf.lo.rp_filter")) == ("pass", theirs, "")
        assert in_namespace(name)["observed"].endswith(f" ({name}/all, {name}/default)")
        assert in_namespace(f"{name}*", key="net.ipv4.conf.l?.rp_filter")["outcome"] == "pass"
        assert in_namespace(name, key="net.ipv4.conf.no*.x")["outcome"] == "na"
        program = ["ip", "netns", "exec", name, "sleep", "1000"]
        with subprocess.Popen(program, env=PLAIN, stdout=subprocess.DEVNULL) as sleeper:
            try:
                pid_file = Path(f"/run/{name}.pid")
                pid_file.write_text(f"{sleeper.pid}\n", encoding="utf-8")
                while Path(f"/proc/{sleeper.pid}/comm").read_text("utf-8") != "sleep\n":
                    os.sched_yield()
                found = in_namespace(f"process:{pid_file}", key="net.ipv4.conf.lo.rp_filter")
                assert outcome(found) == ("pass", "2", "")
            finally:
                pid_file.unlink()
                sleeper.kill()
    assert outcome(in_namespace(name)) == ("na", "", f"there is no network namespace {name} here")
    assert outcome(in_namespace("process:no-such-program")) == ("na", "", "no process no-such-program runs here")
    assert Path("/proc/self/ns/net").readlink() == here


class RungError(Exception):
    """An alarm, as the one that ends an item's time."""


@contextmanager
def alarm() -> Iterator[None]:
    """Rings after a moment."""

    def ring(_number: int, _frame: object) -> None:
        raise RungError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_look_into_a_namespace_leaves_nothing_behind() -> None:
    """Neither where it never ends, nor where it ends without an answer, nor where there is no namespace at the path."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    before, here = children.read_text("utf-8"), "/proc/self/ns/net"
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(CannotTell, match="ended without an answer" if IS_ROOT else "cannot be entered"):
        netns.within(here, lambda: 1 / 0)
    with pytest.raises(CannotTell, match="cannot be entered"):
        netns.within("/dev/null", lambda: "never")
    with alarm(), pytest.raises(RungError if IS_ROOT else CannotTell):
        netns.within(here, signal.pause)
    if IS_ROOT:
        assert netns.within(here, lambda: [os.getpid() != os.getppid(), "seen"]) == [True, "seen"]
    assert children.read_text("utf-8") == before
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


def test_boot_parameters_are_what_ansible_says() -> None:
    """Each that stands there once: its value, or that it is there."""
    theirs = facts()["ansible_proc_cmdline"]
    line = Path("/proc/cmdline").read_text("utf-8").split(" -- ")[0].split()
    names = [name for name in theirs if sum(word.partition("=")[0] == name for word in line) == 1]
    assert names
    ours = values("kernel", [f"cmdline.{name}" for name in names])
    wanted = {f"cmdline.{name}": "true" if theirs[name] is True else theirs[name] or '""' for name in names}
    assert ours == wanted


def test_what_is_configured_of_modules_is_what_modprobe_says(tmp_path: Path) -> None:
    """Blacklists, options and install lines of modprobe.d and of this machine's own command line."""
    root = plant(tmp_path, {**MODPROBE, "/proc/cmdline": Path("/proc/cmdline").read_text("utf-8")})
    blacklisted, options, installs = set[str](), dict[str, list[str]](), dict[str, str]()
    for line in told("modprobe", "-c", "-C", str(root / "etc/modprobe.d")).splitlines():
        word, _, rest = line.partition(" ")
        name, _, text = rest.partition(" ")
        if word == "blacklist":
            blacklisted.add(name)
        elif word == "options":
            options.setdefault(name, []).extend(text.split())
        elif word == "install":
            installs.setdefault(name, text)
    assert {"bonding", "nf_conntrack"} <= set(options)
    for name in sorted({*blacklisted, *options, *installs, "ext4", "xfs"}):
        expect = {
            "blacklisted": {"equals": name in blacklisted},
            "disabled": {"equals": installs.get(name) == "/bin/false"},
            "options": {"equals": options[name]} if name in options else {"absent": True},
        }
        assert look_at("module", name, expect, root)["outcome"] == "pass", name


def said_by_lsmod() -> dict[str, str]:
    """Module -> how many use it."""
    return {line.split()[0]: line.split()[2] for line in told("lsmod", codes=(0, 1)).splitlines()[1:]}


def test_modules_and_their_parameters_are_what_sys_and_lsmod_say() -> None:
    """Every module this machine tells of, and every parameter that may be read."""
    before = said_by_lsmod()
    names = sorted(path.name for path in Path("/sys/module").iterdir())
    ours = values("module", names)
    used = look(
        [{"check": "module", "key": name, "expect": {"used": {"equals": count}}} for name, count in before.items()]
    )
    after = said_by_lsmod()  # the first of a kind of links or mounts loads a module, each counts as a use of it
    kept = [name for name in names if (name in before) == (name in after)]
    assert {name: ours[name] for name in kept} == {name: "loaded" if name in before else "builtin" for name in kept}
    still = [found for name, found in zip(before, used, strict=True) if after.get(name) == before[name]]
    assert len(still) > 0.9 * len(before) or not before
    assert {found["outcome"] for found in still} <= {"pass"}
    files = [path for path in Path("/sys/module").glob("*/parameters/*") if path.stat().st_mode & 0o004]
    theirs = {f"{path.parts[3]}.{path.name}": path for path in files}
    for key, text in values("module", list(theirs)).items():
        assert text in {" ".join(theirs[key].read_text("utf-8").split())[:200] or '""', text[:199] + "…"}, key


def test_limits_of_a_process_are_what_prlimit_says(tmp_path: Path) -> None:
    """One that this test starts, by name and pid file."""
    name = f"lim-{os.getpid()}"
    program = tmp_path / name
    program.symlink_to("/bin/sleep")
    lower = {"nofile": resource.RLIMIT_NOFILE, "core": resource.RLIMIT_CORE, "stack": resource.RLIMIT_STACK}
    with subprocess.Popen([str(program), "1000"], env=PLAIN) as sleeper:
        try:
            (tmp_path / "it.pid").write_text(f"{sleeper.pid}\n", encoding="utf-8")
            for place, number in enumerate(lower.values()):
                most = resource.getrlimit(number)[1] % (1 << 63)  # whoever runs this may have been given little
                resource.prlimit(sleeper.pid, number, (min(most, 100 + place), min(most, 900 + place)))
            shown = told("prlimit", "-p", str(sleeper.pid), "-o", "RESOURCE,SOFT,HARD", "--noheadings")
            rows = [line.split() for line in shown.splitlines()]
            assert len(rows) == 16
            for word, soft, hard in rows:
                expect = {"soft": {"equals": soft}, "hard": {"equals": hard}}
                for whom in (f"{tmp_path}/it.pid", name):
                    assert look_at("limit", f"{word.lower()}.{whom}", expect)["outcome"] == "pass", (word, soft, hard)
        finally:
            sleeper.kill()
    assert look_at("limit", f"nofile.{name}", {"soft": {"absent": True}})["outcome"] == "pass"


@pytest.mark.parametrize("user", ["games", "nobody", "root", "sync"])
def test_limits_of_a_login_are_what_pam_gives(user: str, tmp_path: Path) -> None:
    """A real pam_limits in a mount namespace of its own; where none can be made, what is configured is told as well."""
    files = {"limits.conf": LIMITS, **{f"limits.d/{name}": text for name, text in LIMITS_D.items()}}
    plant(tmp_path, {f"/security/{name}": text for name, text in files.items()})
    (tmp_path / "su").write_text(
        "auth sufficient pam_rootok.so\naccount sufficient pam_permit.so\nsession required pam_limits.so\n", "utf-8"
    )
    plant(tmp_path, {"/empty/limits.conf": "", "/empty/limits.d": {"directory": True}})
    login = f"su -s /bin/cat {user} -- /proc/self/limits"
    script = (
        f"mount --bind su /etc/pam.d/su; mount --bind empty /etc/security; {login}; "
        f"mount --bind security /etc/security; {login}"
    )
    keys = [f"{name}.user:{user}" for name in RESOURCES]
    items = [{"check": "limit", "key": key, "expect": {part: ANY}} for key in keys for part in ("soft", "hard")]
    try:
        found, printed = inside(script, items, tmp_path)
    except RefusedError:
        assert look_at("limit", keys[0], {"soft": ANY})["outcome"] in {"pass", "fail", "na"}
        return
    half = len(printed.splitlines()) // 2
    before, got = (
        {
            label: line[len(label) :].split()[:2]
            for line in lines
            for label in RESOURCES.values()
            if line.startswith(label)
        }
        for lines in (printed.splitlines()[:half], printed.splitlines()[half:])
    )
    told_here = [one["observed"].removeprefix("hard ") for one in found]
    for place, label in enumerate(RESOURCES.values()):
        ours = [told_here[2 * place], told_here[2 * place + 1]]
        wanted = [was if one == "absent" else one for one, was in zip(ours, before[label], strict=True)]
        if ours[0] == "absent" and wanted[1].isdecimal():  # a soft limit is never above its hard one
            wanted[0] = str(min(int(number) for number in wanted if number.isdecimal()))
        room = before[label][1]  # without the right to raise it, PAM leaves a limit as it was
        beyond = room.isdecimal() and any(not one.isdecimal() or int(one) > int(room) for one in wanted)
        assert got[label] == wanted or (beyond and got[label] == before[label]), (user, label, ours)
