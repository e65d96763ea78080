"""The contract: requests are bounded and checked, findings are whole lines, one item never takes another with it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from checklib import limits
from checklib.contract import decode_request, finding, shorten
from checklib.errors import BadRequest, CannotTell
from checklib.kinds import Kind, Property
from checklib.loop import run_items
from checklib.values import Observed
from hypothesis import given
from hypothesis import strategies as st

from tests.support.check_cases import (
    CHECKS,
    Finding,
    kind_module,
    lines_of,
    look,
    look_at,
    module,
    outcome,
    plant,
    script,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
)
ITEM_FIELDS = ["id", "check", "key", "expect", "with", "timeout_s"]
ITEMS = st.dictionaries(st.sampled_from(ITEM_FIELDS), st.one_of(JSON, st.text(max_size=8)), max_size=6)
REQUESTS = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {"items": st.one_of(JSON, st.lists(ITEMS, max_size=4))}, optional={"root": JSON, "facts": JSON}
    ),
)


@given(raw=REQUESTS)
def test_anything_is_a_request_or_is_refused(raw: Any) -> None:
    """Whatever JSON comes: items that can be told apart, or the one documented error."""
    try:
        request = decode_request(raw)
    except BadRequest:
        return
    assert all(isinstance(item.id, str) and isinstance(item.check, str) for item in request.items)
    assert all(item.mistake or (item.key and item.timeout_s > 0) for item in request.items)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ([], "no JSON object"),
        ({}, "`items` is no list"),
        ({"items": {}}, "`items` is no list"),
        ({"items": [{}] * 20_001}, "at most 20000"),
        ({"items": [], "contract": 2}, "contract 2"),
        ({"items": [], "root": "relative"}, "no absolute path"),
        ({"items": [], "root": "/a\0b"}, "no absolute path"),
        ({"items": [], "facts": []}, "`facts`"),
        ({"items": [{"id": "a"}, 7]}, "item 1 of `items`"),
        ({"items": [{"check": "sysctl"}]}, "item 0 of `items`"),
        ({"items": [{"id": "x" * 513}]}, "item 0 of `items`"),
        ({"items": [{"key": "a", "check": 7}]}, "item 0 of `items`"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_as_a_whole(raw: Any, why: str) -> None:
    """Nothing is checked, and the error says why."""
    with pytest.raises(BadRequest, match=why):
        decode_request(raw)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"speed": 1}, "unknown field 'speed'"),
        ({"key": ""}, "`key` is no text"),
        ({"key": "x" * 5000}, "`key` is no text"),
        ({"key": "a\0b"}, "`key` is no text"),
        ({"key": 7, "id": "seven"}, "`key` is no text"),
        ({"timeout_s": 0}, "between 0 and 3600"),
        ({"timeout_s": -1}, "between 0 and 3600"),
        ({"timeout_s": float("nan")}, "between 0 and 3600"),
        ({"timeout_s": True}, "no number"),
        ({"timeout_s": "2"}, "no number"),
        ({"with": []}, "`with` is no JSON object"),
        ({"with": {"argv": []}}, "`with` is no JSON object"),
        ({"with": {"argv": {"a": 1}}}, "`with` is no JSON object"),
        ({"expect": []}, "`expect` does not read"),
        ({"expect": {"value": 10}}, "`expect` does not read"),
        ({"expect": {"value": {}}}, "`expect` does not read"),
        ({"expect": {"value": {"equals": None}}}, "`expect` does not read"),
        ({"expect": {"value": {"equals": "x" * 5000}}}, "`expect` does not read"),
        ({"expect": {"value": {"one_of": [["a"]]}}}, "`expect` does not read"),
        ({"expect": {str(number): {"any": True} for number in range(65)}}, "`expect` does not read"),
    ],
)
def test_a_malformed_item_is_an_error_and_its_neighbours_are_looked_at(change: dict[str, Any], why: str) -> None:
    """One mistake costs one item."""
    good = {"check": "kernel", "key": "release", "expect": {"value": {"any": True}}}
    first, broken, last = look([good, good | change, good])
    assert (first["outcome"], broken["outcome"], last["outcome"]) == ("pass", "error", "pass")
    assert why in broken["message"]


def test_an_unknown_check_is_an_error() -> None:
    """And the message says how to see those that there are."""
    assert look_at("sysctrl", "vm.swappiness")["message"] == "there is no check 'sysctrl': --list names all"
    assert "cannot be" in look_at("os_", "id")["message"]
    assert look_at("../../etc/passwd", "x")["outcome"] == "error"


def test_a_finding_line_is_bounded_and_printable() -> None:
    """Control characters and half characters of a hostile value reach neither a terminal nor a decoder."""
    line = finding("a:b", "fail", "x" * 300, "a\x1b[31mb\r\nc\ud800" + "y" * 500, 1.23456)
    assert line["observed"] == "x" * 199 + "…"
    assert line["message"].startswith("a [31mb c y")
    assert len(line["message"]) == limits.message_chars_max
    assert line["ms"] == 1.235
    assert json.dumps(line).encode()
    assert shorten("a\tb", 10) == "a b"


def test_a_kind_that_cannot_be_loaded_costs_its_own_items(tmp_path: Path) -> None:
    """A node's own Python may lack a module that one kind needs."""
    kernel = module("batch").find_kind("kernel")

    def find(name: str) -> Kind:
        if name != "kernel":
            raise ImportError("No module named '_ctypes'")
        return kernel  # type: ignore[no-any-return]

    lines: list[Finding] = []
    asked = [{"check": check, "key": "release", "expect": {"value": {"any": True}}} for check in ("other", "kernel")]
    run_items(decode_request({"items": asked}), find, lines.append)
    told = {line["id"]: (line["outcome"], line["message"]) for line in lines if "id" in line}
    assert told["other:release"] == ("error", "the check other cannot be loaded here: No module named '_ctypes'")
    assert told["kernel:release"][0] == "pass"


def test_what_may_start_programs_is_left_where_only_reading_is_wanted() -> None:
    """And told by name, so that it can be looked at later; what cannot be looked at at all is told as ever."""
    service = {"check": "service", "key": "cron", "expect": {"active": {"any": True}}}
    kernel = {"check": "kernel", "key": "release", "expect": {"value": {"any": True}}}
    unknown = {"check": "sysctrl", "key": "x"}
    lines: list[Finding] = []
    module("batch").run({"items": [service, kernel, unknown], "reads_only": True}, lines.append)
    assert [line for line in lines if "held" in line] == [{"held": "service:cron"}]
    assert {line["id"]: line["outcome"] for line in lines if "id" in line} == {
        "kernel:release": "pass",
        "sysctrl:x": "error",
    }
    assert [line["start"] for line in lines if "start" in line] == ["kernel:release", "sysctrl:x"]


def test_programs_are_started_last(tmp_path: Path) -> None:
    """What costs nothing is told first, whatever the order of the request; each item is announced."""
    lines: list[Finding] = []
    items = [
        {"check": "nagios", "key": "n", "with": {"argv": ["true"]}},
        {"check": "package", "key": "bash", "expect": {"version": {"any": True}}},
        {"check": "command", "key": "c", "with": {"argv": ["true"]}},
        {"check": "sysctl", "key": "kernel.osrelease", "expect": {"value": {"any": True}}},
        {"check": "kernel", "key": "release", "expect": {"value": {"any": True}}},
    ]
    module("batch").run({"items": items, "root": str(tmp_path)}, lines.append)
    assert [line.get("start") or line["id"] for line in lines] == [
        name
        for name in ("sysctl:kernel.osrelease", "kernel:release", "package:bash", "nagios:n", "command:c")
        for _ in ("start", "finding")
    ]


class Odd:
    """A kind whose items do as their keys say."""

    kind: Kind

    def __init__(self) -> None:
        self.kind = Kind(
            "odd", title="t", key="k", main="value", properties={"value": Property("text", "t")}, example={},
            chapter="system", outcomes="", reads=(), cost="", observe=self.observe,
        )  # fmt: skip

    def observe(self, item: Any, _node: object) -> Observed:
        """Raise what the key names."""
        if item.key == "good":
            return Observed({"value": "x"})
        raise {
            "bug": KeyError("nothing"),
            "os": OSError(5, "Input/output error", "/dev/sda"),
            "told": CannotTell("no"),
        }[item.key]

    def find(self, _name: str) -> Kind:
        """The only kind."""
        return self.kind


@pytest.mark.parametrize(
    ("key", "message"),
    [("bug", "unexpected KeyError: 'nothing'"), ("os", "/dev/sda: Input/output error"), ("told", "no")],
)
def test_what_nobody_expected_costs_one_item(key: str, message: str) -> None:
    """An exception in a check is its item's error, with the exception's own text, and the rest goes on."""
    lines: list[Finding] = []
    items = [
        {"id": str(place), "check": "odd", "key": one, "expect": {"value": {"any": True}}}
        for place, one in enumerate(("good", key, "good"))
    ]
    run_items(decode_request({"items": items}), Odd().find, lines.append)
    told = [(line["outcome"], line["message"]) for line in lines if "id" in line]
    assert told == [("pass", ""), ("error", message), ("pass", "")]


def test_a_regular_expression_without_end_is_stopped(tmp_path: Path) -> None:
    """One item's time is its own: the alarm rings within it, and the next item passes."""
    plant(tmp_path, {"/long": "a" * 60 + "b\n"})
    endless = {"check": "file", "key": "/long", "expect": {"content": {"matches": "^(a+)+$"}}, "timeout_s": 0.2}
    quick = {"check": "file", "key": "/long", "expect": {"size": {"equals": 62}}}
    first, second = look([endless, quick], tmp_path)
    assert outcome(first) == ("error", "", "timeout after 0.2 s")
    assert first["ms"] < 60_000
    assert second["outcome"] == "pass"


def test_a_callers_own_alarm_goes_on() -> None:
    """Whoever calls run() may have set a timer: it is there afterwards, and so is its handler."""
    import signal

    handler, timer = signal.getsignal(signal.SIGALRM), signal.getitimer(signal.ITIMER_REAL)
    signal.setitimer(signal.ITIMER_REAL, 100)
    try:
        look_at("kernel", "release", {"value": {"any": True}})
        assert 90 < signal.getitimer(signal.ITIMER_REAL)[0] <= 100
        assert signal.getsignal(signal.SIGALRM) == handler
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)


SCRIPTS = sorted(path.stem for path in CHECKS.glob("*.py") if path.stem != "batch")


@pytest.mark.parametrize("name", [*SCRIPTS, "batch"])
def test_each_file_is_a_program(name: str) -> None:
    """--help, --describe and --list answer; a wrong argument or request is said on stderr, exit code 2."""
    for argument in ("--help", "--describe", "--list"):
        done = script(f"{name}.py", "", argument)
        assert (done.returncode, done.stderr) == (0, b""), argument
        assert done.stdout, argument
    for text, arguments in (("", ["--fast"]), ("{", []), ('{"items": 7}', []), ("[" * 100_000, [])):
        done = script(f"{name}.py", text, *arguments)
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_command_that_help_shows_works(name: str) -> None:
    """It is copied from --help and run by a shell, as a reader would."""
    import os
    import subprocess

    shown = next(line for line in script(f"{name}.py", "", "--help").stdout.decode().splitlines() if "echo" in line)
    done = subprocess.run(
        ["/bin/sh", "-c", shown], cwd=CHECKS, capture_output=True, check=True, env={"PATH": os.environ["PATH"]}
    )
    start, found = lines_of(done.stdout)
    assert start == {"start": found["id"]}
    assert found["outcome"] in {"pass", "fail", "error", "na"}
    assert "there is no property" not in found["message"]


def test_a_file_alone_checks_its_own_kind_only() -> None:
    """`check` may be left out of an item; another kind is an error."""
    request = {
        "items": [{"key": "kernel.osrelease", "expect": {"value": {"any": True}}}, {"check": "file", "key": "/"}]
    }
    told = [line for line in lines_of(script("sysctl.py", json.dumps(request)).stdout) if "id" in line]
    assert [line["outcome"] for line in told] == ["pass", "error"]
    assert told[0]["id"] == "sysctl:kernel.osrelease"
    assert told[1]["message"] == "this program checks sysctl, not 'file'"


def test_a_flood_on_stdin_is_refused() -> None:
    """A request has a bounded size."""
    done = script("batch.py", b" " * (limits.request_bytes_max + 1))
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"more than" in done.stderr


@pytest.mark.parametrize("check", ["file", "setting", "fstab", "cron", "sysctl", "module"])
def test_below_a_root_that_is_not_there_nothing_is_absent(check: str, tmp_path: Path) -> None:
    """A forgotten mount of the machine into a container must not let hardening pass."""
    kind = module(check).KIND
    root = tmp_path / "nowhere"
    line = look_at(check, next(iter(kind.example)), {kind.main: {"absent": True}}, root)
    assert outcome(line) == ("error", "", f"{root}: No such file or directory")


@pytest.mark.parametrize("check", module("batch").names())
def test_below_an_empty_root_nothing_is_absent(check: str, tmp_path: Path) -> None:
    """A mount point with nothing mounted on it, perhaps with what keeps it in a repository: neither is a system."""
    kind = kind_module(check).KIND
    key, body = next(iter(kind.example.items()))
    parameters = body.get("with", {}) if isinstance(body, dict) else {}
    (tmp_path / ".keep").touch()
    line = look_at(check, key, {kind.main: {"absent": True}}, tmp_path, parameters=parameters)
    reason = f"below {tmp_path} there is no system, neither /etc, /proc, /sys nor /usr: is it to be mounted first?"
    assert outcome(line) == ("error", "", reason)
    (tmp_path / "etc").mkdir()
    line = look_at(check, key, {kind.main: {"absent": True}}, tmp_path, parameters=parameters)
    assert line["message"] != reason


def test_disks_that_are_full_alike_read_the_same() -> None:
    """The last bytes differ on every node, and would keep their findings apart."""
    line = look_at("disk", "/", {"free_bytes": {"at_least": 1 << 62}})
    assert line["outcome"] == "fail"
    assert re.fullmatch(r"free_bytes (under 1|\d+ to \d+) GiB", line["observed"])
