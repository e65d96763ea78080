"""Tell every ring of a new release, so that agents fetch ahead (trio shell).

A Serf user event carries the act's serial and the beginning of the release's digest. It asks for nothing that an agent
would not do anyway a little later: it then looks at its config center, and believes what is signed there.
"""

from __future__ import annotations

import msgspec
import trio

from inspector_agent.limits import id_bytes
from inspector_agent.ring import RingError
from inspector_agent.wire import EVENT_NAME
from inspector_coord import limits
from inspector_coord.config import Config, Ring
from inspector_coord.entry_choice import advised_once
from inspector_coord.errors import NoEntryError
from inspector_coord.roster import open_entry

__all__ = ["Told", "announce"]


class Told(msgspec.Struct, frozen=True):
    """One ring: through which entry it was told, or why it was not ("" if it was)."""

    ring: str
    entry: str
    error: str


async def announce(config: Config, serial: int, digest: str) -> list[Told]:
    """Send the event to one entry of each ring, all rings at once. Raises NoEntryError if not one could be told."""
    payload = msgspec.msgpack.encode([serial, bytes.fromhex(digest)[:id_bytes]])
    told: dict[str, Told] = {}

    async def tell(name: str, ring: Ring) -> None:
        told[name] = await _tell(name, ring, f"{config.query_prefix}{EVENT_NAME}", payload)

    async with trio.open_nursery() as nursery:
        for name, ring in config.rings.items():
            nursery.start_soon(tell, name, ring)
    in_order = [told[name] for name in config.rings]
    if all(each.error for each in in_order):
        raise NoEntryError(advised_once(each.error for each in in_order))
    return in_order


async def _tell(name: str, ring: Ring, event: str, payload: bytes) -> Told:
    try:
        async with open_entry(name, ring) as opened:
            with trio.fail_after(limits.connect_s):
                await opened.client.event(event, payload)
            return Told(name, opened.client.address, "")
    except NoEntryError as problem:
        return Told(name, "", str(problem))
    except RingError as problem:
        return Told(name, "", f"ring {name}: {problem}")
    except trio.TooSlowError:
        return Told(name, "", f"ring {name}: its entry does not answer: is its Serf agent frozen?")
