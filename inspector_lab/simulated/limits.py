"""Every bound of the simulated ring's harness, with its unit in its name and its reason beside it."""

from __future__ import annotations

# ---- the world ------------------------------------------------------------------------------------------------------
epoch_s = 1_800_000_000  # Unix time of the first question, on a right clock
rounding_s = 1e-6  # two ways to add the same floats
steps_a_look = 16  # calls of the timeline, until it is looked at whether all ledgers are closed
check_s = 0.02  # until the items that do not hang are known
stop_run_s = 0.05  # from the order to end a run until nothing of it is left
refused_s = 0.2  # until a fetch that cannot succeed says so
nodes_max = 1_000_000  # whether this machine has the memory for so many is looked at before
# Measured: 718 MB for 100,000 nodes, 120 MB for 10,000; with faults the worst of a few seeds took 637 MB for 10,000.
memory_base_mb = 40
memory_per_node_kb = 9
memory_per_node_faults_kb = 60
rings_max = 1_000
second_s = 0.2  # the second of two records comes at once, so much later, or twice that
record_s = 25e-6  # to decode and book one record: 40,000 a second, as `inspector_coord.limits` has it
again_each = 8  # of so many seeds one is simulated twice, for the same bytes
seeds_a_chunk = 25  # that a process takes at a time
gc_threshold = 200_000  # objects: a sweep of some dozen nodes ends before the collector looks at it
agent_start_s = 1.0  # from a started Serf agent to an inspection agent that hears through it
reconnect_s = 0.2  # from a restarted Serf agent to an inspection agent that hears through it again
same_nodes_max = 2_000  # a single run of so many nodes is simulated twice
seeds_max = 1_000_000
progress_s = 2.0
impostor_questions_max = 3  # whose answers an impostor spoils: later ones come through


# ---- oracles --------------------------------------------------------------------------------------------------------
# Of one ring. Coordinators send two gossip packets (2,800 bytes) of questions each 0.4 s, and a hearing test beside.
question_bytes_per_s_max = 10_000
questions_per_s_max = 40  # small ones
answers_of_a_node_max = 16  # to one sweep: the first, re-asks, excuses, and everybody asked again through other entries
rate_slack = 1.5  # hearing is not even: half of the nodes hear a question within one gossip interval
burst_answers = 500  # re-asks are not spread: 4 questions of 64 names, and what comes from memory
healthy_loss_max = 0.2
healthy_local_members_min = 40  # with it members of a ring of nine pass each question on twice: one in five misses it
healthy_timeout_s = 8.0  # what asking again needs at that loss, through a second entry if the first one is mute
healthy_delay_s = 0.25
healthy_side_min = 0.3  # of a ring's members run on the entry's side of a cut; of fewer, questions die out
# Changed tags put questions off, in a real ring of 60 by 1.9 to 3.8 s, which the sweep of 10 s has; so much a node is
# what a longer one needs in addition.
healthy_retags = 60
healthy_retag_s = 0.05
healthy_booking_s = 1.0  # of all records of a round
healthy_work_s = 2.5  # fetching and checks together
healthy_work_lossy_s = 1.4  # beyond `lossy`: less than what a question gets that is asked late
lossy = 0.05
