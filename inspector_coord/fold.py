"""CORE. Findings that are the same on many nodes, folded into one line with a node set.

A fingerprint is an item and its observed value: nodes that are wrong in the same way. Where an answer had no room for a
value in clear, its hash finds the text in the answer of another node.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from ClusterShell.NodeSet import RESOLVER_NOGROUP, NodeSet
from ClusterShell.RangeSet import RangeSet

from inspector_coord import limits
from inspector_coord.ledger import Key
from inspector_coord.plain import plain
from inspector_coord.verdict import SEVERITY_RANK, Finding

__all__ = ["SECRET", "Group", "Texts", "fold_names", "groups_of", "teller", "twins_of"]

SECRET = "(secret)"  # noqa: S105 -- it stands for one
"""Stands for the observed value of a secret item."""

# What ClusterShell reads back as the same single node. A member chooses its own name: "n[1-9999999]" is one, too.
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_NUMBER = re.compile(r"[0-9]+")
_ONE_NUMBER = re.compile(r"([^0-9]*)([0-9]+)([^0-9]*)")


class Group(msgspec.Struct, frozen=True):
    """The nodes that share an outcome of an item: same expectation, same observed value."""

    item: str
    outcome: str
    expected: str
    observed: str
    severity: str
    nodes: tuple[Key, ...]


class Texts:
    """Observed values in clear, by item and hash, learned from all answers of a sweep.

    The hash of a secret value is made with a key. Where nodes share the key, equal hashes are equal values; where each
    has its own, every hash is another one, which says nothing: such values are one and the same "(secret)".
    """

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._texts: dict[tuple[str, bytes], str] = {}
        self._secrets: Counter[tuple[str, bytes]] = Counter()
        for finding in findings:
            if finding.secret and finding.hash is not None:
                self._secrets[finding.item, finding.hash] += 1
            if finding.observed is not None and finding.hash is not None:
                self._texts.setdefault((finding.item, finding.hash), finding.observed)

    def observed(self, finding: Finding) -> str:
        """The value in clear; `#<hash>` where nobody sent it in clear, "" where not even a hash had room."""
        if finding.secret and finding.outcome == "fail":
            shared = finding.hash is not None and self._secrets[finding.item, finding.hash] > 1
            return f"{SECRET} #{finding.hash.hex()}" if shared and finding.hash is not None else SECRET
        if finding.observed is not None:
            return finding.observed
        if finding.hash is None:
            return ""
        return self._texts.get((finding.item, finding.hash), f"#{finding.hash.hex()}")


def groups_of(findings: Mapping[Key, Iterable[Finding]], texts: Texts) -> list[Group]:
    """All groups: worst severity first, then fails before errors, many nodes before few, and by item."""
    members: dict[tuple[str, str, str, str, str], list[Key]] = defaultdict(list)
    for key, several in findings.items():
        for finding in several:
            same = (finding.item, finding.outcome, finding.expected, texts.observed(finding), finding.severity)
            members[same].append(key)
    groups = [Group(*same, nodes=tuple(sorted(keys))) for same, keys in members.items()]
    return sorted(groups, key=_rank)


def _rank(group: Group) -> tuple[int, bool, int, str, str, str]:
    return (
        SEVERITY_RANK[group.severity],
        group.outcome != "fail",
        -len(group.nodes),
        group.item,
        group.observed,
        group.expected,
    )


def twins_of(keys: Iterable[Key]) -> frozenset[str]:
    """The names that more than one ring has."""
    rings: dict[str, str] = {}
    return frozenset(name for ring, name in keys if rings.setdefault(name, ring) != ring)


def teller(keys: Iterable[Key]) -> Callable[[Key], str]:
    """How to name each of these nodes to a person: by its name; where rings share names, every one as `ring:name`."""
    if twins_of(keys):
        return lambda key: f"{key[0]}:{key[1]}"
    return lambda key: key[1]


def fold_names(names: Iterable[str]) -> str:
    """Names as one node set, `n[001-003,007]`, the same for the same names in any order.

    Names that are no plain node name stand beside it, made printable. ClusterShell folds any number of numeric fields,
    in time that grows with the square of the names: many of those are folded along one field only.
    """
    unique = sorted(set(names))
    safe = [name for name in unique if _SAFE.fullmatch(name)]
    odd = [plain(name, limits.observed_chars_max) for name in unique if not _SAFE.fullmatch(name)]
    around = _around_all(safe)
    if around is not None:
        folded = _row(around, safe)
    elif len(safe) > limits.fold_fields_nodes_max:
        folded = _fold_one_field(safe)
    else:
        folded = str(NodeSet.fromlist(safe, resolver=RESOLVER_NOGROUP))
    return ",".join([*([folded] if folded else []), *odd])


def _around_all(names: Sequence[str]) -> tuple[str, str] | None:
    """(before, after) of the only number of each, if that is all they differ in, as n001 and n002: nearly all do."""
    around = {(found[1], found[3]) if (found := _ONE_NUMBER.fullmatch(name)) else None for name in names}
    return around.pop() if len(around) == 1 else None


def _fold_one_field(names: Sequence[str]) -> str:
    """Fold along the numeric field that leaves the fewest pieces."""
    best: dict[tuple[str, str], list[str]] = {}
    fields = max(len(_NUMBER.findall(name)) for name in names)
    for field in range(max(1, min(fields, limits.fold_fields_max))):
        pieces: dict[tuple[str, str], list[str]] = defaultdict(list)
        for name in names:
            pieces[_around(name, field)].append(name)
        if not best or len(pieces) < len(best):
            best = pieces
    return ",".join(_row(around, members) for around, members in sorted(best.items()))


def _row(around: tuple[str, str], names: Sequence[str]) -> str:
    """Names that differ only in the number between (before, after), as one."""
    if len(names) == 1:
        return names[0]
    before, after = around
    end = -len(after) or None
    numbers = RangeSet()
    numbers.update(name[len(before) : end] for name in names)  # thirty times as fast as RangeSet.fromlist
    return f"{before}[{numbers}]{after}"


def _around(name: str, field: int) -> tuple[str, str]:
    """(before, after) of a name's numeric field, counted from the end; a name without that field stands alone."""
    found = list(_NUMBER.finditer(name))
    if field >= len(found):
        return name, ""
    number = found[-1 - field]
    return name[: number.start()], name[number.end() :]
