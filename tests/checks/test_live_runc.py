"""The real runc of this machine beside what dpkg tells of its package."""

from __future__ import annotations

import subprocess

from inspector_lab.tools import locate
from tests.support.check_cases import look_at
from tests.support.others import PLAIN


def test_the_version_is_the_packages() -> None:
    """dpkg's is the same, with a revision behind it."""
    assert locate("runc") is not None
    found = look_at("runc", "version", {"value": {"at_least": "0.9"}})
    assert found["outcome"] == "pass", found
    told = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", "runc"], capture_output=True, text=True, check=False, env=PLAIN
    )
    assert told.returncode or told.stdout.startswith(found["observed"].partition("+")[0])
    assert look_at("runc", "spec", {"value": {"at_least": "1.0"}})["outcome"] == "pass"
