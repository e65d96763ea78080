"""Namespaces, links and mounts that are really left behind, beside those in use; in namespaces of the tests' own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.check_cases import look_at
from tests.support.mounted import RefusedError, inside

LEAVES = """
mount -t tmpfs tmpfs /run
ip netns add used
ip netns add left
mkfifo ready
ip netns exec used sh -c 'echo > ready; exec sleep 1000' &
read line < ready || true
touch /run/netns/stale
ip link add bridge0 type bridge
ip link add in-use type veth peer name peer0
ip link set in-use master bridge0
ip link set peer0 netns used
ip link add up0 type veth peer name up1
ip link set up0 up
ip link set up1 up
ip link add down0 type veth peer name peer0 netns left
mkdir source target kept bound
mount --bind source target
mount --bind kept bound
rmdir source
"""


def test_what_is_left_behind_is_found_and_what_is_used_is_not(tmp_path: Path) -> None:
    """A namespace with a process, a link in a bridge, one with carrier and a mount that lives are in use."""
    now: dict[str, Any] = {"with": {"after_s": 0}}
    items = [
        {"check": "leak", "key": "netns", "expect": {"what": {"equals": ["left", "stale"]}}, **now},
        {"check": "leak", "key": "netns", "expect": {"count": {"equals": 0}}},
        {"check": "leak", "key": "netns", "with": {"after_s": 0, "except": ["left", "st*"]}},
        {"check": "leak", "key": "veth", "expect": {"what": {"equals": ["down0"]}}},
        {"check": "leak", "key": "mount", "expect": {"what": {"contains": f"{tmp_path}/target"}}},
        {"check": "leak", "key": "mount", "expect": {"what": {"lacks": f"{tmp_path}/bound"}}},
    ]
    try:
        found, _ = inside(LEAVES, items, tmp_path, also=["--net"])
    except RefusedError:
        assert look_at("leak", "netns", {"count": {"any": True}})["outcome"] in {"pass", "error"}
        return
    assert [(one["outcome"], one["observed"], one["message"]) for one in found if one["outcome"] != "pass"] == []
