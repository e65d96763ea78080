"""Kinds service, timer and unit beside a real systemd, held against systemctl, testinfra and Ansible's service_facts.

Where no private systemd can be booted (tests/support/systemd.py says when), what they say of this machine has to do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.support.check_cases import look, look_at
from tests.support.systemd import Systemd, booted

ANY = {"any": True}
PLAIN = "[Unit]\nDefaultDependencies=no\n"
UNITS = {
    "wanted.target": f"{PLAIN}Wants=plain.service limited.service broken.service oddly-written.service soon.timer\n",
    "plain.service": f"{PLAIN}[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=wanted.target\n",
    "plain.service.d/nice.conf": "[Service]\n",
    "limited.service": f"{PLAIN}[Service]\nExecStart=/bin/sleep infinity\nUser=nobody\nLimitNOFILE=512:4096\n"
    "LimitMEMLOCK=infinity\nTasksMax=77\nMemoryMax=64M\nRestart=always\n[Install]\nAlias=bounded.service\n",
    "limited.service.d/10-more.conf": "[Service]\nLimitNPROC=99\nRestart=on-abnormal\n",
    "bounded.service.d/ignored.txt": "[Service]\nUser=root\n",
    "broken.service": f"{PLAIN}[Service]\nExecStart=/bin/false\n",
    "oddly-written.service": f"{PLAIN}[Service]\nExecStart=relative/path\n",
    "flapping.service": f"{PLAIN}OnFailure=flapped.service\nStartLimitBurst=3\n"
    "[Service]\nExecStart=/bin/false\nRestart=on-failure\nRestartSec=0\n",
    "flapped.service": f"{PLAIN}[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo > /run/tmp/flapped'\n",
    "hanging.service": f"{PLAIN}[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\n",
    "behind.service": f"{PLAIN}After=hanging.service\nRequires=hanging.service\n[Service]\nExecStart=/bin/sleep 1\n",
    # No time of any day is in it that could come while a test runs.
    "soon.timer": f"{PLAIN}[Timer]\nOnBootSec=1s\nOnCalendar=\nOnActiveSec=1h\nOnCalendar=yearly\n"
    "OnCalendar=Mon 2099-*-* 03:00\nPersistent=no\nUnit=plain.service\n",
    "soon.timer.d/more.conf": "[Timer]\nOnUnitInactiveSec=2d\n",
    "early.timer": f"{PLAIN}[Timer]\nOnActiveSec=0\nAccuracySec=1us\n",
    "early.service": f"{PLAIN}[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo > /run/tmp/early'\n",
}
SAME = {  # ours -> systemctl's, where the words are the same
    "active": "ActiveState", "substate": "SubState", "enabled": "UnitFileState", "result": "Result",
    "restart": "Restart", "restarts": "NRestarts", "nofile": "LimitNOFILE", "nproc": "LimitNPROC",
    "memlock_bytes": "LimitMEMLOCK", "tasks_max": "TasksMax", "memory_max_bytes": "MemoryMax",
}  # fmt: skip


@pytest.fixture(scope="module")
def systemd() -> Iterator[Systemd | None]:
    """One for all tests of this file; None where it cannot be had."""
    with booted(UNITS) as started:
        yield started


def lacking() -> bool:
    """Where no private one can be booted: what this machine itself says is honest. True, to be returned by a test."""
    findings = look([{"check": "service", "key": "plain"}, {"check": "timer", "key": "soon"}])
    findings.append(look_at("unit", "failed", {"count": ANY}))
    runs = Path("/run/systemd/system").is_dir()
    assert [finding["outcome"] for finding in findings] == (["fail", "fail", "pass"] if runs else ["na"] * 3)
    return True


def property_of(systemd: Systemd, unit: str, name: str) -> str:
    """What systemctl says of one property."""
    return systemd.run("systemctl", "show", f"--property={name}", "--value", "--", unit).strip()


def test_services_are_what_systemctl_says(systemd: Systemd | None) -> None:
    """Every property of every service that is loaded, word for word."""
    if systemd is None:
        assert lacking()
        return
    rows = json.loads(systemd.run("systemctl", "list-units", "--all", "--type=service", "--output=json"))
    names = [row["unit"] for row in rows if row["load"] == "loaded"]
    assert {"plain.service", "limited.service", "broken.service"} < set(names)
    shown = systemd.run("systemctl", "show", f"--property=Id,{','.join(SAME.values())}", *names)
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.strip().split("\n\n")]
    assert [block["Id"] for block in blocks] == names
    items = [
        {"check": "service", "key": block["Id"], "expect": {ours: {"equals": told}}}
        for block in blocks
        for ours, theirs in SAME.items()
        if (told := block[theirs]) and told != "infinity"
    ]
    findings = systemd.look(items)
    assert len(findings) > 5 * len(names) > 100
    assert [finding for finding in findings if finding["outcome"] != "pass"] == []
    unlimited = [
        (block["Id"], ours) for block in blocks for ours, theirs in SAME.items() if block[theirs] == "infinity"
    ]
    expect = {"at_least": 2**53, "equals": "infinity"}
    found = systemd.look([{"check": "service", "key": key, "expect": {ours: expect}} for key, ours in unlimited])
    assert {finding["outcome"] for finding in found} == {"pass"}


def test_what_a_service_may_use_is_told(systemd: Systemd | None) -> None:
    """Its user, limits of its file and of a drop-in, and for how long it has run."""
    if systemd is None:
        assert lacking()
        return
    expect = {
        "user": {"equals": "nobody"},
        "nofile": {"equals": 4096},
        "nproc": {"equals": 99},
        "tasks_max": {"equals": 77},
        "memory_max_bytes": {"equals": 64 * 2**20},
        "restart": {"equals": "on-abnormal"},
        "restarts": {"equals": 0},
        "up_s": {"between": [0, 3600]},
        "reload_needed": {"equals": False},
    }
    items = [{"check": "service", "key": key, "expect": expect} for key in ("limited", "limited.service")]
    items += [{"check": "service", "key": "plain", "expect": {"user": {"equals": "root"}}}]
    items += [
        {"check": "service", "key": "broken", "expect": {"up_s": {"absent": True}, "active": {"equals": "failed"}}}
    ]
    items += [{"check": "service", "key": "soon.timer", "expect": {"restarts": ANY}}]
    items += [{"check": "service", "key": "nothing-like-it", "expect": {"active": {"absent": True}}}]
    outcomes = [(finding["outcome"], finding["message"]) for finding in systemd.look(items)]
    assert outcomes == [("pass", "")] * 4 + [("na", "systemd tells no NRestarts of soon.timer"), ("pass", "")]


def test_a_service_that_flaps_is_told(systemd: Systemd | None) -> None:
    """How often systemd has started it again, until it gave up."""
    if systemd is None:
        assert lacking()
        return
    systemd.run("sh", "-c", "mkfifo /run/tmp/flapped; systemctl start --no-block flapping; cat /run/tmp/flapped")
    restarts = int(property_of(systemd, "flapping", "NRestarts"))
    assert restarts > 1
    (finding,) = systemd.look(
        [
            {
                "check": "service",
                "key": "flapping",
                "expect": {"restarts": {"at_most": 1}, "active": {"equals": "active"}},
            }
        ]
    )
    assert finding["outcome"] == "fail"
    assert finding["observed"] == f"restarts {restarts}, active failed"


def test_changed_files_want_a_reload(systemd: Systemd | None) -> None:
    """What systemd has in mind is then no longer what its files say."""
    if systemd is None:
        assert lacking()
        return
    item = {"check": "service", "key": "plain", "expect": {"reload_needed": {"equals": False}}}
    assert systemd.look([item])[0]["outcome"] == "pass"
    systemd.run("sh", "-c", "echo Nice=3 >> /run/systemd/system/plain.service.d/nice.conf")
    assert systemd.look([item])[0]["observed"] == "reload_needed true"
    systemd.run("systemctl", "daemon-reload")
    assert systemd.look([item])[0]["outcome"] == "pass"


def states(systemd: Systemd, names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Whether units run and are enabled, by our word; `absent` of what is not there."""
    keys = list(names)
    asked = [{"check": "service", "key": name, "expect": {p: ANY}} for name in keys for p in ("active", "enabled")]
    seen = [finding["observed"].rpartition(" ")[2] for finding in systemd.look(asked)]
    return dict(zip(keys, zip(seen[::2], seen[1::2], strict=True), strict=True))


def test_services_are_what_testinfra_says(systemd: Systemd | None) -> None:
    """Whether they are there, run and are masked. It calls enabled what an init script of the same name starts, too."""
    if systemd is None:
        assert lacking()
        return
    names = ["plain", "limited", "broken", "systemd-journald", "fstrim.timer", "cron", "nothing-like-it"]
    theirs = systemd.python(
        f"[[s.exists, s.is_running, s.is_masked] for s in map("
        f"__import__('testinfra').get_host('local://').service.__call__, {names!r})]"
    )
    ours = states(systemd, names).values()
    assert [[active != "absent", active == "active", enabled == "masked"] for active, enabled in ours] == theirs


def test_services_are_what_ansible_says(systemd: Systemd | None) -> None:
    """The state of all, and whether they are enabled."""
    if systemd is None:
        assert lacking()
        return
    facts = systemd.python("__import__('tests.support.others').support.others.ansible('service_facts')")
    words = {"running": "active", "inactive": "inactive", "failed": "failed", "stopped": "inactive"}
    told = {
        name: one
        for name, one in facts["ansible_facts"]["services"].items()
        if one["source"] == "systemd" and one["status"] != "not-found" and "@." not in name
    }
    assert len(told) > 50
    ours = states(systemd, told)
    known = {name: one for name, one in told.items() if one["state"] in words}
    theirs = {name: "failed" if one["status"] == "failed" else words[one["state"]] for name, one in known.items()}
    assert {name: ours[name][0] for name in known} == theirs
    assert theirs["broken.service"] == "failed"
    # Of some it repeats the state, and it says `alias` where we tell of the unit that the alias stands for.
    enabling = {name: one["status"] for name, one in told.items() if one["status"] in {"enabled", "disabled", "static"}}
    assert {name: ours[name][1] for name in enabling} == enabling
    assert len(enabling) > 30


def test_timers_are_what_systemctl_says(systemd: Systemd | None) -> None:
    """When they go off, what they start, and what their file and a drop-in set."""
    if systemd is None:
        assert lacking()
        return
    expect = {
        "active": {"equals": "active"},
        "since_last_s": {"absent": True},
        "until_next_s": {"between": [1, 3600]},
        "result": {"equals": "success"},
        "calendar": {"equals": ["yearly", "Mon 2099-*-* 03:00"]},
        "spans": {"equals": ["OnActiveSec=1h", "OnUnitInactiveSec=2d"]},
        "unit": {"equals": "plain.service"},
        "persistent": {"equals": False},
    }
    assert systemd.look([{"check": "timer", "key": "soon", "expect": expect}])[0]["message"] == ""
    systemd.run("sh", "-c", "mkfifo /run/tmp/early; systemctl start early.timer; cat /run/tmp/early")
    rows = json.loads(systemd.run("systemctl", "list-timers", "--all", "--output=json"))
    assert {"soon.timer", "early.timer"} <= {row["unit"] for row in rows}
    for row in rows:
        items = [{"check": "timer", "key": row["unit"], "expect": {"unit": {"equals": row["activates"]}}}]
        items += [{"check": "timer", "key": row["unit"], "expect": {p: ANY}} for p in ("since_last_s", "until_next_s")]
        unit, last, coming = systemd.look(items)
        assert unit["outcome"] == "pass"
        assert (last["outcome"] == "pass") == bool(row["last"])
        assert (coming["outcome"] == "pass") == bool(row["next"])
    assert systemd.look([{"check": "timer", "key": "early", "expect": {"since_last_s": {"at_most": 3600}}}])[0][
        "observed"
    ].startswith("since_last_s under 1 min")


def test_bad_units_are_found_without_their_names(systemd: Systemd | None) -> None:
    """Failed ones, as systemctl lists them; jobs that hang; files that systemd cannot read."""
    if systemd is None:
        assert lacking()
        return
    rows = json.loads(systemd.run("systemctl", "list-units", "--failed", "--output=json"))
    failed = sorted(row["unit"] for row in rows)
    assert "broken.service" in failed
    systemd.run("systemctl", "start", "--no-block", "behind.service")
    failed_finding, ignored, broken, stuck, patient, jobs = systemd.look(
        [
            {"check": "unit", "key": "failed"},
            {"check": "unit", "key": "failed", "with": {"except": ["b*.service", "flapping.service"]}},
            {"check": "unit", "key": "broken", "expect": {"units": {"contains": "oddly-written.service"}}},
            {"check": "unit", "key": "stuck", "with": {"after_s": 0}},
            {"check": "unit", "key": "stuck"},
            {"check": "unit", "key": "jobs", "expect": {"units": {"equals": ["behind.service", "hanging.service"]}}},
        ]
    )
    assert (failed_finding["outcome"], failed_finding["observed"]) == ("fail", " ".join(failed))
    assert ignored["outcome"] == "pass"
    assert broken["outcome"] == "pass"
    assert (stuck["outcome"], stuck["observed"]) == ("fail", "hanging.service")
    assert patient["outcome"] == "pass"
    assert jobs["outcome"] == "pass"
    systemd.run("systemctl", "stop", "hanging.service")
