"""Every bound of a witness, with its unit in its name and the reason beside it; relations are asserted on import."""

from __future__ import annotations

from inspector_agent import limits as agent

# ---- wire -----------------------------------------------------------------------------------------------------------
id_bytes = 4  # of a question: the last eight that a node has heard travel in every answer
heard_ids_max = 8  # some vantages of two watchers, the last question of each
targets_max = 16  # of one question; more suspects are more questions
question_skeleton_bytes_max = 23  # no targets, unsigned, each number at its widest
# All 16 sights and 8 ids, each number at its widest, signed. It is far below what Serf relays from a node with the
# longest name, so an answer is never cut.
answer_bytes_max = 252
origin_max = 255
answer_within_ms_max = 60_000  # a roll call of a big ring is spread over seconds
took_ms_max = lag_ms_max = 65_535  # more is told as that
# memberlist's awareness goes from 0 to 7 (`AwarenessMaxMultiplier` is 8 in all its profiles, a score is below it).
health_max = 8  # is what a node tells whose Serf agent does not say how it is

# ---- session --------------------------------------------------------------------------------------------------------
# Two watchers with three vantages each that ask a sample every 5 s and about suspects in between: 2 a second.
questions_per_s_max = 8.0  # in the long run; what comes beyond is dropped and counted
questions_burst_max = 32
looks_per_s_max = 4  # questions with targets, in any one second; those beyond are answered, without sights
askings_max = 64  # questions that wait for their answer
# One member is looked at once in this time, however many ask. sshd counts who connects without a word: 1 s of
# penalty each (`PerSourcePenalties noauth:1`), so that at this rate a witness is never shut out of a node.
look_again_s = 1.0
figures_age_s_max = 1.0  # Serf is asked how it sees the ring once in this time
lead_s = 0.25  # before its turn in a spread, a node asks its Serf
lag_probe_s = 0.05  # the turn of no answer is sooner: its timer tells how late timers are on this node

# ---- shell ----------------------------------------------------------------------------------------------------------
patience_s = 0.7  # of one attempt: beyond it a node of the same fleet is not reached; a resent SYN comes after 1 s
serf_patience_s = 1.0  # for the node's own Serf agent to tell figures and members
attempts_a_target = 3  # gossip port, ssh port, ping
open_files_usual = 1_024  # of a process, as the kernel and systemd give it
ssh_port_default = 22

_RELATIONS = {
    "a question to everybody is no longer than one of an inspection, signed": (
        question_skeleton_bytes_max + agent.signature_bytes <= agent.question_bytes_max
    ),
    "an answer is relayed, whoever asks whom": (
        answer_bytes_max <= agent.answer_relayed_bytes - agent.asker_name_bytes_max - agent.node_name_bytes_max
    ),
    "a burst is more than a second's worth": questions_per_s_max < questions_burst_max <= askings_max,
    "looks are bounded more than questions": looks_per_s_max <= questions_per_s_max,
    "a node asks its Serf long enough before its turn": lag_probe_s < lead_s < serf_patience_s,
    # A look waits for Serf and then for its targets: what is under way was begun in this second or in the last.
    "as many attempts as can be under way have their sockets": (
        serf_patience_s + patience_s <= 2.0
        and 2 * looks_per_s_max * targets_max * attempts_a_target <= open_files_usual / 2
    ),
    "a target is looked at again when the last look at it is over": patience_s < look_again_s,
}
for _sentence, _holds in _RELATIONS.items():
    if not _holds:
        raise ValueError(f"inspector_agent/witness/limits.py: no longer true: {_sentence}")
