"""Every bound of a lab in namespaces, with its unit in its name and its reason beside it."""

from __future__ import annotations

from inspector_lab import limits as lab

nodes_max = 100  # two cores answer as a ring should up to here, with an agent, an sshd and a network stack each
worlds_max = 8  # of 198.18.0.0/15, which is kept for tests of networks and used by nobody else
world_bits = 18
racks_max = 62  # a /24 each, counted from 1; the 63rd is the world's own
node_place_max = 254  # of a rack's /24

disk_bytes = 24 << 20  # of a node: the practice layers want 10 MiB free; a hundred full ones fit into memory
run_bytes = 4 << 20
shm_bytes = 8 << 20
fill_step_bytes = 1 << 20

cpu_period_us = 100_000  # the kernel's own default
moves_max = 100  # times that a cgroup is emptied: on a busy machine what dies there takes a while
move_gap_s = 0.02
loss_steps = 10_000  # of a share: what nft is given to draw from

woe_bytes_max = 2_000  # of what a node's first process says when it cannot boot
start_s_max = 10.0  # for one node's namespaces and mounts: it takes 0.02 s
command_s_max = 10.0  # for ip and nft: they take milliseconds

_RELATIONS = {
    "every node of the biggest rack has a place": nodes_max <= node_place_max,
    "a biggest lab is one of those that the plan allows": nodes_max <= lab.nodes_max,
    "a world has its racks and itself": racks_max + 1 < 1 << (24 - world_bits),
    "all worlds fit into the network that is kept for them": worlds_max <= 1 << (world_bits - 15),
}
for _sentence, _holds in _RELATIONS.items():
    if not _holds:
        raise ValueError(f"inspector_lab/namespaces/limits.py: no longer true: {_sentence}")
