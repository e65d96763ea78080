"""The bounds of the shells of the watch: connections, the screen. The core's are in `limits`, the journal's beside."""

from __future__ import annotations

from inspector_agent.ring import limits as ring_limits
from inspector_coord import limits as coord_limits
from inspector_coord.watch import limits

# ---- entries --------------------------------------------------------------------------------------------------------
entry_retry_s_max = 5.0  # between attempts to reach an entry again: a watch is blind meanwhile
pulse_s = 5.0  # a frozen Serf agent keeps its connections: it is asked for a word so often
entry_patience_s = 5.0  # for any word of an entry but its whole list
members_s = coord_limits.roster_s
read_gap_s = 0.2  # between two readings of a whole list
events_buffered_max = 8_192  # member events that wait for this process; more are dropped, and the list is read again
notice_s = 0.05  # those whom the log names within this time are asked for together
notice_names_max = 64  # more are a reason to read the whole list
asks_open_max = 32  # questions of one entry that are out, each with a connection of its own
ask_tail_s = 2.5  # an answer that comes so late still tells that its node lives
origin_values = 256  # a question tells in one byte through which entry it was asked

turn_s = 1.0  # a ring's loop goes round at least so often, and shows by it that it is alive

# ---- telling --------------------------------------------------------------------------------------------------------
line_chars_max = 1_000
nodes_chars_max = 200
for_s_max = 31_622_400.0  # a leap year; who wants more leaves `--for` away
once_s = 20.0  # `--once` gives up then
once_least_s = 1.5  # what failed a moment ago is held so long before it is told

# ---- figures --------------------------------------------------------------------------------------------------------
serve_again_s = 1.0  # after an address for figures could not be had, doubling
serve_again_s_max = 30.0

# ---- screen ---------------------------------------------------------------------------------------------------------
screen_s = 0.5  # between two looks
screen_events = 12
screen_incidents = 20
screen_events_least = 4  # shown beside however many incidents
screen_rows_beside = 8  # titles and blanks

_RELATIONS = {
    "an ask is over before its number is forgotten": ask_tail_s < limits.asks_kept_s,
    "all that the core may have out at once may be out": (
        asks_open_max > limits.asks_burst + limits.asks_per_s * (limits.answer_within_s + ask_tail_s)
    ),
    "the buffer is larger than the client's own": events_buffered_max > ring_limits.events_buffered_max,
}
for _relation, _holds in _RELATIONS.items():
    if not _holds:
        raise AssertionError(f"limits of the watch's shells contradict each other: {_relation}")
