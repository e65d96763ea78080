"""Reports of sweeps for the tests of faces: an ordinary bad night, a quiet one, a hostile one, a big one."""

from __future__ import annotations

from typing import Any

Report = dict[str, Any]

DROPPED = {"duplicate": 0, "phantom": 0, "socket": 0, "stranger": 0, "late": 0, "malformed": 0, "forged": 0}
STATES = ("pass", "fail", "error", "uncovered", "stale", "stalled", "silent", "down", "left")


def node(name: str, state: str = "pass", **fields: Any) -> Report:
    """One node's entry; zone and rack follow from its number."""
    index = int(name[-3:]) if name[-3:].isdigit() else 1
    rack = ("a1", "a2", "b1", "b2", "c1", "c2")[(index - 1) * 6 // 20 % 6]
    entry: Report = {
        "name": name,
        "ring": "main",
        "address": f"127.9.0.{index % 250}",
        "tags": {"zone": rack[0], "rack": rack, "role": "web" if index % 2 else "db"},
        "state": state,
        "via": "query",
        "round": 1,
        "seconds": round(0.31 + index * 0.013, 3),
        "findings": [],
        "evidence": "",
    }
    return entry | fields


def finding(item: str, expected: str, observed: str, source: str, **fields: Any) -> Report:
    """One failing item."""
    known = {"item": item, "outcome": "fail", "expected": expected, "observed": observed, "source": source}
    return known | {"message": ""} | fields


def report(nodes: list[Report], groups: list[Report], **fields: Any) -> Report:
    """A whole report whose ledger follows from its nodes."""
    ledger = {"targets": len(nodes)} | {state: sum(each["state"] == state for each in nodes) for state in STATES}
    whole: Report = {
        "schema": "inspector.sweep/1",
        "sweep": "5f0c1b2a99e0d431",
        "started": "2026-03-01T02:14:07Z",
        "seconds": 2.31,
        "release": {"number": 12, "digest": "9b1f0c7d" * 8},
        "ledger": ledger,
        "groups": groups,
        "nodes": nodes,
        "dropped": dict(DROPPED),
        "interrupted": False,
        "rings": [{"name": "main", "targets": len(nodes), "seconds": 2.31, "error": ""}],
        "notes": [],
    }
    return whole | fields


SWAPPINESS = finding("sysctl:vm.swappiness", "at_most 10", "60", "layers/20-zone-b.yml:7")
KERNEL = finding("kernel:release", "at_least 6.1.90", "6.1.55", "layers/00-fleet.yml:4")
MOTD = finding("file:/etc/motd", "mode 0644, sha256 4f0c…", "sha256 91ab…", "layers/00-fleet.yml:31")
HANGS = finding(
    "command:raid", "exit 0", "", "layers/30-role-db.yml:5", outcome="error", message="timeout after 2 s: killed"
)


def again(outcome: str, message: str, **fields: Any) -> Report:
    """What the second pass says of a node."""
    return {"outcome": outcome, "message": message} | fields


def bad_night() -> Report:
    """Twenty nodes: one rack with a wrong kernel parameter, and one of everything else that can be wrong."""
    nodes = [node(f"n{index:03}") for index in range(1, 21)]
    by_name = {each["name"]: each for each in nodes}
    for name, wrong in (failing_by_name() | silent_by_name()).items():
        by_name[name].update(wrong)
    return report(
        nodes,
        bad_groups(),
        dropped=DROPPED | {"duplicate": 2, "late": 1},
        notes=["second pass: 6 of 9 nodes looked at, 1 spoken for by a sample"],
    )


def failing_by_name() -> dict[str, Report]:
    """Who gave a verdict that is no pass, and what the second pass says of it."""
    sampled = again("skipped", "sampled out: wrong in the same way as n011, n013", represented_by=["n011", "n013"])
    recovered = again("recovered", "passes now: mode 0644, sha256 4f0c…")
    hangs = again("confirmed", "timeout after 2 s")
    return {
        **{name: failing(SWAPPINESS, again("confirmed", "60")) for name in ("n011", "n013")},
        "n012": failing(SWAPPINESS, sampled),
        "n004": failing(KERNEL, again("confirmed", "6.1.55")),
        "n007": failing(MOTD, recovered),
        "n009": failing(HANGS, hangs) | {"state": "error"},
    }


def failing(found: Report, second: Report) -> Report:
    """What a failing node has beyond others."""
    return {"state": "fail", "findings": [dict(found)], "second_pass": second}


def silent_by_name() -> dict[str, Report]:
    """Who gave no verdict on its items."""
    return {
        "n015": {
            "state": "stalled",
            "via": "ack",
            "seconds": None,
            "evidence": "its Serf agent acknowledged at 0.4 s, no verdict came in 2.3 s",
            "second_pass": again("confirmed", "inspector-agent is not running"),
        },
        "n018": {
            "state": "down",
            "via": "membership",
            "seconds": None,
            "evidence": "membership says failed at the start of the sweep",
            "second_pass": again("unreachable", "ssh: connect to host 127.9.0.18 port 2222: Connection refused"),
        },
        "n020": {"state": "uncovered", "evidence": "answered: none of the 42 items applies to it"},
    }


def bad_groups() -> list[Report]:
    """The failing nodes of the bad night, folded."""
    b2 = {"tag": "rack=b2", "precision": 1.0, "recall": 1.0}
    remediation = "sysctl -w vm.swappiness=10, and remove /etc/sysctl.d/99-tuning.conf"
    return [
        folded(MOTD, "n007", severity="minor"),
        folded(SWAPPINESS, "n[011-013]", count=3, causes=[b2], remediation=remediation),
        folded(KERNEL, "n004", severity="critical"),
        folded(HANGS, "n009"),
    ]


def folded(found: Report, nodes: str, **fields: Any) -> Report:
    """One group of nodes with the same finding."""
    known = {word: found[word] for word in ("item", "outcome", "expected", "observed")}
    return known | {"severity": "major", "nodes": nodes, "count": 1, "causes": []} | fields


def quiet_night(count: int = 3) -> Report:
    """Everybody passes."""
    return report([node(f"n{index:03}") for index in range(1, count + 1)], [])


HOSTILE = "\x1b[31m[bold red]</script><script>alert(1)</script>\u202eevil\x07\x00 & ]]> {{7*7}}"


def hostile_night() -> Report:
    """A member that put everything it knows into its name, its tags and its observed values."""
    wrong = finding(HOSTILE, HOSTILE, HOSTILE, HOSTILE, message=HOSTILE)
    waiver = dict.fromkeys(("source", "owner", "reason", "ticket", "expires"), HOSTILE)
    waived = finding(HOSTILE, HOSTILE, "", HOSTILE, outcome="waived", waiver=waiver)
    bad = node("n001", "fail", findings=[wrong, waived], second_pass=again("disagrees", HOSTILE))
    bad |= {"name": HOSTILE, "tags": {HOSTILE: HOSTILE}, "evidence": HOSTILE, "address": HOSTILE}
    mute = node("n002", "silent", evidence=HOSTILE) | {"name": HOSTILE + "2"}
    group = {
        "item": HOSTILE,
        "outcome": "fail",
        "expected": HOSTILE,
        "observed": HOSTILE,
        "severity": HOSTILE,
        "nodes": HOSTILE,
        "count": 1,
        "causes": [{"tag": HOSTILE, "precision": 1.0, "recall": 1.0}],
    }
    in_use = waiver | {"items": [HOSTILE], "nodes": HOSTILE, "count": 1}
    canary = {"number": HOSTILE, "digest": HOSTILE, "match": {HOSTILE: {}}, "nodes": HOSTILE, "count": 1}
    release = {"number": HOSTILE, "digest": HOSTILE, "canary": canary}
    return report(
        [bad, mute],
        [group],
        waivers=[in_use],
        release=release,
        notes=[HOSTILE],
        rings=[{"name": HOSTILE, "targets": 2, "seconds": 1, "error": HOSTILE}],
    )


def big_night(count: int = 10_000) -> Report:
    """A fleet, one node in a hundred wrong."""
    nodes = [node(f"n{index:05}") for index in range(1, count + 1)]
    wrong = nodes[::100]
    for each in wrong:
        each.update(state="fail", findings=[dict(SWAPPINESS)])
    names = ",".join(each["name"][1:] for each in wrong)
    group = {
        "item": SWAPPINESS["item"],
        "outcome": "fail",
        "expected": "at_most 10",
        "observed": "60",
        "severity": "major",
        "nodes": f"n[{names}]",
        "count": len(wrong),
        "causes": [],
    }
    return report(nodes, [group])
