"""Faults as this machine's own kernel tells them: held against dmesg(1), with a program that really dies, with an ext4
that really breaks; and against every rule of node-problem-detector, where INSPECTOR_CAPTURES has them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import dropwhile
from pathlib import Path
from typing import Any

import pytest
from checklib import klog

from tests.support.captures import captures
from tests.support.check_cases import look, look_at, plant
from tests.support.mounted import REFUSED, RefusedError, inside
from tests.support.others import PLAIN

DIES = "import ctypes, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); ctypes.string_at(0)"
SHOWS_CRASHES = Path("/proc/sys/debug/exception-trace")  # x86 and others; elsewhere the kernel says nothing of programs

BREAKS = f"""
losetup --find > free || exit {REFUSED}
truncate -s 16M image
mkfs.ext4 -q image
mkdir broken
mount -o loop,errors=remount-ro image broken
source=$(findmnt -n -o SOURCE broken)
switch=/sys/fs/ext4/${{source#/dev/}}
test -d $switch
test -e $switch/trigger_fs_error || exit {REFUSED}
echo 1 > $switch/trigger_fs_error
findmnt -n -o SOURCE,FS-OPTIONS broken
"""


def dmesg() -> list[str] | None:
    """What the kernel itself said; None where it may not be read."""
    done = subprocess.run(
        ["dmesg", "--kernel", "--notime", "--noescape"], capture_output=True, text=True, check=False, env=PLAIN
    )
    return None if done.returncode else done.stdout.splitlines()


def kernel_says() -> list[str] | None:
    """The same by ours."""
    found = look_at("fault", "oops", {"count": {"any": True}})
    if found["outcome"] in {"na", "error"}:
        return None
    return [record.text for record in klog.of_kmsg().records]


def test_we_see_what_dmesg_sees() -> None:
    """All of it, in its order, and nothing more; while we look, more may come."""
    before, ours, after = dmesg(), kernel_says(), dmesg()
    if before is None or after is None or ours is None:
        assert (before, ours, after) == (None, None, None)
        return
    plain = [text.encode("ascii", "ignore").decode() for text in ours if "\\x" not in text]
    lines = [line.encode("ascii", "ignore").decode() for line in after]
    is_full = before[0] != after[0]  # then whatever comes takes the place of the oldest, and lists cannot be counted
    plain = list(dropwhile(lambda text: text not in lines, plain)) if is_full else plain
    assert plain
    assert [text for text in plain if text not in lines] == []
    assert is_full or len([line for line in before if line]) <= len(ours) <= len(after)


def test_what_a_program_writes_into_the_log_is_not_believed() -> None:
    """The kernel marks it: facility 1 and above are not its own."""
    told = klog.parse_record("6,7,8,-;Killed process 9 (x)\n SUBSYSTEM=x\n")
    assert told is not None
    assert (told.order, told.text) == (7, "Killed process 9 (x)")
    assert klog.parse_record("14,7,8,-;Killed process 9 (x)\n") is None
    assert klog.parse_line("2026-01-02T10:00:14+00:00 n1 app[77]: n1 kernel: [  1.000000] Killed process 1 (x)") is None
    assert klog.parse_line("<4>Oops") is None
    journal = klog.parse_journal("1700000000.123456 n1 dockerd[7]: container process is already dead")
    assert journal is not None
    assert (journal.order, journal.text) == (1700000000123456, "container process is already dead")


def test_a_program_that_dies_is_a_fault_once() -> None:
    """With what the look before kept; the next look sees nothing new, and the last hours still hold it."""
    first = look_at("fault", "crash", {"count": {"any": True}})
    if first["outcome"] in {"na", "error"} or not SHOWS_CRASHES.exists() or SHOWS_CRASHES.read_text().strip() != "1":
        assert first["outcome"] in {"na", "error", "pass"}
        return
    died = subprocess.run([sys.executable, "-c", DIES], capture_output=True, check=False)
    assert died.returncode == -11
    expect = {"count": {"equals": 0}, "what": {"absent": True}}
    second = look_at("fault", "crash", expect, last={"value": first["keep"], "at": 1.0})
    assert second["outcome"] == "fail"
    assert "count 1" in second["observed"]
    assert "segfault at 0" in second["message"]
    assert "since boot" not in second["message"]
    third = look_at("fault", "crash", None, last={"value": second["keep"], "at": 2.0})
    assert (third["outcome"], third["observed"], third["message"]) == ("pass", "0", "")
    recent = look_at("fault", "crash", {"recent": {"at_least": 1}}, last={"value": second["keep"], "at": 2.0})
    assert recent["outcome"] == "pass"


def test_a_broken_filesystem(tmp_path: Path) -> None:
    """One that the kernel has found broken and no longer writes to, and what it said of it."""
    items: list[dict[str, Any]] = [
        {"check": "fault", "key": "readonly", "expect": {"count": {"equals": 0}}},
        {"check": "fault", "key": "readonly", "expect": {"what": {"contains": f"{tmp_path}/broken"}}},
        {"check": "fault", "key": "filesystem", "expect": {"newest": {"any": True}}},
    ]
    try:
        (is_broken, where, said), theirs = inside(BREAKS, items, tmp_path)
    except RefusedError:  # no namespace, no loop device, or a kernel without this switch
        assert look_at("fault", "readonly", {"count": {"any": True}})["outcome"] in {"pass", "na"}
        return
    device, options = theirs.split()
    assert not {"ro", "emergency_ro"}.isdisjoint(options.split(","))
    assert (is_broken["outcome"], where["outcome"]) == ("fail", "pass")
    if kernel_says() is not None:
        assert said["outcome"] == "pass"
        assert device.rpartition("/")[2] in said["observed"]


# Every rule of node-problem-detector's for Linux: what of ours covers it, and, where it looks for words, what a kernel
# or dockerd says then (own words, after their sources). For the rules that run a program the kind says the same.
SAID = {
    "OOMKilling": ("oom", "Out of memory: Killed process 12 (java) total-vm:9kB, anon-rss:9kB, file-rss:0kB, UID:0"),
    "TaskHung": ("hung_task", "INFO: task java:123 blocked for more than 120 seconds."),
    "DockerHung": ("hung_task", "INFO: task docker:77 blocked for more than 120 seconds."),
    "UnregisterNetDevice": ("netdev", "unregister_netdevice: waiting for lo to become free. Usage count = 1"),
    "Ext4Error": ("filesystem", "EXT4-fs error (device sda1): ext4_lookup:1707: inode #2: comm ls: deleted inode"),
    "Ext4Warning": ("filesystem_warning", "EXT4-fs warning (device sda1): ext4_dx_add_entry:2426: index full"),
    "IOError": ("disk", "Buffer I/O error on dev sda1, logical block 7, async page read"),
    "XfsHasShutdown": ("filesystem", "XFS (sda1): Log I/O Error Detected. Shutting down filesystem"),
    "MemoryReadError": ("ecc_corrected", "EDAC MC0: 1 CE memory read error on CPU_SrcID#0_Ha#0_Chan#0_DIMM#0"),
    "CperHardwareErrorCorrected": ("hardware_corrected", "{1}[Hardware Error]: event severity: corrected"),
    "CperHardwareErrorRecoverable": ("hardware_recoverable", "{1}[Hardware Error]: event severity: recoverable"),
    "CperHardwareErrorFatal": ("hardware_fatal", "{1}[Hardware Error]: event severity: fatal"),
    "FilesystemIsReadOnly": ("filesystem", "EXT4-fs (sda1): Remounting filesystem read-only"),
}
OOPSES = [
    "BUG: unable to handle kernel NULL pointer dereference at 0000000000000008\nOops: 0002 [#1] SMP",
    "divide error: 0000 [#1] SMP PTI",
]
DOCKER = {
    "CorruptDockerImage": "Error trying v2 registry: failed to register layer: rename /var/lib/docker/image/overlay2/a "
    "/var/lib/docker/image/overlay2/b: directory not empty",
    "CorruptDockerOverlay2": "Handler returned error: readlink /var/lib/docker/overlay2/l: invalid argument",
    "DockerContainerStartupFailure": "OCI runtime start failed: container process is already dead: unknown",
}
ELSEWHERE = {
    "KernelOops": "fault:oops", "CCPPCrash": "fault:crash",
    "UncaughtException": "fault:dumps", "XorgCrash": "fault:dumps", "VMcore": "fault:dumps",
    "NTPIsDown": "fault:clock", "ConntrackFull": "fault:conntrack", "IPTablesVersionsMismatch": "fault:iptables",
    "DNSUnreachable": "dns:resolv.conf", "DiskBadBlock": "drive", "ContainerdUnhealthy": "service:containerd",
    "DockerUnhealthy": "service:docker", "KubeletUnhealthy": "service:kubelet",
    "FrequentKubeletRestart": "service:kubelet", "FrequentDockerRestart": "service:docker",
    "FrequentContainerdRestart": "service:containerd", "KubeletStart": "service:kubelet",
    "DockerStart": "service:docker", "ContainerdStart": "service:containerd",
}  # fmt: skip
# Two rules in their form and own words, where there are no captures.
STAND_IN = [
    ("OOMKilling", r"Killed process \d+ \(.+\)"),
    ("TaskHung", r"task \S+:\d+ blocked for more"),
    ("KernelOops", r"divide error"),
    ("DNSUnreachable", "./dns"),
]


def rules() -> list[tuple[str, str]]:
    """Reason and pattern of every rule for Linux; of those that run a program to count words, theirs."""
    folder = captures()
    if folder is None:
        return STAND_IN
    found = []
    for path in sorted((folder / "node-problem-detector").glob("*.json")):
        if path.name.startswith("windows"):
            continue
        for rule in json.loads(path.read_text(encoding="utf-8")).get("rules", []):
            words = [one.partition("=")[2] for one in rule.get("args", []) if one.startswith("--pattern=")]
            found.append((rule["reason"], words[0] if words else rule.get("pattern", "")))
    assert len(found) > 30
    return found


@pytest.mark.parametrize(("reason", "pattern"), rules())
def test_every_rule_of_node_problem_detector_is_covered(reason: str, pattern: str, tmp_path: Path) -> None:
    """What its rule finds, ours finds in the same message; or another item of ours looks at the thing itself."""
    if reason in DOCKER:
        key, texts = "docker", [DOCKER[reason]]
        root = plant(tmp_path, {"/var/log/docker.log": f"{texts[0]}\n"})
    elif reason == "KernelOops" and "System encountered" not in pattern:
        key, texts = "oops", [text for text in OOPSES if re.search(pattern, text)]
        lines = "".join(f"[   50.000001] {line}\n" for text in texts for line in text.splitlines())
        root = plant(tmp_path, {"/var/log/dmesg": lines})
    elif reason in SAID:
        key, text = SAID[reason]
        texts = [text]
        root = plant(tmp_path, {"/var/log/dmesg": f"[   50.000001] {text}\n"})
    else:
        kind = ELSEWHERE[reason].partition(":")[0]
        assert kind in {"fault", "dns", "service", "drive"}
        return
    assert [text for text in texts if not re.search(pattern, text)] == []
    assert texts
    (found,) = look([{"check": "fault", "key": key}], root)
    assert (found["outcome"], found["observed"]) == ("fail", "1")
