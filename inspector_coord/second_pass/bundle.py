"""What is sent to a node: the bundled checks as one package in memory, made once a run, and the node's request."""

from __future__ import annotations

import ast
import base64
import importlib.resources
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

import msgspec

from config_center.resolve import Item
from inspector_agent.bundled import is_bundled, kind_file
from inspector_agent.veil import is_secret
from inspector_coord.second_pass import limits
from inspector_coord.second_pass.model import Subject

__all__ = ["bundle", "playbooks_dir", "request", "unsendable"]


def playbooks_dir() -> Path:
    """The playbooks of this installation: inside the wheel, or beside the packages in the repository."""
    packaged = Path(str(importlib.resources.files("inspector_coord"))) / "bundled_playbooks"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "playbooks"


def bundle(program: Path, checks: Path, kinds: Iterable[str]) -> bytes:
    """The first two parts of what `recheck.py` reads: itself, and the sources of these kinds and all that they need."""
    sources = _sources(program, checks, kinds)
    return _part(program.read_bytes()) + _part(zlib.compress(msgspec.json.encode(sources), 9))


def _sources(program: Path, checks: Path, kinds: Iterable[str]) -> dict[str, str]:
    """Path below the checks -> source: of the batch, the bundled ones of the kinds, and every module these import."""
    ahead = [program, checks / "batch.py", checks / "checklib" / "__init__.py"]
    ahead += [file for file in (kind_file(checks, kind) for kind in sorted(set(kinds))) if file]
    found: dict[Path, str] = {}
    while ahead:
        path = ahead.pop()
        if path not in found and path.is_file():
            found[path] = path.read_text(encoding="utf-8")
            ahead += [checks / f"{name.replace('.', '/')}.py" for name in _imported(found[path])]
    del found[program]
    return {path.relative_to(checks).as_posix(): source for path, source in sorted(found.items())}


def _imported(source: str) -> Iterator[str]:
    """What may be a module of the checks' library, anywhere in a source."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def request(subject: Subject, items: tuple[Item, ...], site_checks: Mapping[str, PurePath], *, limit_s: float) -> bytes:
    """The third part: which items to look at again on this node, within limit_s seconds altogether."""
    needed = sorted({item.check for item in items} & site_checks.keys())
    told: dict[str, Any] = {
        "limit_s": limit_s,
        "facts": {"name": subject.name, "tags": dict(subject.tags)},
        "items": [_item(item) for item in items],
        "executables": {name: base64.b64encode(Path(site_checks[name]).read_bytes()).decode() for name in needed},
    }
    return _part(msgspec.json.encode(told))


def _item(item: Item) -> dict[str, Any]:
    """What `recheck.py` is told of an item: what its check is, which operands are on the node, what it may not tell."""
    told = dict(item.request)
    if item.from_file:
        told["from_file"] = item.from_file
    if is_secret(item):
        told["secret"] = True
    return told


def unsendable(subject: Subject, site_checks: Mapping[str, PurePath], checks: Path) -> dict[str, str]:
    """The items that cannot be sent, by id, with the reason. `checks` holds the bundled ones."""
    reasons = {item.id: item.problem or _why_not(item.check, site_checks, checks) for item in subject.items}
    for item in subject.items[limits.items_per_node_max :]:
        reasons[item.id] = f"only {limits.items_per_node_max} items of a node are looked at again"
    return {item: reason for item, reason in reasons.items() if reason}


def _why_not(check: str, site_checks: Mapping[str, PurePath], checks: Path) -> str:
    if check in site_checks:
        return _unreadable(Path(site_checks[check]))
    return "" if is_bundled(checks, check) else f"the site's own check {check!r} is not at hand on this machine"


def _unreadable(executable: Path) -> str:
    try:
        size = executable.stat().st_size
    except OSError as error:
        return f"the site's own check cannot be read here: {error.strerror}"
    most = limits.site_check_bytes_max
    return f"the site's own check has {size} bytes, more than the {most} that are sent along" if size > most else ""


def _part(content: bytes) -> bytes:
    return b"%d\n" % len(content) + content
