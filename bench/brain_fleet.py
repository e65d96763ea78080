"""A fleet's directory of the size that the budgets name, and its nodes: made of numbers, the same every time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

ITEMS = 500
LAYERS = 200
NODES = 10_000
ZONES, MODELS, ROLES, RACKS = 4, 15, 40, 140  # with one layer for everybody, 200 in all


def key(number: int) -> str:
    """One of the 500 kernel parameters."""
    return f"net.bench.family_{number // 25:02d}.parameter_{number:03d}"


def documents() -> Iterator[tuple[str, dict[str, object]]]:
    """(path, document) of each layer: all items for everybody; what zones, models, roles and racks say otherwise."""
    about = {"severity": "minor", "title": "One of many", "rationale": "Because somebody measured it once."}
    yield "layers/fleet/all.yml", layer({}, {key(number): {"at_most": number, **about} for number in range(ITEMS)})
    for name, count, each in (("zone", ZONES, 40), ("model", MODELS, 30), ("role", ROLES, 20), ("rack", RACKS, 5)):
        for which in range(count):
            numbers = [(which * each * 3 + step * 7) % ITEMS for step in range(each)]
            items: dict[str, object] = {key(number): {"at_most": number + which + 1} for number in numbers}
            yield f"layers/{name}/{name}{which:03d}.yml", layer({name: f"{name}{which:03d}"}, items)


def layer(match: dict[str, str], items: dict[str, object]) -> dict[str, object]:
    """One file of expectations."""
    return ({"match": match} if match else {}) | {"items": {"sysctl": items}}


def write(directory: Path) -> Path:
    """Write the whole fleet's directory; returns it."""
    dimensions = {"dimensions": ["fleet", "zone", "model", "role", "rack"]}
    for path, document in (("fleet.yml", dimensions), *documents()):
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return directory


def nodes() -> Iterator[tuple[str, dict[str, str]]]:
    """(name, tags) of each node. Every rack is in one zone, and holds nodes of many roles and models."""
    for number in range(NODES):
        rack = number % RACKS
        numbers = {"zone": rack % ZONES, "model": number // 700 % MODELS, "role": number // 9 % ROLES, "rack": rack}
        yield f"n{number:05d}", {tag: f"{tag}{which:03d}" for tag, which in numbers.items()}
