"""Whether the agent can do its work here: each part is tried as the agent uses it, with what to do where it fails."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path

import trio

from config_center import limits as center_limits
from config_center.errors import ReleaseError, TrustError
from config_center.pointer import decode_pointer
from config_center.resolve import Item
from config_center.traits import traits_of
from inspector_agent import limits
from inspector_agent.bundled import checks_dir
from inspector_agent.config import AgentConfig
from inspector_agent.download import get
from inspector_agent.errors import FetchError
from inspector_agent.facts import flat_facts
from inspector_agent.findings import Finding, printable
from inspector_agent.kept import MAKE_ANEW, PRIVATE, Kept
from inspector_agent.paint import Paint
from inspector_agent.proof import Proven
from inspector_agent.ring import AuthRefused, QueryEvent, RingClient, RingError, connect
from inspector_agent.runner.run import CheckRunner

QUERY = "inspect-doctor"


@dataclass(frozen=True)
class Result:
    """One thing that was looked at.

    Attributes:
        state: "ok", "warn" (the agent works, but…) or "bad" (it does not).
        said: what was found.
        advice: what to do; "" where nothing is to be done.
    """

    about: str
    state: str
    said: str
    advice: str = ""

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Identity:
    """This node, as Serf knows it."""

    name: str
    tags: Mapping[str, str]


async def examine(config: AgentConfig) -> list[Result]:
    """Look at everything, one after the other. Raises nothing that a node's state can cause."""
    results = [await _checks(config)]  # first: it forks, and what follows starts threads
    identity, ring = await _ring(config)
    results += ring
    results += await _centers(config)
    results += [_cache(config), _release(config, identity), _memory()]
    return results


def as_lines(results: Sequence[Result], paint: Paint) -> Iterator[str]:
    """For people. What others said (a center, Serf, the ring's tags) is repeated without what steers a terminal."""
    width = max(len(result.about) for result in results)
    for result in results:
        yield f"{paint(result.state, 4)}  {result.about:<{width}}  {printable(result.said, limits.said_chars_max)}"
        if result.advice:
            yield f"{'':{width + 8}}{printable(result.advice, limits.said_chars_max)}"


# ---- checks ----------------------------------------------------------------------------------------------------------


async def _checks(config: AgentConfig) -> Result:
    """Run one harmless item the way a sweep does: fork, limits, the bundled batch, the root directory."""
    found: list[Finding] = []
    item = Item(0, "kernel:release", "kernel", "release", {"value": {"any": True}}, {}, "info", 5.0, "doctor")
    try:
        runner = CheckRunner(checks_dir=checks_dir(), parts_dir=Path("/nonexistent"), root=config.root, facts={})
        await runner.run([item], found.append, deadline_s=10.0)
    except FileNotFoundError as error:
        return Result("checks", "bad", str(error))
    finding = found[0]
    if finding.outcome == "pass":
        return Result("checks", "ok", f"run below {config.root}, kernel {finding.observed}")
    said = f"kernel:release below {config.root}: {finding.outcome}, {finding.message}"
    if finding.outcome == "na":
        return Result("checks", "warn", said, "is this the right `root`?")
    return Result("checks", "bad", said, "run `inspector-agent check --release DIR` to see more")


# ---- Serf ------------------------------------------------------------------------------------------------------------


async def _ring(config: AgentConfig) -> tuple[Identity | None, list[Result]]:
    """Connect, authenticate, ask who we are, and hear an event."""
    try:
        async with connect(config.rpc, auth_key=config.auth_key, timeout_s=limits.doctor_connect_s) as client:
            with trio.move_on_after(limits.respond_s_max):
                stats = await client.stats()
                identity = Identity(stats.get("agent", {}).get("name", ""), stats.get("tags", {}))
                return identity, [
                    _about_ring(config.rpc, identity, stats.get("serf", {})),
                    await _events(config, client, identity),
                ]
            return None, [Result("serf", "bad", f"Serf at {config.rpc} accepts us and says nothing", "is it frozen?")]
    except AuthRefused as error:
        return None, [Result("serf auth", "bad", str(error))]
    except RingError as error:
        return None, [Result("serf", "bad", str(error))]


def _about_ring(rpc: str, identity: Identity, figures: Mapping[str, str]) -> Result:
    members, failed = figures.get("members", "?"), figures.get("failed", "?")
    tags = " ".join(f"{key}={value}" for key, value in sorted(identity.tags.items())) or "no tags"
    said = f"{identity.name} at {rpc}, {tags}; a ring of {members}, {failed} failed"
    if members == "1":
        return Result(
            "serf", "warn", said, "it has joined nobody: `serf join ADDRESS`, or retry_join in its configuration"
        )
    return Result("serf", "ok", said)


async def _events(config: AgentConfig, client: RingClient, identity: Identity) -> Result:
    """Send a query to this node alone, and hear it come back as an event, as questions do."""
    name = f"{config.query_prefix}{QUERY}"
    with trio.move_on_after(limits.doctor_event_s):
        async with (
            client.stream(f"query:{name}") as events,
            client.query(name, b"", timeout_s=limits.doctor_event_s, filter_nodes=[identity.name]),
        ):
            async for event in events:
                if isinstance(event, QueryEvent):
                    return Result("events", "ok", f"a query to {identity.name} was heard")
    return Result(
        "events", "bad", f"a query to {identity.name} was not heard within {limits.doctor_event_s:g} s",
        "look into Serf's log; restart the Serf agent",
    )  # fmt: skip


# ---- config center and clock -----------------------------------------------------------------------------------------


async def _centers(config: AgentConfig) -> list[Result]:
    if not config.config_center:
        return [Result("center", "warn", "none is configured", "without `config_center` no release ever arrives")]
    results = [result for url in config.config_center for result in await _center(url, config)]
    if not any(result.about == "center" and result.state == "ok" for result in results):
        return results
    return [_forgiven(result) if result.about == "center" else result for result in results]


def _forgiven(result: Result) -> Result:
    """What a center that does not work means while another one does."""
    return result if result.state == "ok" else replace(result, state="warn", advice="another mirror serves meanwhile")


async def _center(url: str, config: AgentConfig) -> list[Result]:
    """What one center says, and, if it says anything, how its clock compares with ours."""
    try:
        ask = partial(get, f"{url}/current.json", bytes_max=center_limits.pointer_bytes_max, silence_s=5.0)
        reply = await trio.to_thread.run_sync(ask, abandon_on_cancel=True)
        pointer = decode_pointer(reply.body)
        Proven(Kept(config.cache), config.trusted_keys).check(pointer)
    except TrustError as error:
        advice = "nothing of it is taken: is the right key in `trusted_keys`, and is this the center's address?"
        return [Result("center", "bad", f"{url}/current.json: {error}", advice)]
    except FetchError as error:
        advice = (
            "nothing is published there yet" if "answers 404" in str(error) else "the last good release stays in force"
        )
        return [Result("center", "bad", str(error), advice)]
    except ReleaseError as error:
        return [Result("center", "bad", f"{url}/current.json: {error}", "is this the address of a config center?")]
    found = [Result("center", "ok", f"{url} has release {pointer.number} ({pointer.digest[:12]})")]
    with suppress(ValueError, TypeError):
        found.append(_clock(url, parsedate_to_datetime(reply.date)))
    return found


def _clock(url: str, theirs: datetime) -> Result:
    """Questions carry the time they were asked; a node whose clock is far off cannot answer them."""
    off_s = (datetime.now(UTC) - theirs).total_seconds()
    said = (
        f"{abs(off_s):.0f} s {'ahead of' if off_s > 0 else 'behind'} {url}" if abs(off_s) >= 2 else f"as that of {url}"
    )
    if abs(off_s) > limits.clock_skew_s_max:
        return Result("clock", "bad", said, "questions look too old or too new to this node: set its clock, run chrony")
    return Result("clock", "warn" if abs(off_s) >= limits.doctor_skew_s else "ok", said)


# ---- what is kept, and memory ----------------------------------------------------------------------------------------


def _cache(config: AgentConfig) -> Result:
    """Whether a fetch could write into the cache. It is not made here: this user may be another than the agent's."""
    cache = config.cache
    if refused := Kept(cache).foreign():
        advice = f"what is in it runs as the agent: if this user is the agent's, {MAKE_ANEW}; if not, ask as that user"
        return Result("cache", "bad", refused, advice)
    place = next(folder for folder in (cache, *cache.parents) if folder.exists())
    try:
        if place == cache:
            probe = cache / ".doctor"
            probe.touch(mode=PRIVATE)
            probe.write_bytes(b"x" * 65_536)
            probe.unlink(missing_ok=True)
        elif not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, f"cannot be made in {place}", str(cache))
        room = os.statvfs(place)
    except OSError as error:
        advice = "make the directory writable for this user, or name another `cache`"
        return Result("cache", "bad", f"{error.filename or cache}: {error.strerror}", advice)
    free_mib = room.f_bavail * room.f_frsize // 1_048_576
    said = f"{cache} {'is writable' if place == cache else 'will be made'}, {free_mib} MiB are free"
    if free_mib < limits.doctor_free_mib:
        return Result("cache", "warn", said, "a release with its checks can have 40 MiB: make room")
    return Result("cache", "ok", said)


def _release(config: AgentConfig, identity: Identity | None) -> Result:
    """The release in force, and whether it has anything for this node."""
    kept = Kept(config.cache)
    if kept.foreign():
        return Result("release", "bad", "none from a cache that others can change", "see `cache`")
    if kept.current() is None:
        return Result("release", "warn", "none was ever fetched", "`inspector-agent run` fetches it")
    proven = Proven(kept, config.trusted_keys)
    if proven.current is None:
        return Result("release", "bad", "the one in the cache is not signed by a key of `trusted_keys`", "see `center`")
    traits = traits_of(identity.tags, flat_facts(config.root)) if identity else {}
    named = [proven.current.assigned(identity.name, traits)] if identity else proven.current.releases()
    number, digest = next((release for release in named if proven.release(release[1])), named[0])
    said = f"{number} ({digest[:12]}) is in force"
    if proven.release(digest) is None:
        return Result(
            "release", "bad", f"{said}, and damaged in the cache", "the agent fetches it again at its next look"
        )
    baseline = kept.baseline(digest, identity.name, traits) if identity else None
    if baseline is None:
        return Result("release", "ok", said)
    if not baseline.items:
        return Result(
            "release", "warn", f"{said}, with nothing for this node", "no layer's match covers its name and tags"
        )
    return Result("release", "ok", f"{said}, with {len(baseline.items)} items for this node")


def _memory() -> Result:
    """Of this process, which has loaded all that the agent loads."""
    import inspector_agent.agent  # noqa: F401 - for its weight

    for line in Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            mib = int(line.split()[1]) / 1024
            state = "ok" if mib <= limits.memory_mib_max else "warn"
            return Result(
                "memory", state, f"{mib:.1f} MiB with all that the agent loads, of {limits.memory_mib_max} MiB"
            )
    return Result("memory", "warn", "the kernel does not tell")
