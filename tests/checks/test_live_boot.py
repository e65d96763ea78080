"""What files set at boot, held against the real systemd-sysctl in a network namespace of the test's own."""

from __future__ import annotations

from pathlib import Path

from tests.support.check_cases import look_at, outcome
from tests.support.mounted import RefusedError, inside

RP_FILTER = "net.ipv4.conf.*.rp_filter"
# Only what a network namespace has for itself is set: the machine's own parameters stay as they are.
BOOT = """
program=/usr/lib/systemd/systemd-sysctl
[ -x $program ] && [ -d /etc/sysctl.d ] && [ -d /usr/lib/sysctl.d ] || exit 77
ip link add veth0 type veth peer name veth1 || exit 77
mount -t tmpfs mine /etc/sysctl.d && mount -t tmpfs theirs /usr/lib/sysctl.d
# What has its value already is not written by systemd, and lo would then follow the default.
echo 1 > /proc/sys/net/ipv4/conf/lo/rp_filter
cd /usr/lib/sysctl.d
cat > 50-default.conf <<END
-net.ipv4.conf.all.rp_filter
net.ipv4.conf.*.rp_filter = 1
net.ipv4.conf.lo.rp_filter=0
END
printf '%s\\n' 'net.ipv4.conf.*.log_martians = 1' > 60-hidden.conf
printf '%s\\n' 'net.ipv4.tcp_keepalive_time = 100' 'net.ipv4.tcp_fin_timeout = 10' > 70-both.conf
cd /etc/sysctl.d
ln -s /dev/null 60-hidden.conf
printf '%s\\n' '# a comment' 'net/ipv4/tcp_keepalive_time=0x200' '-net.ipv4.no_such = 1' > 70-both.conf
cat > 80-last.conf <<END
net.ipv4.conf.*.rp_filter = 2
net.ipv4.conf.ve*.rp_filter = 1
/net/ipv4/tcp_retries2 =  010
END
$program --prefix=/net
echo 0 > /proc/sys/net/ipv4/conf/veth1/rp_filter
cd /proc/sys/net/ipv4
cat tcp_keepalive_time tcp_retries2 conf/veth0/rp_filter conf/default/rp_filter
cd "$place"
"""


def test_what_systemd_makes_of_the_files_is_what_is_configured(tmp_path: Path) -> None:
    """Names before patterns, later before earlier, hidden files; then one parameter is changed, and only it differs."""
    asked = [
        ("all", {"applied": {"equals": True}}),
        (RP_FILTER, {"applied": {"equals": True}}),
        ("net.ipv4.tcp_keepalive_time", {"configured": {"equals": "0x200"}, "applied": {"equals": True}}),
        ("net.ipv4.tcp_retries2", {"applied": {"equals": True}}),
        ("net.ipv4.conf.lo.rp_filter", {"configured": {"equals": 0}, "value": {"equals": 0}}),
        ("net.ipv4.conf.all.rp_filter", {"configured": {"absent": True}}),
        ("net.ipv4.conf.lo.log_martians", {"configured": {"absent": True}}),
        ("net.ipv4.tcp_fin_timeout", {"configured": {"absent": True}}),
    ]
    items = [{"check": "sysctl", "key": key, "expect": expect} for key, expect in asked]
    try:
        found, printed = inside(f'place="$PWD"{BOOT}', items, tmp_path, also=["--net"])
    except RefusedError:
        assert look_at("sysctl", "all", {"applied": {"any": True}})["outcome"] in {"pass", "error", "na"}
        return
    change = "net.ipv4.conf.veth1.rp_filter is set to 1 at boot (/etc/sysctl.d/80-last.conf); applied expected true"
    assert printed.split() == ["512", "8", "1", "2"]
    assert outcome(found[0]) == ("fail", "applied false (net.ipv4.conf.veth1.rp_filter)", change)
    assert outcome(found[1]) == ("fail", "applied false (veth1)", change)
    assert [one["outcome"] for one in found[2:]] == ["pass"] * 6
