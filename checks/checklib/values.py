"""What checks observe: plain text, numbers, booleans, lists of texts, and four kinds of text that compare differently.

None stands for "it is not there". An observed value may also be a NotApplicable or a CannotTell: that property has no
value here, or it could not be found out, while the item's other properties may well have one.
"""

from __future__ import annotations

from checklib.errors import CannotTell, NotApplicable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


class Words(str):
    """Text in which white space only separates: `4096\t87380` is `4096 87380`."""

    __slots__ = ()

    def __new__(cls, text: str) -> Words:
        """White space is normalised here, once."""
        return super().__new__(cls, " ".join(text.split()))


class Version(str):
    """A version, with the order it belongs to: a name in checklib.versions.ORDERS."""

    order: str

    def __new__(cls, text: str, order: str) -> Version:
        """Text and order together: without its order a version cannot be compared."""
        version = super().__new__(cls, text)
        version.order = order
        return version


class Cut(str):
    """The beginning of a text whose rest is not known: what is in it is in the text, what is not in it may be."""

    __slots__ = ()


class Mode(str):
    """Permissions as four octal digits, which are a set of bits and no number: 0477 is not less than 0644.

    bits  the permissions as a number
    """

    bits: int

    def __new__(cls, bits: int) -> Mode:
        """From the lowest twelve bits of a stat's mode."""
        mode = super().__new__(cls, f"{bits:04o}")
        mode.bits = bits
        return mode


if TYPE_CHECKING:
    Value = str | int | float | list[str] | None
    Observation = Value | NotApplicable | CannotTell
else:
    Value = Observation = object  # names for annotations: Python 3.9, which nodes may have, knows no `|` of types


class Observed:
    """What was seen of one item.

    values  property -> value; a property left out counts as not there; an empty list is `absent`, and `lacks` anything
    exists  whether the thing itself is there: what `absent` and `any` on the main property ask
    note    said to people whatever the outcome, such as a plugin's own message
    shown   property -> its short form for people, where the value itself is long or may hold secrets
    keep    for the next look at this item (Node.last), any JSON value of at most limits.keep_bytes_max bytes; None:
            nothing
    """

    __slots__ = ("exists", "keep", "note", "shown", "values")

    def __init__(
        self,
        values: Mapping[str, Observation],
        *,
        exists: bool = True,
        note: str = "",
        shown: Mapping[str, Callable[[], str]] | None = None,
        keep: Any = None,
    ) -> None:
        self.values = values
        self.exists = exists
        self.note = note
        self.shown = shown or {}
        self.keep = keep


def or_reason(look: Callable[[], Observation]) -> Observation:
    """What a look gives, or in its place why it gives nothing: one property may be beyond us while others are not."""
    try:
        return look()
    except (NotApplicable, CannotTell) as reason:
        return reason
    except PermissionError as error:
        return CannotTell(f"{error.filename}: {error.strerror}")


def show(value: object) -> str:
    """A value or an operand, as people read it."""
    if value is None:
        return "absent"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(show(one) for one in value) or "none"
    return str(value) if value != "" else '""'
