"""CORE. The order of versions in a `match` and in a question about nodes: `below: 6.1`, `kernel < 6.1`.

It is the order in which the checks compare kernel releases, because it suits everything a node says about itself:
dotted numbers first (what is left out is 0, a leading `v` is a habit), a release candidate before its release, then the
rest, word by word. 1.9 < 1.10 = 1.10.0 < 1.10.0-37; a plain number is a version of one part.
"""

from __future__ import annotations

import re
from typing import Final

from config_center import limits

_NUMBERS: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_CANDIDATE: Final = re.compile(r"[-.~_]?rc([0-9]+)(?![a-zA-Z])")
_WORDS: Final = re.compile(r"[0-9]+|[a-zA-Z]+")
_BEFORE: Final = -1  # of a candidate, where a release has _AFTER
_AFTER: Final = 0

Words = tuple[tuple[int, int, str], ...]
VersionKey = tuple[tuple[int, ...], int, Words]  # keys are compared as they are


def version_key(text: str) -> VersionKey | None:
    """What orders a version among others; None where the text is no version: it has to begin with a number."""
    if len(text) > limits.version_chars_max or not text.isascii() or any(map(str.isspace, text)):
        return None
    bare = text[1:] if text[:1] in {"v", "V"} else text
    found = _NUMBERS.match(bare)
    if not found:
        return None
    numbers = [int(number) for number in found[0].split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    rest = bare[found.end() :]
    candidate = _CANDIDATE.match(rest)
    if candidate:
        return tuple(numbers), _BEFORE, ((1, int(candidate[1]), ""), *_words(rest[candidate.end() :]))
    return tuple(numbers), _AFTER, _words(rest)


def _words(text: str) -> Words:
    """Numbers after letters."""
    return tuple((1, int(word), "") if word.isdigit() else (0, 0, word) for word in _WORDS.findall(text))
