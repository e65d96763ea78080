"""All rings of a coordinator.yml, watched side by side; what happens is told to every listener.

A ring whose entries cannot be reached is said and tried again for ever, and keeps no other ring from being watched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import trio

from inspector_coord.config import Config, Watch
from inspector_coord.errors import ConfigError
from inspector_coord.watch.conclusions import Happening
from inspector_coord.watch.journal import Past
from inspector_coord.watch.listening import Listener, Runs, Sees
from inspector_coord.watch.record import happening_of
from inspector_coord.watch.ring_watch import RingWatch, Way

__all__ = ["watch"]


async def watch(
    config: Config,
    listeners: Sequence[Listener],
    *,
    rings: Sequence[str] = (),
    past: Mapping[str, Past] | None = None,
    say: Callable[[str], None],
) -> None:
    """Watch until cancelled.

    Args:
        config: whose rings are watched.
        listeners: are told all that happens; those that `Runs` are run, those that `Sees` are shown the rings first.
        rings: names of the rings to watch; none: all.
        past: by ring, what an earlier watch has left open.
        say: gets what a person should know beside.

    Raises ConfigError for a ring that is not configured, or whose key cannot be read.
    """
    unknown = [name for name in rings if name not in config.rings]
    if unknown:
        raise ConfigError(f"no ring {unknown[0]!r} in {config.file}: it has {', '.join(config.rings)}")
    watches = {name: _ring(config, name, past or {}, listeners, say) for name in rings or config.rings}
    for listener in listeners:
        if isinstance(listener, Sees):
            listener.sees(watches)
    async with trio.open_nursery() as nursery:
        for listener in listeners:
            if isinstance(listener, Runs):
                nursery.start_soon(listener.run)
        for one in watches.values():
            nursery.start_soon(one.run)


def _ring(
    config: Config, name: str, past: Mapping[str, Past], listeners: Sequence[Listener], say: Callable[[str], None]
) -> RingWatch:
    ring = config.rings[name]
    known = past.get(name, Past())
    unix, now = time.time(), trio.current_time()

    def tell(ring_name: str, happening: Happening, at: float) -> None:
        for listener in listeners:
            listener.told(ring_name, happening, at)

    return RingWatch(
        name,
        Way(ring.entries, ring.auth_key(), config.query_prefix, config.cache_dir / "turns"),
        (config.watch or Watch()).settings(config.exclude_tags),
        open_incidents=[happening_of(record, unix, now) for record in known.open],
        first_number=known.number + 1,
        tell=tell,
        say=say,
    )
