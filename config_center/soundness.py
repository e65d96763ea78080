"""CORE. Every rule of a release that types alone do not hold: what has passed can be resolved without any error."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from config_center import limits
from config_center.errors import MatchError, ReleaseError
from config_center.match import Match, Term
from config_center.model import SEVERITIES, Layer, LayerItem, Release, SiteCheck, Waiver
from config_center.terms import compiled
from config_center.variables import is_name, names_in, texts_of

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_KIND: Final = re.compile(rf"[a-z][a-z0-9_-]{{0,{limits.name_chars_max - 1}}}")
_DAY: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")


def check_release(release: Release) -> None:
    """Hold a release to every rule. Raises ReleaseError for the first that is broken."""
    _check_head(release)
    if list(release.items) != sorted({item for layer in release.layers for item in layer.items}):
        raise ReleaseError("the item table is not the sorted list of the layers' items")
    for item in release.items:
        _check_id(item)
    for layer in release.layers:
        _check_layer(layer)
    for waiver in release.waivers:
        _check_waiver(waiver)
    _check_parts(release.checks)


def is_key(text: str) -> bool:
    """It can be the key of an item: some printable characters, none at the ends a space."""
    return 0 < len(text) <= limits.key_chars_max and text.isprintable() and text == text.strip()


def is_kind(text: str) -> bool:
    """It can name a kind of check."""
    return _KIND.fullmatch(text) is not None


def _check_head(release: Release) -> None:
    most = limits.release_number_max
    if not 1 <= release.number <= most:
        raise ReleaseError(f"a release number counts from 1 to {most}, this one is {release.number}")
    if not 0 <= release.restores < release.number:
        raise ReleaseError(f"release {release.number} restores an earlier one, which {release.restores} is not")
    if len(release.message) > limits.message_chars_max:
        raise ReleaseError(f"the message has {len(release.message)} characters, at most {limits.message_chars_max}")
    for count, most, what in (
        (len(release.layers), limits.layers_max, "layers"),
        (len(release.items), limits.items_max, "different items"),
        (len(release.checks), limits.parts_max, "checks"),
        (len(release.waivers), limits.waivers_max, "waivers"),
        (sum(len(waiver.items) for waiver in release.waivers), limits.waiver_patterns_max, "items to waive"),
    ):
        if count > most:
            raise ReleaseError(f"the release has {count} {what}, at most {most} are taken")


def _check_id(item: str) -> None:
    kind, colon, key = item.partition(":")
    if not colon or not _KIND.fullmatch(kind) or not is_key(key):
        raise ReleaseError(f"{item[:80]!r} is no item id: `<check>:<key>` is")


def _check_layer(layer: Layer) -> None:
    if not all(text.isprintable() for text in (layer.file, layer.name, layer.dimension)):
        raise ReleaseError(f"a layer has an unprintable name: {layer.file[:80]!r}")
    try:
        Match(layer.match)
        _check_variables(layer)
        for name, item in layer.items.items():
            _check_item(name, item)
    except (MatchError, ReleaseError) as error:
        raise ReleaseError(f"{layer.file}: {error}") from error


def _check_variables(layer: Layer) -> None:
    if len(layer.variables) > limits.variables_max:
        raise ReleaseError(f"{len(layer.variables)} variables, at most {limits.variables_max} are taken")
    for name, variable in layer.variables.items():
        if not is_name(name):
            raise ReleaseError(f"{name[:80]!r} cannot name a variable")
        if len(variable.value) > limits.variable_chars_max:
            raise ReleaseError(f"variable {name} has more than {limits.variable_chars_max} characters")


def _check_item(name: str, item: LayerItem) -> None:
    if item.severity not in SEVERITIES:
        raise ReleaseError(f"{name} has severity {item.severity[:40]!r}")
    if not limits.timeout_s_min <= item.timeout_s <= limits.timeout_s_max:
        raise ReleaseError(f"{name} has a timeout of {item.timeout_s} s")
    _check_action(name, item)
    for matched in (*item.expect.values(), item.with_):
        for text in texts_of(matched.values()):
            names_in(text)  # for its error


def _check_action(name: str, item: LayerItem) -> None:
    """What is said suits what is done with it."""
    if item.action == "unset":
        if item.expect or item.with_ or item.from_file:
            raise ReleaseError(f"{name} is unset, and expects something")
        return
    said = (*item.expect.values(), *item.from_file.values())
    if not said or not all(said):
        raise ReleaseError(f"{name} expects nothing")
    if item.action == "append":
        lists = all(isinstance(operand, list) for matched in item.expect.values() for operand in matched.values())
        if item.with_ or item.from_file or not lists:
            raise ReleaseError(f"{name} appends something else than lists")
    for about, paths in item.from_file.items():
        for matcher, path in paths.items():
            if matcher in item.expect.get(about, {}):
                raise ReleaseError(f"{name} has {about} {matcher} twice, in the layer and in a file")
            if not path.startswith("/") or ".." in path.split("/") or not path.isprintable():
                raise ReleaseError(f"{name} reads no absolute path: {path[:80]!r}")


def _check_waiver(waiver: Waiver) -> None:
    texts = (waiver.source, waiver.owner, waiver.reason, waiver.ticket)
    if not waiver.source.isprintable() or not all(0 < len(text) <= limits.text_chars_max for text in texts):
        raise ReleaseError(f"the waiver {waiver.source[:80]!r} lacks its source, owner, reason or ticket")
    if not _DAY.fullmatch(waiver.expires):
        raise ReleaseError(f"{waiver.source}: {waiver.expires[:40]!r} is no day: 2031-01-31 is")
    if not waiver.items:
        raise ReleaseError(f"{waiver.source}: a waiver names at least one item, or a pattern of items")
    try:
        Match(waiver.match)
        compiled(Term(any=waiver.items))
    except MatchError as error:
        raise ReleaseError(f"{waiver.source}: {error}") from error


def _check_parts(checks: Iterable[SiteCheck]) -> None:
    names = [check.name for check in checks]
    if names != sorted(set(names)):
        raise ReleaseError("the checks of the release are not sorted by name, or one stands twice")
    total = 0
    for check in checks:
        total += check.bytes
        if not is_kind(check.name) or not _DIGEST.fullmatch(check.sha256):
            raise ReleaseError(f"{check.name[:80]!r} with digest {check.sha256[:70]!r} is no check")
        if not 0 <= check.bytes <= limits.part_bytes_max or total > limits.parts_bytes_max:
            raise ReleaseError(f"the checks of the release are too big, at {check.name}: {check.bytes} bytes")
