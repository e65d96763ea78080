"""Every bound of the ring client, with its unit in its name and its reason beside it.

Relations between bounds are asserted when this module is imported.
"""

from __future__ import annotations

rpc_version = 1  # the only one that Serf has ever had

# ---- what one frame from Serf may weigh -----------------------------------------------------------------------------
header_bytes_max = 65_536  # Seq and the text of an error: `join` puts a line for every address into it
small_body_bytes_max = 65_536  # join, coordinate
stats_bytes_max = 1_048_576  # tags and event handlers are in it
event_bytes_max = 131_072  # a user event or a query: one UDP packet, with its names
log_bytes_max = 1_048_576  # one log line; in debug lines Serf escapes payloads byte by byte
record_bytes_max = 131_072  # an ack or an answer: one UDP packet
nodes_max = 100_000  # of one ring: Serf itself is run with up to about 50,000
member_bytes_max = 900  # Serf: 128 of name, 512 of tags encoded; the rest is field names and versions
member_node_bytes_max = 400  # of a key report: a name and why its key was refused
members_bytes_max = 100_000_000  # members, member events, key reports: all grow with the ring

# ---- what may wait --------------------------------------------------------------------------------------------------
requests_open_max = 4_096  # on one connection without a reply: then Serf is frozen, and the connection given up
events_buffered_max = 1_024  # of one stream, for a slow reader; Serf itself keeps 512, then drops with a log line
ended_remembered_max = 256  # streams that were stopped: Serf still empties its queue for them after its reply
receive_bytes = 65_536  # read from the socket at once
records_a_turn = 32  # of a query, taken before other tasks get their turn: a millisecond

# ---- time -----------------------------------------------------------------------------------------------------------
connect_s = 5.0  # TCP, handshake and auth together
reconnect_s_min = 0.2
reconnect_s_max = 10.0
steady_s = 30.0  # a connection that lived so long was good: the next failure backs off from the start again
keepalive_idle_s = 10  # a remote entry that lost its power is noticed after idle + count × interval
keepalive_interval_s = 5
keepalive_count = 3

# ---- what Serf takes ------------------------------------------------------------------------------------------------
relay_factor_max = 255
query_timeout_s_max = 86_400.0

_RELATIONS = {
    "a members reply of the largest ring fits": nodes_max * member_bytes_max <= members_bytes_max,
    "a key report of the largest ring fits": nodes_max * member_node_bytes_max <= members_bytes_max,
    "an event fits at least as much as a UDP packet": min(event_bytes_max, record_bytes_max) > 65_535,
    "we keep more events than Serf does": events_buffered_max > 512,
    "backing off grows": 0 < reconnect_s_min < reconnect_s_max < steady_s,
}
for _sentence, _holds in _RELATIONS.items():
    if not _holds:
        raise ValueError(f"inspector_agent/ring/limits.py: no longer true: {_sentence}")
