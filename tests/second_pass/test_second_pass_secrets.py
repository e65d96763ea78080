"""Secrets in the second pass: read and compared on the node, and never seen elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config_center.resolve import Item
from inspector_agent.bundled import checks_dir
from inspector_agent.veil import UNSAID
from inspector_coord.second_pass.bundle import bundle, playbooks_dir, request, unsendable
from inspector_coord.second_pass.judge import Sight, judge
from inspector_coord.second_pass.sight import Recheck, read_recheck
from tests.support.second_pass import expectation, subject

FEED = "import sys; feed = sys.stdin.buffer; exec(feed.read(int(feed.readline())))"
KEY = "hunter2-the-secret"
SHOUTS = b"""#!/bin/sh
cat > "${0%/*}/asked" 2>/dev/null
echo "it is hunter2-the-secret" >&2
echo '{"id": "vault:key", "outcome": "OUTCOME", "observed": "hunter2-the-secret", "message": "hunter2-the-secret"}'
"""


def secret(name: str = "sysctl:kernel.domainname", **fields: Any) -> Item:
    """An item whose operand stands in a file of the node."""
    known: dict[str, Any] = {"from_file": {"value": {"equals": "/etc/inspector/key"}}}
    return expectation(name, fields.pop("expect", {}), **(known | fields))


def node(root: Path, content: bytes, holds: str = KEY) -> Path:
    """A node's root directory, with the secret's file and a kernel parameter."""
    for path, raw in {"etc/inspector/key": content, "proc/sys/kernel/domainname": f"{holds}\n".encode()}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(raw)
    return root


def recheck(root: Path, *items: Item, executable: bytes = b"") -> tuple[Recheck, str]:
    """(what came back, all that the program printed)."""
    site = {}
    if executable:
        site = {"vault": root / "vault"}
        site["vault"].write_bytes(executable)
    feed = bundle(playbooks_dir() / "recheck.py", checks_dir(), {item.check for item in items})
    feed += request(subject("n001", items=items), items, site, limit_s=20)
    ran = subprocess.run(
        [sys.executable, "-I", "-B", "-c", FEED, str(root)], input=feed, capture_output=True, timeout=60, check=True
    )
    out = ran.stdout.decode()
    return read_recheck(out, frozenset(item.id for item in items)), out + ran.stderr.decode()


@pytest.mark.parametrize(
    ("content", "holds", "outcome"),
    [
        (f"{KEY}\n".encode(), KEY, "pass"),
        (f"{KEY}\r\n".encode(), KEY, "pass"),
        (b"another", KEY, "fail"),
    ],
)
def test_an_operand_of_a_file_is_compared_on_the_node(tmp_path: Path, content: bytes, holds: str, outcome: str) -> None:
    """As the agent does it: the file below the node's root, without the newline at its end; only the outcome leaves."""
    item = secret()
    told, printed = recheck(node(tmp_path, content, holds), item)
    assert (told.findings[item.id].outcome, told.findings[item.id].observed, told.findings[item.id].message) == (
        outcome,
        "",
        "",
    )
    assert KEY not in printed


def test_lines_of_a_file_are_the_choices_of_one_of(tmp_path: Path) -> None:
    """Empty lines are none."""
    item = secret(from_file={"value": {"one_of": "/etc/inspector/key"}})
    assert recheck(node(tmp_path, f"old\n\n{KEY}\n".encode()), item)[0].findings[item.id].outcome == "pass"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it is empty"),
        (b"\n", "it is empty"),
        (b"\xff\xfe", "it is no text in UTF-8"),
        (b"x" * 5000, "more than 4096 bytes"),
        (None, "No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_that_says_so(tmp_path: Path, content: bytes | None, why: str) -> None:
    """The path and the reason, which are no secrets; the next item is looked at all the same."""
    item, plain = secret(), expectation("sysctl:kernel.domainname2", {"value": {"equals": "x"}})
    root = node(tmp_path, content or b"")
    (root / "proc/sys/kernel/domainname2").write_text("x\n")
    if content is None:
        (root / "etc/inspector/key").unlink()
    told, _ = recheck(root, item, plain)
    assert told.findings[item.id].outcome == "error"
    assert told.findings[item.id].message.startswith("not checked: /etc/inspector/key, which holds what is expected")
    assert why in told.findings[item.id].message
    assert told.findings[plain.id].outcome == "pass"


def test_a_link_does_not_lead_out_of_the_root(tmp_path: Path) -> None:
    """A path of a layer is a path of the node."""
    outside = tmp_path / "outside"
    outside.write_text(KEY)
    root = node(tmp_path / "root", b"")
    (root / "etc/inspector/key").unlink()
    (root / "etc/inspector/key").symlink_to(outside)
    item = secret()
    assert recheck(root, item)[0].findings[item.id].outcome == "error"


@pytest.mark.parametrize(("outcome", "message"), [("fail", ""), ("error", UNSAID), ("na", UNSAID), ("pass", "")])
def test_what_a_check_says_of_a_secret_stays_on_the_node(tmp_path: Path, outcome: str, message: str) -> None:
    """Neither its value, nor its message, nor what it writes to standard error; the check learns of no new key."""
    item = secret("vault:key", expect={"value": {"matches": "."}}, from_file={}, secret=True)
    told, printed = recheck(tmp_path, item, executable=SHOUTS.replace(b"OUTCOME", outcome.encode()))
    found = told.findings["vault:key"]
    assert (found.outcome, found.observed, found.message) == (outcome, "", message)
    assert KEY not in printed


def test_an_ordinary_item_keeps_its_words(tmp_path: Path) -> None:
    """The veil is over secrets alone."""
    item = expectation("vault:key", {"value": {"matches": "."}})
    told, _ = recheck(tmp_path, item, executable=SHOUTS.replace(b"OUTCOME", b"fail"))
    assert told.findings["vault:key"].observed == KEY


def test_a_check_gets_the_content_in_the_place_of_the_path(tmp_path: Path) -> None:
    """Its request is that of the contract: no path, no mark of a secret."""
    asked = tmp_path / "asked"
    script = f'#!/bin/sh\ncat > {asked}\necho \'{{"id": "vault:key", "outcome": "pass"}}\'\n'.encode()
    item = secret("vault:key", expect={"value": {"matches": "."}})
    recheck(node(tmp_path / "root", KEY.encode()), item, executable=script)
    (sent,) = json.loads(asked.read_text())["items"]
    assert sent == {
        "id": "vault:key",
        "check": "vault",
        "key": "key",
        "expect": {"value": {"matches": ".", "equals": KEY}},
        "with": {},
        "timeout_s": 2.0,
    }


def test_an_item_with_an_undefined_variable_is_not_looked_at_again() -> None:
    """There is nothing to compare with: the reason stands in its place."""
    item = expectation("sysctl:vm.swappiness", {"value": {"equals": "${zone}"}}, problem="${zone} has no value")
    assert unsendable(subject("n001", items=(item,)), {}, checks_dir()) == {item.id: "${zone} has no value"}


def test_a_secret_that_fails_twice_is_confirmed_without_a_value() -> None:
    """Nothing to compare but the outcomes."""
    item = secret()
    one = subject("n001", items=(item,), observed={}, fingerprints=((item.id, "(secret)"),))
    line = json.dumps({"id": item.id, "outcome": "fail", "message": ""})
    found = judge(one, Sight(recheck=read_recheck(line, frozenset({item.id}))))
    assert (found.outcome, found.message) == ("confirmed", f"{item.id}: still fail")
