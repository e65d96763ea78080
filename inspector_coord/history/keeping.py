"""Shell: the sweep that has just ended goes into the history. Whatever keeps it from there costs one line on stderr."""

from __future__ import annotations

import re
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any

from config_center.release import Release
from inspector_agent.limits import id_bytes
from inspector_coord.config import Config
from inspector_coord.current import Known
from inspector_coord.errors import CoordError
from inspector_coord.history.booking import Told, book, digests_in_use
from inspector_coord.history.reading import read
from inspector_coord.history.store import History
from inspector_coord.kept_releases import KeptReleases

__all__ = ["keep_in_history", "past_releases"]

_PREFIX = re.compile(f"[0-9a-f]{{{2 * id_bytes}}}")


def keep_in_history(
    config: Config, report: Mapping[str, Any], releases: Mapping[bytes, Release], known: Known, source: str
) -> None:
    """Book a report. releases: those it is about, by prefix; source: hand or schedule. Raises nothing.

    Ctrl-C ends only this: the sweep is over, and what it found has been shown.
    """
    if config.history_at is None:
        return
    try:
        with History(config.history_at) as history:
            history.prepare()
            at_hand = {release.number: release for release in releases.values()}
            digests = digests_in_use(history)
            at_hand |= past_releases(config, {number: digests[number] for number in digests.keys() - at_hand.keys()})
            facts = {name: node.facts for name, node in known.nodes.items()}
            book(history, read(report, facts), Told(time.time(), socket.gethostname(), source), at_hand)
    except (CoordError, KeyboardInterrupt) as problem:
        why = "interrupted" if isinstance(problem, KeyboardInterrupt) else problem
        print(f"inspector: this sweep is not in the history: {why}", file=sys.stderr)


def past_releases(config: Config, digests: Mapping[int, str]) -> dict[int, Release]:
    """Those of these releases that the cache has; digests by number."""
    prefixes = {digest[: 2 * id_bytes] for digest in digests.values()}
    wanted = [bytes.fromhex(prefix) for prefix in prefixes if _PREFIX.fullmatch(prefix)]
    return {release.number: release for release in KeptReleases.of(config).past(wanted).values()}
