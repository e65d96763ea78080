"""The matchers that all checks share. Pure: an observed value and an operand in, true or false out.

How two values compare follows from what was observed (checklib.values): text as text, but as a number against a number
operand and in every order; Words without regard to white space; versions in their own order; lists element by element;
a mode bit by bit: at_most means no bits other than these, at_least all of them.
"""

from __future__ import annotations

import re

from checklib import limits
from checklib.errors import CannotTell
from checklib.values import Cut, Mode, Value, Version, Words, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from checklib.contract import Operand
    from checklib.values import Observation

_NUMBER_CHARS = frozenset("0123456789+-.eE")
_OCTAL_DIGITS = frozenset("01234567")
_NUMBER_CHARS_MAX = 400
_ENDLESS = {"unlimited", "infinity"}  # how limits are written that there are none of: more than any number
_YES = {"1", "true", "yes", "on", "y", "enabled", "active"}
_NO = {"0", "false", "no", "off", "n", "disabled", "inactive"}

# What each takes. scalar: text, number or boolean; list: some of them; value: either; pair: lowest and highest;
# regex: a regular expression, searched for, ^ and $ at every line; true: only `true`.
OPERANDS = {
    "equals": "value",
    "at_least": "scalar",
    "at_most": "scalar",
    "between": "pair",
    "one_of": "list",
    "matches": "regex",
    "contains": "value",
    "lacks": "value",
    "absent": "true",
    "any": "true",
}

ORDERED = frozenset({"at_least", "at_most", "between"})
PARTS = frozenset({"contains", "lacks"})


def fitting(type_: str) -> list[str]:
    """The matchers that make sense of a property of that type; layers are held to the same."""
    unfit = ORDERED if type_ in {"word", "bool", "list"} else frozenset()
    if type_ in {"number", "version", "mode", "bool"}:
        unfit |= PARTS
    return [matcher for matcher in OPERANDS if matcher not in unfit]


def holds(matcher: str, value: Value, operand: Operand, *, exists: bool) -> bool:
    """Whether an observed value is as the matcher wants it. exists: whether it is there, for `absent` and `any`.

    What is not there is only ever `absent`. Raises CannotTell where the two cannot be compared in that way.
    """
    if matcher not in OPERANDS:
        raise CannotTell(f"there is no matcher {matcher[:80]!r}: known are {', '.join(OPERANDS)}")
    if OPERANDS[matcher] == "true":
        if operand is not True:
            raise CannotTell(f"{matcher} takes only true")
        return exists if matcher == "any" else not exists
    return False if value is None else _COMPARE[matcher](value, operand)


def untold(value: Value, expected: Mapping[str, Operand], reason: str) -> Observation:
    """What only follows from silence: an error where that would pass for what is expected.

    That something is not there is not certain then; that nobody can use it is, and stays a fail.
    """
    passes = all(holds(matcher, value, operand, exists=False) for matcher, operand in expected.items())
    return CannotTell(reason) if passes else value


def say(matcher: str, operand: object) -> str:
    """What is expected, for people: `at_most 10`, `0644`."""
    if matcher in {"absent", "any"}:
        return matcher
    if isinstance(operand, list):
        text = f"between {show(operand[0])} and {show(operand[-1])}" if matcher == "between" else ""
        return text or f"{matcher.removeprefix('equals')} [{', '.join(map(show, operand))}]".lstrip()
    return show(operand) if matcher == "equals" else f"{matcher} {show(operand)}"


def amiss(matcher: str, value: Value, operand: Operand) -> str:
    """Which parts make a value deviate from `contains` or `lacks`: `without b, c`, `with d`; "" of other matchers."""
    if matcher not in PARTS or not isinstance(value, (str, list)):
        return ""
    wanted = operand if isinstance(operand, list) else [operand]
    parts = [show(part) for part in wanted if _has(value, part) == (matcher == "lacks")]
    return f"{'with' if matcher == 'lacks' else 'without'} {', '.join(parts)}" if parts else ""


def equals(value: Value, operand: Operand) -> bool:
    """The same, as the observed value's type understands it."""
    if isinstance(value, list):
        wanted = operand if isinstance(operand, list) else [operand]
        return len(value) == len(wanted) and all(map(equals, value, wanted))
    if isinstance(value, Mode):
        return value.bits == _bits(operand)
    if isinstance(operand, list):
        return isinstance(value, str) and Words(value) == Words(" ".join(map(show, operand)))
    if isinstance(value, Version):
        return value == operand or _version_order(value, operand) == 0
    if isinstance(value, bool) or isinstance(operand, bool):
        truth = _truth(value)
        return truth is not None and truth == _truth(operand)
    if isinstance(operand, (int, float)) or isinstance(value, (int, float)):
        number = _number(value)
        return number is not None and number == _number(operand)
    return value == (Words(operand) if isinstance(value, Words) else operand)


def _order(value: Value, operand: Operand) -> int:
    """-1, 0 or 1 as the value is less than, equal to or more than the operand."""
    if isinstance(value, (bool, list)) or isinstance(operand, (bool, list)):
        raise CannotTell(f"{show(value)} has no order")
    if isinstance(value, Version):
        return _version_order(value, operand)
    number, bound = _number(value), _number(operand)
    if number is None or bound is None:
        strange = value if number is None else operand
        raise CannotTell(f"{show(strange)[:80]!r} is no number, so that it is neither more nor less than another")
    return (number > bound) - (number < bound)


def _at_least(value: Value, operand: Operand) -> bool:
    if isinstance(value, Mode):
        wanted = _bits(operand)
        return value.bits & wanted == wanted
    return _order(value, operand) >= 0


def _at_most(value: Value, operand: Operand) -> bool:
    return not value.bits & ~_bits(operand) if isinstance(value, Mode) else _order(value, operand) <= 0


def _bits(operand: Operand) -> int:
    """The permissions that an operand means, with or without the leading zero: 644 is 0644, also as a number."""
    digits = str(operand)
    if isinstance(operand, (bool, list)) or not 3 <= len(digits) <= 4 or not _OCTAL_DIGITS.issuperset(digits):
        raise CannotTell(f"{show(operand)[:80]!r} is no mode of three or four octal digits")
    return int(digits, 8)


def _between(value: Value, operand: Operand) -> bool:
    if not isinstance(operand, list) or len(operand) != 2:
        raise CannotTell("between takes a list of two")
    return _at_least(value, operand[0]) and _at_most(value, operand[1])


def _one_of(value: Value, operand: Operand) -> bool:
    if not isinstance(operand, list):
        raise CannotTell("one_of takes a list")
    return any(equals(value, one) for one in operand)


def _matches(value: Value, operand: Operand) -> bool:
    if not isinstance(operand, str) or len(operand) > limits.regex_chars_max:
        raise CannotTell(f"matches takes a regular expression of at most {limits.regex_chars_max} characters")
    try:
        pattern = re.compile(operand, re.MULTILINE)
    except (re.error, RecursionError, OverflowError) as error:
        raise CannotTell(f"{operand!r} is no regular expression: {error}") from error
    texts = value if isinstance(value, list) else [show(value) if value != "" else ""]
    if sum(map(len, texts)) > limits.regex_text_chars_max:
        raise CannotTell(f"more than {limits.regex_text_chars_max} characters: matches does not search that far")
    if isinstance(value, Cut):
        return _matches_cut(pattern, value)
    return any(pattern.search(text) for text in texts)


def _matches_cut(pattern: re.Pattern[str], value: Cut) -> bool:
    """A place that does not touch the cut is in the whole text too, unless something may not follow or precede it."""
    found = pattern.search(value)
    if found is None or found.end() == len(value) or any(part in pattern.pattern for part in ("(?!", "(?<!")):
        raise CannotTell(f"only the first {len(value)} characters were kept, and the expression needs all of them")
    return True


def _contains(value: Value, operand: Operand) -> bool:
    wanted = operand if isinstance(operand, list) else [operand]
    if not isinstance(value, (str, list)):
        raise CannotTell(f"{show(value)} has no parts that it could contain")
    holds_all = all(_has(value, part) for part in wanted)
    if isinstance(value, Cut) and not holds_all:
        raise CannotTell(f"it is not among the first {len(value)} characters, and only these were kept")
    return holds_all


def _lacks(value: Value, operand: Operand) -> bool:
    """None of the operand's parts is in it. Of a text whose rest is not known only that one is in it is certain."""
    wanted = operand if isinstance(operand, list) else [operand]
    if isinstance(value, Cut) and not any(_has(value, part) for part in wanted):
        raise CannotTell(f"only the first {len(value)} characters were kept, and the rest may well have it")
    if not isinstance(value, (str, list)):
        raise CannotTell(f"{show(value)} has no parts that it could contain")
    return not any(_has(value, part) for part in wanted)


def _has(value: str | list[str], part: Operand) -> bool:
    if isinstance(value, list):
        return any(equals(one, part) for one in value)
    return (show(part) if part != "" else "") in value


_COMPARE: dict[str, Callable[[Value, Operand], bool]] = {
    "equals": equals,
    "at_least": _at_least,
    "at_most": _at_most,
    "between": _between,
    "one_of": _one_of,
    "matches": _matches,
    "contains": _contains,
    "lacks": _lacks,
}


def _truth(value: object) -> bool | None:
    """What a value means as yes or no; None where it means neither."""
    if isinstance(value, bool):
        return value
    word = show(value).lower()
    return True if word in _YES else False if word in _NO else None


def _number(value: object) -> int | float | None:
    """The number a value is or spells; None where it is none. Whole numbers stay exact."""
    if isinstance(value, (int, float)):
        return value
    if not isinstance(value, str) or len(value) > _NUMBER_CHARS_MAX:
        return None
    try:
        if value in _ENDLESS:
            return float("inf")
        if value[:2] in {"0x", "0X"} and value.isalnum():
            return int(value, 16)
        if not _NUMBER_CHARS.issuperset(value):  # Python would also take inf, 1_000 and digits of other scripts
            return None
        return float(value) if any(char in value for char in ".eE") else int(value)
    except ValueError:
        return None


def _version_order(value: Version, operand: Operand) -> int:
    from checklib import versions  # its patterns take 2 ms to compile: only where versions are compared

    if isinstance(operand, (bool, list)):
        raise CannotTell(f"{show(operand)} is no version")
    return versions.compare(value, show(operand), value.order)
