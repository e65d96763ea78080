"""Finds the program that an argument list means, and runs it where the request's root says."""

from __future__ import annotations

import os
import stat

from checklib import parameters, programs
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Parameter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.root import Root

# The parameters of every kind that runs a program of the item's own choice, besides its `argv`.
BELOW_ROOT = "below_root"
PARAMETERS = {
    "env": Parameter("list", "NAME=value, on top of PATH, LC_ALL=C.UTF-8, HOME=/ and INSPECTOR_ROOT"),
    BELOW_ROOT: Parameter(
        "bool", "true: run it for another root too, as it looks below INSPECTOR_ROOT and is safe on this machine"
    ),
}


def run_item(item: Item, node: Node, directories: Sequence[str] = programs.PATH) -> programs.Ended:
    """Run the item's `argv`, with its `env` on top, in the root directory. Raises as programs.run does.

    Nothing confines a program to another root: what is found there would run on this machine, with our rights, and what
    is found on this machine would look at this machine. Below another root it takes the item's word that neither harms;
    without it NotApplicable is raised, and no program is even looked for.
    """
    if not node.root.is_host and item.parameters.get(BELOW_ROOT) is not True:
        raise NotApplicable(
            f"no program is run for another root ({node.root.path}): with {BELOW_ROOT}: true an item says that its own "
            f"looks below INSPECTOR_ROOT and is safe to run on this machine"
        )
    argv = parameters.words(item, "argv")
    env = dict(_assignment(word) for word in parameters.words(item, "env"))
    return programs.run(
        find_program(argv[0], node.root, directories),
        argv[1:],
        timeout_s=item.timeout_s,
        cwd=node.root.path,
        env={"INSPECTOR_ROOT": node.root.path, **env},
    )


def find_program(name: str, root: Root, directories: Sequence[str]) -> str:
    """The path of an executable on this machine: below the root first, then of the machine itself.

    A bare name is looked for in the directories, then on our own PATH. Raises CannotTell where there is none.
    """
    path = look_for(name, root, directories)
    if path is None:
        hint = "" if len(name.split()) == 1 else ": argv takes each word by itself, and no shell splits them"
        raise CannotTell(f"there is no program {name[:200]}{hint}")
    return path


def look_for(name: str, root: Root, directories: Sequence[str]) -> str | None:
    """The same; None where there is none. Raises CannotTell where it is there and cannot be run."""
    if "/" in name and not name.startswith("/"):
        raise CannotTell(f"{name[:80]} is neither an absolute path nor a bare name")
    own = [directory for directory in os.environ.get("PATH", "").split(":") if directory.startswith("/")]
    paths = [name] if name.startswith("/") else [f"{directory}/{name}" for directory in (*directories, *own)]
    found = False
    for path in paths if root.is_host else [*map(root.on_host, paths), *paths]:
        try:
            status = os.stat(path)  # noqa: PTH116 - no pathlib: see checklib.root
        except OSError:  # not there, or not for us to see: the next one may be
            continue
        found = found or stat.S_ISREG(status.st_mode)
        if stat.S_ISREG(status.st_mode) and os.access(path, os.X_OK):
            return path
    if found:
        raise CannotTell(f"{name[:200]} is not executable")
    return None


def _assignment(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals or not name.isidentifier():
        raise CannotTell(f"{word[:80]!r} of env is no NAME=value")
    return name, value
