"""The roster: all members of all rings, read through the best entry of each."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

import msgspec
import trio

from inspector_agent.ring import Member, RingClient, RingError, connect
from inspector_coord import limits
from inspector_coord.config import Config, Ring
from inspector_coord.entries import Entry
from inspector_coord.entry_choice import advised_once, look_at
from inspector_coord.errors import NoEntryError
from inspector_coord.ledger import GONE

__all__ = [
    "Opened", "RingRoster", "Rosters", "is_target", "open_entry", "read_rosters", "read_through", "roster_through",
]  # fmt: skip


class RingRoster(msgspec.Struct, frozen=True):
    """One ring as one of its entries sees it.

    entries   the one that was read through, then the others, but for those whose node is known to have failed;
              names of the Serf agents where they are known
    members   alive, leaving and failed ones; who has left is no member
    gossip    (address, port) of the entry's own gossip, where it lists itself
    query_time  the entry's Lamport time for queries: what is asked from now on has this or a later one
    """

    name: str
    entries: tuple[Entry, ...]
    members: tuple[Member, ...]
    gossip: tuple[str, int] | None
    query_time: int
    notes: tuple[str, ...] = ()


class Rosters(msgspec.Struct, frozen=True):
    """What could be read: rosters by ring, and why the others could not."""

    rings: dict[str, RingRoster]
    errors: dict[str, str]


class Opened(msgspec.Struct, frozen=True):
    """A connection to one entry of a ring, made in `took_s`.

    order   indexes of all entries of the ring, this one first, those that could not be used last
    names   of the nodes behind those that could be asked
    failed  why entries that stand before this one in the configuration were not taken
    """

    client: RingClient
    index: int
    took_s: float
    order: tuple[int, ...]
    names: Mapping[int, str]
    failed: tuple[str, ...]


@asynccontextmanager
async def open_entry(name: str, ring: Ring, skip: Mapping[int, str] | None = None) -> AsyncIterator[Opened]:
    """Connect to the best entry. `skip`: those that have failed already, and why.

    Raises NoEntryError, which tells of all of them.
    """
    key = ring.auth_key()
    looks = await look_at(ring.entries, key, skip or {})
    ranked = looks.ranked()
    async with AsyncExitStack() as stack:
        for index in [index for index in ranked if index not in looks.problems]:
            began = trio.current_time()
            try:
                client = await stack.enter_async_context(
                    connect(ring.entries[index], auth_key=key, timeout_s=limits.connect_s)
                )
            except RingError as problem:
                looks.problems[index] = str(problem)
                continue
            order = (index, *(other for other in ranked if other != index))
            took_s = trio.current_time() - began
            yield Opened(client, index, took_s, order, looks.names, looks.against(range(index)))
            return
        why = advised_once(looks.against(range(len(ring.entries))))
        raise NoEntryError(f"ring {name}: no entry can be used: {why}")


async def read_through(name: str, ring: Ring, opened: Opened) -> RingRoster:
    """Read the members through an open entry. Raises RingError."""
    stats = await opened.client.stats()
    members = await opened.client.members()
    own = stats.get("agent", {}).get("name", "")
    names = {**opened.names, opened.index: own}
    listed = tuple(sorted((member for member in members if member.status != "left"), key=lambda member: member.name))
    entries = [
        Entry(ring.entries[index], names.get(index) or _guess(ring.entries[index], members)) for index in opened.order
    ]
    failed = {member.name for member in members if member.status == "failed"}
    gossip = next(((member.address, member.port) for member in members if member.name == own), None)
    time = stats.get("serf", {}).get("query_time", "0")
    return RingRoster(
        name=name,
        entries=(entries[0], *(entry for entry in entries[1:] if entry.node not in failed)),
        members=listed,
        gossip=gossip,
        query_time=int(time) if time.isdecimal() else 0,
        notes=tuple(f"entry of ring {name} not used: {text}" for text in opened.failed),
    )


async def read_rosters(config: Config) -> Rosters:
    """All rings at once. Raises NoEntryError if not one of them could be read."""
    found: dict[str, RingRoster] = {}
    errors: dict[str, str] = {}

    async def read(name: str, ring: Ring) -> None:
        skip: dict[int, str] = {}
        while name not in found and name not in errors:
            try:
                async with open_entry(name, ring, skip) as opened:
                    with roster_through(opened, skip):
                        found[name] = await read_through(name, ring, opened)
            except NoEntryError as problem:
                errors[name] = str(problem)

    async with trio.open_nursery() as nursery:
        for name, ring in config.rings.items():
            nursery.start_soon(read, name, ring)
    if not found:
        raise NoEntryError(advised_once(errors[name] for name in config.rings))
    return Rosters({name: found[name] for name in config.rings if name in found}, errors)


@contextmanager
def roster_through(opened: Opened, skip: dict[int, str]) -> Iterator[None]:
    """Where the roster cannot be read in here through an entry, add that entry to `skip`, with the reason."""
    try:
        with trio.fail_after(limits.roster_s):
            yield
    except RingError as problem:
        skip[opened.index] = str(problem)
    except trio.TooSlowError:
        skip[opened.index] = f"{opened.client.address} does not answer: is its Serf agent frozen?"


def is_target(member: Member, exclude_tags: Mapping[str, str]) -> bool:
    """Whether a member may be swept: it has none of the tags that mark members without an inspection agent."""
    return not any(member.tags.get(tag) == value for tag, value in exclude_tags.items())


def alive_names(members: Sequence[Member]) -> tuple[str, ...]:
    """Names of the members that can be expected to hear a question."""
    return tuple(member.name for member in members if member.status != "failed" and member.status not in GONE)


def _guess(address: str, members: Sequence[Member]) -> str:
    """The member that an entry not asked yet belongs to: the only one with its address, if there is just one."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        wanted = str(ipaddress.ip_address(host))
    except ValueError:
        return ""
    same = [member.name for member in members if member.address == wanted]
    return same[0] if len(same) == 1 else ""
