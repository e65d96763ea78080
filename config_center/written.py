"""CORE. One file of a fleet as its author wrote it: what it says, and where each word of it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from config_center.mistakes import Spot
from config_center.release import Layer


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that a file uses, and where, from 1."""

    name: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Written:
    """A layer or an include.

    layer           what the file says itself, its includes left out
    item_spots      item id -> where its key stands
    variable_spots  name -> where it stands
    includes        the files it includes, in order
    uses            what its texts ask for as ${name}, each where it is asked for first
    goss            the Goss files it names, in order
    taken           these, as they were read: what the file itself says wins over them
    """

    layer: Layer
    item_spots: Mapping[str, Spot] = field(default_factory=dict)
    variable_spots: Mapping[str, Spot] = field(default_factory=dict)
    includes: tuple[Reference, ...] = ()
    uses: tuple[Reference, ...] = ()
    goss: tuple[Reference, ...] = ()
    taken: tuple[Written, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """A layer's file with its includes before it: later wins, and all have the layer's match and rank."""

    head: Written
    members: tuple[Written, ...]  # the head is the last
