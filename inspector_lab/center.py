"""The lab's config center: its first release, published from the practice layers and signed with the lab's own key."""

from __future__ import annotations

from dataclasses import dataclass

from config_center.describe import bundled_checks, catalogue_of
from config_center.errors import CenterError
from config_center.keys import read_secret
from config_center.publishing import publish as publish_fleet
from config_center.release import canonical
from inspector_lab.errors import UpError
from inspector_lab.layout import Layout


@dataclass(frozen=True)
class Published:
    """What the nodes of the lab are to be: `digest` is 64 hex digits, `document` the whole release as JSON."""

    number: int
    digest: str
    items: int
    layers: int
    document: bytes = b""


def publish(layout: Layout) -> Published:
    """Publish the layers in `layout.fleet`; raises UpError with all their mistakes."""
    try:
        catalogue = catalogue_of(bundled_checks())
        keys = [read_secret(layout.center_key)]
        release = publish_fleet(layout.fleet, layout.store, catalogue, message="practice fleet", keys=keys).release
    except CenterError as failure:
        raise UpError(f"the practice layers cannot be published: {failure}") from failure
    return Published(
        number=release.number,
        digest=release.digest,
        items=len(release.items),
        layers=len(release.layers),
        document=canonical(release),
    )
