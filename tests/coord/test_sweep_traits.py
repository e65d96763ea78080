"""Facts, waivers and secrets from end to end: a real agent on a real ring, and what the report says."""

from __future__ import annotations

from pathlib import Path

import msgspec

from config_center.match import Term
from config_center.release import LayerItem, Waiver, build
from inspector_coord.fold import SECRET
from tests.support.center import item, layer
from tests.support.mirror import pointer_to
from tests.support.real_fleet import real_fleet, states

SWAPPINESS, PIDS, DOMAIN, ZONE = (
    f"sysctl:{name}" for name in ("vm.swappiness", "kernel.pid_max", "kernel.domainname", "kernel.hostname")
)
KEY = "hunter2-the-secret"


def told(line: int, **fields: object) -> LayerItem:
    """An item of a layer."""
    known: dict[str, object] = {"expect": {}, "with_": {}, "severity": "major", "timeout_s": 5.0}
    return LayerItem(line=line, **{**known, **fields})  # type: ignore[arg-type]


FIRST = build([layer("10-all", {PIDS: item(1, at_least=1)})], [], number=1, created="2030-01-01T00:00:00Z")
WAIVER = Waiver("waivers.yml:2", ("sysctl:vm.*",), {"rack": Term(any=("a1",))}, "ann", "known", "OPS-12", "2999-12-31")
SECOND = build(
    [
        layer("10-all", {PIDS: item(1, at_least=1), SWAPPINESS: item(2, at_most=5)}),
        layer("20-debian", {PIDS: item(1, at_least=2)}, **{"fact.os": "debian"}),
    ],
    [],
    number=2,
    created="2030-01-02T00:00:00Z",
    waivers=(WAIVER,),
)
THIRD = build(
    [
        layer(
            "10-all",
            {
                PIDS: item(1, at_least=1),
                DOMAIN: told(2, from_file={"value": {"equals": "/etc/inspector/key"}}),
                ZONE: told(3, expect={"value": {"equals": "${datacenter}"}}),
            },
        )
    ],
    [],
    number=3,
    created="2030-01-03T00:00:00Z",
)


async def test_facts_and_waivers(tmp_path: Path) -> None:
    """A layer for Debian, before and after the center knows who that is; a fail that is waived in one rack alone."""
    os_release = tmp_path / "n001/root/etc/os-release"
    os_release.parent.mkdir(parents=True)
    os_release.write_text("ID=debian\nVERSION_ID=12\n")
    async with real_fleet(tmp_path, FIRST, 2) as real:
        real.center.put(pointer_to(SECOND, 2), SECOND)
        before = await real.sweep()
        assert states(before) == {"n001": "error", "n002": "fail"}
        assert "the config center does not know its facts yet" in before["nodes"][0]["evidence"]
        assert "the facts of the nodes are not known" in before["notes"][0]
        real.center.know({"n001": {"tags": {}, "facts": {"os": "debian"}, "seen": "2030-01-02T00:00:00Z"}})
        after = await real.sweep()
    assert states(after) == {"n001": "pass", "n002": "fail"}
    assert after["nodes"][0]["facts"] == {"os": "debian"}
    (waived,) = after["nodes"][0]["findings"]
    assert (waived["item"], waived["outcome"], waived["waiver"]["ticket"]) == (SWAPPINESS, "waived", "OPS-12")
    assert [(each["ticket"], each["nodes"]) for each in after["waivers"]] == [("OPS-12", "n001")]
    assert after["notes"] == []


async def test_secrets_and_undefined_variables(tmp_path: Path) -> None:
    """Of a secret only that it is wrong; of a text nobody can fill in, why."""
    for path, content in {"etc/inspector/key": KEY, "proc/sys/kernel/domainname": f"not-{KEY}"}.items():
        for name in ("n001", "n002"):
            place = tmp_path / name / "root" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f"{content}\n")
    async with real_fleet(tmp_path, FIRST, 2) as real:
        real.center.put(pointer_to(THIRD, 2), THIRD)
        report = await real.sweep()
    assert states(report) == {"n001": "fail", "n002": "fail"}
    wrong = {finding["item"]: finding for finding in report["nodes"][0]["findings"]}
    assert (wrong[DOMAIN]["outcome"], wrong[DOMAIN]["observed"], wrong[DOMAIN]["secret"]) == ("fail", SECRET, True)
    assert wrong[DOMAIN]["expected"] == "(content of /etc/inspector/key)"
    assert (wrong[ZONE]["outcome"], "${datacenter}" in wrong[ZONE]["message"]) == ("error", True)
    # Each agent has a key of its own here: other hashes of the same value, and one group nevertheless.
    assert [(group["item"], group["nodes"]) for group in report["groups"]] == [
        (DOMAIN, "n[001-002]"),
        (ZONE, "n[001-002]"),
    ]
    assert KEY not in msgspec.json.encode(report).decode()
