"""Shell: from a fleet's directory to its next release."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from config_center.catalogue import Catalogue
from config_center.layers import load_fleet
from config_center.release import Release, build
from config_center.store import Publication, Store


def publish(
    directory: Path, store: Path, catalogue: Catalogue, *, now: datetime | None = None, message: str = ""
) -> Publication:
    """Validate a fleet's directory and make it the current release of a store's directory, which is made if need be.

    Raises InvalidLayers with all mistakes; ReleaseError and StoreError as Store.publish does.
    """
    fleet = load_fleet(directory, catalogue).sound()
    return Store(store).publish(fleet.layers, fleet.parts, created=timestamp(now), message=message)


def draft(directory: Path, catalogue: Catalogue) -> Release:
    """A fleet's directory as the release it would become, under number 1. Raises InvalidLayers with all mistakes."""
    fleet = load_fleet(directory, catalogue).sound()
    return build(fleet.layers, [part.check for part in fleet.parts], number=1, created=timestamp(None))


def timestamp(now: datetime | None) -> str:
    """RFC 3339 in UTC, to the second; None: the present."""
    return (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
