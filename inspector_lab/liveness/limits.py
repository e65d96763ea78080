"""Every bound and every constant of simulated liveness, with its unit in its name and its reason beside it."""

from __future__ import annotations

# ---- Serf, as measured (DESIGN 4) and read; detection and healing are those of `simulated.membership` ----------------
quiescent_s = 1.0  # serf agent, command/agent: QuiescentPeriod: member events wait for so long a quiet
coalesce_s = 3.0  # CoalescePeriod: but no longer than this
word_s = 0.8  # until the word of one member's change is with a given other member, at most
joining_s = 2.0  # from the start of a Serf agent until the others list it, on average
leaving_s = 1.0  # "leaving" in the lists, before "left"
doubts_s = 90.0  # who hears nothing of the core lists the others as alive for so long at least, twice that at most
doubting_s = 60.0  # and then gives them up one after the other, within this
refutes_inside = 0.5  # share of rings in which members of a zone that nobody hears still clear each other
refutes_s = 3.0  # how long that takes at most
words_s = 2.0  # a word on a member is in everybody's queue for about so long
words_packet = 18  # words of 70 bytes in a packet of 1,400
words_free = 15  # leave room for a question beside them
words_kept = 1_000
starved_s_max = 3.5  # measured: the last of 60 hears a question after 1.9 to 3.8 s while all 60 change; 0.5 else
rounding_s = 1e-6
agent_start_s = 1.0  # from the start of Serf until the inspection agent hears through it
overflow_batches = 512  # of a stream that nobody reads; here for the record: the fault draws which ones get lost
collisions = 0.003  # share of questions that another program's question overwrites at the entry: nobody answers
health_max = 7  # awareness.go: what Serf's score goes up to
health_rise_s = 2.0  # a point more in so much time of probes that fail

# ---- the watcher's connections ---------------------------------------------------------------------------------------
reading_s = 0.02  # to read a member list, plus
reading_member_s = 20e-6  # a member
connecting_s = (0.3, 5.0)  # until an entry that is there again is connected
noticing_s = (3.0, 10.0)  # until a connection that is dead without a word is given up
entry_gap_s = 0.005  # between two questions that start at one entry
held_events_max = 10_000  # that wait in a connection that is stuck

# ---- witnesses; what they may do is in `inspector_agent.witness.limits` ----------------------------------------------
dumb = 0.1  # share of answers of a slow node whose own Serf did not say in time how it is
answers_per_s = 20_000.0  # that one entry takes; what comes beyond loses
answers_lost_beyond = 0.1
health_stray = 0.02  # share of looks at which a member that is well has a point
unreachable = 0.3  # share of looks from the same rack at which the own kernel says that there is no way
ticks_at_once_max = 100  # a watcher that is woken so often at one moment does nothing when it is woken
health_slow = 4  # a member whose processor time is stolen has up to so many
lag_s = 0.002  # of a node that is well

# ---- what seeds draw -------------------------------------------------------------------------------------------------
first_s = 120.0  # nothing that is drawn ends the run before
last_s = 150.0  # nothing that is drawn begins later
settled_s = 330.0  # after the last fault has ended: healing, and some roll calls
big_nodes = 5_000  # a ring of so many is watched for a shorter time: its roll calls are what it costs
first_big_s = 60.0
last_big_s = 60.0
settled_big_s = 270.0
hit_max = 500  # hosts that one fault of single hosts hits
doubted_s = 90.0  # between two times that a slow member is falsely failed, on average

# ---- oracles ---------------------------------------------------------------------------------------------------------
mattered_s = 6.0  # evidence is so old at most: looking, gathering, telling
starting_s = 20.0  # a watcher that was only just started knows nothing yet
blind_s = 60.0  # where no inspection agent answers, Serf is believed in the end
found_s = 3.0  # 2 s of the budget, and what the epidemic of a big ring and a look that comes to nothing take
found_lossy_s = 4.0  # where packets get lost, or a question is overwritten, somebody is asked again
found_mute_s = 4.0  # where many agents are silent, a look waits for witnesses that only acknowledge
isolated_s = 3.0  # two questions that hardly anybody answers, and their time
followed_s = 6.0  # a domain is complete when nobody has followed for 5 s
found_busy = 2.0  # times the seconds that a question needs more
found_at_once = 16  # so many are looked at by one question
found_each_s = 0.1  # of the others, each
together_s = 10.0
compared_s = 130.0  # lists are compared every 120 s
connected_s = 10.0
named_s = 5.0
named_each_s = 0.002
cut_nodes_min = 3
cut_share = 0.8
healed_s = 50.0  # until nothing of a cut is seen any more
alone_s = 150.0
alone_share = 1.1  # more than half
settling_s = 75.0  # healing 35 s, gathering, holding
rolling_s = 250.0  # four roll calls
flaps_min = 4
flaps_s = 300.0
changes_base = 6
changes_doubling = 3
domain_told_s = 20.0  # between two words on an incident of a domain, while nodes go over from it
incidents_base = 2
incidents_a_fault = 3
touching = (
    "off", "flap", "slow", "late", "unwell", "serf-frozen", "serf-dead", "agent-frozen", "agent-dead", "false", "leave",
    "join", "prune",
)  # fmt: skip
touching_all = ("cut", "churn", "loss", "busy", "watcher-restart", "overflow")
asks_window_s = 10.0
asks_in_window_max = 60
roll_s_min = 30.0
refused_share = 0.02
spread_from = 10_000  # answers a second that an entry is asked for
spread_free = 500
name_overhead_bytes = 2
question_bytes_max = 1_000

# ---- the command -----------------------------------------------------------------------------------------------------
nodes_min = 8  # below that there are not two racks in two zones, and nobody to ask
nodes_max = 100_000
scenario_nodes_min = 60  # below that some scenario has no rack or no zone of its own
loss_max = 0.5  # of single packets; a ring that loses more falls apart in ways that are not modelled
memory_base_mb = 60
memory_per_node_kb = 20
