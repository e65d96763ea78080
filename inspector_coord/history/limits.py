"""Bounds of the history, each with its reason."""

from __future__ import annotations

from typing import Final

# ---- one booking ----------------------------------------------------------------------------------------------------
nodes_max: Final = 200_000  # of one report: twice the biggest fleet
findings_node_max: Final = 10_000  # of one node: more than a release can ask for
text_chars_max: Final = 2_000  # of an observed value, an expectation: the report itself cuts at 200
name_chars_max: Final = 300  # of a node, an item, a ring; Serf takes 128 bytes
tags_max: Final = 100  # of a node; Serf takes 512 bytes of them altogether
facts_max: Final = 200  # of a node: a score of its own, and versions of drivers and firmware
fact_key_chars_max: Final = 128
observations_max: Final = 50  # values kept within one interval; beyond, only `changes` counts on
happenings_max: Final = 50_000  # that one booking adds: a fleet that reboots as a whole is 10,000

# Moments are 1970 to 2242: a clock that says another is broken, and what no calendar can write is never kept.
moment_unix_s_max: Final = 2.0**33

# A boot time is computed by the kernel from clock and uptime: it moves by a second, and with a clock that is set.
reboot_s_min: Final = 30.0

# ---- the database ---------------------------------------------------------------------------------------------------
statement_rows_max: Final = 500  # ids in one statement; SQLite takes 32,766 values, older ones 999
nodes_apart_max: Final = 400  # so many nodes are looked up one by one; for more, everything standing is read

# ---- pruning --------------------------------------------------------------------------------------------------------
keep_days: Final = 400  # what `history prune` keeps unless told: a year, and a month to look at it
keep_days_max: Final = 36_500
keep_days_min: Final = 1

# ---- asking ---------------------------------------------------------------------------------------------------------
rows_shown: Final = 200  # intervals of a node or an item that are printed, newest first
rows_shown_max: Final = 100_000
note_chars_max: Final = 1_000

# ---- import ---------------------------------------------------------------------------------------------------------
line_bytes_max: Final = 1_048_576  # of an export's NDJSON; a row has some hundred bytes
rows_at_once: Final = 5_000

_RELATIONS = {
    "the retention asked for by default is a possible one": keep_days_min <= keep_days <= keep_days_max,
    "what is shown by default can be asked for": rows_shown <= rows_shown_max,
    "a batch of rows fits into memory": rows_at_once * line_bytes_max <= 8 * 2**30,
}

for _relation, _holds in _RELATIONS.items():
    if not _holds:
        raise AssertionError(f"limits contradict each other: {_relation}")
