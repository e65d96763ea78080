"""Trees and outputs of many real machines, where INSPECTOR_CAPTURES names a folder of them; complete without it.

Nothing of that folder is copied here. What is plain in a tree must be found, and nothing at all may crash.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from tests.support.captures import captures, trees
from tests.support.check_cases import look, module


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
                assert found["outcome"] == "pass"
    assert told["sysctl pass"]
    assert told["process pass"]


def test_every_os_release_is_read(tmp_path: Path) -> None:
    """Files of a dozen distributions: each has an id or says nothing at all."""
    folder = captures()
    files = sorted((folder / "facter").glob("os_release*")) if folder else [Path("/etc/os-release")]
    parse = module("os_").parse_os_release
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        assert ("id" in parse(text)) == any(line.startswith("ID=") for line in text.splitlines()), path


def test_listings_of_services_are_read() -> None:
    """What pyinfra captured of `systemctl show` is read as it reads it: each unit once, with its state."""
    folder = captures()
    if folder is None:
        return
    show = module("service").parse_show
    for path in sorted((folder / "pyinfra" / "systemd.SystemdStatus").glob("*services.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        text = "\n".join(case["output"]).replace("SubState=", "LoadState=loaded\nActiveState=x\nSubState=")
        units = show(text)
        running = {
            name: values["substate"] in {"running", "waiting", "exited", "listening"} for name, values in units.items()
        }
        assert running == case["fact"], path
