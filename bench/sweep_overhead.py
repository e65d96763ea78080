"""What a sweep costs beyond Serf itself, on a real ring: last verdict against last raw acknowledgement."""

from __future__ import annotations

import statistics

import trio

from bench.figures import Figure
from bench.fleet import Fleet
from inspector_agent.ring import Ack, connect
from inspector_coord.config import Ring, load

# Items that cost a node next to nothing: this figure is about the way there and back.
LIGHT = ("--item", "sysctl:*", "--item", "kernel:*")


RAW_LOST_MAX = 3  # of all raw queries of a run may lose acknowledgements: Serf sends each once


async def last_raw_ack(config: Ring, members: int, timeout_s: float = 10.0) -> float | None:
    """Seconds from asking until the last of `members` Serf agents has acknowledged a query nobody answers.

    None where not all did: an ack is one packet, and nobody sends it again.
    """
    async with connect(config.entries[0], auth_key=config.auth_key()) as ring:
        began = trio.current_time()
        heard = 0
        async with ring.query("bench", b"", timeout_s=timeout_s, request_ack=True) as records:
            async for record in records:
                heard += isinstance(record, Ack)
                if heard == members:
                    return trio.current_time() - began
    return None


def measure(fleet: Fleet, *, runs: int, encrypted: bool = False) -> list[Figure]:
    """Raw acknowledgement and sweep in turn, `runs` times, on the same ring and entry; one ratio a pair.

    `encrypted`: the gossip of this fleet is; the figures are told apart, and have no budget of their own.
    """
    ring = load(fleet.config).rings["main"]
    fleet.settled(*LIGHT)  # everybody has fetched the release
    ratios: list[float] = []
    acks, sweeps = [], []
    lost = 0
    while len(ratios) < runs:
        report, _wall_s = fleet.sweep(*LIGHT)
        nodes = [node for node in report["nodes"] if node["via"] == "query"]
        check_s = statistics.median(node["took_ms"] / 1000 for node in nodes)
        last_s = max(node["seconds"] for node in nodes)
        ack_s = trio.run(last_raw_ack, ring, len(nodes))
        if ack_s is None:
            lost += 1
            if lost > RAW_LOST_MAX:
                raise SystemExit(f"{lost} raw queries were not acknowledged by all: the ring is not whole")
            continue
        acks.append(ack_s)
        sweeps.append(last_s)
        ratios.append((last_s - check_s) / ack_s)
    suffix, words = ("_encrypted", ", encrypted gossip") if encrypted else ("", "")
    return [
        Figure(
            f"sweep_overhead_ring_50{suffix}",
            f"sweep overhead, real ring of {len(nodes)}{words}",
            "",
            tuple(ratios),
            None if encrypted else 1.3,
            note="(last verdict - median check time the nodes report) ÷ last raw Serf ack, alternating on one ring; a "
            "pair is two epidemics, each with chances of its own, so single ratios spread and their median counts",
        ),
        Figure(f"raw_ack_ring_50{suffix}_s", f"  last raw Serf ack{words}", "s", tuple(acks), note=unheard(lost, runs)),
        Figure(f"last_verdict_ring_50{suffix}_s", f"  last verdict{words}", "s", tuple(sweeps)),
    ]


def unheard(lost: int, runs: int) -> str:
    """What is said of raw queries that lost acknowledgements."""
    return f"{lost} of {lost + runs} raw queries lost acknowledgements for good and are not counted" if lost else ""
