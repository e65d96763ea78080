"""Every bound of the drift page, with its unit in its name and its reason beside it.

The document is bounded already (drift/limits.py); these keep the page below 3 MB and 1.5 s in a browser.
"""

from __future__ import annotations

text_chars_max = 400  # of a value, a name, a sentence: more is not read on a page
nodes_chars_max = 8_000  # of one folded node set, to copy: 1,000 ranges; the JSON has every one
groups_max = 300  # with their details; each has some 3 kB
timelines_max = 30  # rows of a chart that still fits a screen, and a sheet of paper
spans_max = 40  # bars of one row
names_a_group_max = 12  # links from a group to its nodes; the node set beside them names all
cells_a_node_max = 40  # links from a node to its groups
rows_max = 60  # of a small table: by rack, items that drift most
points_max = 1_000  # of the compliance curve: a screen has no more columns
events_max = 400  # marks in the lanes above the timelines
opened_groups = 3  # that show their details at once: what is new is read first
