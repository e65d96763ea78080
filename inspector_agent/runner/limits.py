"""Bounds of one run of checks, each with its unit in its name and its reason beside it."""

from __future__ import annotations

# ---- what a check may print -----------------------------------------------------------------------------------------
line_bytes_max = 16_384  # one finding is some hundred bytes; a line beyond this is garbage and is not kept
observed_chars_max = 200
message_chars_max = 300
item_id_chars_max = 512
keep_bytes_max = 512  # of JSON that a look at an item leaves for the next one: a counter with the times when it rose
output_bytes_floor = 65_536  # any check may print this much…
output_bytes_per_item = 4_096  # …and this much for every item it was asked about
complaint_bytes_kept = 2_048  # the end of what a check says on stderr: the last line of a traceback names the fault
complaint_bytes_max = 262_144
complaint_chars_max = 200
read_bytes = 65_536

# ---- how long -------------------------------------------------------------------------------------------------------
timeout_grace_s = 0.5  # kinds that spawn commands enforce the item's own timeout; this is for what hangs all the same
start_grace_s = 2.0  # a fork, its imports, an interpreter of a site's check: on a busy node these take long
kill_wait_s = 2.0  # a process in an uninterruptible call does not die of SIGKILL; it is left behind and reaped later
programs_at_once = 4  # a site's own executables that run beside each other

# ---- secrets that layers name by files -----------------------------------------------------------------------------
secret_bytes_max = 4_096  # a password, a token, a certificate's fingerprint
secret_files_max = 256  # of one run
secret_said_bytes_max = 2 << 20
secret_read_s_max = 5.0  # a filesystem that is dead

# ---- what a check may use -------------------------------------------------------------------------------------------
cpu_s_max = 60  # CPU time of one process
read_bytes_floor = 256 << 20  # that one executable of a site may read with all it starts: more is logs or whole disks…
read_bytes_per_item = 4 << 20  # …unless it looks at so many items that this comes to more
read_look_s = 0.2  # between two looks at how much that is: some 0.1 ms each
data_bytes_max = 512 << 20  # memory written to; of address space a program in Go reserves 700 MB and uses 10
open_files_max = 256
file_bytes_max = 16 << 20
niceness = 10
out_of_memory_score = 800  # of 1,000: the kernel ends a check before it ends what the node is there for
descendants_max = 4_096  # of one check, when they are ended
kill_rounds_max = 50

_RELATIONS = {
    "all secret files fit into what is read of them": secret_files_max * (secret_bytes_max + 512)
    <= secret_said_bytes_max,
    "a whole finding fits into a line": (observed_chars_max + message_chars_max + item_id_chars_max) * 4
    + keep_bytes_max
    < line_bytes_max,
    "a line fits into what any check may print": line_bytes_max < output_bytes_floor,
    "an item may print its finding": output_bytes_per_item
    > (observed_chars_max + message_chars_max) * 4 + keep_bytes_max,
    "a last complaint fits into a message": complaint_chars_max < message_chars_max,
    "what is kept of stderr is part of what is read": complaint_bytes_kept < complaint_bytes_max,
}
for _sentence, _holds in _RELATIONS.items():
    if not _holds:
        raise ValueError(f"inspector_agent/runner/limits.py: no longer true: {_sentence}")
