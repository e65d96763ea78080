"""Every bound of a lab, with its unit in its name and its reason beside it."""

from __future__ import annotations

# Measured on two cores: 300 Serf agents answer as small rings do, 500 collapse.
nodes_max = 300
zones_max = 26  # named a … z
racks_max = 99  # a zone's racks are numbered
nodes_a_block = 250  # of one /24, so that addresses stay readable: n001 is 127.K.0.1

# Faster joining floods the ring with membership messages, and whoever joined late stays deaf for seconds.
serf_starts_per_s = 20.0
agent_after_serf_s = 1.25  # by then Serf has its RPC open and the config center serves; an agent would come back anyway

# 127.0.x.y is what everybody else on the machine uses; tests of single rings take 127.64.x.y and above.
octet_min, octet_max = 1, 63

gossip_port = 7946
rpc_port = 7373
ssh_port = 2222
center_port = 8080
claim_port = 7945  # bound by the keeper for as long as the lab lives: two labs never share an octet

ready_base_s = 180.0  # a ring of one, on a machine that is busy with many other things; what ends is said at once
ready_per_node_s = 0.5
poll_s = 0.1
filter_nodes_max = 100  # of four letters each; measured, a Serf query holds 156
nudge_s = 1.0  # a ring that is not whole this long after its last start has missed a join
stop_grace_s = 2.0  # what is asked to stop, and does not, is killed
down_s_max = 8.0
control_s_max = 5.0
order_s_max = 60.0  # for one to be carried out: a rack of 40 is ended, and 100 nodes keep two cores busy
control_bytes_max = 1_048_576  # the status of 300 nodes has 60 kB
log_tail_lines = 12

browser_s_max = 200.0  # its start on a busy machine takes seconds; a page that takes longer hangs

cpu_share_min = 0.01  # the kernel takes no quota below a millisecond in each 100
skew_s_max = 10 * 365 * 86_400  # a clock that is further off than this is no clock

# sshd puts this into every session's environment: it names the node of a process that has lost its parents.
session_mark = "INSPECTOR_LAB_NODE"

_RELATIONS = {
    "a zone has a letter": zones_max <= 26,
    "the nodes of the biggest lab fit below 127.K.255.x, where the config center lives": (
        nodes_max // nodes_a_block < 255 and nodes_a_block < 255
    ),
    "asking for the status takes longer than stopping one node": control_s_max > stop_grace_s,
    "an order has time to stop nodes": order_s_max > stop_grace_s,
    "the ports of a node differ": len({gossip_port, rpc_port, ssh_port, center_port, claim_port}) == 5,
}
for _sentence, _holds in _RELATIONS.items():
    if not _holds:
        raise ValueError(f"inspector_lab/limits.py: no longer true: {_sentence}")
