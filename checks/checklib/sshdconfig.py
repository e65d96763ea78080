"""sshd_config(5) read as far as it is plain, for roots whose own sshd cannot be asked. Pure: texts in, options out."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# Of these every line counts; of all others the first.
CUMULATIVE = frozenset({
    "acceptenv", "allowgroups", "allowusers", "denygroups", "denyusers", "hostcertificate", "hostkey", "listenaddress",
    "port", "setenv", "subsystem",
})  # fmt: skip
# These have no value of sshd's own: where they are not written they are not there, and `sshd -T` leaves them out.
WITHOUT_DEFAULT = frozenset({
    "acceptenv", "allowgroups", "allowusers", "channeltimeout", "debianbanner", "denygroups", "denyusers",
    "hostcertificate", "hostkey", "include", "logverbose", "rdomain", "setenv", "subsystem",
})  # fmt: skip
# How an option was called before.
OLD_NAMES = {
    "challengeresponseauthentication": "kbdinteractiveauthentication",
    "hostbasedacceptedkeytypes": "hostbasedacceptedalgorithms",
    "pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms",
    "skeyauthentication": "kbdinteractiveauthentication",
    "keepalive": "tcpkeepalive",
}
_TIMES = frozenset({"logingracetime", "clientaliveinterval"})
_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LINE = re.compile(r"\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*)")
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(#.*)|((?:[^\s"\\]|\\.)+)|\\')
_TIME = re.compile(r"([0-9]{1,9})([smhdw]?)", re.IGNORECASE)


class Config:
    """The options of a configuration.

    options  name in small letters -> its lines, in order, as `sshd -T` prints them
    matched  names that a Match block may set to something else
    """

    def __init__(self) -> None:
        self.options: dict[str, list[str]] = {}
        self.matched: set[str] = set()

    def read(self, text: str, *, always: bool = True) -> Iterator[tuple[str, bool]]:
        """Take in a file. Yields (pattern of files, always) where others are to be taken in first.

        always: it holds for every connection: False inside a Match block
        """
        here = always
        for line in text.split("\n"):
            found = _LINE.match(line)
            if not found or line.lstrip()[:1] == "#":
                continue
            name = OLD_NAMES.get(found[1].lower(), found[1].lower())
            words = parse_words(found[2])
            if name == "match":
                here = always and [word.lower() for word in words] == ["all"]
            elif name == "include":
                for pattern in words:
                    yield pattern, here
            elif words and not here:
                self.matched.add(name)
            elif words and (name in CUMULATIVE or name not in self.options):
                self.options.setdefault(name, []).append(_value(name, words))


def parse_words(text: str) -> list[str]:
    """The arguments of an option, without quotes and a comment behind them."""
    words = []
    for found in _WORD.finditer(text):
        if found[2] is not None:
            break
        words.append(found[3] if found[1] is None else found[1])
    return [word for word in words if word]


def parse_effective(text: str) -> dict[str, list[str]]:
    """What `sshd -T` prints: option -> its lines."""
    found: dict[str, list[str]] = {}
    for line in text.split("\n"):
        name, space, value = line.strip().partition(" ")
        if space and name.isalnum():
            found.setdefault(name.lower(), []).append(_today(value.strip()))
    return found


def _value(name: str, words: list[str]) -> str:
    if name in _TIMES:
        parts = _TIME.findall(words[0])
        if parts and "".join(number + unit for number, unit in parts) == words[0]:
            return str(sum(int(number) * _UNITS_S[unit.lower()] for number, unit in parts))
    return _today(" ".join(words))


def _today(value: str) -> str:
    """The name the manual gives it today."""
    return "prohibit-password" if value == "without-password" else value
