"""`make setup`: the first file a fresh clone runs, with whatever `python3` the machine has.

It must parse on an old Python to be able to say that it is one. So it uses no newer syntax, finds a good
interpreter, and hands over to `inspector_lab.installer`, which needs nothing but the standard library.
"""

import os
import pathlib
import shutil
import subprocess
import sys

OLDEST = (3, 11)
# Newest first: a machine with several is best served by the one that is maintained longest.
CANDIDATES = ("python3.14", "python3.13", "python3.12", "python3.11")


def newer_python():
    # type: () -> str | None
    """Path of a Python that is new enough, or None."""
    found = (shutil.which(name) for name in CANDIDATES)
    return next((path for path in found if path and works(path)), None)


def works(path):
    # type: (str) -> bool
    """Whether this is a Python that starts: version managers leave shims on PATH that only print an error."""
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    quiet = subprocess.DEVNULL
    return subprocess.call([path, "-c", check], stdout=quiet, stderr=quiet, stdin=quiet) == 0


def main():
    # type: () -> int
    """Exit code of the set-up: 0 done, 1 something is missing and was named."""
    here = pathlib.Path(__file__).resolve()
    repository = str(here.parent.parent)
    if sys.version_info < OLDEST:
        better = newer_python()
        if better is None:
            message = (
                "setup: Python 3.11 or newer is needed, this is {}.{} ({}) and none of {} is on PATH: "
                "install python3.11 or newer and run make again.\n"
            )
            sys.stderr.write(message.format(*sys.version_info[:2], sys.executable, ", ".join(CANDIDATES)))
            return 1
        os.execv(better, [better, str(here)])  # noqa: S606 - no shell is the point
    # Not the folder of this file: its modules would shadow those of the standard library.
    sys.path[0] = repository
    from inspector_lab.installer import install

    return install(repository)


if __name__ == "__main__":
    sys.exit(main())
