"""Words in colours, on a terminal."""

from __future__ import annotations

COLOURS = {
    "pass": "32",
    "ok": "32",
    "fail": "1;31",
    "bad": "1;31",
    "error": "35",
    "warn": "33",
    "na": "2",
    "waived": "36",
}


class Paint:
    """Colours for a terminal, or none."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    def __call__(self, word: str, width: int = 0) -> str:
        """The word in its colour, padded to a width that counts no escape sequences."""
        padding = " " * (width - len(word))
        code = COLOURS.get(word.lower())
        return f"\x1b[{code}m{word}\x1b[0m{padding}" if self._colours and code else word + padding
