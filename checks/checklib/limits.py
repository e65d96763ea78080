"""Every bound of the bundled checks, with its unit in its name; relations are asserted on import."""

from __future__ import annotations

# ---- request and findings -------------------------------------------------------------------------------------------
request_bytes_max = 16 * 1024 * 1024
items_max = 20_000
item_id_chars_max = 512
key_chars_max = 4_096
text_chars_max = 4_096  # one operand or parameter
list_items_max = 256  # elements of one operand or parameter
properties_max = 64  # expected of one item
timeout_s_default = 2.0
timeout_s_max = 3_600.0
observed_chars_max = 200
message_chars_max = 300

# ---- comparing ------------------------------------------------------------------------------------------------------
regex_chars_max = 256
regex_text_chars_max = 262_144  # what a regular expression is searched in
version_chars_max = 256

# ---- reading files --------------------------------------------------------------------------------------------------
file_bytes_max = 1024 * 1024  # of a file whose text is looked at
hashed_bytes_max = 256 * 1024 * 1024
hash_chunk_bytes = 1024 * 1024
package_database_bytes_max = 64 * 1024 * 1024
processes_max = 65_536
mounts_bytes_max = 16 * 1024 * 1024  # 100,000 mounts: more than the kernel lets one namespace have (fs.mount-max)
tail_bytes_max = 1024 * 1024  # of a log that is read from its end
find_entries_max = 20_000  # below one directory that is looked through: some 100 ms
find_depth_max = 64  # directories open at the same time on the way down
symlinks_max = 40  # as the kernel itself
arguments_bytes_max = 2 * 1024 * 1024  # of one process: more the kernel does not take
process_name_bytes = 15  # the kernel cuts a process's name after these
kernel_list_bytes_max = 16 * 1024 * 1024  # /proc/cpuinfo of 8,000 processors, modules.dep of every driver there is
range_numbers_max = 65_536  # processors or nodes in one of the kernel's lists
digits_max = 20  # of a number the kernel writes: 64 bits
namespaces_max = 256  # network namespaces one item looks into
wildcard_matches_max = 4_096  # kernel parameters one item stands for: some 40 ms
directories_open_max = 64  # kept open below another root, to walk to each only once

# ---- running programs -----------------------------------------------------------------------------------------------
output_bytes_max = 1024 * 1024  # of one program, both streams together; more is a flood and ends it
output_kept_bytes = 65_536  # of each stream; the rest is read and thrown away
names_asked_max = 100  # units or packages in one question to a tool: its answer has to fit into what is kept
pipe_read_bytes = 65_536
figures_max = 1_000  # labels in one plugin's perfdata
figure_chars_max = 64  # of one value with its unit
program_memory_bytes = 512 * 1024 * 1024  # written to; of address space a program in Go reserves far more than it uses
program_file_bytes = 16 * 1024 * 1024  # the largest file a program may write
program_open_files = 1_024
program_niceness = 10
kill_rounds_max = 20  # a program that forks while it is being ended is chased this often
alarm_grace_s = 0.2  # programs are ended at the timeout itself; the alarm behind it catches what hangs all the same

_RELATIONS = {
    "a whole regular expression fits into an operand": regex_chars_max <= text_chars_max,
    "every text file that is looked at can be searched in part": regex_text_chars_max <= file_bytes_max,
    "what is kept of an output is not a flood": 2 * output_kept_bytes <= output_bytes_max,
    "an item may use its default time": timeout_s_default <= timeout_s_max,
    "an id fits into the longest key": item_id_chars_max <= key_chars_max,
}
for _sentence, _holds in _RELATIONS.items():
    if not _holds:
        raise ValueError(f"checklib/limits.py: no longer true: {_sentence}")
