"""Every bound of the drift page, with its unit in its name and its reason beside it.

The document is bounded already (drift/limits.py); these keep the page below 3 MB and 1.5 s in a browser.
"""

from __future__ import annotations

text_chars_max = 400  # of a value, a name, a sentence: more is not read on a page
text_chars_narrow_max = 160  # of those of groups below the timelines
nodes_chars_max = 3_000  # of one folded node set, to copy: 400 ranges; the JSON has every one
nodes_chars_narrow_max = 300  # of those of groups below the timelines: they are narrow, or back
nodes_chars_happening_max = 120
before_max, causes_max = 3, 3  # sentences of a group with a timeline; the others have the first of each
before_chars_max = 300
groups_max = 300  # with their details; each has some 2 kB
timelines_max = 30  # rows of a chart that still fits a screen, and a sheet of paper
spans_told_max = 6  # intervals in words with a group: what they have to tell is seen in the timelines
names_a_group_max = 6  # links from a group to its nodes; the node set beside them names all
cells_a_node_max = 4  # links from a node to its groups
opened_groups = 3  # that show their details at once: what is new is read first
