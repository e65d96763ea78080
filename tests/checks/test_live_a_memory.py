"""Processors, memory, swap, NUMA and huge pages, held against lscpu, free, swapon, Ansible and captured machines."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import yaml
from checklib.cpuinfo import model_of, parse_cpuinfo, vendor_of
from checklib.kernelfs import parse_meminfo
from checklib.pamlimits import parse_limits

from tests.support.captures import captures, trees
from tests.support.check_cases import CASES, look_at, module, plant
from tests.support.mounted import REFUSED, RefusedError, inside
from tests.support.others import facts, told

ANY = {"any": True}
VULNERABILITIES = Path("/sys/devices/system/cpu/vulnerabilities")


def observed(check: str, key: str, property_: str = "value", root: Path | str = "/") -> str:
    """What is seen of one property; the outcome's name where it does not pass."""
    found = look_at(check, key, {property_: ANY}, root)
    text: str = found["observed"].removeprefix(f"{property_} ")
    return text if found["outcome"] == "pass" else str(found["outcome"])


def lscpu(*arguments: str) -> dict[str, str]:
    """What lscpu(1) tells, flat."""
    told_fields = json.loads(told("lscpu", "-J", *arguments))["lscpu"]
    return {one["field"].rstrip(":"): one["data"] for one in told_fields}


def same_as_lscpu(theirs: dict[str, str], root: Path | str = "/") -> None:
    """Count, sockets, cores, threads, vendor and model."""
    sockets, cores = int(theirs["Socket(s)"]), int(theirs["Core(s) per socket"])
    expected = {
        "count": theirs["CPU(s)"],
        "sockets": str(sockets),
        "cores": str(sockets * cores),
        "threads": theirs["Thread(s) per core"],
        "vendor": theirs["Vendor ID"],
        "model": theirs["Model name"],
    }
    assert {key: observed("cpu", key, root=root) for key in expected} == expected


def test_the_processors_are_what_lscpu_says() -> None:
    """Also flags, and each vulnerability in the kernel's own words."""
    theirs = lscpu()
    same_as_lscpu(theirs)
    assert look_at("cpu", "flags", {"value": {"equals": theirs["Flags"].split()}})["outcome"] == "pass"
    assert observed("numa", "nodes") == theirs["NUMA node(s)"]
    files = {path.name: path.read_text("utf-8").strip() for path in VULNERABILITIES.iterdir()}
    assert files
    for name, text in files.items():
        assert observed("cpu", f"mitigation.{name}") == text[:200]
        said = theirs[f"Vulnerability {name.replace('_', ' ').capitalize()}"]  # `; ` where the kernel has `: `
        state = {"Mitigation": "mitigated", "Vulnerable": "vulnerable", "Not affected": "not affected"}.get(
            re.split("[:;]", said)[0], "unknown"
        )
        assert observed("cpu", f"mitigation.{name}", "state") == state


def test_the_processors_are_what_lscpu_says_below_another_root(tmp_path: Path) -> None:
    """Two sockets of two cores of two threads: a machine made of files, and lscpu looks at the same."""
    case = yaml.safe_load((CASES / "cpu/two-sockets.yml").read_text("utf-8"))
    lists = {"possible": "0-7", "present": "0-7", "online": "0-6", "kernel_max": "63"}
    masks = {0: "11", 1: "22", 2: "44", 3: "08", 4: "11", 5: "22", 6: "44"}
    tree = {path: text for path, text in case["tree"].items() if "cpu7" not in path}
    for name, text in lists.items():
        tree[f"/sys/devices/system/cpu/{name}"] = f"{text}\n"
    for number, mask in masks.items():
        topology = f"/sys/devices/system/cpu/cpu{number}/topology"
        socket = tree[f"{topology}/physical_package_id"].strip()
        tree[f"{topology}/thread_siblings"] = tree[f"{topology}/core_cpus"] = f"{mask}\n"
        tree[f"{topology}/core_siblings"] = tree[f"{topology}/package_cpus"] = {"0": "33", "1": "4c"}[socket] + "\n"
        tree[f"{topology}/core_id"] = f"{number % 4}\n"
    root = plant(tmp_path, tree)
    same_as_lscpu(lscpu("--sysroot", str(root)), root)


def test_the_processors_and_memory_are_what_ansible_says() -> None:
    """Its facts count cores per socket, and memory in MiB as well."""
    theirs = facts()
    sockets = theirs["ansible_processor_count"]
    assert observed("cpu", "sockets") == str(sockets)
    assert observed("cpu", "cores") == str(sockets * theirs["ansible_processor_cores"])
    assert observed("cpu", "threads") == str(theirs["ansible_processor_threads_per_core"])
    assert observed("cpu", "online") == str(theirs["ansible_processor_vcpus"])
    assert observed("cpu", "model") == theirs["ansible_processor"][2]
    assert observed("memory", "total", "mib") == str(theirs["ansible_memtotal_mb"])
    assert observed("swap", "all", "size_mib").replace("fail", "0") == str(theirs["ansible_swaptotal_mb"])
    assert observed("cpu", "online") == told("nproc", "--all").strip()


def free() -> dict[str, int]:
    """What free(1) tells, in MiB."""
    header, memory, *_ = (line.split() for line in told("free", "-m", "-w").splitlines())
    return dict(zip(header, map(int, memory[1:]), strict=True))


def test_memory_is_what_free_says() -> None:
    """The total to the byte; what moves meanwhile to within a tenth of it."""
    total = int(observed("memory", "total", "mib"))
    assert total == free()["total"]
    columns = {"available": "available", "free": "free", "shared": "shared", "buffers": "buffers", "cached": "cache"}
    while True:
        before = free()
        near = {key: [before[column] - total // 10, before[column] + total // 10] for key, column in columns.items()}
        found = {key: look_at("memory", key, {"mib": {"between": pair}})["outcome"] for key, pair in near.items()}
        after = free()
        if all(abs(after[column] - before[column]) < total // 20 for column in columns.values()):
            break  # nobody has begun or ended who has so much of it
    assert found == dict.fromkeys(columns, "pass")
    fields = parse_meminfo(Path("/proc/meminfo").read_text("utf-8"))
    assert observed("memory", "commit_limit", "mib") == str(fields["CommitLimit"] // (1 << 20))


def test_numa_and_huge_pages_are_what_the_kernel_says_elsewhere() -> None:
    """cpulist against lscpu, the default size against /proc/meminfo and its kernel parameter."""
    theirs = lscpu()
    numbers = sorted(int(name[9:-7]) for name in theirs if re.fullmatch(r"NUMA node\d+ CPU\(s\)", name))
    for number in numbers:
        cpus = module("numa").parse_ranges(theirs[f"NUMA node{number} CPU(s)"])
        assert observed("numa", f"node{number}", "cpus") == str(len(cpus))
        assert observed("numa", f"node{number}") == module("numa").format_ranges(cpus)
    fields = parse_meminfo(Path("/proc/meminfo").read_text("utf-8"))
    if "Hugepagesize" in fields:
        assert observed("hugepage", "default", "total") == str(fields["HugePages_Total"])
        assert observed("hugepage", "default", "total") == told("sysctl", "-n", "vm.nr_hugepages").strip()
        assert observed("hugepage", "default", "free") == str(fields["HugePages_Free"])
    thp = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    assert (
        observed("thp", "enabled") == (re.findall(r"\[(\w+)\]", thp.read_text("utf-8")) if thp.exists() else ["na"])[0]
    )


def test_swap_is_what_swapon_says(tmp_path: Path) -> None:
    """A file on a loop device, swapped to for a moment; where that is refused, that there is what swapon lists."""
    show = "swapon --show=NAME,TYPE,SIZE,USED,PRIO --bytes --raw --noheadings"
    script = (
        f"losetup --find > free || exit {REFUSED}; "
        "truncate -s 32M disk; loop=$(losetup --find --show disk); mkswap -q $loop; "
        f"if swapon -p 7 $loop 2> why; then {show}; else grep 'swapon failed' why >&2; fi; "
        "cp /proc/swaps /proc/meminfo proc; swapoff $loop || true; losetup -d $loop"
    )
    (tmp_path / "proc").mkdir()
    try:
        _, printed = inside(script, [], tmp_path)
        root: Path | str = tmp_path
    except RefusedError:
        printed, root = told(*show.split()), "/"
    rows = [line.split() for line in printed.splitlines()]
    assert int(observed("swap", "all", "size_mib", root).replace("fail", "0")) == sum(int(row[2]) for row in rows) >> 20
    for name, type_, size, used, priority in rows:
        found = look_at(
            "swap",
            name,
            {
                "kinds": {"equals": ["zram" if "zram" in name else type_]},
                "size_mib": {"equals": int(size) >> 20},
                "used_mib": {"equals": int(used) >> 20},
                "priority": {"equals": int(priority)},
            },
            root,
        )
        assert found["outcome"] == "pass", found
    if root != "/" and os.geteuid() == 0:
        assert [row[4] for row in rows if "loop" in row[0]] in (["7"], [])


def plainly_said(root: Path) -> dict[tuple[str, str, str], str]:
    """(kind, key, property) -> what a tree's files say of it, by as simple a look as can be."""
    said: dict[tuple[str, str, str], str] = {}
    for path in root.glob("proc/meminfo"):
        total = re.findall(r"MemTotal:\s+(\d+)", path.read_text("utf-8"))[0]
        said["memory", "total", "mib"] = str(int(total) // 1024)
    for path in root.glob("proc/swaps"):
        for line in path.read_text("utf-8").splitlines()[1:]:
            said["swap", line.split()[0], "size_mib"] = str(int(line.split()[2]) // 1024)
    for path in root.glob("proc/cpuinfo"):
        models = re.findall(r"^model name\s*: (.*)", path.read_text("utf-8"), re.MULTILINE)
        said["cpu", "model", "value"] = models[0] if models else "na"
    for path in root.glob("proc/[0-9]*/comm"):
        for limits in path.parent.glob("limits"):
            soft = re.findall("Max open files +([^ ]+)", limits.read_text("utf-8"))[0]
            said["limit", f"nofile.{path.read_text('utf-8').strip()}", "soft"] = soft
    for path in root.glob("sys/devices/system/node/node*/cpulist"):
        said["numa", path.parent.name, "value"] = path.read_text("utf-8").strip() or '""'
    governors = {path.read_text("utf-8").strip() for path in root.glob("sys/**/cpu*/cpufreq/scaling_governor")}
    if len(governors) == 1:
        said["cpu", "governor", "value"] = governors.pop()
    for path in root.glob("sys/devices/system/cpu/vulnerabilities/*"):
        said["cpu", f"mitigation.{path.name}", "value"] = path.read_text("utf-8").strip()
    return said


def test_captured_trees_tell_what_their_files_plainly_say(tmp_path: Path) -> None:
    """Memory, swap, model, limits, nodes, governors and mitigations of every tree that has them."""
    kinds: set[str] = set()
    for root in trees(tmp_path):
        said = plainly_said(root)
        assert {one: observed(*one, root=root) for one in said} == said, root
        kinds |= {kind for kind, _, _ in said}
    assert kinds >= ({"memory", "swap", "cpu", "limit", "numa"} if captures() else set())


def test_captured_files_of_many_machines_are_read() -> None:
    """cpuinfo and meminfo of several architectures, modules and limits as pyinfra reads them."""
    folder = captures()
    if folder is None:
        return
    named = {path.name: parse_cpuinfo(path.read_text("utf-8")) for path in (folder / "facter").glob("cpuinfo*")}
    whole = {name: (len(cpus.each), model_of(cpus), vendor_of(cpus)) for name, cpus in named.items()}
    xeon = "Intel(R) Xeon(R) CPU E5-2697 v4 @ 2.30GHz"
    assert whole == {
        "cpuinfo": (4, xeon, "GenuineIntel"),
        "cpuinfo_wo_physical_id": (4, xeon, "GenuineIntel"),
        "cpuinfo_arm64": (2, "ThunderX-88XX", "Cavium"),
        "cpuinfo_powerpc": (4, "POWER8 (raw), altivec supported", None),
    }
    for path in [*(folder / "facter").glob("meminfo*"), folder / "facter/rhel5_memory"]:
        text = path.read_text("utf-8")
        fields = parse_meminfo(text)
        assert fields["MemTotal"] == 1024 * int(text.split()[1])
        assert ("MemAvailable" in fields) == ("MemAvailable" in text)
    case = json.loads((folder / "pyinfra/server.KernelModules/modules.json").read_text("utf-8"))
    modules = module("module").parse_modules("\n".join(case["output"]))
    theirs: dict[str, Any] = {name: (fact["instances"], fact.get("depends", [])) for name, fact in case["fact"].items()}
    assert {name: (one.used, one.by) for name, one in modules.items()} == theirs
    for path in (folder / "pyinfra/server.SecurityLimits").glob("*.json"):
        case = json.loads(path.read_text("utf-8"))
        rules = [[one.domain, one.type, one.item, one.value] for one in parse_limits("\n".join(case["output"]))]
        assert rules == [
            [str(fact[name]) for name in ("domain", "limit_type", "item", "value")] for fact in case["fact"]
        ]
