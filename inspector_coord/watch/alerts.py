"""CORE. From open incidents to the alerts that stand, as Alertmanager's API v2 takes them.

An alert is what its labels are: two watchers that see the same must give the same labels, whenever they were started
and however they number and gather. So the labels are a function of what is open now, and of nothing else:

    of a domain        alertname, ring, domain, kind, severity. Nodes come and go in its annotations.
    of no domain       the same without a domain, and one alert a node, with its name: who gathers nodes by chance in
                       another order than we makes the same alerts, and a second node that dies is not taken for the
                       first, of which everybody knows. More of them than `alone_nodes_max` are one alert without names.
    between two places both are the domain, in order: from there the other one is the farther one.
    of the watcher     the ring.

Who left in good order is no alert. Equal labels of two incidents are one alert, with the nodes of both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b

import msgspec

from inspector_coord.fold import fold_names
from inspector_coord.plain import plain
from inspector_coord.watch import limits
from inspector_coord.watch.conclusions import Action, Happening, Kind

__all__ = ["ALERT_NAMES", "Alert", "Book", "Labels", "alerts_of", "as_json"]

Labels = tuple[tuple[str, str], ...]
"""Names and values, sorted: what an alert is known by."""

ALERT_NAMES = {
    Kind.DOWN: "NodeDown",
    Kind.CUT_OFF: "NodeCutOff",
    Kind.STALLED: "NodeStalled",
    Kind.GRAY: "NodeGray",
    Kind.FLAPPING: "NodeFlapping",
    Kind.ISOLATED: "WatcherIsolated",
}
_SEVERITIES = {Kind.DOWN: "critical", Kind.CUT_OFF: "critical", Kind.ISOLATED: "critical"}


class Standing(msgspec.Struct, frozen=True):
    """An open incident and the Unix time at which its first node changed."""

    last: Happening
    since: float


class Alert(msgspec.Struct, frozen=True):
    """An alert that stands. starts: Unix time in seconds."""

    ring: str
    kind: Kind
    labels: Labels
    annotations: Mapping[str, str]
    starts: float


class Book:
    """The alerts of all rings, as the last word on each incident makes them. `watcher` is named in annotations."""

    def __init__(self, watcher: str) -> None:
        self._watcher = watcher
        self._open: dict[tuple[str, Kind], dict[int, Standing]] = {}
        self._alerts: dict[tuple[str, Kind], dict[Labels, Alert]] = {}

    def told(self, ring: str, happening: Happening, unix: float) -> dict[Labels, Alert | None]:
        """What a word on an incident changes: alerts that are new or other than before, and None for those that end."""
        key = ring, happening.kind
        if happening.kind not in ALERT_NAMES:
            return {}
        standing = self._open.setdefault(key, {})
        if happening.action is Action.CLOSED:
            standing.pop(happening.number, None)
        else:
            standing[happening.number] = Standing(happening, unix - (happening.at - happening.since))
        before = self._alerts.get(key, {})
        now = {alert.labels: alert for alert in alerts_of(ring, happening.kind, standing.values(), self._watcher)}
        self._alerts[key] = now
        changed: dict[Labels, Alert | None] = {
            labels: alert for labels, alert in now.items() if before.get(labels) != alert
        }
        changed.update(dict.fromkeys(before.keys() - now.keys()))
        return changed

    def standing(self, ring: str, kind: Kind | None = None) -> dict[Labels, Alert]:
        """The alerts that stand in a ring, of one kind or of all."""
        return {
            labels: alert
            for (name, one), alerts in self._alerts.items()
            if name == ring and kind in (None, one)
            for labels, alert in alerts.items()
        }

    def isolated(self, ring: str) -> bool:
        """Whether the watcher does not know how that ring is now."""
        return bool(self._open.get((ring, Kind.ISOLATED)))


def alerts_of(ring: str, kind: Kind, standing: Iterable[Standing], watcher: str) -> list[Alert]:
    """The alerts of all open incidents of one kind in one ring, in no order."""
    wide: dict[str, list[Standing]] = {}
    alone: dict[str, list[Standing]] = {}
    for one in sorted(standing, key=lambda one: one.last.number):
        domain = _domain(one.last)
        if domain or kind is Kind.ISOLATED:
            wide.setdefault(domain, []).append(one)
        else:
            for name in one.last.nodes:
                alone.setdefault(name, []).append(one)
    if len(alone) > limits.alone_nodes_max:
        several = {one.last.number: one for found in alone.values() for one in found}
        wide[""] = list(several.values())
        alone = {}
    return [
        *(_alert(ring, kind, found, watcher, domain=domain) for domain, found in wide.items()),
        *(_alert(ring, kind, found, watcher, node=name) for name, found in alone.items()),
    ]


def _domain(last: Happening) -> str:
    """What the alert is of: two watchers on both sides of a line each take the other's side for the farther one."""
    if last.kind is Kind.CUT_OFF and last.domain and len(last.parted) == 2:
        return " ".join(sorted(last.parted))
    return last.domain


def _alert(
    ring: str, kind: Kind, several: Sequence[Standing], watcher: str, *, domain: str = "", node: str = ""
) -> Alert:
    named = {
        "alertname": ALERT_NAMES[kind], "ring": ring, "domain": domain, "node": node, "kind": kind.value,
        "severity": _SEVERITIES.get(kind, "warning"),
    }  # fmt: skip
    labels = tuple(sorted((name, _label(value)) for name, value in named.items() if value))
    return Alert(
        ring, kind, labels, _annotations(ring, kind, several, watcher, node), min(one.since for one in several)
    )


def _annotations(ring: str, kind: Kind, several: Sequence[Standing], watcher: str, node: str) -> dict[str, str]:
    """What may change while the alert stays the same one; those that say nothing are left out."""
    last = several[-1].last
    nodes = {node} if node else {name for one in several for name in one.last.nodes}
    back = set() if node else {name for one in several for name in one.last.back} - nodes
    count = sum(one.last.count for one in several)
    texts = {
        "summary": _summary(ring, kind, last, sorted(nodes)),
        "evidence": "; ".join(dict.fromkeys(one.last.evidence for one in several)),
        "nodes": _folded(nodes),
        "nodes_count": str(len(nodes)) if nodes else "",
        "back": _folded(back),
        "direction": last.direction,
        "between": " and ".join(sorted(last.parted)) if len(last.parted) == 2 else "",
        "transitions": str(count) if count else "",
        "incidents": ",".join(str(one.last.number) for one in several),
        "watcher": watcher,
    }
    return {name: plain(text, limits.annotation_chars_max) for name, text in texts.items() if text}


def _folded(names: Collection[str]) -> str:
    """As a node set; of very many only the first, as whoever tells must not be held up."""
    if not names:
        return ""
    more = len(names) - limits.alert_nodes_max
    return f"{fold_names(sorted(names)[: limits.alert_nodes_max])}{f' and {more} more' if more > 0 else ''}"


def _summary(ring: str, kind: Kind, last: Happening, names: Sequence[str]) -> str:
    """One line for a person: how many of what are how."""
    if kind is Kind.ISOLATED:
        return f"ring {ring}: the watcher hears only a minority and accuses nobody"
    who = names[0] if len(names) == 1 else f"{len(names)} nodes"
    if last.domain and len(names) > 1:
        who = f"{last.domain}: {len(names)} of {max(last.of, len(names))} nodes"
    gone = f" (seen {last.count} times gone or back)" if last.count else ""
    return f"ring {ring}: {who} {kind.value}{gone}"


def _label(text: str) -> str:
    """Bounded and printable; what is cut keeps apart by a hash of the whole."""
    shown = plain(text, limits.label_chars_max)
    if shown == text:
        return text
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()
    return f"{shown[: limits.label_chars_max - len(digest) - 1]}#{digest}"


def as_json(alert: Alert, ends: float) -> dict[str, object]:
    """As `POST /api/v2/alerts` takes it in a list. ends: Unix time; in the future it is when the alert lapses."""
    return {
        "labels": dict(alert.labels), "annotations": dict(alert.annotations),
        "startsAt": _moment(alert.starts), "endsAt": _moment(max(ends, alert.starts)),
    }  # fmt: skip


def _moment(unix: float) -> str:
    """RFC 3339, of a time within what a calendar can show."""
    return datetime.fromtimestamp(min(max(unix, 0.0), 4e9), UTC).isoformat(timespec="milliseconds")
