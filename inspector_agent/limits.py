"""Every bound of the agent, with its unit in its name and its reason beside it.

The relations between bounds are asserted when this module is imported: a limit that is raised without its neighbours
stops the program at once instead of losing answers on the network later.
"""

from __future__ import annotations

# ---- wire -----------------------------------------------------------------------------------------------------------
wire_version = 1
wire_version_max = 31  # no text begins with such a byte: other people's payloads are not taken for news from the future
basis_bytes = 4  # which items a node looked at, and by which lines: a node by other ones goes unseen once in 4 billion
id_bytes = 8  # sweep id and release digest prefix: 2**32 sweeps until two are likely to be the same
signature_bytes = 64  # Ed25519

# Serf drops a response of more than 1,024 bytes with headers. Measured to the byte (tests/ring/test_answer_size.py): a
# relayed answer has 939 bytes less the names of who answers and who asks; less 12 where the asker is on IPv6, 8 for a
# late Lamport time, 2 for each name of more than 31 bytes. Too big for relay is sent plain *and* refused. Serf does not
# tell who asks, so room is kept for its name; coordinators want no relay through an entry with a longer one.
answer_relayed_bytes = 939 - 12 - 8 - 2 * 2
asker_name_bytes_max = 64
node_name_bytes_max = 128  # what questions can carry; Serf's own limit only where it is told to validate names
answer_skeleton_bytes_max = 132  # an answer with nothing but its fixed fields, each at its widest
answer_wire_bytes_max = 1024  # whatever arrives beyond cannot have come through Serf

# A question goes beside membership messages into 1,400-byte gossip packets: bigger ones wait for a packet of their own.
question_bytes_max = 250
question_wire_bytes_max = 1024
# A query has at most that many bytes on the wire. Measured: 119-123 of them are headers, beside the name of the entry's
# node; 27 more for IPv6 and for Lamport times of eight bytes, 32 for the longest prefix of the query's name.
query_headers_bytes = 182
question_skeleton_bytes_max = 73  # no items, everyone, each number at its widest, with a canary
question_items_max = 32
item_pattern_chars_max = 200
bloom_bytes_max = 170  # unsigned; what is left of question_bytes_max is asserted when a question is encoded
bloom_hashes_max = 16
bloom_slices_max = 127  # filters that name a fleet together: the place of each is one byte on the wire
slices_max = 65_535

item_number_max = 65_535  # items of one release
numbers_listed_max = 2_048  # of all lists of one answer: bounds what a hostile run length can make a reader build
observed_hash_bytes = 3
clear_chars_max = 64  # one observed value in clear
texts_known_max = 1_024  # values in clear of which a reader keeps the hash, each of one packet at most
clear_texts_max = 64  # more cannot fit into one packet beside their numbers

answer_within_ms_max = 600_000
max_age_ms_max = 3_600_000  # of a verdict from memory: after an hour a node is to be looked at again
took_ms_max = 0xFFFF_FFFF
clock_ms_max = 2**53 - 1  # what every reader of numbers can hold exactly

# ---- session --------------------------------------------------------------------------------------------------------
sweeps_remembered_max = 16
mark_bytes = 16  # stands for items in memory: nobody can choose two sets of items that look the same
runs_queued_max = 4  # beside the one that runs; the next question is answered `busy`
responses_remembered_max = 64  # whose refusal by Serf can still move an answer to an older question
excused_max = 64  # answers without a verdict that wait for their turn
baselines_held_max = 2  # two coordinators that ask for two releases; more come from the disk
fetches_max = 2
fetch_s_max = 60.0
askings_open_max = 4  # questions of one sweep that wait for the same answer: the first one and its re-asks
defer_unasked_s = 5.0  # that checks are held back for a run which nobody waits for any more
clock_skew_s_max = 300  # as Kerberos: more is a wrong clock or an old question played again
run_s_max = 120.0  # a run is ended after this, whatever its question allowed
run_grace_s = 5.0  # what a runner gets beyond, to end its own children, before it is stopped
questions_burst_max = 200  # twenty sweeps at once with all their re-asks; or a bench that asks as fast as it can
questions_per_s_max = 20.0  # in the long run: a node has its own work to do

# ---- shell ----------------------------------------------------------------------------------------------------------
respond_s_max = 10.0  # Serf answers a respond at once, unless it is frozen
first_refresh_s_max = 10.0  # a fleet that starts together comes to the center over this time
poll_jitter = 0.3  # of the polling interval, either way
hurry_pause_s_min = 10.0  # between two looks for news that somebody announced: anybody in the ring can announce
facts_age_s_max = 300.0  # gathering them takes some milliseconds; what layers match on seldom changes
announce_spread_s = 5.0  # agents that heard of a release come to the center over this time
announcement_bytes_max = 64
defer_look_s = 1.0  # between two looks at the load; the kernel renews it every five seconds
defer_margin_s = 0.5  # before an answer is due, what was held back till then is told as such
defer_load_max = 1_000.0  # a CPU: as good as never
looks_bytes_max = 262_144  # what looks at items left for the next ones: some hundred counters; the oldest give way
vitals_age_s_max = 1.0  # ten sweeps at once read the gauges once
mounts_read_max = 64
proc_file_bytes_max = 262_144
log_line_chars_max = 400

# ---- facts ----------------------------------------------------------------------------------------------------------
fact_chars_max = 128  # of one value: a name for people of an operating system or a machine has half of it
fact_name_chars_max = 48  # of a driver or a device
fact_devices_max = 256  # of one class that are looked at: a node of 200 virtual functions has one driver for them
fact_drivers_max = 32
fact_firmware_max = 64
fact_file_bytes_max = 4_096  # a file of /sys is a page at most

# ---- releases (sizes of releases and parts are the config center's own limits) ---------------------------------------
releases_kept_max = 4  # on disk: the current one and what slower coordinators may still ask about
centers_max = 16
trusted_keys_max = 16
mirror_rest_s_min = 60.0  # a center that failed lets others go first for so long, less by lot
mirror_rest_s_max = 1800.0  # after failures in a row
mirror_jitter = 0.5
looks_at_one_max = 5  # then another one goes first: no mirror alone can keep news from a node for long
refresh_s_max = 60.0  # all mirrors together
glance_s = 3.0  # for the cheap look of the resident agent; what takes longer is the child's
fetch_silence_s = 10.0  # a center that says nothing for so long is given up
child_kill_grace_s = 5.0  # a child ends itself by its deadline; this is for one that cannot
finish_s_min = 2.0  # for the last good release where centers took all the time: reading, verifying, resolving it
proof_s_max = 10  # in which the agent does nothing else; reading and hashing 40 MiB takes some tenths of a second
said_chars_max = 1_000  # of what a center, Serf or the ring says, where an operator reads it
child_report_bytes_max = 65_536
fetch_niceness = 5

# ---- telling the center what this node is ---------------------------------------------------------------------------
tell_spread_s = 15.0  # a fleet that starts together, or gets a new kernel together, tells so over this time
tell_again_s = 86_400.0  # also if nothing has changed: so the center knows who is still there
tell_jitter = 0.2  # of that, downwards
tell_retry_s_min = 30.0  # while nobody takes it; doubled with each failure
tell_retry_s_max = 21_600.0
tell_s_max = 30.0  # all centers together
told_bytes_max = 4_096

# ---- agent.yml ------------------------------------------------------------------------------------------------------
config_bytes_max = 65_536
secret_key_bytes_min = 16
config_said_bytes_max = 262_144  # the same as JSON
poll_s_default = 60.0  # a glance costs 0.5 ms of CPU
poll_s_min = 0.5
poll_s_max = 86_400.0

# ---- doctor ---------------------------------------------------------------------------------------------------------
doctor_connect_s = 5.0
doctor_event_s = 3.0  # for a query to this node to come back to it
doctor_skew_s = 5.0
doctor_free_mib = 64
memory_mib_max = 32  # the budget of the design: PSS of all resident processes

_RELATIONS = {
    "an answer that Serf relays is shorter than any that Serf carries": answer_relayed_bytes < answer_wire_bytes_max,
    "the longest node name leaves room for fixed fields, a signature and 300 failing items": (
        answer_relayed_bytes - asker_name_bytes_max - node_name_bytes_max
        > answer_skeleton_bytes_max + signature_bytes + 300
    ),
    "a question holds the largest filter": (
        question_skeleton_bytes_max + bloom_bytes_max <= question_bytes_max <= question_wire_bytes_max
    ),
    "listed items are items of a release": clear_texts_max <= numbers_listed_max <= item_number_max,
    "a run may take as long as a question may wait": run_s_max * 1000 <= answer_within_ms_max,
    "polls of different nodes drift apart": 0 < poll_jitter < 1,
    "rests of a center differ, and grow": 0 < mirror_jitter < 1 and 0 < mirror_rest_s_min < mirror_rest_s_max,
    "a queued run's sweep is still remembered": runs_queued_max + 1 < sweeps_remembered_max,
    "the current release is kept beside an older one": releases_kept_max > 1,
    "a child that finishes late does so before it is ended": finish_s_min < child_kill_grace_s,
    "one silent center leaves time for its mirrors": fetch_silence_s * 2 <= refresh_s_max,
    "a record is told again before it is a day old": 0 < tell_jitter < 1 and tell_retry_s_max < tell_again_s,
    "a burst is more than a second's worth": questions_per_s_max < questions_burst_max,
}
for _sentence, _holds in _RELATIONS.items():
    if not _holds:
        raise ValueError(f"inspector_agent/limits.py: no longer true: {_sentence}")
