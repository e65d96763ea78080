"""A scheduled sweep's own process: `inspector`, which ends in good order when who started it is gone.

A process of its own, because a sweep of a big fleet takes seconds of a processor, in which a watch in the same process
would be deaf, and 100 MB, which a process that ends gives back.
"""

from __future__ import annotations

import signal
import sys

from inspector_agent.runner.kin import die_with_parent


def main() -> None:
    """`child PARENT WORD…`: be `inspector WORD…`. SIGTERM closes the ledger early: what is known is kept."""
    die_with_parent(int(sys.argv[1]), signal.SIGTERM)
    del sys.argv[1]
    from inspector_coord.__main__ import main as inspector

    inspector()


if __name__ == "__main__":
    main()
