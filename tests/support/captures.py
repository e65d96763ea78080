"""Trees of many real machines, where INSPECTOR_CAPTURES names a folder of them; one that stands in without it.

Nothing of that folder is copied into the repository.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.check_cases import SIGNS, plant

FIRST = {"/proc/1/stat": "1 (init) S 0 1 1 0 -1 0\n", "/proc/1/cmdline": "init\0"}
# So that the same code is run everywhere.
STAND_IN = {
    **FIRST,
    "/proc/7/stat": "7 (vim) S 1 7 7 0 -1 0\n",
    "/proc/7/cmdline": "vim\0test.go\0",
    "/proc/7/status": "Uid:\t0\t0\t0\t0\n",
    "/proc/cmdline": "ro quiet\n",
    "/proc/sys/vm/swappiness": "60\n",
    "/proc/sys/vm/lowmem_reserve_ratio": "256\t256\t32\t1\n",
    "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n",
    "/etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
}


def captures() -> Path | None:
    """The folder; None where there is none."""
    named = os.environ.get("INSPECTOR_CAPTURES")
    return Path(named) if named else None


def trees(place: Path) -> list[Path]:
    """Root directories: of the captures where there are any, unpacked below place, else the one that stands in."""
    folder = captures()
    if folder is None:
        return [plant(place / "stand-in", STAND_IN)]
    found = []
    for archive in sorted(folder.rglob("*.ttar")):
        target = place / archive.parent.name / archive.stem
        subprocess.run(
            [sys.executable, str(folder / "unpack"), str(archive), str(target)], check=True, capture_output=True
        )
        found += [target, *sorted(path for path in target.iterdir() if path.is_dir() and (path / "proc").is_dir())]
    for root in found:  # whoever captured them left out process 1, without which nobody can tell what was hidden
        if (root / "proc").is_dir() and not (root / "proc" / "1").exists():
            plant(root, FIRST)
        if not any((root / sign).exists() for sign in SIGNS):  # only a part of a machine was captured
            plant(root, {})
    found += sorted(path.parent for path in folder.glob("*/proc"))
    assert found
    return found
