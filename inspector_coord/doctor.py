"""`inspector doctor`: is everything there that a sweep and a watch need, and if not, what to do."""

from __future__ import annotations

import shutil
import socket
import sys
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

import httpx
import msgspec
import trio

from inspector_agent import ring as serf
from inspector_agent.ring import RingClient, RingError, connect
from inspector_coord import limits
from inspector_coord.config import Config, Ring
from inspector_coord.errors import CoordError
from inspector_coord.patience import timing
from inspector_coord.release_cache import ReleaseCache
from inspector_coord.ring_sweep import HEARING_NAME
from inspector_coord.roster import alive_names

__all__ = ["Sign", "examine", "verdict"]

RMEM_MAX = Path("/proc/sys/net/core/rmem_max")
SERF_RECEIVE_BYTES = 2 * 1024 * 1024  # memberlist asks for that much, and is silently capped

Health = Literal["ok", "warn", "fail"]


class Sign(msgspec.Struct, frozen=True):
    """One thing that was looked at: how it is, in a sentence, and what to do about it ("" where nothing)."""

    health: Health
    what: str
    detail: str
    advice: str = ""


def verdict(signs: list[Sign]) -> int:
    """Exit code: 1 if anything would keep a sweep from working, else 0."""
    return int(any(sign.health == "fail" for sign in signs))


async def examine(config: Config) -> list[Sign]:
    """Look at everything; in the order of the configuration, whatever comes first."""
    from inspector_coord.watch.health import signs

    found: dict[int, list[Sign]] = {}

    async def look_at_ring(place: int, name: str, ring: Ring) -> None:
        found[place] = await _ring(name, ring)

    async def look_at_center(place: int) -> None:
        found[place] = [*await _center(config), *await trio.to_thread.run_sync(_here, config), *await signs(config)]

    async with trio.open_nursery() as nursery:
        for place, (name, ring) in enumerate(config.rings.items()):
            nursery.start_soon(look_at_ring, place, name, ring)
        nursery.start_soon(look_at_center, len(config.rings))
    return [sign for place in sorted(found) for sign in found[place]]


# ---- rings ----------------------------------------------------------------------------------------------------------


async def _ring(name: str, ring: Ring) -> list[Sign]:
    try:
        key = ring.auth_key()
    except CoordError as problem:
        return [Sign("fail", f"ring {name}", str(problem))]
    signs = _key_file(name, ring)
    sizes: dict[str, int] = {}
    for address in ring.entries:
        signs += await _entry(name, address, key, sizes)
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{address} {size}" for address, size in sizes.items())
        advice = "the smaller one is cut off, or has just joined: a roster seen from a minority is not to be trusted"
        signs.append(
            Sign("warn", f"ring {name}", f"its entries see different numbers of members alive: {told}", advice)
        )
    return signs


def _key_file(name: str, ring: Ring) -> list[Sign]:
    if ring.auth_key_file is None or not ring.auth_key_file.stat().st_mode & 0o077:
        return []
    detail = f"{ring.auth_key_file} can be read by others than its owner"
    return [Sign("warn", f"ring {name}", detail, f"chmod 600 {ring.auth_key_file}")]


async def _entry(name: str, address: str, key: str | None, sizes: dict[str, int]) -> list[Sign]:
    what = f"entry {address} of ring {name}"
    try:
        with trio.fail_after(limits.doctor_entry_s):
            async with connect(address, auth_key=key) as client:
                stats = await client.stats()
                members = await client.members()
                own = stats.get("agent", {}).get("name", "")
                alive = alive_names([member for member in members if member.status != "left"])
                sizes[address] = len(alive)
                signs = [Sign("ok", what, f"{own}, {len(alive)} members alive, {_failed(members)} failed")]
                return signs + _queue(what, stats) + await _heard(what, client, own, alive)
    except trio.TooSlowError:
        return [Sign("fail", what, "does not answer", "is the Serf agent frozen?")]
    except RingError as problem:
        return [Sign("fail", what, str(problem))]


def _failed(members: list[serf.Member]) -> int:
    return sum(member.status == "failed" for member in members)


def _queue(what: str, stats: dict[str, dict[str, str]]) -> list[Sign]:
    waiting = stats.get("serf", {}).get("query_queue", "")
    if not waiting.isdecimal() or int(waiting) <= limits.query_queue_max:
        return []
    return [
        Sign("warn", what, f"{waiting} queries wait in its queue", "it is busy, or has just joined: wait, ask again")
    ]


async def _heard(what: str, client: RingClient, own: str, alive: tuple[str, ...]) -> list[Sign]:
    """Ask some others for Serf's own acknowledgement: an entry that has just joined a big ring is mute for minutes."""
    others = [name for name in alive if name != own]
    if not others:
        return [Sign("warn", what, "is alone in its ring", "let it join the others: serf join ADDRESS")]
    asked = others[:: max(1, len(others) // limits.hearing_nodes_max)][: limits.hearing_nodes_max]
    heard: set[str] = set()
    window_s = timing(len(asked), len(alive), limits.timeout_s).hear_s + limits.answer_slack_s
    began = trio.current_time()
    async with client.query(HEARING_NAME, b"", timeout_s=window_s, filter_nodes=asked, request_ack=True) as records:
        async for record in records:
            if isinstance(record, serf.Ack):
                heard.add(record.name)
                if len(heard) == len(asked):
                    break
    if not heard:
        advice = "has it just joined? its membership messages go out first; use a long-lived entry"
        return [Sign("fail", what, f"is mute: none of {len(asked)} members heard it", advice)]
    detail = f"heard by {len(heard)} of {len(asked)} members within {trio.current_time() - began:.1f} s"
    return [Sign("ok" if len(heard) == len(asked) else "warn", what, detail)]


# ---- center and machine ---------------------------------------------------------------------------------------------


async def _center(config: Config) -> list[Sign]:
    what = f"config center {', '.join(config.centers)}"
    try:
        current = await ReleaseCache.of(config).current()
    except CoordError as problem:
        return [Sign("fail", what, str(problem))]
    release = current.release
    detail = f"release {release.number} ({release.digest[:12]}), {len(release.items)} items"
    detail += f", canary release {current.canary.number}" if current.canary is not None else ""
    notes = [note for note in (current.note, current.known.note) if note]
    advice = "agents and sweeps go on with what they have; start it again"
    signs = [Sign("warn", what, note, advice) for note in notes] or [Sign("ok", what, detail)]
    if not config.trusted_keys:
        said = "whatever the config center sends is believed, signed or not"
        signs.append(Sign("warn", "trusted_keys", said, "make a key with `config-center keygen`, set trusted_keys"))
    return signs if notes else [*signs, *await _clock(config)]


async def _clock(config: Config) -> list[Sign]:
    """Nodes whose clock differs too much from this one refuse to answer: compare at least with the center's."""
    try:
        async with httpx.AsyncClient(timeout=limits.http_timeout_s, trust_env=False) as client:
            reply = await client.head(f"{config.centers[0].rstrip('/')}/current.json")
            theirs = parsedate_to_datetime(reply.headers["Date"]).timestamp()
    except (httpx.HTTPError, KeyError, ValueError):
        return []
    skew_s = time.time() - theirs
    if abs(skew_s) <= limits.clock_skew_s:
        return [Sign("ok", "clock", "agrees with the config center's")]
    return [Sign("warn", "clock", f"differs from the config center's by {skew_s:.0f} s", "run chrony or ntpd on both")]


def _here(config: Config) -> list[Sign]:
    return [*_receive_buffer(config), _cache(config.cache_dir), _ansible(config)]


def _receive_buffer(config: Config) -> list[Sign]:
    """What an entry on this machine may buffer; of another machine's nothing can be said from here."""
    if not any(_is_here(address) for ring in config.rings.values() for address in ring.entries):
        return []
    try:
        allowed = int(RMEM_MAX.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return []
    return [receive_buffer(allowed)]


def receive_buffer(allowed: int) -> Sign:
    """Judge net.core.rmem_max, in bytes."""
    detail = f"{allowed} bytes, Serf asks for {SERF_RECEIVE_BYTES}"
    if allowed >= SERF_RECEIVE_BYTES:
        return Sign("ok", "net.core.rmem_max", detail)
    advice = f"sysctl -w net.core.rmem_max={SERF_RECEIVE_BYTES}, restart Serf; else answers of big rings may be lost"
    return Sign("warn", "net.core.rmem_max", detail, advice)


def _is_here(address: str) -> bool:
    """Whether an address can be bound to, so belongs to this machine."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        family = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)[0][0]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True


def _cache(directory: Path) -> Sign:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / ".doctor").write_bytes(b"")
        (directory / ".doctor").unlink()
    except OSError as problem:
        return Sign(
            "fail", "cache", f"{directory} cannot be written: {problem.strerror}", "set cache in coordinator.yml"
        )
    free_mb = shutil.disk_usage(directory).free // 1_000_000
    if free_mb < limits.cache_free_mb_min:
        return Sign("warn", "cache", f"{directory}: only {free_mb} MB free", "make room")
    return Sign("ok", "cache", f"{directory}, {free_mb} MB free")


def _ansible(config: Config) -> Sign:
    beside = Path(sys.executable).parent / "ansible-playbook"
    program = str(beside) if beside.exists() else shutil.which("ansible-playbook")
    if program is None:
        return Sign("warn", "ansible", "not found: no second pass", "install ansible-core, or sweep with --no-escalate")
    inventory = config.second_pass.inventory if config.second_pass else None
    if inventory is not None and not inventory.exists():
        return Sign("fail", "ansible", f"inventory {inventory} does not exist", "correct second_pass.inventory")
    return Sign("ok", "ansible", f"{program}, {f'inventory {inventory}' if inventory else 'no inventory: the roster'}")
