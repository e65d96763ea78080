"""Facts about a node: parsed from what real machines say, None where nothing tells."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from inspector_agent import below, facts

DEBIAN = (
    'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n# a comment\n'
)
KVM_FLAGS = (
    "processor\t: 0\nflags\t\t: fpu vme hypervisor lahf_lm\n\nprocessor\t: 1\nflags\t\t: fpu vme hypervisor lahf_lm\n"
)
BARE_FLAGS = "processor\t: 0\nflags\t\t: fpu vme lahf_lm\n"


def test_os_release_is_read_with_its_quotes() -> None:
    """Values are quoted as a shell would; a malformed line costs only itself."""
    found = facts.parse_os_release(DEBIAN + "BAD=\"no end\nODD='single quoted'\nno equals sign\n=x\n")
    assert found["ID"] == "debian"
    assert found["PRETTY_NAME"] == "Debian GNU/Linux 12 (bookworm)"
    assert found["ODD"] == "single quoted"
    assert "BAD" not in found


@pytest.mark.parametrize(
    ("online", "cpuinfo", "count"),
    [
        ("0-3\n", "", 4),
        ("0-3,8,10-11", "", 7),
        ("0", "", 1),
        ("", KVM_FLAGS, 2),
        ("nonsense", "", None),
        ("", "", None),
    ],
)
def test_processors_are_counted(online: str, cpuinfo: str, count: int | None) -> None:
    """By the list of those online, else by /proc/cpuinfo."""
    assert facts.count_cpus(online, cpuinfo) == count


@pytest.mark.parametrize(
    ("meminfo", "mib"), [("MemTotal:       24684088 kB\nMemFree: 1 kB\n", 24105), ("MemTotal: x kB", None), ("", None)]
)
def test_memory_is_in_mebibytes(meminfo: str, mib: int | None) -> None:
    """As the kernel manages it, rounded down."""
    assert facts.parse_memory(meminfo) == mib


@pytest.mark.parametrize(
    ("evidence", "called"),
    [
        ({"container": "docker", "vendor": "QEMU"}, "docker"),
        ({"vendor": "QEMU\n", "product": "Standard PC (i440FX + PIIX, 1996)\n"}, "kvm"),
        ({"vendor": "Amazon EC2", "product": "m5.large"}, "amazon"),
        ({"vendor": "Microsoft Corporation", "product": "Virtual Machine"}, "hyperv"),
        ({"vendor": "Microsoft Corporation", "product": "Surface"}, "none"),
        ({"hypervisor": "xen"}, "xen"),
        ({"cpuinfo": KVM_FLAGS}, "vm"),
        ({"vendor": "Dell Inc.", "product": "PowerEdge R640", "cpuinfo": BARE_FLAGS}, "none"),
        ({"cpuinfo": BARE_FLAGS}, "none"),
        ({}, None),
    ],
)
def test_virtualization_is_told_by_evidence(evidence: dict[str, str], called: str | None) -> None:
    """The nearest layer is named; without evidence nothing is."""
    silence = {"container": "", "vendor": "", "product": "", "hypervisor": "", "cpuinfo": ""}
    assert facts.tell_virtualization(**(silence | evidence)) == called


def test_this_machine_has_facts() -> None:
    """Whatever it is: its kernel, processors and memory are known, and all of it is JSON."""
    found = facts.gather()
    assert found.kernel == os.uname().release
    assert found.arch == os.uname().machine
    assert (found.cpus or 0) >= 1
    assert (found.memory_mib or 0) > 100
    json.dumps(found.as_dict())


def test_facts_are_those_below_the_root(tmp_path: Path) -> None:
    """Nothing of this machine leaks into what is said about an image, not even through a link."""
    assert set(facts.gather(str(tmp_path)).as_dict().values()) == {None}
    for path, text in {
        "usr/lib/os-release": DEBIAN,
        "proc/sys/kernel/osrelease": "6.1.0-37-amd64\n",
        "proc/sys/kernel/arch": "aarch64\n",
        "proc/meminfo": "MemTotal: 2097152 kB\n",
        "sys/devices/system/cpu/online": "0-15\n",
        "run/systemd/container": "lxc\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    (tmp_path / "etc").mkdir()
    (tmp_path / "elsewhere").write_text("ID=leaked\n", encoding="utf-8")
    (tmp_path / "etc/os-release").symlink_to(tmp_path / "elsewhere")
    (tmp_path / ".dockerenv").symlink_to("/")
    assert facts.flat_facts(str(tmp_path)) == {
        "os": "debian",
        "os_version": "12",
        "os_name": "Debian GNU/Linux 12 (bookworm)",
        "kernel": "6.1.0-37-amd64",
        "arch": "aarch64",
        "cpus": "16",
        "memory_mib": "2048",
        "virtualization": "lxc",
    }


@pytest.mark.parametrize("target", ["/proc", "../../../../../../../proc", "/../proc", "/proc/self/root/proc"])
def test_a_link_below_the_root_stays_below_it(tmp_path: Path, target: str) -> None:
    """An image whose /proc is a link to /proc has no facts of this machine; a link that means the image is followed."""
    root = tmp_path / "root"
    (root / "usr/lib").mkdir(parents=True)
    (root / "usr/lib/image").write_text("ID=image\n", encoding="utf-8")
    (root / "proc").symlink_to(target)
    (root / "sys").symlink_to(target.replace("proc", "sys"))
    (root / "etc").symlink_to("/usr/../usr/lib")
    (root / "usr/lib/os-release").symlink_to("/../../etc/image")
    assert facts.flat_facts(str(root)) == {"os": "image"}


@pytest.mark.timeout(20)
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """A FIFO where a file should be, a directory, a link to itself: no fact, and no agent that waits for ever."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "proc").mkdir()
    os.mkfifo(tmp_path / "etc/os-release")
    os.mkfifo(tmp_path / "proc/cpuinfo")
    (tmp_path / "proc/meminfo").mkdir()
    (tmp_path / "usr").symlink_to("usr")
    (tmp_path / "run").symlink_to("./" * 200 + "etc")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only the number matters
    assert set(facts.gather(str(tmp_path)).as_dict().values()) == {None}
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - the same


@pytest.mark.timeout(20)
def test_the_machines_own_files_are_not_waited_for(tmp_path: Path) -> None:
    """The same with the root "/", whose files are opened by their names; and no file is read beyond its bound."""
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="no regular file"):
        below.read("/", str(tmp_path / "fifo"), 10)
    (tmp_path / "file").write_bytes(b"x" * 100)
    assert below.read("/", str(tmp_path / "file"), 10) == b"x" * 10
    assert below.read(str(tmp_path), "file", 200) == b"x" * 100


def test_numbers_of_any_length_are_no_facts() -> None:
    """Python refuses to read a number of five thousand digits; a fact with one would help nobody."""
    assert facts.parse_memory(f"MemTotal: {'9' * 5000} kB") is None
    assert facts.count_cpus(f"0-{'9' * 4000}", "") is None
    assert facts.count_cpus("9-1", "") is None
