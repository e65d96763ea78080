"""Case files of checks, root directories made of data, and the bundled checks run on them."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

REPOSITORY = Path(__file__).parent.parent.parent
CHECKS = REPOSITORY / "checks"
CASES = REPOSITORY / "tests" / "cases"

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where libyaml was there to build it

SIGNS = {"etc", "proc", "sys", "usr"}  # one of these is in the root of any system

Finding = dict[str, Any]


@cache
def module(name: str) -> ModuleType:
    """A file of checks/, by its path: names such as `file` are too common to be imported."""
    spec = importlib.util.spec_from_file_location(f"checks_under_test_{name}", CHECKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def kind_module(kind: str) -> ModuleType:
    """The file of a kind: one more _ stands behind its name where Python has such a module itself."""
    return module(kind if (CHECKS / f"{kind}.py").is_file() else f"{kind}_")


def load(path: Path) -> dict[str, Any]:
    """One case file."""
    case: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506 -- a safe one
    return case


def plant(root: Path, tree: Mapping[str, Any]) -> Path:
    """Write files below root: path -> text, or {text | link | directory: true, mode: "0644"}.

    {uid} and {gid} in a text stand for whoever runs the tests, to whom all of it belongs. Where nothing else shows that
    it is the root of a system, there is an empty /etc: below any other no check looks.
    """
    if not {path.strip("/").split("/")[0] for path in tree} & SIGNS:
        (root / "etc").mkdir(parents=True, exist_ok=True)
    for path, content in tree.items():
        entry = content if isinstance(content, dict) else {"text": content}
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if "link" in entry:
            place.symlink_to(entry["link"])
            continue
        if entry.get("directory"):
            place.mkdir(exist_ok=True)
        else:
            text = entry.get("text", "").replace("{uid}", str(os.getuid())).replace("{gid}", str(os.getgid()))
            place.write_text(text, encoding="utf-8", newline="")
        place.chmod(int(entry.get("mode", "0755" if entry.get("directory") else "0644"), 8))
    return root


def look(items: Iterable[Mapping[str, Any]], root: Path | str = "/", **more: Any) -> list[Finding]:
    """Findings of a request, in the order of its items, run in this process."""
    asked = [dict(item) for item in items]
    for place, item in enumerate(asked):
        item.setdefault("id", f"{place}")
        item.setdefault("timeout_s", 60.0)  # the usual 2 s are little for a program on a busy machine
    lines: list[Finding] = []
    module("batch").run({"root": str(root), "items": asked, **more}, lines.append)
    found = {line["id"]: line for line in lines if "id" in line}
    assert [line["start"] for line in lines if "start" in line] == list(found)
    return [found[item["id"]] for item in asked]


def look_at(
    check: str, key: str, expect: Mapping[str, Any] | None = None, root: Path | str = "/", **more: Any
) -> Finding:
    """The finding of one item. more: `parameters` for `with`, and other fields of an item."""
    item = {"check": check, "key": key, "expect": expect or {}, "with": more.pop("parameters", {}), **more}
    return look([item], root)[0]


def outcome(finding: Finding) -> tuple[str, str, str]:
    """What matters of a finding: outcome, observed, message."""
    return finding["outcome"], finding["observed"], finding["message"]


def script(file: str, text: str | bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run a file of checks/ as a program, as any shell would, with text on its stdin."""
    return subprocess.run(
        [sys.executable, str(CHECKS / file), *arguments],
        input=text if isinstance(text, bytes) else text.encode(),
        capture_output=True,
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"], "PYTHONWARNINGS": "error"},
    )


def lines_of(output: bytes) -> list[Finding]:
    """JSON lines."""
    return [json.loads(line) for line in output.splitlines()]
