"""Every bound of a hollow ring, with its unit in its name and its reason beside it."""

from __future__ import annotations

# ---- size -----------------------------------------------------------------------------------------------------------
members_min = 2
members_max = 60_000  # 127.K.x.y has room for 62,500 below the config center's 127.K.255
gossip_port_first = 7_950  # one UDP socket listens on all addresses of the machine: each hollow ring has its own port
gossip_ports = 64

# ---- what may arrive ------------------------------------------------------------------------------------------------
packet_bytes_max = 65_535
inflated_bytes_max = 262_144  # of one packet; Serf packs 1,400 bytes
nesting_max = 4  # a checksum around a compressed compound of messages
stream_bytes_max = 64 * 1_048_576  # the state of 60,000 members, compressed
stream_peek_bytes = 512  # of a stream: its kind and, of a ping, all of it
streams_max = 64  # open at once: Serf compares lists with one member at a time
stream_s_max = 20.0  # memberlist itself gives a stream 10 s
queries_remembered = 512  # as Serf's own query buffer
filters_max = 16
filter_expression_chars_max = 1_024  # Serf's own limit for a whole query

# ---- joining --------------------------------------------------------------------------------------------------------
join_chunk = 5_000  # members a push/pull: 1 MB, so that one fits into the second that the profile "local" gives it
join_retry_s = 0.5
# The entry hands out its queue of member records with every ack: 10 a packet, each some 20 times. Pings in flight:
pings_window = 64
ping_lost_s = 0.5  # a ping without an ack by then is lost, and another one sent
drained_acks = 32  # acks in a row that carried nothing: the queue is empty
member_ping_s = 1.0  # afterwards the ring pings the entry as often as a real one does: each member one a second

# ---- acting ---------------------------------------------------------------------------------------------------------
tick_s = 0.002  # what is due is sent in batches of this time: 40 answers at 20,000 a second
batch_packets = 256  # then the socket is read before more is sent
reads_a_turn = 512
receive_buffer_bytes = 4 * 1_048_576
curves = 8  # of hearing, drawn before the first question; each question takes one, its members shuffled
took_ms_min, took_ms_max = 20, 90  # of a run of the practice fleet's items, as real agents of a lab say
lagging_s = 0.05  # answers sent so long after their turn are counted: this machine is too busy to play the ring
relay_hop_s = 0.0005  # through one more process on the way

# ---- churn ----------------------------------------------------------------------------------------------------------
churn_percent_max = 100.0  # of the members in a minute
churn_tick_s = 0.05  # what is due is done in steps of this time
churn_wish_s = 0.25  # between two looks at what is wished
leaving_share = 0.3  # of those that go; the others fail
crashing_share = 0.7  # of those that fail: they come back by joining; the others stood still, and refute
away_s_min = 4.0  # longer than any news of the going is on its way
away_s = 60.0  # on average, beyond that; some are back before Serf has noticed
held_s = 10.0  # in which those come back whose time came while there was no churn
leaving_s = 1.5  # from leave intent to dead message: so long an intent is gossiped 20 times, to 3 each 0.2 s
accusers = 3  # the first and `SuspicionMult - 2` more: then memberlist's timer is at its shortest
news_s = 1.0  # in which gossip reaches all of a ring of thousands, see the simulation's hearing
news_copies = 3  # a real member gets all news many times over
churn_tries = 64  # draws for a member that is up
dark_addresses_max = 2_000  # of one filter of a socket: the kernel takes 4,096 instructions, each address needs two

# ---- telling --------------------------------------------------------------------------------------------------------
counts_s = 0.25  # between two writings of the figures, where something has changed
poll_s = 0.1
ready_base_s = 180.0  # on a machine that is busy with many other things; what ends is said at once
ready_per_member_s = 0.02  # 50,000 settle within minutes on a quiet machine; this is for a busy one
heard_names = 16  # members whose acks prove that the entry is heard
heard_query_s = 4.0
memory_base_mb = 150
memory_per_member_kb = 12  # the entry's Serf and the members' process together
files_min = 256
delay_ms_max = 10_000.0
members_niceness = 10  # answers that leave late for it are counted as lagging
nice_members_min = 2_000  # fewer cost hardly anything, and would starve beside whatever else keeps the processors busy
# The entry's Serf, the members and the coordinator share this machine. On two cores a burst of 10,000 answers at 20,000
# a second fits into the socket's buffer; 50,000 do not. On a good day none of them was dropped at 12,000 a second and
# thousands at 14,000; on a machine that is slower, some are dropped at 12,000 too.
burst_members = 20_000
sustained_answers_per_s = 12_000
gogc_max = 1_000  # beyond, a ring of 50,000 takes gigabytes

_RELATIONS = {
    "a packet is smaller than what it may inflate to": packet_bytes_max < inflated_bytes_max,
    "a run is told in one byte": 0 < took_ms_min < took_ms_max < 128,
    "who comes back is not taken for gone by late news": news_s + leaving_s < away_s_min,
    "a filter is short enough for the kernel": 2 * dark_addresses_max + 2 <= 4_096,
    "a member's ping is rarer than a tick": tick_s < member_ping_s,
}
for _sentence, _holds in _RELATIONS.items():
    if not _holds:
        raise ValueError(f"inspector_lab/hollow/limits.py: no longer true: {_sentence}")
