"""CORE. Goss's matchers in words of ours: what one attribute expects.

Facts about Goss are from its own documentation (docs/gossfile.md) and from what it does; docs/goss.md has each
difference. What has no counterpart is a mistake that says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from config_center.goss_words import Wanted, all_of, any_of, expression, nowhere, quoted, scalar, sequence
from config_center.mistakes import Notes, Place, did_you_mean
from config_center.yaml_lines import Mapping, Node, Scalar
from config_center.yaml_lines import Sequence as List

# How an attribute reads. lines: a text of many lines; one: Goss has a list of it, we have its one element.
Shape = Literal["text", "number", "flag", "list", "lines", "one"]

_NO_COUNTERPART: Final = {
    "have-len": "nothing here counts characters or elements",
    "have-key": "read a file's keys with the kind `setting`",
    "gjson": "read a JSON file with the kind `setting`, or write a check of your own",
    "xml": "write a check of your own",
    "semver-constraint": "write at_least and at_most in a layer",
}
_BOUNDS: Final = {"gt": ("at_least", 1), "ge": ("at_least", 0), "lt": ("at_most", -1), "le": ("at_most", 0)}
_TEXTS: Final = {"have-prefix": r"\A{}", "have-suffix": r"{}\Z"}
_FLAGS: Final = re.compile(r"\(\?([ims]+)\)")


class _Reads(Protocol):
    def __call__(self, value: Node, *, inverted: bool) -> Wanted | None: ...


@dataclass(frozen=True, slots=True)
class MatcherReader:
    """Translates what one attribute expects.

    what      the attribute, for messages: `file.mode`
    in_order  a list that we have sorted, so that `consist-of` can be said of it
    """

    what: str
    shape: Shape
    notes: Notes
    in_order: bool = False

    def read(self, node: Node, *, inverted: bool = False) -> Wanted | None:
        """What is wanted, nothing where nothing is; None after noting a mistake. inverted: it stands below a `not`."""
        if isinstance(node, Mapping):
            return self._matcher(node, inverted=inverted)
        if isinstance(node, List):
            return self._list(node, inverted=inverted)
        return self._plain(node, inverted=inverted)

    def _plain(self, node: Scalar, *, inverted: bool) -> Wanted | None:
        if node.value is None:
            return self._refuse(node, "has no value", 'write "" for empty text')
        if self.shape == "list":
            return {"lacks" if inverted else "equals": sequence(node, [node])}
        if not inverted:
            return {"equals": node}
        if self.shape == "flag" and isinstance(node.value, bool):
            return {"equals": scalar(node, not node.value)}
        return {"matches": scalar(node, rf"\A(?!{quoted(node.spelling)}\Z)")}

    def _list(self, node: List, *, inverted: bool) -> Wanted | None:
        if not node.elements:
            self.notes.warn(node, f"{self.what}: an empty list expects nothing", 'remove it; for "nothing" write ""')
            return {}
        if self.shape == "one":
            return self._only(node, inverted=inverted)
        if self.shape in {"text", "number", "flag"}:
            return self._refuse(node, "is one value, and compared with a list here", "write the value alone")
        read = self._pattern if self.shape == "lines" else self._element
        return self._join(node, [read(one, inverted=inverted) for one in node.elements], any_=inverted)

    def _only(self, node: List, *, inverted: bool) -> Wanted | None:
        if len(node.elements) == 1:
            return self.read(node.elements[0], inverted=inverted)
        return self._refuse(node, "is a list in Goss, and one value here", "keep the one that is meant")

    def _element(self, node: Node, *, inverted: bool) -> Wanted | None:
        """An element of a list is so. `matches` holds where any element does."""
        if isinstance(node, Scalar):
            return {"lacks" if inverted else "contains": sequence(node, [node])}
        inner = self._with_shape("text").read(node)
        if inner is None:
            return None
        pattern = expression(inner)
        if pattern is None or inverted:
            return self._refuse(node, "cannot be said of an element of a list here", "write the elements out")
        return {"matches": scalar(node, pattern)}

    def _pattern(self, node: Node, *, inverted: bool) -> Wanted | None:
        """A line is so: text, !text, /expression/ or !/expression/, with i, m or s behind."""
        if not isinstance(node, Scalar):
            return self._refuse(node, "a pattern is one text, in Goss too", "write and: [{…}, {…}]")
        text = node.spelling
        absent = text.startswith("!") != inverted
        closed = re.fullmatch(r"/(.*)/([ims]*)", text.removeprefix("!"), re.DOTALL)
        if closed is None:
            part = scalar(node, text.lstrip("\\/!"))  # as Goss does
            return {"lacks" if absent else "contains": sequence(node, [part])}
        # Of the flags, m and s change nothing within one line.
        return self._searched(node, f"(?i:{closed[1]})" if "i" in closed[2] else closed[1], inverted=absent)

    def _line(self, node: Node, *, inverted: bool) -> Wanted | None:
        """A whole line is so."""
        if isinstance(node, Scalar):
            return self._searched(node, f"^{quoted(node.spelling)}$", inverted=inverted)
        inner = self._with_shape("text").read(node)
        if inner is None:
            return None
        pattern = expression(inner)
        if pattern is None or "(?!" in pattern:
            return self._refuse(node, "cannot be said of one line", "write a pattern: /expression/")
        return self._searched(node, pattern.replace(r"\A", "^").replace(r"\Z", "$"), inverted=inverted)

    # ---- matchers ----------------------------------------------------------------------------------------------------

    def _matcher(self, node: Mapping, *, inverted: bool) -> Wanted | None:
        if len(node.entries) != 1:
            return self._refuse(node, f"takes one matcher, not {len(node.entries)}", "join them: and: [{…}, {…}]")
        name, value = node.entries[0]
        word = name.spelling
        if word in _BOUNDS:
            return self._bound(value, *_BOUNDS[word], inverted=inverted)
        if word in _TEXTS and isinstance(value, Scalar):
            return self._searched(value, _TEXTS[word].format(quoted(value.spelling)), inverted=inverted)
        readers: dict[str, _Reads] = {
            "equal": self._equal,
            "not": self._not,
            "and": self._and,
            "or": self._or,
            "match-regexp": self._expression,
            "contain-substring": self._substring,
            "contain-element": self._holds,
            "contain-elements": self._holds,
            "have-patterns": self._list_only,
            "consist-of": self._consists,
        }
        if word in readers:
            return readers[word](value, inverted=inverted)
        if word in _TEXTS:
            return self._refuse(value, f"{word}: takes one text", "")
        if word in _NO_COUNTERPART:
            return self._refuse(name, f"{word} has no counterpart here", _NO_COUNTERPART[word])
        known = (*readers, *_BOUNDS, *_TEXTS)
        return self._refuse(name, f"Goss has no matcher {word[:40]!r}", did_you_mean(word, known))

    def _not(self, value: Node, *, inverted: bool) -> Wanted | None:
        return self.read(value, inverted=not inverted)

    def _and(self, value: Node, *, inverted: bool) -> Wanted | None:
        return self._each(value, inverted=inverted, any_=inverted)

    def _or(self, value: Node, *, inverted: bool) -> Wanted | None:
        return self._each(value, inverted=inverted, any_=not inverted)

    def _each(self, value: Node, *, inverted: bool, any_: bool) -> Wanted | None:
        if not isinstance(value, List) or not value.elements:
            return self._refuse(value, "and: and or: take a list of matchers", "write and: [{…}, {…}]")
        return self._join(value, [self.read(one, inverted=inverted) for one in value.elements], any_=any_)

    def _equal(self, value: Node, *, inverted: bool) -> Wanted | None:
        if isinstance(value, List) and self.shape == "list" and not inverted:
            return {"equals": value}
        if isinstance(value, Scalar) or self.shape == "one":
            return self.read(value, inverted=inverted)
        return self._refuse(value, "equal: this cannot be said here", "negate the elements one by one")

    def _consists(self, value: Node, *, inverted: bool) -> Wanted | None:
        if isinstance(value, List) and self.shape == "one":
            return self._only(value, inverted=inverted)
        plain = isinstance(value, List) and all(isinstance(one, Scalar) for one in value.elements)
        if not isinstance(value, List) or not plain or inverted or (len(value.elements) != 1 and not self.in_order):
            hint = "write equal: [a, b] in the order that is observed, or name only those that must be there"
            return self._refuse(value, "consist-of: in any order cannot be said here", hint)
        return {"equals": sequence(value, sorted(value.elements, key=_spelling))}

    def _holds(self, value: Node, *, inverted: bool) -> Wanted | None:
        elements = value if isinstance(value, List) else sequence(value, [value])
        if self.shape != "lines":
            return self._list(elements, inverted=inverted)
        return self._join(value, [self._line(one, inverted=inverted) for one in elements.elements], any_=inverted)

    def _list_only(self, value: Node, *, inverted: bool) -> Wanted | None:
        if isinstance(value, List) and self.shape in {"lines", "text"}:
            return self._with_shape("lines").read(value, inverted=inverted)
        return self._refuse(value, "have-patterns: takes a list of patterns of a text", "")

    def _expression(self, value: Node, *, inverted: bool) -> Wanted | None:
        """Go's flags stand before all; in a text of many lines, its ^ and $ are the ends of the whole text."""
        if not isinstance(value, Scalar):
            return self._refuse(value, "match-regexp: takes one text", "")
        text = value.spelling
        flags = _FLAGS.match(text)
        if flags:
            text = f"(?{flags[1]}:{text[flags.end() :]})"
        if self.shape == "lines" and ("^" in text or "$" in text):
            text = f"(?-m:{text})"
        return self._searched(value, text, inverted=inverted)

    def _substring(self, value: Node, *, inverted: bool) -> Wanted | None:
        if not isinstance(value, Scalar):
            return self._refuse(value, "contain-substring: takes one text", "")
        if self.shape in {"number", "one"}:
            return self._searched(value, quoted(value.spelling), inverted=inverted)
        return {"lacks" if inverted else "contains": sequence(value, [value])}

    def _bound(self, value: Node, matcher: str, step: int, *, inverted: bool) -> Wanted | None:
        """A bound of whole numbers: all that both Goss and we can bound are whole."""
        number = value.value if isinstance(value, Scalar) else None
        if not isinstance(number, int) or isinstance(number, bool):
            return self._refuse(value, "gt, ge, lt and le take a whole number here", "")
        if not inverted:
            return {matcher: scalar(value, number + step)}
        other, beyond = ("at_most", -1) if matcher == "at_least" else ("at_least", 1)
        return {other: scalar(value, number + step + beyond)}

    def _searched(self, node: Node, pattern: str, *, inverted: bool) -> Wanted | None:
        if "[[:" in pattern:
            return self._refuse(
                node, "Go reads [[:alpha:]] and the like, Python does not", "write [a-zA-Z] and the like"
            )
        return {"matches": scalar(node, nowhere(pattern) if inverted else pattern)}

    def _join(self, place: Place, parts: list[Wanted | None], *, any_: bool) -> Wanted | None:
        wanted = [part for part in parts if part is not None]
        if len(wanted) < len(parts):
            return None
        together = any_of(place, wanted) if any_ else all_of(wanted)
        if together is None or (any_ and self.shape == "list" and len(wanted) > 1):
            what = "that one of several holds" if any_ else "that all of these hold at once"
            return self._refuse(place, f"{what} cannot be said here", "say it in a layer, item by item")
        return together

    def _with_shape(self, shape: Shape) -> MatcherReader:
        return MatcherReader(self.what, shape, self.notes)

    def _refuse(self, place: Place, what: str, hint: str) -> Wanted | None:
        """None, for the caller to return."""
        self.notes.at(place, f"{self.what}: {what}", hint)
        return None


def _spelling(node: Node) -> str:
    return node.spelling if isinstance(node, Scalar) else ""
