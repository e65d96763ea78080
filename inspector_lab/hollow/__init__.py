"""The hollow ring: one process that plays thousands of members to a real Serf agent, over real UDP and TCP.

lzw         Go's LZW, both ways
packing     msgpack as Serf's Go library writes and reads it
packets     memberlist's packets and streams: what a member may be sent, and what it sends
sealing     the gossip's encryption
questions   Serf's queries: read, filtered, answered, relayed
fleet       who the members are; `standing` which of them are there
verdicts    what each member's inspection agent has to say
witnessing  what they say of each other
churn       how they go, and come back
acting      who hears a question when, and answers when
members     what all members do with a packet
shell       sockets, timers, figures; `process` is its program, `up` and `command` start it as a lab
"""
