"""Real mounts in a mount namespace of a test's own, and our checks run in it. What is mounted there is gone with it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.check_cases import CHECKS, Finding
from tests.support.others import PLAIN

# A process 1 of its own, as the machine's is what counts otherwise.
UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]
LIMIT_S = 120
REFUSED = 77  # what a script ends with after it has asked the machine for what it needs, and the machine has it not


class RefusedError(Exception):
    """The machine has not what a script needs: what our checks tell of the machine as it is has to do."""


def inside(
    script: str, items: Iterable[Mapping[str, Any]], place: Path, *, also: Sequence[str] = ()
) -> tuple[list[Finding], str]:
    """Run a shell script in a new mount namespace, then our checks on the items; their findings, and what it printed.

    script  is started with `place` as its directory; the last of it may be `findmnt --json`, say
    also    more namespaces of its own, as unshare(1) names them: `--net`
    Raises RefusedError where such a namespace cannot be made, or the script ends with REFUSED. However else it fails,
    the test fails: nobody is to catch that.
    """
    if subprocess.run([*UNSHARE, *also, "true"], capture_output=True, check=False, env=PLAIN).returncode:
        raise RefusedError
    request = json.dumps({"items": [{"id": str(number), **item} for number, item in enumerate(items)]})
    (place / "request.json").write_text(request, encoding="utf-8")
    done = subprocess.run(
        [*UNSHARE, *also, "sh", "-c", f'set -e\n{script}\nexec "$@" < request.json > findings.json', "sh",
         sys.executable, str(CHECKS / "batch.py")],
        cwd=place, capture_output=True, check=False, text=True, timeout=LIMIT_S, env=PLAIN,
    )  # fmt: skip
    if done.returncode == REFUSED:
        raise RefusedError(done.stderr)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (place / "findings.json").read_text(encoding="utf-8").splitlines()]
    found = {line["id"]: line for line in lines if "id" in line}
    return [found[item["id"]] for item in json.loads(request)["items"]], done.stdout
