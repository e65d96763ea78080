"""Bounds of a drift report, with their units and reasons; the relations between them are asserted on import."""

from __future__ import annotations

since_default = "7d"  # a week holds the last release, the last weekend and the last shift that one was away
period_s_max = 10 * 366 * 86_400.0  # a mistyped year is an error, no report of everything
moment_s_min, moment_s_max = -62_135_596_800.0, 253_402_300_799.0  # years 1 to 9999: RFC 3339 writes no others
ahead_s_max = 300.0  # so far `--until` may lie in the future: clocks differ

# ---- classes --------------------------------------------------------------------------------------------------------
flap_openings_min = 3  # once is news, twice is a relapse, three times within the period is a pattern
values_told_max = 8  # fingerprints of one item and class; with more, the values say nothing, and are one group

# ---- what is shown --------------------------------------------------------------------------------------------------
groups_max = 300  # of a document; more nobody reads, and a page of them must open within 1.5 s
members_max = 20_000  # deviations whose nodes are told of these groups: 50 µs each, of the 3 s of a report
spans_max = 20  # of a group, the most nodes first
shares_max = 50  # values of one dimension
ranks_max = 20  # offenders, drifters
long_max = 50  # lines of nodes that were not judged for long
happenings_told_max = 300
points_max = 500  # of the curve: more than a screen has columns for
heat_nodes_max, heat_items_max, heat_cells_max = 400, 60, 12_000  # what a map can show and a browser draws at once
compared_rows_max = 300_000  # deviations read for one comparison
entries_max = 1_000  # lines of one comparison

# ---- what had just happened -----------------------------------------------------------------------------------------
before_s = 3_600.0  # longer ago is seldom the reason, and everything has happened to some node within a day
before_gaps = 2.0  # … or within so many usual gaps between two sweeps: nobody looked in between
before_s_max = 2 * 86_400.0
before_share_min = 0.2  # of a group's nodes: what happened to fewer does not explain it
before_max = 5
happenings_read_max = 100_000  # the newest; 10,000 nodes that reboot once a day for a week are 70,000
together_s = 900.0  # the same, told by several nodes within so long, is one happening

# ---- coverage -------------------------------------------------------------------------------------------------------
long_s = 86_400.0  # not judged for so long is worth a line of its own

# ---- journal --------------------------------------------------------------------------------------------------------
journal_records_max = 200_000

_RELATIONS = {
    "twice is no flapping": flap_openings_min > 2,
    "what is shown can be read": groups_max <= members_max,
    "a look back is bounded": before_s < before_s_max,
}
for _relation, _holds in _RELATIONS.items():
    if not _holds:
        raise AssertionError(f"limits contradict each other: {_relation}")
