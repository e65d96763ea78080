"""The bounds of the second pass, with their units; relations checked on import.

What a node sends back is as hostile here as on the ring: everything read from it is cut before it is kept.
"""

from __future__ import annotations

look_bytes_max = 16_384
"""Of `look.sh`'s output from one node."""

recheck_bytes_max = 262_144
"""Of the findings one node sends back."""

stderr_chars_max = 600
"""Of a node's or ssh's complaints kept for the report."""

items_per_node_max = 300
"""Items looked at again on one node; the rest are named as not looked at."""

observed_chars_max = 200
"""Of an observed value (the check contract's own bound)."""

log_lines_max = 5
"""Last log lines of a node shown."""

site_check_bytes_max = 1_048_576
"""Of a site's own executable sent along."""

unanswered_max = 100
"""Nodes without any verdict looked at in one pass: they share no fingerprint that would allow a sample."""

event_bytes_max = 1_048_576
"""Of one line from the Ansible child process; must hold a whole recheck, JSON-escaped once."""

host_s_min = 4
"""The least time for a host: an ssh handshake on a busy node alone takes a second or two."""

connect_s_max = 10
"""To connect, whatever time a host has altogether."""

batch_slack_s = 20.0
"""On top of a batch's hosts: Ansible's own start, and reading a big inventory."""

ending_s_max = 5.0
"""The Ansible child has this long to end its children before it is killed itself."""

inventory_s_max = 60.0
"""To read the user's inventory (a dynamic one asks a cloud)."""

inventory_bytes_max = 268_435_456
"""Of `ansible-inventory --list`: 60,000 hosts with variables were seen at well over 100 MB."""

worker_memory_bytes = 268_435_456
"""What one Ansible worker may grow by: a node flooding its output must not eat the coordinator."""

_RELATIONS = {
    "one line holds a whole recheck, its quotes escaped": event_bytes_max >= 2 * recheck_bytes_max + look_bytes_max,
    "a worker can hold what it hands back": worker_memory_bytes > 16 * recheck_bytes_max,
    "a site's check fits into a worker's memory": worker_memory_bytes > 16 * site_check_bytes_max,
    "the least time of a host leaves a second to connect": host_s_min >= 4 and connect_s_max >= 1,
}
for _sentence, _holds in _RELATIONS.items():
    if not _holds:
        raise ValueError(f"inspector_coord/second_pass/limits.py: no longer true: {_sentence}")
