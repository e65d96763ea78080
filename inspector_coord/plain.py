"""Text from nodes, made harmless before any face shows it (core: no I/O).

A ring member chooses its own name and tags, and a check prints what it likes. Shown as it comes, such a text can
move the cursor, recolour the screen, forge a line of the report or run right to left. Every face passes foreign text
through here.
"""

from __future__ import annotations

import json
import re
import unicodedata

import msgspec

__all__ = ["is_utf8", "json_line", "json_text", "plain"]

# Categories: control, format (bidi overrides, zero width, soft hyphen), surrogates, private use, unassigned,
# and the two separators that some terminals break a line at.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def plain(text: object, chars_max: int = 400) -> str:
    """One printable line of at most chars_max characters; what cannot be shown becomes `·`, line ends and tabs a space.

    A text that had to be cut ends in `…`, which counts as one of the characters.
    """
    raw = text if isinstance(text, str) else str(text)
    line = "".join(_shown(char) for char in raw[: chars_max + 1].replace("\r\n", "\n"))
    return line if len(raw) <= chars_max else line[: chars_max - 1] + "…"


def json_line(document: object) -> str:
    """A document as one line of JSON in ASCII: its values are kept, and none of them says anything to a terminal.

    A locale that has no such letter does not change them either.
    """
    return _ascii(msgspec.json.encode(document))


def json_text(document: object) -> str:
    """The same over several lines, for people."""
    return _ascii(msgspec.json.format(msgspec.json.encode(document), indent=1))


def _ascii(text: bytes) -> str:
    """JSON, all of whose letters beyond ASCII stand in strings."""
    return re.sub(r"[^\n -~]+", lambda found: json.dumps(found[0])[1:-1].replace("\x7f", r"\u007f"), text.decode())


def is_utf8(text: str) -> bool:
    """False for a word of the command line that was other bytes: neither a database nor JSON takes it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(char: str) -> str:
    if char in "\n\r\t":
        return " "
    return "·" if unicodedata.category(char) in _HIDDEN else char
