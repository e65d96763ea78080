"""CORE. How two releases differ: layer by layer, item by item, and in waivers, checks and the order of layers.

Where an item stands in its file is no difference: only what it says is. What the difference means for the nodes of a
roster is told by node_difference.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, Literal

import msgspec

from config_center.expectation import describe
from config_center.match import Terms, in_words
from config_center.model import SEVERITY_DEFAULT, Layer, Release

State = Literal["added", "removed", "changed"]

MAIN_WORD: Final = "expect"  # what an item says first; the name of its delta goes without saying
WORDS_ONLY: Final = frozenset({"title", "rationale", "remediation", "remedy", "references", "owner"})
"""What people read of an item: where nothing else differs, a node is checked and judged as before."""

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_PLACES: Final = frozenset({"line", "number", "id", "check", "key", "source", "overrides", "waiver"})


class Delta(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that differs. what: `expect`, `severity`, `match`, …; before, after: as people read it, "" for none."""

    what: str
    before: str = ""
    after: str = ""


class ItemChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one item differs. item: its id; deltas: for an added or removed one what it says or said, main word first."""

    item: str
    state: State
    deltas: tuple[Delta, ...]

    @property
    def is_words_only(self) -> bool:
        """It is checked and judged as before; only what is said about it differs."""
        return self.state == "changed" and all(delta.what in WORDS_ONLY for delta in self.deltas)


class LayerChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one layer differs. match: whom it is for (whom it was for, where it is gone); deltas: match and variables."""

    file: str
    state: State
    match: str
    deltas: tuple[Delta, ...] = ()
    items: tuple[ItemChange, ...] = ()


class OtherChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """A waiver, or an executable of the site. name: `sysctl:vm.* of rack=b1`, `checks/raid.py`."""

    name: str
    state: State
    deltas: tuple[Delta, ...] = ()


class Difference(msgspec.Struct, frozen=True):
    """All that differs. order: of layers that are in both, one delta if they changed places."""

    layers: tuple[LayerChange, ...]
    waivers: tuple[OtherChange, ...]
    checks: tuple[OtherChange, ...]
    order: tuple[Delta, ...]

    def __bool__(self) -> bool:
        return bool(self.layers or self.waivers or self.checks or self.order)


def compare(before: Release | None, after: Release) -> Difference:
    """What differs from one release to the other. before: None for what came before the first: nothing."""
    old, new = _keyed(before.layers if before else ()), _keyed(after.layers)
    return Difference(
        layers=tuple(
            change
            for key in [*new, *(key for key in old if key not in new)]
            if (change := _layer(old.get(key), new.get(key))) is not None
        ),
        waivers=_others(_waivers(before), _waivers(after)),
        checks=_others(_checks(before), _checks(after)),
        order=_order([key for key in old if key in new], [key for key in new if key in old]),
    )


def item_change(item: str, before: msgspec.Struct | None, after: msgspec.Struct | None) -> ItemChange | None:
    """How an item differs: of a layer (LayerItem) or of a baseline (Item). None where both say the same."""
    if before is not None and after is not None:
        deltas = tuple(
            Delta(_word(field), _text(field, before), _text(field, after))
            for field in _fields(type(after))
            if _exact(getattr(before, field)) != _exact(getattr(after, field))
        )
        return ItemChange(item, "changed", deltas) if deltas else None
    if after is not None:
        return ItemChange(item, "added", tuple(Delta(word, after=text) for word, text in _said(after)))
    if before is not None:
        return ItemChange(item, "removed", tuple(Delta(word, before=text) for word, text in _said(before)))
    return None


def match_text(match: Terms) -> str:
    """Whom a layer, a waiver or a canary is for, as one line: `zone=b role=web,db`; `every node` without a match."""
    return "  ".join(f"{key}{in_words(term)}" for key, term in sorted(match.items())) or "every node"


@lru_cache
def _fields(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """What an item of this kind says, the main word first: all but where it stands."""
    names = [name for name in kind.__struct_fields__ if name not in _PLACES]
    return tuple(sorted(names, key=lambda name: name != MAIN_WORD))


def _said(item: msgspec.Struct) -> list[tuple[str, str]]:
    """What an item that comes or goes says, without the words for people, the timeout and the usual severity."""
    fields = [field for field in _fields(type(item)) if field not in WORDS_ONLY and field != "timeout_s"]
    said = [(_word(field), text) for field in fields if (text := _text(field, item))]
    return [one for one in said if one != ("severity", SEVERITY_DEFAULT)]


def _word(field: str) -> str:
    return field.rstrip("_")


def _text(field: str, item: msgspec.Struct) -> str:
    """One thing an item says, as one line; "" where it says nothing of it."""
    value = getattr(item, field)
    if field == MAIN_WORD:
        return describe(value) if value else ""
    if isinstance(value, bool):
        return "yes" if value else ""
    if not value or (field, value) == ("action", "set"):
        return ""
    return value if isinstance(value, str) else _exact(value).decode()


def words_of(name: str, item: msgspec.Struct) -> bytes:
    """All that an item says, with its id, as bytes: equal where item_change finds nothing."""
    return _exact([name, *(getattr(item, field) for field in _fields(type(item)))])


def _exact(value: object) -> bytes:
    """What a value says, as bytes: to Python 1 == True == 1.0."""
    return _ENCODER.encode(value)


_Key = tuple[str, int]


def _keyed(layers: Iterable[Layer]) -> dict[_Key, Layer]:
    """Layers by file; those of a file that is included several times are told apart by counting."""
    counts: dict[str, int] = defaultdict(int)
    keyed = {}
    for layer in layers:
        keyed[layer.file, counts[layer.file]] = layer
        counts[layer.file] += 1
    return keyed


def _layer(before: Layer | None, after: Layer | None) -> LayerChange | None:
    one = after or before
    if one is None:
        return None
    old, new = (before.items if before else {}), (after.items if after else {})
    changes = (item_change(item, old.get(item), new.get(item)) for item in sorted({*old, *new}))
    items = tuple(change for change in changes if change is not None)
    deltas: tuple[Delta, ...] = ()
    if before and after:
        deltas = _deltas(_layer_words(before), _layer_words(after))
        if not items and not deltas:
            return None
    state: State = "changed" if before and after else "added" if after else "removed"
    return LayerChange(one.file, state, match_text(one.match), deltas, items)


def _layer_words(layer: Layer) -> dict[str, str]:
    variables = {f"variable {name}": variable.value for name, variable in layer.variables.items()}
    return {
        "match": match_text(layer.match),
        **({"dimension": layer.dimension} if layer.dimension else {}),
        **variables,
    }


def _deltas(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Delta, ...]:
    words = [*after, *(word for word in before if word not in after)]
    return tuple(
        Delta(word, before.get(word, ""), after.get(word, "")) for word in words if before.get(word) != after.get(word)
    )


def _waivers(release: Release | None) -> dict[str, dict[str, str]]:
    """By what they waive and where; a second one of the same gets a count."""
    found: dict[str, dict[str, str]] = {}
    for waiver in release.waivers if release else ():
        name = f"{' '.join(waiver.items)} of {match_text(waiver.match)}"
        while name in found:
            name += " (again)"
        words = ("expires", "owner", "ticket", "reason")
        found[name] = {word: getattr(waiver, word) for word in words}
    return found


def _checks(release: Release | None) -> dict[str, dict[str, str]]:
    return {check.file: {"content": check.sha256[:12]} for check in (release.checks if release else ())}


def _others(before: Mapping[str, dict[str, str]], after: Mapping[str, dict[str, str]]) -> tuple[OtherChange, ...]:
    changes = []
    for name in sorted({*before, *after}):
        deltas = _deltas(before.get(name, {}), after.get(name, {}))
        state: State = "changed" if name in before and name in after else "added" if name in after else "removed"
        if deltas:
            changes.append(OtherChange(name, state, deltas))
    return tuple(changes)


def _order(before: Sequence[_Key], after: Sequence[_Key]) -> tuple[Delta, ...]:
    """The stretch of layers that changed places, if any did."""
    apart = [index for index, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    if not apart:
        return ()
    first, last = apart[0], apart[-1] + 1
    return (Delta("order", *(", ".join(file for file, _ in keys[first:last]) for keys in (before, after))),)
