"""`inspector-lab hollow`: a real entry, one process that plays everybody else, a real config center."""

from __future__ import annotations

import json
import resource
import socket
from pathlib import Path
from typing import Any

import msgspec
import trio

from config_center.files import write_whole
from inspector_agent.ring import Ack, RingError, connect
from inspector_coord.ring_sweep import HEARING_NAME
from inspector_lab import center, configs, processes, state
from inspector_lab import limits as lab_limits
from inspector_lab.errors import PlanError, UpError
from inspector_lab.ground import claimed_octet
from inspector_lab.hollow import limits
from inspector_lab.hollow.fleet import HollowWish, lay_out
from inspector_lab.hollow.process import Job
from inspector_lab.hollow.shell import Told
from inspector_lab.hollow.wishing import wish_churn
from inspector_lab.layout import Layout
from inspector_lab.patron import Keeper, started_keeper, tail
from inspector_lab.plan import Plan
from inspector_lab.ready import Waiting, every_agent_answers, members_seen, without_repeats
from inspector_lab.services import ServiceSpec, save_services
from inspector_lab.tools import find
from inspector_lab.up import Say, describe, refuse_losses, weightiest
from inspector_lab.writing import (
    SCRIPTS,
    center_command,
    claimed_directory,
    spec,
    this_host,
    write_node,
    write_shared,
)


def bring_up(wish: HollowWish, home: Path, practice: Path, say: Say) -> state.LabState:
    """Start a hollow ring and leave it running. Blocks until its entry knows all members and is heard.

    Raises PlanError, DirError, ToolMissingError or UpError; then, as after KeyboardInterrupt, nothing of it runs.
    """
    wish.refuse_impossible()
    refuse_poverty(wish)
    with claimed_directory(home) as layout, claimed_octet() as (octet, claim):
        plan = lay_out(wish, octet)
        keys = write_files(plan, layout, practice)
        release = center.publish(layout)
        say(f"release {release.number} published: {release.items} items in {release.layers} layers")
        write_job(wish, plan, layout, release.document, keys["gossip"] if wish.encrypt else "")
        entry = plan.nodes[0]
        say(f"starting the entry {entry.name} on {entry.gossip}, and {wish.members - 1:,} hollow members")
        with started_keeper(layout, claim) as keeper:
            try:
                lab = trio.run(attend, plan, layout, keeper, release, say)
            except BaseExceptionGroup as group:
                raise weightiest(group) from group
            trio.run(keeper.keep)
            if wish.churn:
                wish_churn(layout.hollow_churn, wish.churn)
    return lab


def refuse_poverty(wish: HollowWish) -> None:
    """Raise PlanError where this machine has not enough memory or open files for so many members."""
    needed_mb = limits.memory_base_mb + wish.members * limits.memory_per_member_kb // 1024
    free_mb = processes.free_memory_mb()
    if free_mb < needed_mb:
        raise PlanError(
            f"{wish.members:,} members need about {needed_mb:,} MB, {free_mb:,} MB are free: wish for fewer"
        )
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files < limits.files_min:
        raise PlanError(f"this shell may open {files} files, {limits.files_min} are needed: raise it with `ulimit -n`")


# ---- files ----------------------------------------------------------------------------------------------------------


def write_files(plan: Plan, layout: Layout, practice: Path) -> dict[str, str]:
    """Everything but the job and lab.json; returns the ring's keys."""
    keys = write_shared(plan, layout, practice)
    entry = plan.nodes[0]
    write_node(plan, entry, layout, this_host())
    serf = json.loads(configs.serf(plan, entry, None, keys)) | {"log_level": "warn"}  # not a line for each member
    layout.node(entry.name).serf.write_text(json.dumps(serf, indent=1) + "\n")
    layout.coordinator.write_text(coordinator(plan, layout))
    return keys


def coordinator(plan: Plan, layout: Layout) -> str:
    """coordinator.yml: one entry, and no second pass, for hollow nodes cannot be logged in to."""
    ring: dict[str, object] = {"entries": [plan.nodes[0].rpc], "auth_key_file": layout.rpc_key.name}
    if len(plan.nodes) > limits.burst_members:
        ring["answers_per_s"] = limits.sustained_answers_per_s
    document = {
        "rings": {"main": ring},
        "config_center": plan.center_url,
        "trusted_keys": [layout.center_public.name],
        "cache": layout.cache.name,
        "query_prefix": "",
    }
    return configs.as_yaml(document, "inspector --config THIS_FILE sweep --no-escalate")


def write_job(wish: HollowWish, plan: Plan, layout: Layout, release: bytes, key: str) -> None:
    """What the members' process is told, and what the keeper starts."""
    path = layout.hollow_job.with_suffix(".release")
    write_whole(path, release)
    job = Job(wish=wish, octet=plan.octet, port=free_port(), key=key, release=str(path))
    write_whole(layout.hollow_job, msgspec.json.encode(job), mode=0o600)
    save_services(layout, services(plan, layout, wish.gogc))


def services(plan: Plan, layout: Layout, gogc: int) -> list[ServiceSpec]:
    """The center, the entry with its agent, and everybody else."""
    entry = plan.nodes[0]
    files = layout.node(entry.name)
    agent = [str(SCRIPTS / "inspector-agent"), "run", "--config", str(files.agent)]
    serf = ["env", f"GOGC={gogc}", str(find("serf")), "agent", f"-config-file={files.serf}"]
    # In a real ring the members do not use the entry's processors: here they make way for it.
    niceness = limits.members_niceness if len(plan.nodes) >= limits.nice_members_min else 0
    program = processes.python("inspector_lab.hollow.process", str(layout.home))
    hollow = ["nice", "-n", str(niceness), *program]
    return [
        spec("", "center", center_command(plan, layout), layout.log("center"), 0.0),
        spec(entry.name, "serf", serf, files.log("serf"), 0.0),
        spec("", "hollow", hollow, layout.log("hollow"), 0.2),
        spec(entry.name, "agent", agent, files.log("agent"), lab_limits.agent_after_serf_s),
    ]


def free_port() -> int:
    """A port that no other hollow ring listens on; raises UpError."""
    for port in range(limits.gossip_port_first, limits.gossip_port_first + limits.gossip_ports):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, socket.socket() as stream:
            try:
                probe.bind(("", port))
                stream.bind(("", port))
            except OSError:
                continue
            return port
    raise UpError(f"no free port from {limits.gossip_port_first} on: end other hollow rings with `inspector-lab down`")


# ---- coming up ------------------------------------------------------------------------------------------------------


async def attend(plan: Plan, layout: Layout, keeper: Keeper, release: center.Published, say: Say) -> state.LabState:
    """See the ring come up; returns when it is settled and heard."""
    hello = await keeper.next_event("hello")
    lab = describe(plan, layout, keeper.pid, hello["pid"], release, hollow=len(plan.nodes) - 1)
    state.save(layout, lab)
    seconds = limits.ready_base_s + limits.ready_per_member_s * len(plan.nodes)
    with trio.move_on_after(seconds) as patience:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refuse_losses, keeper, layout, ())
            await settled(plan, layout, say)
            await every_agent_answers(plan.nodes[:1], layout, release, Waiting(), say)
            await heard(plan, layout, say)
            nursery.cancel_scope.cancel()
    if patience.cancelled_caught:
        log = layout.log("hollow")
        raise UpError(f"not settled after {seconds:.0f} s ({told(layout).phase}); the end of {log}:\n{tail(log)}")
    return lab


def told(layout: Layout) -> Told:
    """What the members' process says of itself; nothing yet: the defaults."""
    try:
        return msgspec.json.decode(layout.hollow.read_bytes(), type=Told)
    except FileNotFoundError:
        return Told()


async def settled(plan: Plan, layout: Layout, say: Say) -> None:
    """Returns once the entry counts all members as alive and its queue of their records is empty."""
    key = layout.rpc_key.read_text().strip()
    say = without_repeats(say)
    while True:
        phase, seen = told(layout).phase, await members_seen(plan.nodes[0], key)
        say(f"{phase}: the entry knows {seen:,} of {len(plan.nodes):,} members")
        if phase == "settled" and seen == len(plan.nodes):
            return
        await trio.sleep(limits.poll_s)


async def heard(plan: Plan, layout: Layout, say: Say) -> None:
    """Returns once some members have acknowledged a question of the entry's."""
    key = layout.rpc_key.read_text().strip()
    step = max(1, len(plan.nodes) // limits.heard_names)
    names = [node.name for node in plan.nodes[1::step]][: limits.heard_names]
    while True:
        acks = await acked(plan.nodes[0].rpc, key, names)
        say(f"heard: {acks} of {len(names)} asked members have acknowledged")
        if 2 * acks > len(names):
            return


async def acked(rpc: str, key: str, names: list[str]) -> int:
    """How many of these members acknowledge one question."""
    found: set[str] = set()
    query: dict[str, Any] = {"timeout_s": limits.heard_query_s, "filter_nodes": names, "request_ack": True}
    try:
        async with connect(rpc, auth_key=key) as client, client.query(HEARING_NAME, b"", **query) as records:
            async for record in records:
                if isinstance(record, Ack):
                    found.add(record.name)
                if len(found) == len(names):
                    break
    except RingError:
        await trio.sleep(limits.poll_s)
    return len(found)
