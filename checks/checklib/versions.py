"""How versions are ordered, by the rules of those who make them. Pure; each order answers -1, 0 or 1.

dpkg    deb-version(7): [epoch:]upstream[-revision]; `~` sorts before the end, letters before others
rpm     rpm's EVR order: [epoch:]version[-release]; `~` sorts before, `^` after the end; as in rpm's own dependencies, a
        release counts only where both sides have one
apk     Alpine: numbers, a letter, _alpha _beta _pre _rc before and _cvs _svn _git _hg _p after the release, then -rN
kernel  dotted numbers first (what is left out is 0), a candidate before its release, then the rest, word by word
plain   the same without release candidates, for versions that nobody has defined an order for
"""

from __future__ import annotations

import re

from checklib import limits
from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_DIGITS = re.compile(r"(\d+)")
_RPM_PART = re.compile(r"~|\^|\d+|[a-zA-Z]+")
_WORDS = re.compile(r"\d+|[a-zA-Z]+")
_NUMBERS_FIRST = re.compile(r"\d+(?:\.\d+)*")
_CANDIDATE = re.compile(r"[-.~_]?rc(\d+)(?![a-zA-Z])")
_APK_SUFFIXES = ("alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p")  # in order; "": the release itself
_APK = re.compile(
    rf"(\d+(?:\.\d+)*)([a-z]?)((?:_(?:{'|'.join(filter(None, _APK_SUFFIXES))})\d*)*)(?:~[0-9a-f]+)?(?:-r(\d+))?"
)


def compare(left: str, right: str, order: str) -> int:
    """-1, 0 or 1 as left is before, equal to or after right. Raises CannotTell where a text cannot be a version."""
    for text in (left, right):
        if not text or len(text) > limits.version_chars_max or not text.isascii() or any(map(str.isspace, text)):
            raise CannotTell(f"{text[:80]!r} is no version")
    return ORDERS[order](left, right)


def compare_dpkg(left: str, right: str) -> int:
    """Debian's order."""
    left_epoch, left_upstream, left_revision = _split_dpkg(left)
    right_epoch, right_upstream, right_revision = _split_dpkg(right)
    return (
        _sign(left_epoch, right_epoch)
        or _dpkg_parts(left_upstream, right_upstream)
        or _dpkg_parts(left_revision, right_revision)
    )


def compare_rpm(left: str, right: str) -> int:
    """The order of rpm packages."""
    left_epoch, left_version, left_release = _split_rpm(left)
    right_epoch, right_version, right_release = _split_rpm(right)
    order = _sign(left_epoch, right_epoch) or _rpm_parts(left_version, right_version)
    if order or not left_release or not right_release:
        return order
    return _rpm_parts(left_release, right_release)


def compare_apk(left: str, right: str) -> int:
    """Alpine's order."""
    return _sign(_apk_key(left), _apk_key(right))


def compare_kernel(left: str, right: str) -> int:
    """The order of Linux kernel releases, as distributions name them."""
    return _sign(_kernel_key(left), _kernel_key(right))


def compare_plain(left: str, right: str) -> int:
    """The order of dotted numbers with something behind them."""
    return _sign(_plain_key(left), _plain_key(right))


ORDERS = {
    "dpkg": compare_dpkg,
    "rpm": compare_rpm,
    "apk": compare_apk,
    "kernel": compare_kernel,
    "plain": compare_plain,
}


def _sign(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


def _epoch(text: str) -> tuple[int, str]:
    epoch, colon, rest = text.partition(":")
    if not colon:
        return 0, text
    if not epoch.isdigit():
        raise CannotTell(f"{text[:80]!r} is no version: its epoch is no number")
    return int(epoch), rest


def _split_dpkg(text: str) -> tuple[int, str, str]:
    epoch, rest = _epoch(text)
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return epoch, upstream, revision


def _dpkg_parts(left: str, right: str) -> int:
    """Non-digits and numbers in turns; a part that one side lacks counts as empty, or as 0."""
    ours, theirs = _dpkg_key(left), _dpkg_key(right)
    for short, long in ((ours, theirs), (theirs, ours)):
        while len(short) < len(long):
            short += [0, [0]]
    return _sign(ours, theirs)


def _dpkg_key(text: str) -> list[list[int] | int]:
    """In non-digits: `~`, then the end (0), then letters, then everything else."""
    key: list[list[int] | int] = []
    for place, part in enumerate(_DIGITS.split(text)):
        if place % 2:
            key.append(int(part))
        else:
            key.append([-1 if char == "~" else ord(char) + (0 if char.isalpha() else 256) for char in part] + [0])
    return key


def _split_rpm(text: str) -> tuple[int, str, str]:
    epoch, rest = _epoch(text)
    version, _, release = rest.partition("-")
    return epoch, version, release


def _rpm_parts(left: str, right: str) -> int:
    """Part by part: `~` before the end before `^`; numbers after letters; more parts are newer."""
    ours, theirs = _RPM_PART.findall(left), _RPM_PART.findall(right)
    for place in range(max(len(ours), len(theirs))):
        here = ours[place] if place < len(ours) else ""
        there = theirs[place] if place < len(theirs) else ""
        order = _sign(_rpm_rank(here), _rpm_rank(there))
        if order:
            return order
    return 0


def _rpm_rank(part: str) -> tuple[int, int, str]:
    if part == "~":
        return (0, 0, "")
    if part == "":
        return (1, 0, "")
    if part == "^":
        return (2, 0, "")
    return (4, int(part), "") if part.isdigit() else (3, 0, part)


def _apk_key(text: str) -> tuple[list[int], str, list[tuple[int, int]], int]:
    match = _APK.fullmatch(text)
    if not match:
        raise CannotTell(f"{text[:80]!r} is no version of Alpine's form")
    numbers, letter, suffixes, build = match.groups()
    key = []
    for suffix in suffixes.split("_")[1:]:
        name = suffix.rstrip("0123456789")
        key.append((_APK_SUFFIXES.index(name), int(suffix[len(name) :] or 0)))
    key.append((_APK_SUFFIXES.index(""), 0))
    return [int(number) for number in numbers.split(".")], letter, key, int(build or 0)


def _kernel_key(text: str) -> tuple[list[int], int, list[tuple[int, int, str]]]:
    numbers, rest = _leading_numbers(text)
    candidate = _CANDIDATE.match(rest)
    if not candidate:
        return numbers, limits.version_chars_max, _words(rest)
    return numbers, -1, [(1, int(candidate[1]), ""), *_words(rest[candidate.end() :])]


def _plain_key(text: str) -> tuple[list[int], list[tuple[int, int, str]]]:
    numbers, rest = _leading_numbers(text)
    return numbers, _words(rest)


def _leading_numbers(text: str) -> tuple[list[int], str]:
    """6.1.0-13-amd64 -> [6, 1], "-13-amd64": trailing zeros mean nothing. A leading `v` is a habit, no part."""
    bare = text[1:] if text[:1] in {"v", "V"} else text
    match = _NUMBERS_FIRST.match(bare)
    if not match:
        raise CannotTell(f"{text[:80]!r} is no version: it does not begin with a number")
    numbers = [int(number) for number in match[0].split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return numbers, bare[match.end() :]


def _words(text: str) -> list[tuple[int, int, str]]:
    return [(1, int(word), "") if word.isdigit() else (0, 0, word) for word in _WORDS.findall(text)]
