"""What a practice node looks like from inside: the files below its root directory, as the practice layers want them.

Pure: a node in, a tree of files out. A machine is told to checks by ordinary files (proc/sys, os-release, dpkg's
status file, …), so a folder of a few dozen small ones is a machine to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from inspector_lab.plan import Node

KERNEL = "6.1.0-37-amd64"

SYSCTLS: Mapping[str, str] = {
    "fs.file-max": "2097152",
    "fs.inotify.max_user_watches": "524288",
    "fs.protected_hardlinks": "1",
    "fs.protected_symlinks": "1",
    "fs.suid_dumpable": "0",
    "kernel.dmesg_restrict": "1",
    "kernel.kptr_restrict": "2",
    "kernel.panic": "10",
    "kernel.panic_on_oops": "1",
    "kernel.pid_max": "4194304",
    "kernel.randomize_va_space": "2",
    "kernel.sysrq": "0",
    "kernel.threads-max": "255432",
    "net.core.default_qdisc": "fq",
    "net.core.netdev_max_backlog": "16384",
    "net.core.rmem_max": "16777216",
    "net.core.somaxconn": "4096",
    "net.core.wmem_max": "16777216",
    "net.ipv4.conf.all.accept_redirects": "0",
    "net.ipv4.conf.all.rp_filter": "1",
    "net.ipv4.ip_forward": "0",
    "net.ipv4.ip_local_port_range": "10240\t65535",
    "net.ipv4.tcp_congestion_control": "bbr",
    "net.ipv4.tcp_fin_timeout": "15",
    "net.ipv4.tcp_keepalive_time": "300",
    "net.ipv4.tcp_max_syn_backlog": "8192",
    "net.ipv4.tcp_syncookies": "1",
    "net.ipv4.tcp_tw_reuse": "2",
    "vm.dirty_background_ratio": "5",
    "vm.dirty_ratio": "10",
    "vm.max_map_count": "262144",
    "vm.min_free_kbytes": "67584",
    "vm.overcommit_memory": "0",
    "vm.swappiness": "10",
}
SYSCTLS_OF_ROLE: Mapping[str, Mapping[str, str]] = {
    "web": {"net.core.somaxconn": "16384", "net.ipv4.tcp_max_syn_backlog": "32768"},
    "db": {
        "kernel.sem": "250\t32000\t100\t1024",
        "vm.dirty_background_ratio": "3",
        "vm.overcommit_memory": "2",
        "vm.swappiness": "1",
    },
    "cache": {"vm.overcommit_memory": "1", "net.core.somaxconn": "65535", "vm.swappiness": "0"},
}
SYSCTLS_OF_ZONE: Mapping[str, Mapping[str, str]] = {
    # Zone b has the long-haul link: its windows have to be larger.
    "b": {"net.core.rmem_max": "67108864", "net.core.wmem_max": "67108864"},
}

PACKAGES: Mapping[str, str] = {
    "bash": "5.2.15-2+b7",
    "ca-certificates": "20230311",
    "chrony": "4.3-2+deb12u1",
    "coreutils": "9.1-1",
    "libc6": "2.36-9+deb12u10",
    "libssl3": "3.0.16-1~deb12u1",
    "linux-image-amd64": "6.1.140-1",
    "openssh-server": "1:9.2p1-2+deb12u6",
    "openssl": "3.0.16-1~deb12u1",
    "serf": "0.9.4~ds1-1",
    "sudo": "1.9.13p3-1+deb12u1",
    "systemd": "252.38-1~deb12u1",
    "tzdata": "2025b-0+deb12u1",
}
PACKAGES_OF_ROLE: Mapping[str, Mapping[str, str]] = {
    "web": {"nginx": "1.22.1-9+deb12u2", "logrotate": "3.21.0-1"},
    "db": {"postgresql-15": "15.13-0+deb12u1", "pgbackrest": "2.44-1"},
    "cache": {"redis-server": "5:7.0.15-1~deb12u4"},
}

# Process ids as a boot gives them: early services first.
PROCESSES: Mapping[int, tuple[str, str]] = {
    1: ("systemd", "/sbin/init"),
    311: ("systemd-journal", "/lib/systemd/systemd-journald"),
    402: ("chronyd", "/usr/sbin/chronyd -F 1"),
    455: ("sshd", "/usr/sbin/sshd -D"),
    460: ("serf", "/usr/bin/serf agent -config-dir=/etc/serf"),
    480: ("cron", "/usr/sbin/cron -f"),
}
PROCESSES_OF_ROLE: Mapping[str, Mapping[int, tuple[str, str]]] = {
    "web": {700: ("nginx", "nginx: master process /usr/sbin/nginx"), 701: ("nginx", "nginx: worker process")},
    "db": {700: ("postgres", "/usr/lib/postgresql/15/bin/postgres -D /var/lib/postgresql/15/main")},
    "cache": {700: ("redis-server", "/usr/bin/redis-server 0.0.0.0:6379")},
}
SERVICES: tuple[str, ...] = ("chrony", "cron", "serf", "ssh")
SERVICES_OF_ROLE: Mapping[str, tuple[str, ...]] = {
    "web": ("nginx",),
    "db": ("postgresql",),
    "cache": ("redis-server",),
}

OS_RELEASE = """\
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
"""
MOTD = "Practice fleet. Every access is logged; changes go through the operations center.\n"
SSHD_CONFIG = """\
Port 22
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
X11Forwarding no
MaxAuthTries 3
UsePAM yes
Subsystem sftp /usr/lib/openssh/sftp-server
"""
CHRONY_CONF = """\
pool ntp.example.net iburst maxsources 4
driftfile /var/lib/chrony/chrony.drift
makestep 1 3
rtcsync
"""
# A Nagios plugin of the site's own: a line of text, perfdata behind the bar, 0 ok, 1 warning, 2 critical.
CLOCK_PLUGIN = """\
#!/bin/sh
# check_clock_offset WARN CRIT: how far this clock is from the servers', in milliseconds
read -r offset < "$INSPECTOR_ROOT/var/lib/chrony/offset_ms" || { echo "chrony says nothing"; exit 3; }
state=OK code=0
[ "$offset" -ge "$1" ] && state=WARNING code=1
[ "$offset" -ge "$2" ] && state=CRITICAL code=2
echo "CLOCK $state - $offset ms off | offset=${offset}ms;$1;$2"
exit $code
"""
LIMITS_CONF = "*    soft    nofile    65536\n*    hard    nofile    524288\n"
CMDLINE = "BOOT_IMAGE=/boot/vmlinuz-{kernel} root=/dev/vda1 ro quiet transparent_hugepage=madvise mitigations=auto\n"
MODULES = """\
nf_conntrack 188416 1 - Live 0x0000000000000000
tcp_bbr 20480 64 - Live 0x0000000000000000
sch_fq 24576 8 - Live 0x0000000000000000
virtio_net 73728 0 - Live 0x0000000000000000
"""
STATUS_STANZA = """\
Package: {name}
Status: install ok installed
Priority: optional
Section: admin
Maintainer: Practice Fleet <ops@example.net>
Architecture: amd64
Version: {version}
Description: as installed on a practice node

"""


@dataclass(frozen=True)
class File:
    """One regular file with its text and permission bits; or a symbolic link, where `link` says to what."""

    text: str = ""
    mode: int = 0o644
    link: str = ""


def tree(node: Node) -> dict[str, File]:
    """All files of a node, by path below its root, as they should be."""
    files = dict(settings(node))
    files |= {f"proc/sys/{name.replace('.', '/')}": File(f"{value}\n") for name, value in sysctls(node).items()}
    files["var/lib/dpkg/status"] = File("".join(stanza(*package) for package in sorted(packages(node).items())))
    for pid, (comm, command) in processes(node).items():
        files |= process_files(pid, comm, command)
    for service in (*SERVICES, *SERVICES_OF_ROLE.get(node.role, ())):
        files |= unit_files(service)
    return files


def settings(node: Node) -> Iterator[tuple[str, File]]:
    """Files that stand for themselves."""
    yield "etc/hostname", File(f"{node.name}\n")
    yield "etc/os-release", File(OS_RELEASE)
    yield "etc/debian_version", File("12.11\n")
    yield "etc/passwd", File("root:x:0:0:root:/root:/bin/bash\nops:x:1000:1000:operations:/home/ops:/bin/bash\n")
    yield "etc/group", File("root:x:0:\noperations:x:27:ops\nops:x:1000:\n")
    yield "etc/motd", File(MOTD)
    yield "etc/ssh/sshd_config", File(SSHD_CONFIG, mode=0o600)
    yield "etc/chrony/chrony.conf", File(CHRONY_CONF)
    yield "etc/security/limits.d/90-fleet.conf", File(LIMITS_CONF)
    yield "etc/sudoers.d/operations", File("%operations ALL=(ALL) NOPASSWD: ALL\n", mode=0o440)
    yield "etc/timezone", File("Etc/UTC\n")
    yield "proc/cmdline", File(CMDLINE.format(kernel=KERNEL))
    yield "proc/modules", File(MODULES)
    yield "proc/sys/kernel/osrelease", File(f"{KERNEL}\n")
    yield "proc/sys/kernel/version", File("#1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)\n")
    yield "proc/sys/kernel/arch", File("x86_64\n")
    yield "proc/sys/kernel/tainted", File("0\n")
    yield "proc/sys/kernel/hostname", File(f"{node.name}\n")
    yield "proc/version", File(f"Linux version {KERNEL} (debian-kernel@lists.debian.org) #1 SMP PREEMPT_DYNAMIC\n")
    yield "proc/uptime", File("861200.11 3400000.00\n")
    yield "usr/lib/nagios/plugins/check_clock_offset", File(CLOCK_PLUGIN, mode=0o755)
    yield "var/lib/chrony/offset_ms", File("3\n")
    yield "var/lib/backup/last-run", File("2026-11-20T02:10:41Z ok\n")


def sysctls(node: Node) -> dict[str, str]:
    """Kernel parameters: those of all, then those of its role, then those of its zone."""
    return {**SYSCTLS, **SYSCTLS_OF_ROLE.get(node.role, {}), **SYSCTLS_OF_ZONE.get(node.zone, {})}


def packages(node: Node) -> dict[str, str]:
    """Installed packages and their versions."""
    return {**PACKAGES, **PACKAGES_OF_ROLE.get(node.role, {})}


def processes(node: Node) -> dict[int, tuple[str, str]]:
    """Running processes: id -> (name, command line)."""
    return {**PROCESSES, **PROCESSES_OF_ROLE.get(node.role, {})}


def stanza(name: str, version: str) -> str:
    """One package in dpkg's status file."""
    return STATUS_STANZA.format(name=name, version=version)


def process_files(pid: int, comm: str, command: str) -> dict[str, File]:
    """What /proc says of one process."""
    ids = "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n"
    return {
        f"proc/{pid}/comm": File(f"{comm}\n"),
        f"proc/{pid}/cmdline": File(command.replace(" ", "\0") + "\0"),
        f"proc/{pid}/stat": File(f"{pid} ({comm}) S 1 {pid} {pid} 0 -1 4194560 0 0 0 0 12 7 0 0 20 0 1 0 1200 0 0\n"),
        f"proc/{pid}/status": File(f"Name:\t{comm}\nState:\tS (sleeping)\nPid:\t{pid}\nPPid:\t1\n{ids}"),
    }


def unit_files(service: str) -> dict[str, File]:
    """An enabled systemd unit: its file, and the link that enables it."""
    path = f"usr/lib/systemd/system/{service}.service"
    text = f"[Unit]\nDescription={service}\n\n[Install]\nWantedBy=multi-user.target\n"
    return {path: File(text), f"etc/systemd/system/multi-user.target.wants/{service}.service": File(link=f"/{path}")}
