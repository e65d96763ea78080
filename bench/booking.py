"""What an answer costs the coordinator: processor time to read, decode and book it, and memory of a node.

The answers are encoded as agents encode them and framed as a Serf agent frames them. They go through the real reader of
Serf's RPC and the real rounds of one ring into a real ledger. Only the socket and the waiting are left out, so this is
processor time: what one core books in a second. Nodes do not sign answers yet, so there is no figure for signed ones.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from bench.figures import Figure
from inspector_agent.ring.commands import Auth, Handshake, Query
from inspector_agent.ring.frames import Connection, Record
from inspector_agent.ring.records import Answer as Response
from inspector_agent.wire import Answer, Counts, Vitals, encode_answer
from inspector_coord.asking import Plan
from inspector_coord.entries import Entry
from inspector_coord.ledger import Ledger, Node
from inspector_coord.patience import timing
from inspector_coord.rounds import RingRounds
from inspector_coord.signals import Answered, Begin

NODES = 50_000  # of one ring: what one entry is to bear
MEMORY_NODES = 100_000
FAILING_SHARE = 0.05  # after a change that went wrong here and there
SWEEP, RELEASE = b"sweep-00", b"release0"
PIECE = 65_536  # bytes that one read from the socket gives at most
READ_S = 1.7  # when the answers come: within the time they were given


def answer(number: int, *, failing: bool) -> bytes:
    """The answer of one node to 300 items: all pass, or five fail and one errs, three of them told in clear."""
    vitals = Vitals(40 + number % 50, 20, 30 + number % 60, 2, 3, number % 200, 1, 0)
    clock = 1_800_000_000_000 + number * 7
    said = Answer(
        sweep=SWEEP, release=RELEASE, number=12, basis=b"1234", counts=Counts(300), took_ms=20 + number % 90,
        clock=clock, vitals=vitals,
    )  # fmt: skip
    if failing:
        hashes = tuple(bytes((place, number & 255, number >> 8 & 255)) for place in range(6))
        said = msgspec.structs.replace(
            said, counts=Counts(294, 5, 1), failing=(1, 5, 9, 20, 40), erring=(77,), hashes=hashes,
            clear={1: "60", 5: "none", 9: f"{number % 7}.always"},
        )  # fmt: skip
    return encode_answer(said, budget=900)


def fleet_answers(count: int, failing_share: float) -> list[tuple[str, bytes]]:
    """(node name, answer) of every node, the failing ones evenly among the others."""
    every = round(1 / failing_share)
    return [(f"n{at:06d}", answer(at, failing=at % every == 0)) for at in range(count)]


def ring(names: list[str]) -> tuple[RingRounds, Ledger]:
    """The rounds of one ring that has just been asked."""
    nodes = []
    for at, name in enumerate(names):
        tags = {"zone": "abc"[at % 3], "rack": f"r{at % 40}"}
        nodes.append(Node("main", name, f"10.{at >> 16}.{at >> 8 & 255}.{at & 255}", tags, "alive"))
    ledger = Ledger(nodes, RELEASE)
    plan = Plan(
        sweep=SWEEP, release=RELEASE, number=12, timing=timing(len(nodes), len(nodes), 10.0), epoch=1.8e9,
        entries=(Entry("127.0.0.1:7373", names[0]),), members=tuple(names),
    )  # fmt: skip
    rounds = RingRounds(plan, nodes, ledger)
    rounds.handle(Begin(), 0.0)
    return rounds, ledger


def booked_per_s(answers: list[tuple[str, bytes]]) -> float:
    """Answers a second from their bytes to the ledger."""
    rounds, ledger = ring([name for name, _ in answers])
    gc.collect()
    began = time.process_time()
    for name, payload in answers:
        rounds.handle(Answered(0, name, payload), READ_S)
    seconds = time.process_time() - began
    check(ledger)
    return len(answers) / seconds


def read_and_booked_per_s(answers: list[tuple[str, bytes]]) -> float:
    """Answers a second from what a Serf agent sends over its RPC to the ledger."""
    rounds, ledger = ring([name for name, _ in answers])
    connection, stream = asked(answers)
    pieces = [stream[at : at + PIECE] for at in range(0, len(stream), PIECE)]
    gc.collect()
    began = time.process_time()
    for piece in pieces:
        connection.receive(piece)
        while (frame := connection.next_frame()) is not None:
            if isinstance(frame, Record) and isinstance(frame.body, Response):
                rounds.handle(Answered(0, frame.body.name, frame.body.payload), READ_S)
    seconds = time.process_time() - began
    check(ledger)
    return len(answers) / seconds


def asked(answers: list[tuple[str, bytes]]) -> tuple[Connection, bytes]:
    """A connection on which a query has been asked, and what Serf then sends."""
    pack = msgspec.msgpack.encode
    connection = Connection()
    for command in (Handshake(), Auth("")):
        seq, _ = connection.send(command)
        connection.receive(pack({"Seq": seq, "Error": ""}))
        connection.next_frame()
    seq, _ = connection.send(Query("inspect", b"", 1))
    head = pack({"Seq": seq, "Error": ""})
    connection.receive(head)
    connection.next_frame()
    records = (pack({"Type": "response", "From": name, "Payload": payload}) for name, payload in answers)
    return connection, b"".join(head + record for record in records)


def check(ledger: Ledger) -> None:
    """Everything has been booked."""
    missing = [node.name for node in ledger if node.answer is None]
    if missing or ledger.dropped.total():
        raise SystemExit(f"{len(missing)} answers were not booked, dropped: {dict(ledger.dropped)}")


def memory_kb(count: int) -> float:
    """Resident kB a node of a sweep in which everybody has answered, the process's own start not counted."""
    ring([f"n{at:06d}" for at in range(1_000)])  # what any sweep needs once
    before = resident_kb()
    names = [f"n{at:06d}" for at in range(count)]
    rounds, ledger = ring(names)
    every = round(1 / FAILING_SHARE)
    for at, name in enumerate(names):
        rounds.handle(Answered(0, name, answer(at, failing=at % every == 0)), READ_S)
    check(ledger)
    gc.collect()
    return (resident_kb() - before) / count


def resident_kb() -> int:
    """Resident memory of this process."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise SystemExit("/proc/self/status has no VmRSS")


def measure(*, runs: int, nodes: int = NODES) -> list[Figure]:
    """All figures; memory once in a process of its own."""
    mixed, failing = fleet_answers(nodes, FAILING_SHARE), fleet_answers(nodes, 1)
    child = [sys.executable, "-m", "bench.booking", str(MEMORY_NODES)]
    node_kb = float(subprocess.run(child, check=True, capture_output=True).stdout)
    size = f"{len(mixed[1][1])} bytes where all pass, {len(failing[0][1])} where five items fail and one errs"
    return [
        Figure(
            "answers_booked_per_s",
            f"answers read, decoded and booked a second, {FAILING_SHARE:.0%} of them failing",
            "/s",
            tuple(read_and_booked_per_s(mixed) for _ in range(runs)),
            50_000,
            at_most=False,
            note=f"by one core (processor time), {nodes:,} nodes in a ring: from what Serf's RPC sends to the ledger; "
            f"an answer has {size}; unsigned, as nodes answer today: the coordinator verifies no signatures of nodes",
        ),
        Figure(
            "answers_booked_failing_per_s",
            "  the same, all of them failing",
            "/s",
            tuple(read_and_booked_per_s(failing) for _ in range(runs)),
        ),
        Figure(
            "answers_decoded_booked_per_s",
            "  5 % failing, without Serf's RPC",
            "/s",
            tuple(booked_per_s(mixed) for _ in range(runs)),
            note="from the answer's bytes to the ledger",
        ),
        Figure(
            "coordinator_node_kb",
            f"coordinator, memory of a node that has answered, of {MEMORY_NODES:,}",
            "kB",
            (node_kb,),
            3,
            note="difference of resident memory: roster, ledger, what it waits for and the answers",
        ),
    ]


if __name__ == "__main__":
    print(memory_kb(int(sys.argv[1])))
