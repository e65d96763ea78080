"""Bounds of the schedule. The unit is in the name, the reason beside it."""

from __future__ import annotations

jobs_max = 100
"""Lines that a person still reads; a sweep at a time leaves no room for more anyway."""

name_chars_max = 32

every_s_min = 10.0
"""A sweep of a big fleet takes seconds; more often than this there would be nothing but sweeps."""

every_s_max = 31 * 86_400.0

jitter_s_max = 3_600.0
"""Two coordinators with the same schedule are apart by then; whoever wants more writes another time."""

fresh_s = 120.0
"""A job that has never run takes the slot that began so recently; an older one was before it was written down."""

look_s = 20.0
"""A wall clock that jumps is noticed by then."""

run_s_max = 3_600.0
"""A sweep ends by its deadline, a second pass of a big fleet within minutes; what takes an hour hangs."""

missed_counted_max = 10_000
"""Slots counted that passed unseen: more are said as `more than`."""

state_bytes_max = 1_000_000
report_bytes_max = 1_000_000_000
said_bytes_max = 4_000
"""The last words of a sweep that could not ask anybody."""

assert fresh_s > look_s, "a slot is still fresh when it is looked for"
