"""Shell: a fleet's directory as the release it would become. Needs no store, nor its libraries: agents use it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from config_center.acts import Content, Standing
from config_center.catalogue import Catalogue
from config_center.layers import Fleet, load_fleet
from config_center.release import Release


def draft(directory: Path, catalogue: Catalogue) -> Release:
    """A fleet's directory as the release it would become, under number 1. Raises InvalidLayers with all mistakes."""
    return draft_of(Standing(), load_fleet(directory, catalogue).sound(), timestamp(None))


def draft_of(standing: Standing, fleet: Fleet, created: str, message: str = "") -> Release:
    """A validated fleet as the release that comes next. Raises ReleaseError for what cannot be a release."""
    content = Content(fleet.layers, [part.check for part in fleet.parts], fleet.waivers)
    return standing.draft(content, created, message)


def timestamp(now: datetime | None) -> str:
    """RFC 3339 in UTC, to the second; None: the present."""
    return (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
