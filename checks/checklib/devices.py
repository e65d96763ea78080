"""Devices below /sys: small files that drivers may refuse to fill, links to drivers, and items about one or several."""

from __future__ import annotations

import errno
from functools import partial

from checklib import limits
from checklib.errors import CannotTell, NotApplicable
from checklib.several import WILD, decide
from checklib.values import Observed, Version, or_reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.values import Observation

    Look = Callable[[str], Observation]

UNKNOWN_SPEEDS = frozenset({-1, 0xFFFFFFFF, 0xFFFF})  # of a link, as drivers write it
_NOTHING_TO_SAY = {errno.EINVAL, errno.EOPNOTSUPP, errno.ENODEV, errno.EIO, errno.ENXIO, errno.ENODATA}
_BLANKS = frozenset({"", "(null)", "Not Available", "N/A"})


def read(node: Node, path: str) -> str | None:
    """A small file's text; None where it is not there, is empty, or the driver has nothing to say."""
    try:
        text = node.root.text(path).replace("\0", "").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno in _NOTHING_TO_SAY:
            return None
        raise
    return None if text in _BLANKS else text[: limits.text_chars_max]


def number(node: Node, path: str) -> int | None:
    """A file that holds one whole number; None as above. Raises CannotTell where it holds something else."""
    text = read(node, path)
    return None if text is None else parse_whole(text)


def parse_whole(text: str) -> int:
    """A whole number, perhaps negative, or 0x and hexadecimal digits. Raises CannotTell where it is none."""
    bare = text.strip()
    sign, digits = (-1, bare[1:]) if bare.startswith("-") else (1, bare)
    base = 16 if digits[:2] == "0x" else 10
    try:
        if not digits.isalnum() or len(digits) > limits.digits_max:
            raise ValueError
        return sign * int(digits, base)
    except ValueError:
        raise CannotTell(f"{bare[:40]!r} is no number") from None


def flag(node: Node, path: str) -> bool | None:
    """A file that holds 0 or 1; None as above."""
    value = number(node, path)
    return None if value is None else value != 0


def link(node: Node, path: str) -> str | None:
    """The last part of where a symbolic link points: a driver's name. None where it is not there, or no link."""
    try:
        return node.root.readlink(path).rstrip("/").rpartition("/")[2] or None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.EINVAL:  # who captured the tree made a file of it
            return None
        raise


def driver(node: Node, device: str) -> str | None:
    """The driver that is bound to a device, by its link, or by what the device says of itself."""
    bound = link(node, f"{device}/driver")
    if bound is None:
        for line in (read(node, f"{device}/uevent") or "").splitlines():
            if line.startswith("DRIVER="):
                bound = line.partition("=")[2].strip() or None
    return bound


def meant(item: Item, names: Iterable[str], what: str) -> list[str]:
    """The things that a key stands for: the one of that name, or all that match the pattern; none where there is none.

    what  a thing, for people. Raises NotApplicable where a pattern stands for none, unless `absent` or `any` asks for
    that very thing: whether there is one.
    """
    known = list(names)
    if item.key in known:
        return [item.key]
    if WILD.isdisjoint(item.key):
        return []
    from fnmatch import fnmatchcase  # seldom needed

    found = [name for name in known if fnmatchcase(name, item.key)]
    if not found and not any("absent" in expected or "any" in expected for expected in item.expect.values()):
        raise NotApplicable(f"there is no {what} {item.key[:80]} here")
    return found


def tell(item: Item, names: list[str], looks: Mapping[str, Look]) -> Observed:
    """What is seen of one thing; of several the one that decides, property by property.

    looks  property -> what a thing of that name has; what has no look here is absent
    """
    if not names:
        return Observed({}, exists=False)
    values, shown, notes = {}, {}, []
    for name, expected in item.expect.items():
        if name not in looks:
            continue
        things = [(one, or_reason(partial(looks[name], one))) for one in names]
        values[name], shown[name] = decide(things, expected)
        if values[name] is None and any(value is not None for _, value in things):
            notes.append(f"{name} {shown[name]()}")  # of what is absent nothing else is shown
    return Observed(values, shown=shown, note="; ".join(notes))


def version(text: str) -> str:
    """With an order, where versions have one: a number to begin with and no white space. Others are plain text."""
    ordered = text[:1].isdigit() and text.isascii() and not any(map(str.isspace, text))
    return Version(text, "plain") if ordered else text


def needed(value: Observation, reason: str) -> Observation:
    """The value; where there is none, that it does not apply, and why."""
    return NotApplicable(reason) if value is None else value
