"""What of this machine other tests change while they run beside: tests that look at all of it leave that out."""

from __future__ import annotations

import os
from pathlib import Path

LINKS = "insp-"  # how links of labs begin, which other tests have up for a while


def kernel_parameters() -> list[Path]:
    """All files of /proc/sys, sorted, less those of links that may go at any moment, each with a hundred of them."""
    found = (Path(folder, name) for folder, _, names in os.walk("/proc/sys") for name in names)
    return sorted(path for path in found if not any(part.startswith(LINKS) for part in path.parts))
