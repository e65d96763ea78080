"""Values of layers, held to the type the catalogue gives them. A value keeps the type the file shows, or is a mistake.

Nothing is converted silently: where text or a version is meant, an unquoted whole number is taken if it reads back as
spelled, and one with a point never (today 6.1 would do, tomorrow 6.10 does not). Where nothing but text can stand
(`spelled`), the spelling is taken.
Every reader returns None after noting a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from config_center import limits
from config_center.catalogue import OperandKind, ParameterType, PropertyType
from config_center.errors import MatchError
from config_center.mistakes import Notes
from config_center.pattern import Pattern
from config_center.release import Operand
from config_center.release import Scalar as Value
from config_center.yaml_lines import Mapping, Node, Scalar, Sequence

ORDERED: Final = frozenset({"at_least", "at_most", "between"})
PARTS: Final = frozenset({"contains", "lacks"})  # matchers that look for parts of a text or elements of a list
_YES_NO: Final = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_IN_ORDER: Final = re.compile(r"[+-]?\.?[0-9]")  # how a number or a version begins
_OCTAL: Final = re.compile("[0-7]{3,4}")
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def read_operand(
    node: Node, matcher: str, takes: OperandKind, of: PropertyType, notes: Notes, unit: str = ""
) -> Operand | None:
    """What a matcher compares a property of type `of` with. unit: the property's, for messages."""
    if not _suits(node, matcher, of, notes):
        return None
    if takes == "true":
        return _true(node, matcher, notes)
    if takes == "regex":
        return _regex(node, matcher, notes)
    element: PropertyType = "text" if of == "list" else of
    if takes == "pair":
        return _pair(node, matcher, element, notes)
    if takes == "list":
        return read_list(node, matcher, element, notes)
    if matcher == "equals" and of == "list":
        return read_list(node, matcher, element, notes)
    may_be_list = takes == "value" or (matcher == "equals" and of in {"text", "word", "any"})
    if may_be_list and isinstance(node, Sequence):
        return read_list(node, matcher, element, notes)
    return read_value(node, f"{matcher} (in {unit})" if unit else matcher, element, notes)


def read_parameter(node: Node, name: str, of: ParameterType, notes: Notes) -> Operand | None:
    """What a parameter is set to."""
    if of == "argv":
        return _argv(node, name, notes)
    if of == "text":
        return spelled(node, name, notes)
    if of == "list":
        return _words(node, name, notes)
    if of == "any" and isinstance(node, Sequence):
        return read_list(node, name, "any", notes)
    return read_value(node, name, of, notes)


def read_value(node: Node, what: str, of: PropertyType, notes: Notes) -> Value | None:
    """One scalar of a type. what: the word it stands under, for the message."""
    if not isinstance(node, Scalar):
        notes.at(node, f"{what} takes one value, not a {kind_of(node)}")
        return None
    value = node.value
    if value is None:
        notes.at(node, f"{what} has no value", 'write "" for empty text')
    elif of == "mode":
        return _mode(node, what, notes)
    elif node.unclear:
        notes.at(node, node.unclear, f'quote it ("{node.spelling}") or write the decimal number')
    elif of == "number":
        return _number(node, what, notes)
    elif of == "bool":
        return _bool(node, what, notes)
    else:
        return _text(node, what, of, notes)
    return None


def read_list(node: Node, what: str, of: PropertyType, notes: Notes) -> list[Value] | None:
    """A list of one or more scalars of a type."""
    elements = read_elements(node, what, notes)
    if elements is None:
        return None
    values = [read_value(element, what, of, notes) for element in elements]
    return [value for value in values if value is not None] if None not in values else None


def read_elements(node: Node, what: str, notes: Notes, hint: str = "write [a, b]") -> tuple[Node, ...] | None:
    """The elements of a list with at least one and at most limits.list_items_max of them. hint: where it is no list."""
    if not isinstance(node, Sequence):
        notes.at(node, f"{what} takes a list, not a {kind_of(node)}", hint)
        return None
    if not node.elements:
        notes.at(node, f"{what} has an empty list")
        return None
    if len(node.elements) > limits.list_items_max:
        notes.at(node, f"{what} has {len(node.elements)} elements, at most {limits.list_items_max} are taken")
        return None
    return node.elements


def spelled(node: Node, what: str, notes: Notes) -> str | None:
    """A scalar where only text can stand: its spelling, whether quoted or not."""
    if not isinstance(node, Scalar):
        notes.at(node, f"{what} takes one value, not a {kind_of(node)}")
        return None
    if node.value is None:
        notes.at(node, f"{what} has no value", 'write "" for empty text')
        return None
    return node.spelling if is_clean(node, what, notes) else None


def is_clean(node: Scalar, what: str, notes: Notes) -> bool:
    """The text is not too long and has no control characters but tabs and line ends."""
    control = _CONTROL.search(node.spelling)
    if control:
        notes.at(node, f"{what} holds the control character U+{ord(control[0]):04X}")
    elif len(node.spelling) > limits.text_chars_max:
        notes.at(node, f"{what} has {len(node.spelling)} characters, at most {limits.text_chars_max} are taken")
    else:
        return True
    return False


def kind_of(node: Node) -> str:
    """What the node is, for a message."""
    if isinstance(node, Mapping):
        return "mapping"
    return "list" if isinstance(node, Sequence) else "single value"


def _suits(node: Node, matcher: str, of: PropertyType, notes: Notes) -> bool:
    if matcher in ORDERED and of in {"bool", "list", "word"}:
        what = "text of this sort" if of == "word" else f"a {of}"
        notes.at(node, f"{matcher} cannot be used here: {what} has no order", "use equals, one_of or contains")
        return False
    if matcher in PARTS and of in {"bool", "number", "version", "mode"}:
        notes.at(node, f"{matcher} cannot be used here: a {of} has no parts", "use equals, one_of or between")
        return False
    return True


def _number(node: Scalar, what: str, notes: Notes) -> int | float | None:
    value = node.value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    quoted = not node.plain and isinstance(Scalar(node.spelling, plain=True, line=1, column=1).value, int | float)
    notes.at(node, f"{what} takes a number, not {node.spelling[:80]!r}", "take off the quotes" if quoted else "")
    return None


def _bool(node: Scalar, what: str, notes: Notes) -> bool | None:
    if isinstance(node.value, bool):
        return node.value
    meant = _YES_NO.get(node.spelling.lower()) or (node.spelling.lower() if not node.plain else "")
    hint = f"did you mean {meant}?" if meant in {"true", "false"} else "write true or false"
    notes.at(node, f"{what} takes true or false, not {node.spelling[:80]!r}", hint)
    return None


def _mode(node: Scalar, what: str, notes: Notes) -> str | None:
    """Permissions as the four digits that a check observes: 644 means 0644. Taken as spelled: no digit is decimal."""
    if node.unclear:
        notes.at(node, node.unclear, f'quote it: "{node.spelling}"')
    elif not _OCTAL.fullmatch(node.spelling):
        wanted = 'three or four octal digits, such as "0644"'
        notes.at(node, f"{what} takes a mode, not {node.spelling[:80]!r}", f"write {wanted}")
    else:
        return node.spelling.zfill(4)
    return None


def _text(node: Scalar, what: str, of: PropertyType, notes: Notes) -> Value | None:
    """Text, a version or anything: numbers only where they read back as they are spelled."""
    value, quote = node.value, f'quote it: "{node.spelling}"'
    if isinstance(value, bool):
        if of == "any":
            return value
        wanted = "a version" if of == "version" else "text"
        presence = "any: true for whatever it is" if value else "absent: true if it is not to be there"
        hint = f"{quote}, or write {presence}" if what == "equals" else quote
        notes.at(node, f"{what} takes {wanted}, not a true or false", hint)
        return None
    if isinstance(value, float) and of != "any":
        wanted = "a version" if of == "version" else "text"
        notes.at(node, f"{node.spelling} unquoted is a number, not {wanted}: 1.10 would become 1.1", quote)
        return None
    if isinstance(value, int | float):
        if str(value) == node.spelling:
            return value
        notes.at(node, f"{node.spelling} unquoted is a number and would become {value}", quote)
        return None
    if what in ORDERED and of == "text" and not _IN_ORDER.match(node.spelling):
        notes.at(node, f"{what} takes a number or a version, not {node.spelling[:80]!r}")
        return None
    return value if is_clean(node, what, notes) else None


def _true(node: Node, matcher: str, notes: Notes) -> bool | None:
    if isinstance(node, Scalar) and node.value is True:
        return True
    notes.at(node, f"{matcher} takes only true", f"leave {matcher} out where it is not meant")
    return None


def _regex(node: Node, matcher: str, notes: Notes) -> str | None:
    text = spelled(node, matcher, notes)
    if text is None:
        return None
    if len(text) > limits.regex_chars_max:
        notes.at(node, f"{matcher} has {len(text)} characters, at most {limits.regex_chars_max} are taken")
        return None
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        notes.at(node, f"{matcher} has no regular expression: {error}", "in double quotes a backslash is written twice")
        return None
    return text


def _pair(node: Node, matcher: str, of: PropertyType, notes: Notes) -> list[Value] | None:
    if isinstance(node, Sequence) and len(node.elements) != 2:
        notes.at(node, f"{matcher} takes two values, not {len(node.elements)}", "write [lowest, highest]")
        return None
    pair = read_list(node, matcher, of, notes)
    if pair and of == "mode" and int(str(pair[0]), 8) & ~int(str(pair[1]), 8):
        notes.at(node, f"{matcher} can never hold: {pair[0]} has bits that {pair[1]} has not", "write [least, most]")
        return None
    if pair and all(isinstance(end, int | float) for end in pair) and float(pair[0]) > float(pair[1]):
        notes.at(node, f"{matcher} runs backwards: {pair[0]} is more than {pair[1]}", f"write [{pair[1]}, {pair[0]}]")
        return None
    return pair


def _argv(node: Node, name: str, notes: Notes) -> Operand | None:
    """A command's words."""
    if isinstance(node, Scalar):
        words = node.spelling.split()
        notes.at(node, f"{name} takes a list: no shell splits it into words", f"write [{', '.join(words[:8])}]")
        return None
    argv = _words(node, name, notes)
    if argv and not argv[0]:
        notes.at(node, f"{name} starts with an empty word", "name the program first")
        return None
    return argv


def _words(node: Node, name: str, notes: Notes) -> list[Value] | None:
    """A list in which nothing but text can stand."""
    elements = read_elements(node, name, notes)
    words = [spelled(element, name, notes) for element in elements or ()]
    return [word for word in words if word is not None] if words and None not in words else None


def patterns_of(nodes: Iterable[Node], what: str, notes: Notes) -> tuple[str, ...]:
    """The patterns that these are; what is none is noted."""
    patterns = []
    for one in nodes:
        text = spelled(one, what, notes)
        if text is None:
            continue
        try:
            patterns.append(Pattern(text).text)
        except MatchError as error:
            notes.at(one, f"{what}: {error}")
    return tuple(patterns)
