"""Shell: starting a command whose libraries are an extra of the package, which may not be installed here.

The agent installs with little; every other command then says in one sentence what it lacks, and not in a traceback.
"""

from __future__ import annotations

import importlib
import sys

OURS = ("config_center", "inspector_agent", "inspector_coord", "inspector_lab")
CANNOT = 2
INTERRUPTED = 130


def start(program: str, module: str, extra: str) -> None:
    """Run `main` of a module; where a library is missing, say which extra brings it, and exit 2."""
    try:
        main = importlib.import_module(module).main
    except ModuleNotFoundError as missing:
        library = (missing.name or "").partition(".")[0]
        if not library or library in OURS:
            raise
        advice = f"pip install 'fleet-inspector[{extra}]'"
        print(f"{program} needs {library}, which is not installed here: {advice}", file=sys.stderr)
        sys.exit(CANNOT)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)  # before there is a command that could say anything
    main()
