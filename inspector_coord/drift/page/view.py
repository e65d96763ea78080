"""CORE. What the page says to a person: plain, bounded texts of a drift document, in the order of the page."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

import msgspec

from inspector_coord.drift.document import ORIGINS, Document, Group, HappeningTold, Span
from inspector_coord.drift.figures import Heat, Share
from inspector_coord.drift.page import limits
from inspector_coord.drift.page.moments import Moment, moment
from inspector_coord.drift.sentences import ORIGIN_MEANINGS, before_told, cause_told, exit_told, headline
from inspector_coord.fold import fold_names
from inspector_coord.plain import plain
from inspector_coord.verdict import SEVERITY_RANK

__all__ = ["Card", "ItemRow", "Link", "NodeRow", "Tile", "View", "view"]

_NUMBER = re.compile(r"[0-9]+")

MEANINGS = {
    "new": "opened in this time and not put right",
    "flapping": "opened again and again",
    "open": "was so before, and still is",
    "back": "put right in this time",
    "unknown": "its node cannot be judged now",
}


class Tile(msgspec.Struct, frozen=True):
    """One count at the top."""

    name: str
    count: int
    meaning: str


class Link(msgspec.Struct, frozen=True):
    """A text that leads to a place on the page, `place` "" to none. `state`: how it looks."""

    text: str
    place: str
    state: str = ""


class Card(msgspec.Struct, frozen=True):
    """One group: its line, and what opens below it. `number`: its place in the document, which names it in links."""

    number: int
    group: Group
    item: str
    expected: str
    observed: str
    nodes: str
    unknown: str
    source: str
    owner: str
    opened: Moment
    newest: Moment
    confirmed: Moment
    closed: Moment
    first_node: str
    first_at: Moment
    ended: str
    causes: tuple[str, ...]
    before: tuple[str, ...]
    spans: tuple[tuple[Moment, Moment, Moment, int], ...]
    on_map: tuple[Link, ...]
    more_on_map: int
    drawn: bool


class NodeRow(msgspec.Struct, frozen=True):
    """One node of the map with what deviates on it."""

    number: int
    name: str
    unknown: str
    since: Moment
    cells: tuple[Link, ...]
    more: int


class ItemRow(msgspec.Struct, frozen=True):
    """One item of the map: for each state the nodes that are in it."""

    name: str
    states: tuple[tuple[str, int, str], ...]


class View(msgspec.Struct, frozen=True):
    """Everything the template lays out."""

    headline: str
    lead: Card | None
    tone: str
    since: Moment
    until: Moment
    scope: tuple[str, ...]
    tiles: tuple[Tile, ...]
    origins: tuple[tuple[str, str, dict[str, int]], ...]
    cards: tuple[Card, ...]
    groups_left: int
    deviations_left: int
    happenings: tuple[tuple[str, Moment, str, str, str, int], ...]
    nodes: tuple[NodeRow, ...]
    items: tuple[ItemRow, ...]
    left: tuple[str, ...]
    by: tuple[tuple[str, tuple[Share, ...], int], ...]
    notes: tuple[str, ...]
    exit: str


def view(document: Document) -> View:
    """The whole of it."""
    places = _places(document.heat)
    shown = document.groups[: limits.groups_max]
    cards = tuple(_card(number, group, places.get(number, [])) for number, group in enumerate(shown))
    left = document.groups[limits.groups_max :]
    return View(
        headline=plain(headline(document)),
        lead=_lead(cards),
        tone={0: "good", 3: "incomplete"}.get(document.exit_code, "bad"),
        since=moment(document.since),
        until=moment(document.until),
        scope=tuple(_scope(document)),
        tiles=tuple(Tile(name, getattr(document.summary, name), meaning) for name, meaning in MEANINGS.items()),
        origins=tuple(
            (name, ORIGIN_MEANINGS[name], msgspec.to_builtins(document.origins[name]))
            for name in ORIGINS
            if name in document.origins
        ),
        cards=cards,
        groups_left=document.groups_left + len(left),
        deviations_left=document.deviations_left + sum(group.count for group in left),
        happenings=tuple(_happening(each) for each in document.happenings),
        nodes=_nodes(document.heat),
        items=_items(document.heat),
        left=tuple(_left(document.heat)),
        by=tuple(_shares(name, shares, document.by_left.get(name, 0)) for name, shares in document.by.items()),
        notes=tuple(map(plain, document.notes)),
        exit=plain(exit_told(document)),
    )


def _lead(cards: Iterable[Card]) -> Card | None:
    """Where to look first: of what drifted newly the most severe, of these the newest and widest."""
    drifted = [card for card in cards if card.group.class_ in ("new", "flapping") and card.group.origin == "drift"]
    return min(drifted, key=lambda card: SEVERITY_RANK.get(card.group.severity, len(SEVERITY_RANK)), default=None)


def _scope(document: Document) -> Iterable[str]:
    """What the report is about."""
    sweeps = document.sweeps
    yield f"{document.nodes:,} node{'' if document.nodes == 1 else 's'}"
    partial = sweeps.count - sweeps.whole
    yield f"{sweeps.count:,} sweeps" + (f", {partial:,} of them of some nodes or items" if partial else "")
    if sweeps.last:
        yield f"the last one {moment(sweeps.last).text}"
    if document.targets:
        yield f"only {plain(' '.join(document.targets))}"
    if document.items:
        yield f"only items {plain(' '.join(document.items))}"


def _places(heat: Heat) -> dict[int, list[Link]]:
    """Group -> its nodes on the map."""
    found: dict[int, dict[int, Link]] = defaultdict(dict)
    for node, _, state, group, _ in heat.cells:
        found[group].setdefault(node, Link(plain(heat.nodes[node]), f"node-{node}", heat.states[state]))
    return {group: list(nodes.values()) for group, nodes in found.items()}


def _card(number: int, group: Group, places: list[Link]) -> Card:
    drawn = number < limits.timelines_max
    chars_max = limits.nodes_chars_max if drawn else limits.nodes_chars_narrow_max
    text_max = limits.text_chars_max if drawn else limits.text_chars_narrow_max
    return Card(
        number=number,
        group=group,
        item=plain(group.item, text_max),
        expected=plain(group.expected, text_max),
        observed=plain(group.observed, text_max) + (f" (one of {group.values} values)" if group.values > 1 else ""),
        nodes=plain(group.nodes + ("…" if group.nodes_left else ""), chars_max),
        unknown=plain(group.unknown, chars_max),
        source=plain(group.source, text_max),
        owner=plain(group.owner, text_max),
        opened=moment(group.opened),
        newest=moment(group.newest),
        confirmed=moment(group.confirmed),
        closed=moment(group.closed),
        first_node=plain(group.first.node, text_max),
        first_at=moment(group.first.at),
        ended=", ".join(f"{count:,} by {plain(how)}" for how, count in group.ended.items()),
        causes=tuple(plain(cause_told(cause), text_max) for cause in group.causes[: limits.causes_max if drawn else 1]),
        before=tuple(
            plain(before_told(before), limits.before_chars_max)
            for before in group.before[: limits.before_max if drawn else 1]
        ),
        spans=_spans(group.spans[: limits.spans_told_max]),
        on_map=tuple(places[: limits.names_a_group_max]),
        more_on_map=max(0, len(places) - limits.names_a_group_max),
        drawn=drawn,
    )


def _spans(spans: list[Span]) -> tuple[tuple[Moment, Moment, Moment, int], ...]:
    return tuple((moment(span.opened), moment(span.confirmed), moment(span.closed), span.count) for span in spans)


def _happening(told: HappeningTold) -> tuple[str, Moment, str, str, str, int]:
    nodes = plain(told.nodes, limits.nodes_chars_happening_max) if told.nodes else "all"
    return plain(told.kind), moment(told.at), plain(told.text), plain(told.who), nodes, told.count


def _nodes(heat: Heat) -> tuple[NodeRow, ...]:
    """A row a node of the map, in its order."""
    unknown = {node: (plain(state), moment(since)) for node, state, since in heat.unknown}
    cells: dict[int, list[Link]] = defaultdict(list)
    for node, item, state, group, _ in heat.cells:
        place = f"group-{group}" if 0 <= group < limits.groups_max else ""
        cells[node].append(Link(plain(heat.items[item]), place, plain(heat.states[state])))
    return tuple(
        NodeRow(
            number,
            plain(name),
            *unknown.get(number, ("", moment(""))),
            tuple(cells[number][: limits.cells_a_node_max]),
            max(0, len(cells[number]) - limits.cells_a_node_max),
        )
        for number, name in enumerate(heat.nodes)
    )


def _items(heat: Heat) -> tuple[ItemRow, ...]:
    """A row an item of the map: which nodes are in which state."""
    together: dict[int, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for node, item, state, _, _ in heat.cells:
        together[item][state].append(heat.nodes[node])
    return tuple(
        ItemRow(
            plain(name),
            tuple(
                (plain(heat.states[state]), len(names), plain(_set(names), limits.nodes_chars_narrow_max))
                for state, names in sorted(together[number].items())
            ),
        )
        for number, name in enumerate(heat.items)
    )


def _set(names: list[str]) -> str:
    """Folded, where that is quick: of names with several numbers, 400 sets would take seconds to fold."""
    quick = all(len(_NUMBER.findall(name)) < 2 for name in names)
    return fold_names(names) if quick else ",".join(names)


def _left(heat: Heat) -> Iterable[str]:
    """What has no room on the map."""
    for count, what in ((heat.nodes_left, "node"), (heat.items_left, "item"), (heat.cells_left, "deviation")):
        if count:
            yield f"{count:,} {what}{'' if count == 1 else 's'}"


def _shares(name: str, shares: list[Share], left: int) -> tuple[str, tuple[Share, ...], int]:
    shown = [Share(**(msgspec.to_builtins(each) | {"value": plain(each.value) or "(none)"})) for each in shares]
    return plain(name), tuple(shown), left
