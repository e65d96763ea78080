"""CORE. A command line of Goss, which its shell would run, as a list of words, which is run here without any shell.

Where the shell would do more than split it into words, it cannot be said here, and that is a mistake.
"""

from __future__ import annotations

import re
import shlex
from typing import Final

from config_center.mistakes import Notes
from config_center.yaml_lines import Node, Scalar

_IN_QUOTES: Final = re.compile(r"""'[^']*'|"[^"$`\\]*\"""")
_SHELL: Final = re.compile(r"[|&;<>()$`\\*?\[\]{}#~!\n]")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=")
_BUILT_IN: Final = frozenset(
    ". alias cd command eval exec exit export for if read set source time type ulimit umask unset until while".split()  # noqa: SIM905
)


def argv_of(node: Node, notes: Notes) -> list[str]:
    """The words of a command line; empty after noting why there are none."""
    if not isinstance(node, Scalar):
        notes.spoil(node, "exec takes one text")
        return []
    left = _IN_QUOTES.sub("", node.spelling)
    mark = _SHELL.search(left)
    try:
        words = shlex.split(node.spelling)
    except ValueError as error:
        notes.spoil(node, f"this command line has no end: {error}")
        return []
    hint = "put it into a script on the nodes, or into a check of your own in checks/"
    if mark:
        notes.spoil(node, f"Goss has a shell run this ({mark[0]!r}); no shell is ever started here", hint)
        return []
    if not words or words[0] in _BUILT_IN or _ASSIGNMENT.match(words[0]):
        what = words[0][:40] if words else "nothing"
        notes.spoil(node, f"Goss has a shell run this ({what}); no shell is ever started here", hint)
        return []
    return words
