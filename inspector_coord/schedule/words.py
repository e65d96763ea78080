"""CORE. The schedule as lines for a person, and a sweep that is over as one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from inspector_coord.schedule.plan import UNENDED, Past, Plan, Ran

__all__ = ["ran_line", "table"]

MEANINGS = {
    0: "all pass",
    1: "some fail",
    3: "some were not covered",
    4: "no entry could be reached",
    UNENDED: "it took too long",
}


def ran_line(ran: Ran, stamp: Callable[[float], str]) -> str:
    """`03:30:07 nightly: 10,000 targets: 9,980 pass, 20 fail in 1.9 s (exit 1)`. `stamp` writes a Unix time."""
    swept = ran.swept
    counts = [f"{count:,} {state}" for state, count in swept.ledger.items() if count and state != "targets"]
    what = f"{swept.ledger.get('targets', 0):,} targets: {', '.join(counts)} in {swept.seconds:.1f} s"
    missed = f"; {ran.missed:,} earlier missed" if ran.missed else ""
    said = what if swept.ledger else f"no report: {swept.said}"
    return f"{stamp(ran.began)} {ran.job}: {said} (exit {swept.exit_code}{missed})"


def table(plan: Plan, now: float, stamp: Callable[[float], str]) -> list[str]:
    """All jobs, the next one first."""
    jobs = sorted(plan.jobs.values(), key=lambda job: (plan.next(job, now), job.name))
    rows = [("NAME", "WHEN", "NEXT", "LAST")]
    rows += [
        (
            job.name,
            job.said,
            "now" if plan.next(job, now) <= now else stamp(plan.next(job, now)),
            _last(plan.past, job.name, stamp),
        )
        for job in jobs
    ]
    return _aligned(rows)


def _last(past: Mapping[str, Past], name: str, stamp: Callable[[float], str]) -> str:
    known = past[name]
    if not known.began:
        return "never"
    if known.exit_code is None:
        return f"{stamp(known.began)}, running, or killed"
    return f"{stamp(known.began)}, exit {known.exit_code}: {MEANINGS.get(known.exit_code, 'it could not be run')}"


def _aligned(rows: Sequence[tuple[str, str, str, str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows]
