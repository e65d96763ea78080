"""The inspection agent of a node in namespaces: the real one, with a clock that the lab can put wrong.

Wall clocks are in no namespace: one machine has one. So what is skewed is what the agent believes, and nothing else
there; checks that ask the kernel for the time see the machine's.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from inspector_agent.cli import serve
from inspector_agent.config import load


class Clock:
    """Unix time, wrong by as many seconds as a file says; right without one."""

    def __init__(self, skew: Path) -> None:
        self._skew = skew

    def __call__(self) -> float:
        """Now."""
        try:
            return time.time() + float(self._skew.read_text())
        except FileNotFoundError:
            return time.time()


def main() -> None:
    """`python -m inspector_lab.namespaces.agent AGENT.YML SKEW`."""
    serve(load(Path(sys.argv[1])), Clock(Path(sys.argv[2])))


if __name__ == "__main__":
    main()
