"""CORE. include/*.yml: what several layers say alike is written once.

An include holds items, variables and further includes, and no match: it is for the nodes of whoever includes it. In a
release it is a layer of its own, right before its includer, so that what the includer says itself wins. Reached twice
from one layer it counts once, at its first place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from collections.abc import Mapping as Table
from typing import Final

import msgspec

from config_center import limits
from config_center.mistakes import Mistake, Notes, did_you_mean
from config_center.operands import read_elements, spelled
from config_center.written import Group, Reference, Written
from config_center.yaml_lines import Node, Scalar

INCLUDES: Final = "include"  # the folder, and the key


def read_references(node: Node | None, word: str, notes: Notes) -> tuple[Reference, ...]:
    """The files that a layer or an include asks for under `include` or another word: one name or a list."""
    if node is None:
        return ()
    elements = (node,) if isinstance(node, Scalar) else read_elements(node, word, notes)
    found: dict[str, Reference] = {}
    for element in elements or ():
        name = spelled(element, word, notes)
        if name is None:
            continue
        if word == INCLUDES and ("/" in name or name in {"", ".", ".."}):
            notes.at(element, f"{name[:80]!r} is no name of a file in {word}/", "no path: only files there are read")
        elif name in found:
            notes.at(element, f"{name[:80]} is named twice", f"first on line {found[name].line}: keep one of the two")
        else:
            found[name] = Reference(name, element.line, element.column)
    return tuple(found.values())


def check_references(written: Written, names: frozenset[str]) -> Iterator[Mistake]:
    """What one file includes and cannot have. names: all files of the folder, readable or not."""
    for reference in written.includes:
        if reference.name not in names:
            hint = did_you_mean(reference.name, names) or f"there is no file in {INCLUDES}/"
            yield _at(written, reference, f"{INCLUDES}/{reference.name[:80]} is not there", hint)


def check_cycles(known: Table[str, Written]) -> Iterator[Mistake]:
    """Each circle of includes once, with the whole chain; and chains that are too long."""
    depths: dict[str, int] = {}
    for start in sorted(known):
        yield from _walk(start, known, depths)


def _walk(start: str, known: Table[str, Written], depths: dict[str, int]) -> Iterator[Mistake]:
    """Depth first from one include, without recursion: chains are as long as their author likes.

    depths: of each include that is done with, how many files stand one in another from it on.
    """
    if start in depths:
        return
    path = {start: iter(known[start].includes)}  # in order: from the start to where we are
    while path:
        name = next(reversed(path))
        reference = next(path[name], None)
        if reference is None:
            del path[name]
            depths[name] = 1 + max((depths.get(below.name, 0) for below in known[name].includes), default=0)
            if depths[name] == limits.include_depth_max + 1:
                what = f"more than {limits.include_depth_max} includes stand one in another"
                yield _at(known[name], known[name].includes[0], what, "include the last ones directly")
        elif reference.name in path:
            chain = [*list(path)[list(path).index(reference.name) :], reference.name]
            yield _at(known[name], reference, f"includes go in a circle: {' -> '.join(chain)}", "take one of them out")
        elif reference.name in known and reference.name not in depths:
            path[reference.name] = iter(known[reference.name].includes)


def group_of(head: Written, known: Table[str, Written]) -> Group:
    """A layer with all it includes, each as a layer of the head's match and dimension. Ends on circles, too."""
    members: list[Written] = []
    seen: set[str] = set()
    path = [("", iter(head.includes))]
    while path:
        name, references = path[-1]
        reference = next(references, None)
        if reference is None:
            path.pop()
            if name:
                members.extend(_adopted(known[name], head))
        elif reference.name in known and reference.name not in seen:
            seen.add(reference.name)
            path.append((reference.name, iter(known[reference.name].includes)))
    return Group(head, (*members, *_adopted(head, head)))


def _adopted(written: Written, head: Written) -> Iterator[Written]:
    """The Goss files that a file takes in, then the file itself, all as layers of the head's match and dimension."""
    for one in (*written.taken, written):
        layer = msgspec.structs.replace(one.layer, match=head.layer.match, dimension=head.layer.dimension)
        yield dataclasses.replace(one, layer=layer)


def _at(written: Written, reference: Reference, what: str, hint: str) -> Mistake:
    return Mistake(written.layer.file, reference.line, reference.column, what, hint)
