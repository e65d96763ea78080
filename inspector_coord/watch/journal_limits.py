"""The bounds of the watch's journal, for those who write it and those who read it."""

from __future__ import annotations

file_bytes_max = 16_000_000  # of one file; then the next is begun
files_kept = 4  # beside the one that is written
line_bytes_max = 8_000_000  # an event of 50,000 nodes with the longest names
pending_max = 2_000  # events that wait for a disk that is full, or slow
retry_s = 5.0

if line_bytes_max >= file_bytes_max:
    raise AssertionError("limits of the journal contradict each other: the largest event does not fit into a file")
