"""Every bound of the coordinator, with its unit in its name and its reason beside it.

The second pass has bounds of its own (`second_pass.limits`). Relations are asserted when this module is imported.
"""

from __future__ import annotations

from inspector_agent import limits as agent_limits

# ---- a sweep --------------------------------------------------------------------------------------------------------
timeout_s = 10.0  # the ledger closes by then, always: twice what a node has, and a re-ask of what got lost at the end
timeout_s_min = 0.5  # less than the epidemic of a ring of 50
timeout_s_max = 600.0
max_age_s = agent_limits.max_age_ms_max / 1000  # of a verdict that a node remembers of another sweep
answer_within_s = 5.0  # two checks that hang at their default of 2 s, and the others
answer_within_s_min = 0.2

# 20,000 answers a second of 300-400 bytes were complete eight of eight times at 10,000 members, on one entry.
answer_rate_per_s = 20_000.0
# Where an entry shares its cores or has few, `answers_per_s` of its ring says less.
answer_rate_min_per_s = 100.0
answer_rate_max_per_s = 40_000.0  # what one process books
drops_told_share = 0.01  # of the targets of a ring: answers an entry dropped are told of from there on, with advice
# 50,000 a second and more are decoded and booked by one process (bench/booking.py); the rest is for reading sockets.
booking_rate_per_s = 40_000.0  # of all rings of a sweep together
spread_factor = 2.0  # a node whose turn comes last still has as long for its checks as the turns took
spread_s_min = 0.02  # below, spreading saves nothing and costs its own timer

# ---- hearing: how long until the last node has a question -----------------------------------------------------------
# Plain epidemic, 3 peers every 200 ms (Serf's LAN profile): the last of 100 / 1,000 / 10,000 / 100,000 hears it after
# 0.7 / 1.0 / 1.3 / 1.7 s; with 20 % loss 2.05 s at 100,000. So 0.35 s a decade, and half as much again for loss.
hear_s_base = 0.3
hear_s_decade = 0.4

# ---- the tail -------------------------------------------------------------------------------------------------------
# Quiet: for that share of (last arrival - median arrival) nothing has come. Half of the nodes arrive within one or two
# gossip intervals around the median, so the distance from the median to the last is the scale of the tail itself.
quiet_tail_share = 0.6
quiet_s_min = 0.3  # one and a half gossip intervals: the epidemic moves in such steps
quiet_s_max = 1.5
quiet_hear_share = 0.7  # of hear_s: the epidemic reaches the last one about then; earlier a gap is but its step
quiet_arrived_share = 0.5  # with fewer, the curve has no median yet: the checks may just be slow everywhere
# Not quite ended: an epidemic leaves a fifteenth of those who have not heard after each gossip interval, so two windows
# in a row tell how fast the tail falls, and the sum of that series how many it still brings. Where this explains but a
# third of the missing, the others are lost, and waiting for a gap would only cost time.
tail_window_s = 0.1
tail_step_s = 0.05  # between two looks at the curve
tail_ratio_max = 0.95  # a curve that does not fall still brings twenty windows like the last
tail_share_max = 1 / 3
tail_expected_min = 300  # in a smaller ring gossip moves in steps, and a window holds a handful
tail_missing_min = 16  # fewer are asked by one question anyway, whenever the gap comes
tail_hear_share = 1 / 3  # of hear_s: before spread and median of the epidemic no curve falls but by chance
stall_s = 0.05  # a look that comes so late was held up here, and so were the answers: look again after a window

# ---- asking again ---------------------------------------------------------------------------------------------------
query_bytes_max = agent_limits.question_wire_bytes_max
query_headers_bytes = agent_limits.query_headers_bytes
filter_names_max = 64
acks_max = 1024  # acks wanted of a first question; acks of thousands would drown the answers
# Gossip carries one packet of 1,400 bytes to each of 3 peers every 200 ms, the freshest questions first. What does not
# fit waits for the next turn, and the epidemic of all of them is slower: two packets take half as long again as one.
gossip_packet_bytes = 1_400
gossip_peers = 3
gossip_interval_s = 0.2
reask_bytes_max = 2 * gossip_packet_bytes  # of questions, with headers, in each of:
reask_pace_s = 2 * gossip_interval_s  # so each is passed on three times by everybody before the next come
reask_batch_s = 0.05  # nodes that want to be asked again at about the same time share a question
bloom_bytes_min = 32  # where item patterns leave less, a filter of hundreds would ask nearly everybody
slice_share = 0.9  # a filter that asks so many of its slice says nothing: the plain slice is shorter
broad_rounds_max = 2  # by filter or slice; who is still missing then is asked by name, whose acks are evidence
# Seconds that a question by name may take longer than one by filter and still be taken: its acks tell who is stalled,
# which saves asking once more; where only a part of the ring is asked, a filter makes others answer whom nobody meant.
named_worth_s = 0.75
named_worth_part_s = 3.0
unrelayed_s = 1.0  # what going without relay costs: another round for what gets lost. Copies of many answers cost more
question_s = 0.05  # what each question without names costs beside: kilobytes for every member, and others' room
# "Say what you have by then": an inspection agent that lives answers this with an incomplete verdict at the latest,
# one that has stopped does not. Without it a stopped agent is known only after the whole of answer_within_s. A newer
# question takes over from an older one at the agent, so the gap must be longer than the probe. A question by filter is
# no probe: it leaves thousands of slow checks the time they had.
probe_within_s = 0.4
reask_gap_s = 0.8
# Two coordinators that began at the same moment see the same curve, or the same silence, and their questions would
# collide each time: so each sweep adds up to so much, by its id.
reask_lot_s = 0.15
# An entry on a busy machine takes less than the rate above, and the kernel drops the rest: 40-65 % of 50,000 answers
# were seen to go. At 20 % loss of each packet three of four come, so fewer than this say that the rate is too high.
came_share_min = 0.65
pace_share_min = 1 / 8  # of the rate: what stopped nodes, who look like dropped answers, may cost in time is bounded
pace_share_step = 1 / 4
broad_gap_hear_share = 0.5  # of hear_s, beside the spread: nearly all have heard it, and half of the time is saved
# At 20 % loss of each packet one answer in 40 is lost in spite of two relays. One more for each relay that a small ring
# cannot give: without any, an answer in 5 is lost.
reasks_min = 3  # as long as asking again brought nothing: the missing are not missing by loss
reasks_max = 5  # once it did
relay_factor = 2  # answers to a re-ask come by two more ways, in a ring that has so many other members
# Who has answered incomplete gets a share of the time left, not all of it: that question, or its answer, may be lost
# (simulated: at 20 % loss, with two relays, once in 40 times), and it shall not be the last one.
patient_share = 0.5
patient_s_min = 1.5  # below, asking twice costs more than it saves
# A node that says "incomplete" at once, whatever time it gets, would be asked again after each gap: each one is longer
# by so much of the first. One that takes its time is not held back: its third gap is still below patient_s_min.
partial_gap_growth = 0.25
answer_slack_s = 0.4  # beyond what a node was given, for its answer to come through a busy machine
busy_retry_s = 0.5
busy_retries_max = 6
release_retry_s = 1.0
release_retries_max = 1  # it has tried for as long as it was given: once more for a download that was just ending
ask_s_min = 0.15  # with less left before the deadline no question can be answered

# ---- entries --------------------------------------------------------------------------------------------------------
mute_s = 0.5  # beyond hearing and spreading: nobody has answered, so it is asked whether the entry is heard at all
# Nobody at all is heard, and the node of the entry, which needs no network, had so long to answer: it alone is asked
# for its verdict. One that was ready long before says that the answers to the first question go nowhere.
own_s = 0.6
collision_margin_s = 0.2
collisions_max = 3  # repeated questions of a sweep; ten processes that start together collide again
sample_heard_share = 0.5  # of a sample that was asked by name: with fewer, the others have not slow checks but stopped
hearing_nodes_max = 16  # members whose Serf agents are asked for an acknowledgement, whether targets or not
entry_retry_s = 0.5  # a Serf agent that restarts needs about a second
connect_s = 5.0
# A further entry that is frozen must not cost a round: it is given up before the next question is due, unless the first
# entry was as slow to connect to (each connection takes four round trips).
further_connect_s = 0.7
# Before a silent node is given up, the entry is asked whether questions still wait in its queue. They are out after a
# second in a quiet ring of 10,000, and the last one to the node was at least that long ago.
queue_fresh_s = 0.25
queue_look_s = 0.3  # a look that has brought nothing is made again
queue_gap_s = 0.5  # between looks at a queue that does not drain
queue_said_s = 1.0  # that nodes were waited for longer
further_connect_factor = 4.0
# Queries that start together can overwrite each other inside Serf, so processes take turns. A start takes some
# milliseconds; a process that holds its turn for so long is stuck at a frozen entry.
turn_s_max = 1.0
turn_poll_s = 0.004
collisions_seen_max = 1_000  # ids of overwritten queries, of everybody who asks at the entry, that are told apart
entries_looked_at_max = 8  # of one ring at the same time
entries_wait_s = 0.3  # for the others, once one of them has said what it sees
entry_sees_share = 0.9  # of the members that another one sees alive: one that sees fewer is cut off, or has just joined
roster_s = 20.0  # 100,000 members are some 30 MB to read; from a frozen entry nothing comes
members_fresh_s = 0.3  # a membership older than that is read again before it decides a node's state
members_read_s = 0.5  # the reading before the deadline starts so much earlier
wake_s_min = 0.02  # no decision is due sooner after another

# ---- reading --------------------------------------------------------------------------------------------------------
config_bytes_max = 1_048_576
auth_key_bytes_max = 4_096
target_nodes_max = 1_000_000  # numbers one target may stand for: n[1-1000000]
releases_kept_max = 20  # in the cache, so that stale answers can be read
report_bytes_max = 1_073_741_824
http_timeout_s = 5.0  # of silence
document_s_max = 20.0  # for one document altogether, however slowly it drips
centers_max = 16  # config center and mirrors, tried in order
trusted_keys_max = 32
trust_bytes_max = 262_144
revoked_remembered_max = 4_096  # keys; a pointer itself names 256 at most
nodes_bytes_max = 128 * 1_048_576  # what the config center knows of 100,000 nodes, 1.3 kB each

# ---- explaining -----------------------------------------------------------------------------------------------------
causes_max = 3  # named for one group; the best that no other one beats in both precision and recall
cause_precision_min = 0.5  # at least every second node with the tag has the finding
cause_recall_min = 0.25  # at least every fourth node with the finding has the tag
cause_gain_min = 0.3  # so much more often with the tag than without: a tag of everybody explains nothing
cause_nodes_min = 2  # one node shares its tags with itself
fold_fields_nodes_max = 64  # folded along every numeric field (time grows with the square); beyond, along one
fold_fields_max = 6  # fields tried for that one, from the end of the name
notes_max = 200
observed_chars_max = 200
waiver_ends_days = 7  # a waiver that ends within so many days is said on the report

# ---- doctor ---------------------------------------------------------------------------------------------------------
query_queue_max = 8  # waiting at an entry; a few of others' are ordinary, each stays for a second or two
doctor_entry_s = 20.0  # for all that is asked of one entry
clock_skew_s = 2.0  # the Date header has whole seconds
cache_free_mb_min = 100

# ---- progress -------------------------------------------------------------------------------------------------------
progress_s = 0.1

_RELATIONS = {
    "the default timeout is a possible one": timeout_s_min < timeout_s < timeout_s_max,
    "a node always has some time": answer_within_s_min < timeout_s_min,
    "half of the time is for asking again": answer_within_s <= timeout_s / 2,
    "the longest answer_within can be asked for": timeout_s_max * 1000 / 2 <= agent_limits.answer_within_ms_max,
    "a full filter may be acknowledged": filter_names_max <= acks_max,
    "the longest question leaves room for three names": (
        query_headers_bytes + agent_limits.question_bytes_max + 3 * agent_limits.node_name_bytes_max < query_bytes_max
    ),
    "a newer question does not take over before the older is answered": probe_within_s < reask_gap_s,
    "nobody is given up without having been asked by name": broad_rounds_max < reasks_min,
    "gaps between incomplete answers hold nobody back who takes the time it was given": (
        reask_gap_s * (1 + 3 * partial_gap_growth) <= patient_s_min
    ),
    "asking again that pays is done more often": reasks_min < reasks_max,
    "membership is read within the shortest sweep": members_read_s <= timeout_s_min,
    "a full filter of names fits into a packet, and a few filters do": (
        query_bytes_max < gossip_packet_bytes
        and 3 * (query_headers_bytes + agent_limits.question_bytes_max) <= gossip_packet_bytes
    ),
    "a ring of two can be asked by name": query_bytes_max <= reask_bytes_max,
    "no ring may have more than is booked": answer_rate_max_per_s <= booking_rate_per_s,
    "a fleet is booked at least as fast as one entry takes it": answer_rate_per_s <= booking_rate_per_s,
    "answers are wanted more slowly, never not at all": 0 < pace_share_min < came_share_min < 1,
    "a probe is shorter than a question": probe_within_s < answer_within_s,
    "a quiet tail has bounds": quiet_s_min < quiet_s_max,
}

for _relation, _holds in _RELATIONS.items():
    if not _holds:
        raise AssertionError(f"limits contradict each other: {_relation}")
