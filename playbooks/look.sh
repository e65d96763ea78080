# A look at a host that may have no Python: sent to `sh -s` on standard input, so that its text is on no command line.
# Arguments: root directory, text the command lines of serf and the agent must hold (or ""), log file (or "").
# Prints one fact a line, `key value…`, then `end`. Reads only. Every output is bounded, and so is every wait.
root=${1:-/}
match=$2
log=$3
LC_ALL=C
export LC_ALL

bounded() {
    if command -v timeout >/dev/null 2>&1; then timeout 3 "$@"; else "$@"; fi
}

# Prints `NAME PID STATE` for each of the /proc/PID/… files on standard input.
processes() {
    head -n 50 | while IFS= read -r file; do
        pid=${file#/proc/}
        pid=${pid%%/*}
        if [ -n "$match" ] && ! tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -e "$match"; then
            continue
        fi
        state=$(sed -n 's/^.*) \([A-Za-z]\) .*$/\1/p' "/proc/$pid/stat" 2>/dev/null)
        [ -n "$state" ] && echo "$1 $pid $state"
    done
}

# Tells whether the words on standard input, one a line, run the agent: `inspector-agent run`, itself or as an
# interpreter's script, or `-m inspector_agent… run`. Others only name it: a look at its log, systemctl, `doctor`.
runs_agent() {
    program=''
    before=''
    while IFS= read -r word; do
        case $word in
        inspector_agent | inspector_agent.*) [ "$before" = -m ] && break ;;
        inspector-agent | */inspector-agent) break ;;
        esac
        # Past the program's own name, or past Python's options, the first word is what it runs.
        case $program:$word in
        :*) program=${word##*/} ;;
        python*:-*) ;;
        *) return 1 ;;
        esac
        before=$word
    done
    while IFS= read -r word; do
        case $word in
        run) return 0 ;;
        -*) ;;
        *) return 1 ;;
        esac
    done
    return 1
}

# Passes on those of the /proc/PID/… files on standard input whose process runs the agent.
agents() {
    while IFS= read -r file; do
        tr '\0' '\n' <"$file" 2>/dev/null | head -n 20 | runs_agent && echo "$file"
    done
}

echo "uptime $(cut -d' ' -f1 /proc/uptime 2>/dev/null)"
echo "load $(cut -d' ' -f1-3 /proc/loadavg 2>/dev/null)"
echo "cpus $(grep -c '^processor' /proc/cpuinfo 2>/dev/null)"
echo "memory $(sed -n 's/^Mem\(Total\|Available\): *\([0-9]*\) kB$/\2/p' /proc/meminfo 2>/dev/null | tr '\n' ' ')"
# A dead network mount hangs df, never the rest.
echo "disk $(bounded df -Pk "$root" 2>/dev/null | sed -n '2s/^.* \([0-9][0-9]*\)  *\([0-9][0-9]*\)%.*$/\2% \1/p')"

# Without the right to see process 1, an absent process proves nothing (hidepid).
if [ -r /proc/1/comm ]; then echo "sees_processes yes"; else echo "sees_processes no"; fi
grep -lx 'serf' /proc/[0-9]*/comm 2>/dev/null | processes serf
# The agent may be a script or `python -m`, so that its name is on the command line. The pattern does not match itself.
grep -l 'inspector[-_]agent' /proc/[0-9]*/cmdline 2>/dev/null | head -n 500 | agents | processes agent

if [ -n "$log" ]; then
    tail -n 5 "$log" 2>/dev/null | cut -c1-300 | sed 's/^/log /'
elif command -v journalctl >/dev/null 2>&1; then
    bounded journalctl --no-pager -q -n 5 -o short-iso -u inspector-agent -u serf 2>/dev/null | tail -n 5 | cut -c1-300 | sed 's/^/log /'
fi
echo "end"
