"""The gauges: parsed from what the kernel really prints, and None where there is nothing to read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector_agent import vitals
from inspector_agent.vitals import Gauges
from inspector_agent.wire import Vitals

MEMINFO = """MemTotal:        8030612 kB
MemFree:          301220 kB
MemAvailable:    6022959 kB
Buffers:          120000 kB
HugePages_Total:       0
"""
LOADAVG = "1.52 0.58 0.59 2/1204 12345\n"
NET_DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed
    lo: 1000 500000 9 9 0 0 0 0 1000 500000 9 9 0 0 0 0
  eth0: 99 {received} 1 2 0 0 0 0 99 2000 3 {dropped} 0 0 0 0
"""
MOUNTS = """proc /proc proc rw 0 0
/dev/sda1 / ext4 rw 0 0
/dev/sda1 /bind ext4 rw 0 0
/dev/sdb1 /with\\040space xfs rw 0 0
server:/export /nfs nfs4 rw 0 0
tmpfs /run tmpfs rw 0 0
garbage
"""


def test_memory_is_what_is_not_available() -> None:
    """MemFree would alarm everybody: caches are not used up."""
    assert vitals.memory_used(MEMINFO) == 25
    assert vitals.memory_used("MemTotal: 5 kB\n") is None


def test_threads_are_held_against_the_nearer_limit() -> None:
    """A machine runs out of process ids before threads-max, or the other way round."""
    assert vitals.threads_used(LOADAVG, "62000\n", "32768\n") == 4
    assert vitals.threads_used(LOADAVG, "2000\n", "4194304\n") == 61
    assert vitals.threads_used("", "2000", "") is None


def test_open_files_of_a_kernel_without_limit_are_next_to_nothing() -> None:
    """file-max is 2**63 - 1 on most machines; it must not overflow anything."""
    assert vitals.files_open("3328\t0\t9223372036854775807\n") == 1
    assert vitals.files_open("3328\t0\t4000\n") == 84
    assert vitals.files_open("") is None


@pytest.mark.parametrize(("online", "expected"), [("0-3\n", 38), ("0\n", 152), ("0-1,4-7\n", 26), ("", None)])
def test_load_is_held_against_the_processors(online: str, expected: int | None) -> None:
    """150 on one processor is a queue, on eight it is idleness."""
    assert vitals.load_of(LOADAVG, online) == expected


def test_connection_tracking_may_be_absent() -> None:
    """No firewall, no table."""
    assert vitals.conntrack_used("200000\n", "262144\n") == 77
    assert vitals.conntrack_used("", "") is None


def test_bad_packets_are_counted_between_two_looks() -> None:
    """Errors of last year say nothing; loopback never does."""
    first = vitals.packets(NET_DEV.format(received=1000, dropped=4))
    second = vitals.packets(NET_DEV.format(received=1990, dropped=14))
    assert (first, second) == ((3000, 10), (3990, 20))
    assert vitals.bad_packets(first, second) == 10_000
    assert vitals.bad_packets(None, second) is None
    assert vitals.bad_packets(second, first) is None
    assert vitals.packets("") is None


def test_only_local_filesystems_are_looked_at() -> None:
    """A network's filesystem could hang, and the agent with it."""
    assert vitals.local_mounts(MOUNTS) == ["/", "/with space"]


def test_only_what_the_kernel_escapes_is_read_as_an_escape() -> None:
    """Space, tab, newline, # and the backslash itself, each once; any other backslash stands for itself."""
    name = r"/a\040b\011c\012d\043e\134040\x\u12\N{DASH}\777\é"
    assert vitals.local_mounts(f"/dev/sda {name} ext4 rw 0 0\n") == ["/a b\tc\nd#e\\040\\x\\u12\\N{DASH}\\777\\é"]


def test_the_fullest_filesystem_counts_as_df_does() -> None:
    """Root's reserve is not available to anybody else."""
    assert vitals.fullest([(1000, 500, 450), (100, 5, 0), (0, 0, 0)]) == 100
    assert vitals.fullest([]) is None


def test_a_whole_node_is_read_below_its_root(tmp_path: Path) -> None:
    """All gauges of a directory that looks like a node; a second look has the network's too."""
    files = {
        "proc/meminfo": MEMINFO,
        "proc/loadavg": LOADAVG,
        "proc/net/dev": NET_DEV.format(received=1000, dropped=4),
        "proc/mounts": MOUNTS,
        "proc/sys/kernel/threads-max": "62000\n",
        "proc/sys/kernel/pid_max": "32768\n",
        "proc/sys/fs/file-nr": "3328\t0\t4000\n",
        "proc/sys/net/netfilter/nf_conntrack_count": "1\n",
        "proc/sys/net/netfilter/nf_conntrack_max": "100\n",
        "sys/devices/system/cpu/online": "0-3\n",
        "proc/stat": "cpu  1 2 3\nctxt 5\nbtime 1700000000\nprocesses 9\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    gauges = Gauges(str(tmp_path))
    first, second = gauges.look(), gauges.look()
    assert (first.memory, first.threads, first.open_files, first.load, first.conntrack) == (25, 4, 84, 38, 1)
    assert first.disk is not None
    assert first.booted == 1_700_000_000
    assert (first.network, second.network) == (None, 0)


@pytest.mark.parametrize(
    "stat", ["", "cpu 1\n", "btime\n", "btime 0\n", "btime -5\n", "btime 99999999999\n", "btime x"]
)
def test_a_boot_time_that_is_none_is_none(stat: str) -> None:
    """Nor is one that no clock shows."""
    assert vitals.boot_time(stat) is None


def test_an_empty_root_has_hardly_any_gauges(tmp_path: Path) -> None:
    """An image that is not running: what cannot be read is None, and nothing is raised."""
    seen = Gauges(str(tmp_path)).look()
    assert seen == Vitals(disk=seen.disk, inodes=seen.inodes)


def test_garbage_in_proc_is_none_or_a_number(tmp_path: Path) -> None:
    """A container may show anything there."""
    for name in ("meminfo", "loadavg", "mounts", "net/dev", "sys/fs/file-nr"):
        path = tmp_path / "proc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xff\x00 a:1 /\n x: 9 9 9\n" * 3)
    assert Gauges(str(tmp_path)).look().memory is None


FILES = (
    "stat",
    "meminfo",
    "loadavg",
    "net/dev",
    "mounts",
    "sys/kernel/threads-max",
    "sys/kernel/pid_max",
    "sys/fs/file-nr",
)
PIECES = (
    b"/dev/sda1 /\\x ext4 rw 0 0\n",
    b"/dev/sdb /../.. xfs\n", b"\\0", b"\\N{", b"\xff", b"\0", b"\n", b"\x1c", b" ", b":",
    b"-", b",", b"/", b"inf", b"-1", b"9" * 5000, b"1e308", b"1 2 3 4/5 6\n", b"MemTotal: 9\nMemAvailable: 5\n",
    b"eth0: 1 2 3 4 5 6 7 8 9 10 11 12\n",
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(content=st.binary(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
def test_no_content_stops_a_look(tmp_path: Path, content: bytes) -> None:
    """Whatever the files of /proc hold, torn or hostile: every gauge is a number that fits the wire, or None."""
    for path in (*(tmp_path / "proc" / name for name in FILES), tmp_path / "sys/devices/system/cpu/online"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    gauges = Gauges(str(tmp_path))
    for seen in (gauges.look(), gauges.look()):
        for name in seen.__struct_fields__:
            assert getattr(seen, name) is None or 0 <= getattr(seen, name) <= vitals.GAUGE_MAX


@pytest.mark.parametrize("load", [b"1e309", b"inf", b"nan", b"-1", b"9" * 5000])
def test_a_load_that_is_none_is_none_or_a_number(tmp_path: Path, load: bytes) -> None:
    """A load of infinity, and processors without end."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/loadavg").write_bytes(load + b" 0 0 1/2 3")
    online = tmp_path / "sys/devices/system/cpu/online"
    online.parent.mkdir(parents=True)
    for processors in (b"0-3", b"0-" + b"9" * 400, b"9-0"):
        online.write_bytes(processors)
        assert Gauges(str(tmp_path)).look().load in {None, 0}


@pytest.mark.timeout(20)
def test_the_gauges_are_those_below_the_root(tmp_path: Path) -> None:
    """A link to the machine's own /proc tells nothing about the image, and a FIFO there is not waited for."""
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/proc").symlink_to("/proc")
    (tmp_path / "linked/sys").symlink_to("/sys")
    (tmp_path / "piped/proc").mkdir(parents=True)
    for name in ("loadavg", "meminfo", "mounts"):
        os.mkfifo(tmp_path / "piped/proc" / name)
    for root in ("linked", "piped"):
        seen = Gauges(str(tmp_path / root)).look()
        assert seen == Vitals(disk=seen.disk, inodes=seen.inodes)


def test_a_mount_point_is_looked_for_below_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither `..` nor a link in a mount's name leads to a filesystem outside."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "out").symlink_to("/../proc/sys")
    (tmp_path / "proc/mounts").write_text(
        "a /../../../../proc/sys ext4 rw 0 0\nb /out ext4 rw 0 0\nc /proc ext4 rw 0 0\n"
    )
    asked = []

    def statvfs(place: int) -> os.statvfs_result:
        asked.append(str(Path(f"/proc/self/fd/{place}").readlink()))
        raise OSError

    monkeypatch.setattr(os, "statvfs", statvfs)
    assert Gauges(str(tmp_path)).look().disk is None
    assert asked == [str(tmp_path), str(tmp_path / "proc")]
