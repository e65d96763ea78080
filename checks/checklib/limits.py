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
whole_chars_max = 40  # of a list or text that lacks a part; of longer ones only that part is told, and nodes fold
keep_bytes_max = 512  # of JSON that one look at an item leaves for the next; an agent keeps it of thousands of items
counter_samples = 8  # times at which a counter rose that are told apart within the time that is asked for

# ---- comparing ------------------------------------------------------------------------------------------------------
regex_chars_max = 256
regex_text_chars_max = 262_144  # what a regular expression is searched in
version_chars_max = 256

# ---- reading files --------------------------------------------------------------------------------------------------
read_bytes_max = 64 * 1024 * 1024  # by one item of all files together, or by one look that items share; hashes apart
file_bytes_max = 1024 * 1024  # of a file whose text is looked at
hashed_bytes_max = 256 * 1024 * 1024
hash_chunk_bytes = 1024 * 1024
package_database_bytes_max = 64 * 1024 * 1024
processes_max = 65_536
mounts_bytes_max = 16 * 1024 * 1024  # 100,000 mounts: more than the kernel lets one namespace have (fs.mount-max)
tail_bytes_max = 1024 * 1024  # of a log that is read from its end
find_entries_max = 20_000  # below one directory that is looked through: some 100 ms
find_depth_max = 64  # directories open at the same time on the way down
settings_depth_max = 64  # of tables in lists in tables; what people write has less than ten
settings_nodes_max = 100_000  # values of one YAML file, merged keys counted as often as they are merged: one second
settings_told_max = 1_000  # values that the elements of one list may hold
symlinks_max = 40  # as the kernel itself
arguments_bytes_max = 2 * 1024 * 1024  # of one process: more the kernel does not take
process_name_bytes = 15  # the kernel cuts a process's name after these
kernel_list_bytes_max = 16 * 1024 * 1024  # /proc/cpuinfo of 8,000 processors, modules.dep of every driver there is
range_numbers_max = 65_536  # processors or nodes in one of the kernel's lists
digits_max = 20  # of a number the kernel writes: 64 bits
namespaces_max = 256  # network namespaces one item looks into
wildcard_matches_max = 4_096  # kernel parameters one item stands for: some 40 ms
directories_open_max = 64  # kept open below another root, to walk to each only once

# ---- accounts and security ------------------------------------------------------------------------------------------
sudoers_depth_max = 32  # files that include each other; sudo itself stops at 128
sudoers_files_max = 512
sudoers_rules_max = 20_000  # and settings; one a command
pam_depth_max = 16  # files that include each other
pam_lines_max = 4_096  # of one service with all it includes
sshd_files_max = 256  # that Include brings
sshd_options_max = 10_000  # lines of them together
certificate_bytes_max = 65_536  # of one, as DER; those with a hundred names have 8 KiB
certificates_max = 2_000  # in one bundle; distributions ship 150
certificate_file_bytes_max = 4 * 1024 * 1024
certificate_names_max = 1_000  # parts of one subject, or names it is for
der_depth_max = 16  # sequences in each other
chain_max = 10  # certificates from one to the one it leads to
found_certificates_max = 200  # that are listed of the usual places

# ---- faults and containers ------------------------------------------------------------------------------------------
kernel_records_max = 200_000  # in the kernel's own log: 16 MiB of short ones
kernel_message_chars_max = 1_024  # the kernel makes no longer one
fault_things_max = 32  # devices or programs that a fault names
network_namespaces_max = 65_536  # names of them that are looked at for processes
containers_max = 4_096  # whose state is read: a node has some 250
engine_answer_bytes_max = 1024 * 1024  # of Docker's /info, which has some 10 KiB
socket_path_bytes_max = 107  # the kernel takes no longer path of a Unix socket
network_files_max = 256  # configurations of CNI that are looked into

# ---- hardware -------------------------------------------------------------------------------------------------------
dmi_structures_max = 4_096  # of the firmware's tables; large servers have a few hundred
devices_max = 4_096  # slots, disks or arrays that one list tells of

# ---- running programs -----------------------------------------------------------------------------------------------
program_read_bytes_max = 256 * 1024 * 1024  # with all it starts: whoever reads more looks through logs or whole disks
program_look_s = 0.1  # between two looks at how much that is: some 0.1 ms each
output_bytes_max = 1024 * 1024  # of one program, both streams together; more is a flood and ends it
output_kept_bytes = 65_536  # of each stream; the rest is read and thrown away
units_max = 4_096  # units of one type: a node has some 200 services
repositories_max = 4_096  # entries in the files of package repositories
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

# ---- network --------------------------------------------------------------------------------------------------------
sockets_bytes_max = 32 * 1024 * 1024  # of /proc/net/udp and the like: 200,000 sockets
descriptors_max = 1_000_000  # looked through for who holds a socket: two seconds
routes_max = 50_000  # read at once: some 30 MiB of memory; a host of many containers has a few thousand
netlink_bytes = 262_144  # of one read; the kernel writes no more than 32 KiB at once
netlink_tries_max = 5  # a table that changes while it is read is read again
within_h_max = 24 * 366  # for which rises are remembered, if the node does not boot
interfaces_max = 4_096  # that one pattern stands for
nameservers_max = 3  # resolv.conf(5): of more the first three are asked
search_max = 6  # resolv.conf(5): of more domains the first six are tried
name_chars_max = 253  # RFC 1035, without the final dot
label_chars_max = 63
dns_message_bytes = 65_535  # over TCP; over UDP nobody sends more unasked
dns_records_max = 4_096  # in one message
addresses_tried_max = 16  # of one name, one after the other
http_redirects_max = 10
http_body_bytes = 262_144  # of a body that is looked at: all that a regular expression is searched in

_RELATIONS = {
    "a whole regular expression fits into an operand": regex_chars_max <= text_chars_max,
    "every text file that is looked at can be searched in part": regex_text_chars_max <= file_bytes_max,
    "what is kept of an output is not a flood": 2 * output_kept_bytes <= output_bytes_max,
    "every file that is read whole fits into its item's budget": read_bytes_max
    >= max(file_bytes_max, package_database_bytes_max, mounts_bytes_max, kernel_list_bytes_max, sockets_bytes_max),
    "an item may use its default time": timeout_s_default <= timeout_s_max,
    "an id fits into the longest key": item_id_chars_max <= key_chars_max,
}
for _sentence, _holds in _RELATIONS.items():
    if not _holds:
        raise ValueError(f"checklib/limits.py: no longer true: {_sentence}")
