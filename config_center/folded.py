"""Names of nodes folded into one node set, `n[001-003,007]`, by ClusterShell."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet
from ClusterShell.RangeSet import RangeSet

from config_center import limits
from config_center.difference_words import printable

# What ClusterShell reads back as the same single node. A node chooses its own name: "n[1-9999999]" is one, too.
_SAFE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_NUMBER: Final = re.compile(r"[0-9]+")
_LAST_NUMBER: Final = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)


def fold(names: Sequence[str]) -> str:
    """Names as one node set. Names that are no plain node name stand beside it, made printable.

    ClusterShell folds any number of numeric fields, in time that grows with the square of the names: many of those are
    folded along their last number only.
    """
    safe = [name for name in names if _SAFE.fullmatch(name)]
    odd = [printable(name) for name in names if not _SAFE.fullmatch(name)]
    many = len(safe) > limits.fold_fields_nodes_max and any(len(_NUMBER.findall(name)) > 1 for name in safe)
    folded = _last_field(safe) if many else str(NodeSet.fromlist(safe, resolver=RESOLVER_NOGROUP))
    return ",".join([*([folded] if folded else []), *odd])


def _last_field(names: Sequence[str]) -> str:
    pieces: dict[tuple[str, str], list[str]] = defaultdict(list)
    alone = []
    for name in names:
        found = _LAST_NUMBER.fullmatch(name)
        if found:
            pieces[found[1], found[3]].append(found[2])
        else:
            alone.append(name)
    folded = [f"{before}[{RangeSet.fromlist(numbers)}]{after}" for (before, after), numbers in sorted(pieces.items())]
    return ",".join([*folded, *sorted(alone)])
