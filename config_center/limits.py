"""Every bound of the config center in one place, with its unit in its name; relations are asserted on import."""

from __future__ import annotations

from typing import Final

# What people write. Far above what a fleet needs, far below what would hurt the machine that validates.
layers_max: Final = 1_000
layer_bytes_max: Final = 2 * 1024 * 1024
yaml_nodes_max: Final = 100_000  # scalars, lists and mappings of one file
yaml_depth_max: Final = 12  # a layer as documented needs 8
mistakes_max: Final = 1_000  # reported at once; beyond, the first ones explain the rest
items_max: Final = 20_000  # different items of one release
list_items_max: Final = 256  # elements of one operand, parameter or `match` value
fleet_bytes_max: Final = 32 * 1024 * 1024  # all layers, includes and the rest of a fleet's YAML together
written_items_max: Final = 250_000  # items of all layers, each include counted wherever it is included
dimensions_max: Final = 32
includes_max: Final = 200  # files
include_depth_max: Final = 8  # includes that include
ambiguity_steps_max: Final = 1_000_000  # looking for layers that may be for one node: pairs of terms, and their text
waiver_soon_days: Final = 7  # a waiver that ends within these is warned about

# Texts, in characters.
key_chars_max: Final = 256  # what follows the colon of an item id
text_chars_max: Final = 4_096  # any value, title, rationale, remediation
regex_chars_max: Final = 256
pattern_chars_max: Final = 256
name_chars_max: Final = 64  # a kind, a property, a parameter, a tag
message_chars_max: Final = 4_096

# Patterns of a `match`.
pattern_parts_max: Final = 64  # literals, wildcards and ranges of one pattern
range_digits_max: Final = 18
match_keys_max: Final = 64
version_chars_max: Final = 256  # as the checks take them
overlap_steps_max: Final = 50_000  # of patterns read side by side, under a second; beyond, an overlap is assumed

# Variables and waivers.
variables_max: Final = 1_000  # of one layer
variable_chars_max: Final = 1_024
growth_chars_max: Final = 8_192  # what variables may add to one item: it bounds what a small release can grow to
waivers_max: Final = 1_000
waiver_patterns_max: Final = 10_000  # of all waivers together

timeout_s_default: Final = 2.0
timeout_s_min: Final = 0.05
timeout_s_max: Final = 60.0

integer_max: Final = 2**64 - 1  # what every JSON reader of the release can hold exactly as an integer
integer_min: Final = -(2**63)

# What is published and served.
release_number_max: Final = 2**32 - 1  # what the wire between coordinator and agents has room for
release_bytes_max: Final = 8 * 1024 * 1024
pointer_bytes_max: Final = 64 * 1024
serial_max: Final = 2**32 - 1  # acts of one store; every JSON and msgpack reader holds it exactly
signatures_max: Final = 8  # of one pointer; rotation needs two
revoked_max: Final = 256  # keys
parts_max: Final = 200
part_bytes_max: Final = 8 * 1024 * 1024
parts_bytes_max: Final = 32 * 1024 * 1024  # all parts of one release together

# Asking an executable what it checks (`--describe`).
describe_bytes_max: Final = 1024 * 1024
describe_s_max: Final = 20.0  # the bundled checks: a cold start on a loaded machine
describe_site_s_max: Final = 3.0  # one executable of the site, which may not know the word at all

# The database.
database_wait_s: Final = 10  # for a turn to write, for a lock, for a free connection
database_connect_s: Final = 5
database_mapped_bytes: Final = 1 << 30  # of a SQLite file, read in place instead of copied
database_connections_max: Final = 4
nodes_max: Final = 200_000  # that are kept; beyond, new ones are refused

# Serving a depot that may be slow or down.
asking_threads_max: Final = 4
asking_waiting_max: Final = 64  # different objects looked up at the same time
asking_s_max: Final = 5
pointer_age_s: Final = 1.0  # a server is asked again after that
pointer_pause_s: Final = 0.05  # between two looks, however often a file changes
pointer_wait_s: Final = 2.0  # a request waits no longer for a look than that; then it gets what is known

# What nodes tell, and questions about it.
query_chars_max: Final = 1_000
nodes_fetch_s: Final = 30.0  # nodes.json of a big fleet over a slow line
node_record_bytes_max: Final = 32 * 1024
nodes_bytes_max: Final = 128 * 1024 * 1024  # told by all nodes together: who is not known may tell as well
node_around_bytes: Final = 200  # of a node in nodes.json, beside its tags and facts
node_name_chars_max: Final = 128  # as in Serf
node_tags_max: Final = 128
node_facts_max: Final = 512
node_clock_ahead_s_max: Final = 7 * 86_400  # a record from further in the future is refused
intake_waiting_max: Final = 1_000  # records that wait to be stored; beyond, nodes are told to come later
intake_batch_max: Final = 200  # stored in one transaction
intake_per_s_max: Final = 1_000  # records looked at; a burst of as many is taken
nodes_age_s: Final = 1.0  # nodes.json is made again after that
nodes_wait_s: Final = 30.0

# The HTTP face.
connections_waiting_max: Final = 4_096  # not accepted yet; the kernel may cap it (net.core.somaxconn)
stalled_s_max: Final = 60  # a client that takes none of what it asked for
request_bytes_max: Final = 16 * 1024  # request line and headers
request_read_s: Final = 20  # a request must be whole by then
keep_alive_s: Final = 15  # also how long a connection may be silent before its first request is whole
retry_after_s: Final = 5  # what a client is told that comes while the machine has no descriptor left
shelf_bytes_max: Final = 64 * 1024 * 1024  # objects kept in memory, plain and gzipped

# Publishing: git, the ring's commands, and what is shown of a difference.
git_s_max: Final = 30.0  # one command of git in a big repository on a slow disk
git_bytes_max: Final = 1024 * 1024
git_names_max: Final = 20  # files named as unclean; more tell nothing new
git_commits_max: Final = 10  # commits named as left out
ring_command_s_max: Final = 60.0  # a question to the whole ring, with its re-asks
ring_command_bytes_max: Final = 16 * 1024 * 1024
roster_bytes_max: Final = 128 * 1024 * 1024  # 100,000 nodes with 1,300 bytes of tags and facts each
difference_lines_max: Final = 40  # of layers, and of nodes, on a screen; the rest is counted
difference_chars_max: Final = 100  # of one value or node set on a screen
fold_fields_nodes_max: Final = 2_000  # folding names along several numbers takes time that grows with the square
acts_walked_max: Final = 100_000  # looked through for what was there before
who_chars_max: Final = 200

_RELATIONS = {
    "signatures and revoked keys leave most of a pointer to its canary": (
        signatures_max * 256 + revoked_max * 24 < pointer_bytes_max // 2
    ),
    "the default timeout is a timeout that can be given": timeout_s_min <= timeout_s_default <= timeout_s_max,
    "one part alone is not more than all parts": part_bytes_max <= parts_bytes_max,
    "the shelf holds any object, plain and gzipped": 2 * max(release_bytes_max, part_bytes_max) <= shelf_bytes_max,
    "keys, patterns and regular expressions are texts": (
        max(key_chars_max, pattern_chars_max, regex_chars_max, name_chars_max) <= text_chars_max
    ),
    "a variable fits into an item": variable_chars_max <= growth_chars_max,
    "a pattern has no more parts than characters": pattern_parts_max <= pattern_chars_max,
    "what is kept of all nodes can be read by those who ask for it": nodes_bytes_max <= roster_bytes_max,
    "a site's executable is not waited for longer than ours": describe_site_s_max <= describe_s_max,
}
for _sentence, _holds in _RELATIONS.items():
    if not _holds:
        raise ValueError(f"config_center/limits.py: no longer true: {_sentence}")
