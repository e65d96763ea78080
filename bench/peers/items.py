"""The items that every peer looks at: kernel parameters that all nodes of a practice fleet have, with equal values."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from bench.fleet import BIN, Fleet

ITEMS = 20


def shared(fleet: Fleet) -> dict[str, str]:
    """The first `ITEMS` kernel parameters that have one value everywhere: path below /proc/sys -> that value."""
    roots = [root / "proc" / "sys" for root in sorted((fleet.directory / "nodes").glob("*/root"))]
    found: dict[str, str] = {}
    for file in sorted(path for path in roots[0].rglob("*") if path.is_file()):
        path = file.relative_to(roots[0])
        values = {(root / path).read_text(encoding="utf-8").strip() for root in roots}
        if len(values) == 1:
            found[str(path)] = values.pop()
        if len(found) == ITEMS:
            return found
    raise SystemExit(f"the nodes of the practice fleet share only {len(found)} kernel parameters, {ITEMS} are needed")


def publish(fleet: Fleet, items: dict[str, str]) -> None:
    """Publish a release that holds exactly these items with these values."""
    layers = fleet.directory / "bench" / "layers"
    layers.mkdir(parents=True)
    wanted = {path.replace("/", "."): value for path, value in items.items()}
    document = {"items": {"sysctl": wanted}}
    (layers / "00-bench.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    center = [
        str(BIN / "config-center"), "publish", str(layers.parent), "--yes", "--unclean",
        "--store", str(fleet.directory / "fleet" / "published" / "center.db"), "--key", str(fleet.directory / "center"),
    ]  # fmt: skip
    subprocess.run(center, check=True, stdout=subprocess.DEVNULL)


def reading(root: str, items: dict[str, str]) -> str:
    """A shell command that prints all values below a node's root, one process for all."""
    return f"cd {Path(root)}/proc/sys && cat {' '.join(items)}"
