"""CORE. Where the value of a variable on one node comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from config_center.match import NODE, Match
from config_center.merge import names_asked
from config_center.release import Layer, Release
from config_center.resolve import Step
from config_center.traits import FACT_PREFIX


class Origin(msgspec.Struct, frozen=True):
    """The value of one name on one node.

    value   None where it has none there
    source  `file:line` of a layer's variable, or what it is of the node: its name, a tag, a fact
    overrides  sources of what it overrode, nearest first
    """

    value: str | None
    source: str
    overrides: tuple[str, ...] = ()


def names_of(steps: Iterable[Step]) -> list[str]:
    """The names that an item's texts ask for: of the last word that says all of it, and of what is appended to that."""
    names: list[str] = []
    for step in steps:
        if step.item.action != "append":
            names = []
        names += names_asked(step.item)
    return list(dict.fromkeys(names))


def origins(release: Release, node: str, traits: Mapping[str, str], names: Iterable[str]) -> dict[str, Origin]:
    """Where each name has its value from on the node: a variable wins over a trait, and later layers over earlier."""
    mine = [layer for layer in release.layers if layer.variables and Match(layer.match).covers(node, traits)]
    return {name: _origin(name, mine, node, traits) for name in names}


def _origin(name: str, layers: Iterable[Layer], node: str, traits: Mapping[str, str]) -> Origin:
    said = [(f"{layer.file}:{layer.variables[name].line}", layer.variables[name].value) for layer in layers
            if name in layer.variables]  # fmt: skip
    if said:
        sources = tuple(source for source, _ in reversed(said))
        return Origin(said[-1][1], sources[0], sources[1:])
    if name == NODE:
        return Origin(node, "the node's name")
    if name in traits:
        return Origin(traits[name], "a fact of the node" if name.startswith(FACT_PREFIX) else "a tag of the node")
    return Origin(None, "neither a variable of its layers, nor a tag or a fact of the node")
