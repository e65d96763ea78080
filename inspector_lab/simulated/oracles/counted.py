"""CORE. Oracle: nothing is dropped silently. What came out of the entries, and what became of it, are the same number.

The same at the nodes: every question that an agent heard ended in exactly one of the ways that its session counts.
"""

from __future__ import annotations

from inspector_coord.ledger import Booking
from inspector_lab.simulated.result import Result

__all__ = ["check"]

ENDS = (
    "verdict", "busy", "clock", "release", "unsendable", "malformed", "version", "not-asked", "flood", "superseded",
    "lost",
)  # fmt: skip


def check(result: Result) -> list[str]:
    """Sentences about what does not hold."""
    wrong: list[str] = []
    for number, sweep in enumerate(result.sweeps):
        dropped, bookings = sweep.ledger.dropped, sweep.ledger.bookings
        events = [line.heard.events for line in sweep.coordinator.lines]
        answers, acks, phantoms = (sum(each[word] for each in events) for word in ("answers", "acks", "phantoms"))
        # acks of strangers are counted with their answers
        became = bookings.total() + sum(dropped[word] for word in ("malformed", "forged", "stranger", "late"))
        if not answers <= became <= answers + acks:
            wrong.append(f"sweep {number}: {answers} answers came, {became} were booked or counted as dropped")
        if dropped["duplicate"] != bookings[Booking.DUPLICATE]:
            wrong.append(f"sweep {number}: {bookings[Booking.DUPLICATE]} duplicates, {dropped['duplicate']} counted")
        if dropped["phantom"] != phantoms:
            wrong.append(f"sweep {number}: {phantoms} phantoms, {dropped['phantom']} counted")
    for ring, agents in result.agents.items():
        ended = sum(agents.counted[word] for word in ENDS)
        if ended != agents.counted["heard"]:
            wrong.append(f"{ring}: the sessions heard {agents.counted['heard']} questions, {ended} came to an end")
    return wrong
