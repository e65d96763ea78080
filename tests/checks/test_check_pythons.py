"""Every case file with every Python at hand: the second pass sends the checks to whatever a node has.

The floor's grammar is held whatever is at hand; the names of the tests say which Pythons it was. Our own is one.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.check_cases import CASES, CHECKS, REPOSITORY, load, plant
from tests.support.pythons import FLOOR, pythons

DRIVER = """
import json, sys
asked = json.load(sys.stdin)
sys.path.insert(0, asked["checks"])
import batch
from checklib.kinds import describe
told = []
for request in asked["requests"]:
    lines = []
    batch.run(request, lines.append)
    told.append([[line["id"], line["outcome"], line["observed"], line["message"]] for line in lines if "id" in line])
for kind, function, arguments in asked["parses"]:
    plain = [bytes.fromhex(one["hex"]) if isinstance(one, dict) and set(one) == {"hex"} else one for one in arguments]
    batch.find_kind(kind).observe.__globals__[function](*plain)
print(json.dumps({"told": told, "catalogue": describe(batch.kinds())}))
"""
# What an older Python cannot read (TOML before 3.11), or a bare one (YAML), is told as exactly that.
_LACKS_SOMETHING = re.compile("Python|PyYAML")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A request for each case file with items, and all that case files want parsed."""
    requests, parses = [], []
    for path in sorted(CASES.glob("*/*.yml")):
        case, kind = load(path), path.parent.name
        parses += [(kind, one["function"], one["arguments"]) for one in case.get("parse", [])]
        root = plant(tmp_path_factory.mktemp("root"), case["tree"]) if "tree" in case else Path("/")
        items = [
            {"id": f"{kind}/{path.stem} {place}", "check": kind, "timeout_s": 60.0, **item}
            for place, item in enumerate(json.loads(json.dumps(case.get("items", [])).replace("{root}", str(root))))
        ]
        bare = [{name: part for name, part in item.items() if name != "finding"} for item in items]
        requests.append({"root": str(root), "items": bare})
    return {"checks": str(CHECKS), "requests": requests, "parses": parses}


def run(program: str, asked: dict[str, Any]) -> dict[str, Any]:
    """What the driver prints: "told", by request and item [id, outcome, observed, message], and the "catalogue"."""
    done = subprocess.run(
        [program, "-I", "-B", "-W", "error", "-c", DRIVER],
        input=json.dumps(asked, default=lambda raw: {"hex": raw.hex()}),  # bytes
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture(scope="module")
def ours(asked: dict[str, Any]) -> dict[str, Any]:
    """With the Python of these tests."""
    return run(sys.executable, asked)


@pytest.mark.parametrize("version", pythons(), ids=lambda version: "{}.{}".format(*version))
def test_every_case_is_the_same_with(version: tuple[int, int], asked: dict[str, Any], ours: dict[str, Any]) -> None:
    """Findings and catalogue; no warning."""
    theirs = run(pythons()[version], asked)
    assert theirs["catalogue"] == ours["catalogue"]
    differing = [
        (wanted, seen)
        for told, others in zip(ours["told"], theirs["told"], strict=True)
        for wanted, seen in zip(told, others, strict=True)
        if seen != wanted and not (seen[1] in {"na", "error"} and _LACKS_SOMETHING.search(seen[3]))
    ]
    assert differing == []


@pytest.mark.parametrize(
    "path", [*sorted(CHECKS.rglob("*.py")), REPOSITORY / "playbooks" / "recheck.py"], ids=lambda path: path.stem
)
def test_the_floor_could_read(path: Path) -> None:
    """No grammar that came later, whichever Python is at hand."""
    ast.parse(path.read_text(encoding="utf-8"), feature_version=FLOOR)
