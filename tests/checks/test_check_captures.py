"""Trees and outputs of many real machines, where INSPECTOR_CAPTURES names a folder of them; complete without it.

Nothing of that folder is copied here. What is plain in a tree must be found, and nothing at all may crash.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.support.check_cases import look, module, plant

# The tree that stands in where no captures are at hand, so that the same code is run everywhere.
STAND_IN = {
    "/proc/1/stat": "1 (init) S 0 1 1 0 -1 0\n",
    "/proc/1/cmdline": "init\0",
    "/proc/7/stat": "7 (vim) S 1 7 7 0 -1 0\n",
    "/proc/7/cmdline": "vim\0test.go\0",
    "/proc/7/status": "Uid:\t0\t0\t0\t0\n",
    "/proc/cmdline": "ro quiet\n",
    "/proc/sys/vm/swappiness": "60\n",
    "/proc/sys/vm/lowmem_reserve_ratio": "256\t256\t32\t1\n",
}


def trees(place: Path) -> list[Path]:
    """Root directories: of the captures where there are any, else the one that stands in."""
    captures = os.environ.get("INSPECTOR_CAPTURES")
    if not captures:
        return [plant(place / "stand-in", STAND_IN)]
    found = []
    for archive in sorted(Path(captures).rglob("*.ttar")):
        target = place / archive.parent.name / archive.stem
        subprocess.run(
            [sys.executable, str(Path(captures, "unpack")), str(archive), str(target)], check=True, capture_output=True
        )
        found += [target, *sorted(path for path in target.iterdir() if path.is_dir() and (path / "proc").is_dir())]
    found += sorted(path.parent for path in Path(captures).glob("*/proc"))
    assert found
    return found


def everything(root: Path) -> list[dict[str, object]]:
    """An item for all that a tree could hold, of every kind that reads another root."""
    parameters = [path for path in root.glob("proc/sys/**/*") if path.is_file()]
    asked: list[tuple[str, str, str]] = [
        ("sysctl", str(path.relative_to(root / "proc/sys")), "value") for path in parameters
    ]
    asked += [("kernel", key, "value") for key in ("release", "version", "arch", "cmdline", "tainted")]
    asked += [("os", key, "value") for key in ("id", "version_id", "hostname", "machine_id")]
    asked += [
        ("file", "/" + str(path.relative_to(root)), part)
        for path in sorted(root.rglob("*"))[:400]
        for part in ("type", "size", "content")
    ]
    asked += [("process", key, "args") for key in ("vim", "systemd", "nothing")]
    asked += [
        ("package", "bash", "version"),
        ("service", "ssh", "enabled"),
        ("disk", "/", "free_bytes"),
        ("disk", "/proc", "mounted"),
    ]
    return [{"check": check, "key": key, "expect": {part: {"any": True}}} for check, key, part in asked]


def test_nothing_crashes_and_plain_facts_are_found(tmp_path: Path) -> None:
    """Every parameter that a tree holds is told as it stands; no item ends by an exception that nobody expected."""
    told: Counter[str] = Counter()
    for root in trees(tmp_path):
        items = everything(root)
        findings = look(items, root)
        assert [found["message"] for found in findings if "unexpected" in found["message"]] == []
        told += Counter(f"{item['check']} {found['outcome']}" for item, found in zip(items, findings, strict=True))
        for item, found in zip(items, findings, strict=True):
            if item["check"] == "sysctl":
                text = (root / "proc/sys" / str(item["key"])).read_text(encoding="utf-8", errors="replace")
                assert found["observed"] == (" ".join(text.split()) or '""')[: len(found["observed"])], item
            if item["check"] == "kernel" and item["key"] == "cmdline" and (root / "proc/cmdline").is_file():
                assert found["outcome"] == "pass"
            if (
                item["check"] == "process"
                and item["key"] == "vim"
                and any(b"vim" in path.read_bytes() for path in root.glob("proc/*/cmdline"))
            ):
                assert "test.go" in found["observed"]
    assert told["sysctl pass"]
    assert told["process pass"]


def test_every_os_release_is_read(tmp_path: Path) -> None:
    """Files of a dozen distributions: each has an id or says nothing at all."""
    captures = os.environ.get("INSPECTOR_CAPTURES")
    files = sorted(Path(captures, "facter").glob("os_release*")) if captures else [Path("/etc/os-release")]
    parse = module("os_").parse_os_release
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        assert ("id" in parse(text)) == any(line.startswith("ID=") for line in text.splitlines()), path


def test_listings_of_services_are_read() -> None:
    """What pyinfra captured of `systemctl show` is read as it reads it: each unit once, with its state."""
    captures = os.environ.get("INSPECTOR_CAPTURES")
    if not captures:
        return
    show = module("service").parse_show
    for path in sorted(Path(captures, "pyinfra", "systemd.SystemdStatus").glob("*services.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        text = "\n".join(case["output"]).replace("SubState=", "LoadState=loaded\nActiveState=x\nSubState=")
        units = show(text)
        running = {
            name: values["substate"] in {"running", "waiting", "exited", "listening"} for name, values in units.items()
        }
        assert running == case["fact"], path
