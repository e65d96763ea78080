"""docs/after-a-change.md is to be copied: its items are a valid layer, and they say something of any machine."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.check_cases import REPOSITORY

PAGE = (REPOSITORY / "docs" / "after-a-change.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
CHECK = "import sys; from inspector_agent.cli import main; sys.exit(main())"


@pytest.mark.parametrize("root", ["/", ""], ids=["here", "empty"])
@pytest.mark.parametrize("block", BLOCKS, ids=["kernel", "kubelet", "hardware"])
def test_what_is_to_be_copied_can_be_looked_at(block: str, root: str, tmp_path: Path) -> None:
    """Without a mistake of the layer; each item has a finding, and none errs by how it is written."""
    (tmp_path / "layers").mkdir()
    (tmp_path / "layers" / "a.yml").write_text(block, encoding="utf-8")
    (tmp_path / "root" / "etc").mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-c", CHECK, "check", "--release", tmp_path, "--root", root or tmp_path / "root", "--json"],
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
    findings = json.loads(done.stdout)["findings"]
    assert len(findings) >= 10
    strange = re.compile("unexpected|names no|known are|nothing is expected|there is no (property|parameter)")
    assert [found for found in findings if strange.search(found["message"])] == []
