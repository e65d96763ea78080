"""Resolves a fleet's directory for all nodes of `brain_fleet`, in a process of its own, whose memory it tells.

`python -m bench.resolve_job DIR` prints {"seconds": …, "mb": …, "different": …}, the last being how many different
baselines there are.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from bench import brain_fleet
from bench.memory import peak_mb
from config_center.describe import bundled_checks, catalogue_of
from config_center.drafting import draft
from config_center.resolve import Resolver


def main(directory: Path) -> None:
    """Keep every node's baseline, as a coordinator does."""
    release = draft(directory, catalogue_of(bundled_checks()))
    began = time.perf_counter()
    resolver = Resolver(release)
    baselines = [resolver.baseline(name, tags) for name, tags in brain_fleet.nodes()]
    seconds = time.perf_counter() - began
    if len(baselines) != brain_fleet.NODES or any(len(one.items) != brain_fleet.ITEMS for one in baselines):
        raise SystemExit("not every node has every item")
    mb = peak_mb(os.getpid())
    print(json.dumps({"seconds": seconds, "mb": mb, "different": len({id(one.items) for one in baselines})}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
