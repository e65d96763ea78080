"""The bounds of the watch, with their units; relations checked on import. A name without a unit counts things."""

from __future__ import annotations

from inspector_agent import limits as agent_limits
from inspector_agent.witness import limits as witness_limits
from inspector_coord import limits as coord_limits

# ---- asking ---------------------------------------------------------------------------------------------------------
# Every question is gossiped to everybody. A node passes on some 21 kB a second (3 peers, 5 times a second, 1,400
# bytes), each message 12 to 20 times: two or three of the longest questions a second are what a big ring carries.
asks_per_s = 3.0  # through one vantage
asks_burst = 6.0  # at once, after a while without any: a look, a picture and a cross together
asks_kept_max = 256
asks_kept_s = 10.0  # after their end: answers come late, and later ones tell that an older question was heard
id_step = 2_654_435_761  # odd, so that 2**32 questions have 2**32 different ids, and neighbours unlike ones
apart_s = 0.1  # that two watchers may begin apart, so that their questions do not overwrite each other
vantages_asked_max = 4  # entries asked at the same time: home, and one of each of three other zones

# Serf takes 1,024 bytes with everything: its headers, the name of the entry, a signed question without targets.
question_names_bytes = 680  # names of witnesses and targets together
name_overhead_bytes = 3  # in the filter and in the question, of a long name
names_max = 48
targets_max = 16

answer_within_s = 1.2  # a witness has 0.7 s of patience with TCP
gossip_s = 0.05  # until everybody has heard a question, and again for each power of ten of the ring (see below)
gossip_decade_s = 0.15
answer_s = 0.6  # for the answers of those who have nothing to look at, on a busy machine

# ---- suspects -------------------------------------------------------------------------------------------------------
collect_s = 0.1  # those that fail together are looked at together
review_collect_s = 5.0  # those that are looked at once more can wait for each other
own_s = 0.6  # a suspect that is alive has answered by then
ack_s = 0.1  # an acknowledgement is back, once a question was heard
rest_s = 1.6  # questions that start so far apart are not heard within one second, on which witnesses count
looks_max = 3  # of one series
looks_lossy_min = 2
looks_stalled_min = 2
again_s = 3.0  # between series, doubling where nothing is wrong with the suspect
again_s_max = 60.0
series_max = 6
blind_s = 90.0  # without any witness, however often they are asked: then Serf's word has to do
glimpse_s = 10.0  # what was seen longer ago says nothing of now
pending_step_s = 0.25
pending_s_max = 2.4  # that a cut's direction is waited for, from the first suspicion on

mass_min = 64  # suspects without a verdict, from which on they are not all looked at first
mass_over = 16  # of them, and the next mass begins anew
mass_roll_s = 8.0  # between roll calls then, doubling as long as it goes on
mass_roll_s_max = 64.0
mass_rate_per_s = 8_000.0  # answers
mass_step_s = 0.5
mass_fresh_s = 2.0  # a roll call began so long before a suspect was listed as failed, at most: it was dead by then
mass_looked_min = 16  # of one place
mass_alike_s = 20.0  # who went longer before them says nothing of them
mass_alike_share = 0.95

# ---- witnesses ------------------------------------------------------------------------------------------------------
witnesses = 6
witnesses_beside = 4  # asked through a vantage on the suspects' side
witnesses_min = 3  # that do not reach a node before it is called down at the first look
weight_min = 1.0  # of them together
far_witnesses_min = 2  # that do not reach a node which others do, for a line between them
witness_tries = 12  # nodes considered for each
hash_step = 7_919
loss_nodes_min = 4  # that have said anything, for a question to tell of loss
loss_step = 0.25  # how much one question changes what is thought of it
line_places_max = 4  # named in a sentence
losing_share = 0.015  # single packets lost, from which on one witness is not the only word of its place
lossy_share = 0.04  # single packets lost, from which on nobody is called down by one look

# ---- the majority ---------------------------------------------------------------------------------------------------
majority_share = 0.5
majority_margin = 0.05  # of a sample: so near to half it may be exactly half
chance_deviations = 2.0  # standard ones, by which another side is heard more than the home vantage hears
sure_deviations = 3.5  # the same, once home was chosen between the two
both_share_max = 0.125  # of what one side hears that another hears, too, where a line runs between them
picture_names_max = 48
pictures_kept = 4  # of each vantage
pictures_low = 2  # in a row, until the watcher says that it is isolated
pictures_mute = 3  # the same where nobody at all has said anything
one_sided_chance = 0.01  # that the first who are heard all stand at one place, although everybody will be
glance_s = 0.5  # between looks at a picture that is waited for
names_mute_max = 24  # asked then: a question of 48 names fills a packet, and may be what it waits behind
wary_s = 120.0  # after it was isolated one more is needed: whatever was wrong may not be over
picture_fresh_s = 10.0
sample_groups_max = 512
entry_away_s = 5.0  # without any entry; a Serf agent that restarts needs about a second
isolated_picture_s_max = 15.0
# Measured in rings of 100 while a zone of 24 fails: acknowledgements come after 1 to 4 s instead of 0.3.
slowest_s = 15.0  # acknowledgements of so long are remembered
patience_slack = 1.5  # times the slowest of them, for a picture
settle_slack = 1.2  # for a question to be heard everywhere
patience_s_max = 8.0
doubt_patience_s = 4.0  # of the second picture, where the first has shown a minority; then half of that more each time
change_patience_s = 0.05  # for each member that changed within
changes_s = 5.0
changes_kept = 64

# ---- cuts -----------------------------------------------------------------------------------------------------------
# memberlist gossips to members that it lists as failed for another 30 s (GossipToTheDeadTime of the LAN profile). Later
# questions are heard by nobody there, whichever way packets still pass.
gossip_to_dead_s = 20.0
hearing_max = 512  # answers remembered for who has heard whom
hearing_s = 12.0
deaf_nodes_min = 2  # that have not heard, or were not heard, before that is a direction
heard_max = 8  # ids that a node tells
cross_first_s = 4.0
cross_rounds = 2  # in a row, that a line is broken or whole again
cross_rounds_max = 4  # without enough tries
cross_tries_min = 6
cross_again_s = 2.0  # between rounds while a pair is doubted
cross_open_s = 5.0  # between rounds while a line is broken, doubling
cross_open_s_max = 60.0
heal_s = 45.0  # after a cut Serf takes 35 s to list everybody as alive again
heal_new_s = 12.0  # who is listed as failed for the first time so long after it has another reason

# ---- roll call ------------------------------------------------------------------------------------------------------
roll_first_s = 2.0  # after the first list was read
roll_rate_per_s = 2_000.0  # answers; an entry takes four times as many beside a sweep
roll_slack_s = 1.0
roll_spread_s_max = 30.0
missed_max = 2  # roll calls in a row, before a node is asked by name
named_tries = 3
named_gap_s = 4.0  # between them: with two roll calls missed before, a restart of an agent is over
named_spare = 2  # questions left for others that are due: more than a look leaves, so looks come first
named_rest_s = 2.0  # but not for longer
named_relay = 3

# ---- gray -----------------------------------------------------------------------------------------------------------
gray_looks = 5
gray_marks = 3  # of them
gray_marks_left = 1  # or fewer: it is like the others again
gray_recent = 0b11  # of the marks: who stands out in neither of its last two looks is not looked at more closely
gray_health = 3  # of Serf's health score, 0 … 8
gray_health_above = 2  # the others' median: where all are unwell, it is the network
gray_deviations = 6.0
gray_took_s_min = 1.0  # above the median
gray_lag_ms_min = 1_000.0
gray_peers_min = 8
closer_s = 8.0  # between closer looks at those that stood out in a roll call
closer_known_s = 30.0  # at those that are told as gray already
closer_names_max = 24
health_max = 8
health_unknown = 1  # of a node whose Serf agent does not tell

# ---- incidents ------------------------------------------------------------------------------------------------------
domain_nodes_min = 3
domain_recall_min = 0.8  # of the incident's nodes
domain_share_min = 0.5  # of the domain's members
falling_share = 0.2  # of a domain's members went just now: the others are going
merge_s = 60.0  # between two incidents that turn out to be one domain's
placings_max = 200  # of incidents that others have brought about, at one moment
recent_incidents = 8  # of each kind, that may still be joined
tell_s_max = 1.7  # after a node changed, it is told even if others of it are still being looked at
change_gap_s = 0.5  # between two words on one incident, doubling while a domain stands for its nodes
change_doublings_max = 5
changes_quick = 5  # words on an incident without a domain that are not slowed
follow_s_max = 2.0  # a node is in an incident, until it is named in it, where a domain stands for it
back_hold_s = 10.0  # one that was gone for a short time only may be about to flap, and is that in one incident then
back_short_s = 60.0
recheck_s = 0.1
doubt_step_s = 0.2
most_back_share = 0.9
most_back_s = 5.0
some_back_s = 60.0
shrunk_s = 5.0
left_s = 60.0
review_s = 10.0  # a told incident is looked at again, then ever later
review_s_max = 120.0

# ---- flapping -------------------------------------------------------------------------------------------------------
flap_transitions = 4
flap_window_s = 300.0
flap_quiet_s = 300.0
flap_quiet_growth_max = 4  # times that, after it has flapped again and again
flap_slack = 1.2  # times the slowest flapping that counts: who stays failed for longer has come to rest
flap_memory_s = 3_600.0
flap_reopened_max = 10_000

# ---- what a person may set, see `Settings` --------------------------------------------------------------------------
setting_roll_s_min, setting_roll_s_max = 5.0, 3_600.0
setting_roster_s_min, setting_roster_s_max = 10.0, 3_600.0
setting_hold_s_max = 60.0
setting_gather_s_min, setting_gather_s_max = 1.0, 300.0
setting_witnesses_max = 16
setting_flap_count_min, setting_flap_count_max = 3, 100
setting_flap_window_s_min, setting_flap_window_s_max = 60.0, 3_600.0
setting_place_tags_max = 8
setting_tag_chars_max = 128  # Serf has room for 512 bytes of tags

# ---- membership -----------------------------------------------------------------------------------------------------
event_fresh_s = 2.0  # an event and a list that cross each other: which is newer is not known
reread_s = 3.0
shrunk_nodes_min = 4
tag_texts_max = 1_000_000

# ---- alerts ---------------------------------------------------------------------------------------------------------
alone_nodes_max = 100  # of one kind in a ring that no domain covers: each an alert of its own; more are one
alerts_max = 4_096  # standing or just over, to one Alertmanager; domains are few
label_chars_max = 200
alert_nodes_max = 1_000  # named in an annotation; folding so many takes 30 ms, 50,000 a second
annotation_chars_max = 2_000  # a node set of a thousand nodes that fold badly; a chat message takes 4,000
push_alerts_max = 64  # in one request: some 300 kB at worst
push_s = 10.0  # that an Alertmanager may take for one request
push_again_s = 1.0  # after one that failed, doubling
push_again_s_max = 30.0
reply_bytes_max = 8_388_608  # of an Alertmanager that tells its alerts: thousands of them
problem_chars_max = 200  # of what it says when it refuses
resend_s = 60.0
resend_s_min = 1.0
resend_s_max = 3_600.0
resends_missed = 3  # so many times `resend_s` after the last word of a watcher its alerts are over
resolve_after_s = 10.0  # another watcher of the same ring closes an incident within seconds of us
alertmanagers_max = 16
replay_s = 20.0  # until incidents that were open before a restart are told, which have been looked at again by then

# ---- the watcher itself ---------------------------------------------------------------------------------------------
beat_fresh_s = 15.0  # since a ring's loop went round; a roll call of 100,000 nodes keeps it busy for a second or two
look_s = 5.0  # between two looks at the rings, for figures and for systemd
watchdog_share = 0.5  # of WATCHDOG_USEC, as systemd advises
status_chars_max = 200

_RELATIONS = {
    "a look with its collecting is over when it has to be told": (
        collect_s + witness_limits.patience_s + gossip_s + 3 * gossip_decade_s <= tell_s_max
    ),
    "names and targets fit into a question": (
        question_names_bytes
        <= agent_limits.question_wire_bytes_max
        - agent_limits.query_headers_bytes
        - agent_limits.asker_name_bytes_max
        - witness_limits.question_skeleton_bytes_max
        - agent_limits.signature_bytes
    ),
    "a witness takes as many targets as it is asked about": targets_max <= witness_limits.targets_max,
    "a look takes no longer than its answers have": own_s < answer_within_s,
    "half of the names of a question may be targets": targets_max <= names_max,
    "a filter of names fits into a question": names_max <= coord_limits.filter_names_max,
    "a settled flapping node does not flap": flap_slack > 1.0,
    "a lost packet alone accuses nobody": looks_lossy_min >= 2 and looks_stalled_min >= 2,
    "all looks of a series find their witnesses": looks_max >= max(looks_lossy_min, looks_stalled_min),
    "missing twice and being asked by name outlasts a restart of all agents": named_tries * named_gap_s > 10.0,
    "the whole sample of a picture can be asked by name": picture_names_max <= names_max,
    "answers of a roll call are fewer than an entry takes": roll_rate_per_s <= coord_limits.answer_rate_per_s,
    "pictures kept tell a minority": pictures_low <= pictures_kept,
    "an alert outlasts a push that fails": resends_missed * resend_s > resend_s + push_s + push_again_s_max,
    "all nodes of a kind that stand alone fit beside other alerts": 8 * alone_nodes_max < alerts_max,
}
for _relation, _holds in _RELATIONS.items():
    if not _holds:
        raise AssertionError(f"limits of the watch contradict each other: {_relation}")
