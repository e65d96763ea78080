"""The words of the ledger as people read them, and their order (core: no I/O)."""

from __future__ import annotations

__all__ = ["LEDGER_STATES", "NO_VERDICT", "SECOND_ORDER", "SEVERITIES", "STATE_MEANINGS"]

SEVERITIES = ("critical", "major", "minor", "info")

# In the order of a report: what is known, worst last; then who is not known.
LEDGER_STATES = ("pass", "fail", "error", "uncovered", "stale", "stalled", "silent", "down", "left")

NO_VERDICT = ("down", "silent", "stalled", "stale", "uncovered")
"""States that leave the coverage incomplete, worst first."""

SECOND_ORDER = ("disagrees", "unreachable", "confirmed", "recovered", "skipped")
"""Outcomes of the second pass, news first."""

STATE_MEANINGS = {
    "pass": "every item is as it should be, or waived",
    "fail": "at least one item is not",
    "error": "nothing fails, something could not be evaluated",
    "uncovered": "no item applies to it",
    "stale": "answered for another release",
    "stalled": "its Serf agent is there, its inspection agent gave no verdict",
    "silent": "member alive, neither acknowledgement nor verdict",
    "down": "membership says failed",
    "left": "was there at the start, left in between",
}
