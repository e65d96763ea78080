"""Which members of the fleet are meant: node sets, globs, tags and groups.

    n[001-010]   n007   n*   n[001-010]*      names (a range keeps its padding)
    rack=b2      zone=b*   role=[1-3]          tags; the value is a pattern like a name
    @web         @roles:db                      groups
    n[001-010]!n003   @web&n[001-100]         node set arithmetic, of names and groups

Several are a union; what `exclude` matches is taken away. Nobody at all is an error, and so is a single target that
matches nobody: a typing mistake must not turn into a sweep of less.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from config_center.errors import MatchError
from config_center.match import Pattern
from inspector_coord import limits
from inspector_coord.errors import TargetError
from inspector_coord.groups import Groups
from inspector_coord.plain import is_utf8, plain

__all__ = ["Named", "Selection", "select"]

_SPAN = re.compile(r"([0-9]+)-([0-9]+)")
_OUTER_COMMA = re.compile(r",(?![^\[]*\])")


class Named(Protocol):
    """What a target can be matched against."""

    @property
    def name(self) -> str:
        """The node's name in its ring."""

    @property
    def tags(self) -> Mapping[str, str]:
        """Its Serf tags."""


class Selection(msgspec.Struct, frozen=True):
    """What targets stand for: `chosen` are indices into the members given, ascending.

    `absent` are nodes named one by one (or by a range or a group) that are no member.
    `everybody`: nothing was left out. `tag`: (key, value) where the targets are exactly the members with this tag.
    """

    chosen: tuple[int, ...]
    absent: tuple[str, ...]
    everybody: bool
    tag: tuple[str, str] | None = None


def select(members: Sequence[Named], targets: Sequence[str], exclude: Sequence[str], groups: Groups) -> Selection:
    """The members that the targets mean, all of them where there is no target. Raises TargetError."""
    for target in (*targets, *exclude):
        if not is_utf8(target):
            raise TargetError(f"target {plain(target)!r} is not UTF-8")
    absent: set[str] = set()
    chosen = set(range(len(members)))
    if targets:
        chosen = set()
        for target in targets:
            matched, missing = _matching(members, target, groups)
            if not matched:
                raise TargetError(_nobody(target, members, groups))
            chosen |= matched
            absent |= missing
    for target in exclude:
        matched, missing = _matching(members, target, groups)
        chosen -= matched
        absent -= missing
    if not chosen:
        wanted = " ".join([*targets, *(f"-x {target}" for target in exclude)])
        raise TargetError(f"{plain(wanted)!r} leaves nobody of {len(members)} members: nothing would be swept")
    everybody = len(chosen) == len(members)
    tag = _plain_tag(targets[0]) if len(targets) == 1 and not exclude else None
    return Selection(tuple(sorted(chosen)), tuple(sorted(absent)), everybody, tag)


def _plain_tag(target: str) -> tuple[str, str] | None:
    """(key, value) of a target that is one tag with a literal value: Serf itself can find these nodes."""
    tag, _, value = target.partition("=")
    return (tag, value) if value and not set("*?[,") & set(target) else None


def _matching(members: Sequence[Named], target: str, groups: Groups) -> tuple[set[int], set[str]]:
    """(indices of the members one target means, names it gives that are no member)."""
    if not target.strip():
        raise TargetError("an empty target: leave it out to sweep everybody")
    if "=" not in target and not {"*", "?"} & set(target):
        return _named(members, target, groups)
    matched: set[int] = set()
    absent: set[str] = set()
    for term in _OUTER_COMMA.split(target):
        if "=" in term or {"*", "?"} & set(term):
            matched |= _patterned(members, term)
        else:
            some, missing = _named(members, term, groups)
            matched |= some
            absent |= missing
    return matched, absent


def _named(members: Sequence[Named], expression: str, groups: Groups) -> tuple[set[int], set[str]]:
    numbers = 1
    for first, last in _SPAN.findall(expression):
        numbers *= max(1, int(last[:18]) - int(first[:18]) + 1)
        if numbers > limits.target_nodes_max:
            raise TargetError(f"target {plain(expression)!r} stands for more than {limits.target_nodes_max} nodes")
    names = groups.expand(expression)
    matched = {index for index, member in enumerate(members) if member.name in names}
    return matched, set(names - {members[index].name for index in matched})


def _patterned(members: Sequence[Named], term: str) -> set[int]:
    tag, equals, value = term.partition("=")
    try:
        if not equals:
            pattern = Pattern(term)
            return {index for index, member in enumerate(members) if pattern.covers(member.name)}
        if not tag or not value:
            raise TargetError(f"target {plain(term)!r}: write tag=value")
        pattern = Pattern(value)
        return {
            index for index, member in enumerate(members) if tag in member.tags and pattern.covers(member.tags[tag])
        }
    except MatchError as problem:
        raise TargetError(f"target {plain(term)!r} cannot be read: {problem}") from problem


def _nobody(target: str, members: Sequence[Named], groups: Groups) -> str:
    """Say that a target matches nobody, and what there is instead."""
    text = f"target {plain(target)!r} matches nobody of {len(members)} members"
    tag, equals, _ = target.partition("=")
    if target.startswith("@"):
        return f"{text}; groups are {groups.known()}"
    if not equals:
        return f"{text}; `inspector nodes` lists them"
    values = sorted({plain(member.tags[tag], 40) for member in members if tag in member.tags})
    if values:
        more = ", …" if len(values) > 10 else ""
        return f"{text}; values of {plain(tag)} are {', '.join(values[:10])}{more}"
    tags = sorted({plain(known, 40) for member in members for known in member.tags})
    return f"{text}: nobody has a tag {plain(tag)!r}; tags are {', '.join(tags[:20]) or 'none'}"
