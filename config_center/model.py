"""CORE. What a release is made of, as plain typed data. `config_center.release` builds, writes and reads it."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from config_center.terms import Terms

RELEASE_SCHEMA: Final = "inspector.release/1"
SEVERITIES: Final = ("critical", "major", "minor", "info")  # worst first
SEVERITY_DEFAULT: Final = "major"

Scalar = str | int | float | bool
Operand = Scalar | list[Scalar]
Expect = dict[str, dict[str, Operand]]  # property -> matcher -> operand; all must hold
Parameters = dict[str, Operand]
FromFile = dict[str, dict[str, str]]  # property -> matcher -> absolute path of the file that holds the operand
Action = Literal["set", "append", "unset"]


class LayerItem(msgspec.Struct, frozen=True, omit_defaults=True, rename={"with_": "with"}):
    """One layer's word on one item. Metadata left empty is left out.

    line       where its file says so, from 1
    expect     texts in it, and in `with_`, may hold ${name}
    action     "set" says all of the item; "append" adds the elements of its lists to those that layers below left;
               "unset" takes the item away
    secret     what is observed must not leave the node in clear
    from_file  operands that are read on the node
    """

    line: int
    expect: Expect
    with_: Parameters
    severity: str
    timeout_s: float
    title: str = ""
    rationale: str = ""
    remediation: str = ""
    remedy: str = ""
    references: tuple[str, ...] = ()
    owner: str = ""
    action: Action = "set"
    secret: bool = False
    from_file: FromFile = {}


class Variable(msgspec.Struct, frozen=True):
    """What ${name} stands for. line: where its file says so, from 1."""

    line: int
    value: str


class Layer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file of expectations.

    match      as Match takes it, {} for every node
    items      id `<check>:<key>` -> what it says of it
    variables  name -> what it stands for; later layers win
    dimension  the one of fleet.yml it belongs to: layers of one dimension have one rank; "" where there are none
    """

    name: str
    file: str
    match: Terms
    items: dict[str, LayerItem]
    variables: dict[str, Variable] = {}
    dimension: str = ""


class Waiver(msgspec.Struct, frozen=True):
    """A deviation that somebody answers for, for a while.

    source   `waivers.yml:12`
    items    patterns of item ids
    match    the nodes it is for, {} for every node
    expires  the last day it holds, YYYY-MM-DD in UTC
    """

    source: str
    items: tuple[str, ...]
    match: Terms
    owner: str
    reason: str
    ticket: str
    expires: str


class SiteCheck(msgspec.Struct, frozen=True):
    """An executable of the site, published beside the release as `parts/<sha256>`; name: the kind it checks."""

    name: str
    file: str
    sha256: str
    bytes: int


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """A whole release.

    number    counts publications, from 1; never goes back
    created   RFC 3339, UTC
    items     the item table: sorted ids; an item's number is its index here
    layers    in order: later wins, item by item
    restores  the number of the older release whose content this one brings back; 0: none
    digest    of the canonical bytes; not part of them
    """

    schema: str = RELEASE_SCHEMA
    number: int
    created: str
    message: str = ""
    items: tuple[str, ...]
    layers: tuple[Layer, ...]
    checks: tuple[SiteCheck, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    restores: int = 0
    digest: str = ""
