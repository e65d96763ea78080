"""CORE. A Goss file as it is, read into items of our kinds: the nodes of a layer's `items`, each where Goss's own is.

From there on it is read as any layer is, so that a value of the wrong type or an unknown kind is a mistake in the Goss
file, with its line. What Goss can say and we cannot is a mistake too, never passed over: docs/goss.md has all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from config_center.goss_commands import argv_of
from config_center.goss_matchers import MatcherReader
from config_center.goss_resources import COMMON, REFUSED, RESOURCES, Attribute, Option, Presence, Resource
from config_center.goss_words import Wanted, all_of, mapping, scalar, sequence
from config_center.mistakes import START, Notes, Place, Spot, did_you_mean
from config_center.operands import kind_of
from config_center.yaml_lines import Mapping, Node, Scalar, compose
from config_center.yaml_lines import Sequence as List

GOSS: Final = "goss"
_TEMPLATE: Final = b"{{"


def items_of(raw: bytes, notes: Notes) -> Mapping | None:
    """The `items` of a layer that say what a Goss file says; None after noting why not. raw: YAML or JSON."""
    if _TEMPLATE in raw:
        before = raw[: raw.index(_TEMPLATE)]
        spot = Spot(before.count(b"\n") + 1, len(before) - before.rfind(b"\n"))
        notes.at(spot, "Goss templates ({{ }}) are not taken", "name the file that `goss render` makes of it")
        return None
    root = compose(raw, notes)
    if not isinstance(root, Mapping) or not root.entries:
        if not notes.mistakes:
            what = "empty" if root is None or isinstance(root, Mapping) else f"a {kind_of(root)}"
            notes.at(root or START, f"a Goss file is a mapping of resources, and this one is {what}")
        return None
    reader = _File(notes)
    for section, resources in root.entries:
        reader.section(section, resources)
    return mapping(
        root, [(kind, Mapping(tuple(items.values()), *_line(items))) for kind, items in reader.items.items()]
    )


def _line(items: dict[str, tuple[Scalar, Node]]) -> tuple[int, int]:
    first = next(iter(items.values()))[0]
    return first.line, first.column


@dataclass(frozen=True, slots=True)
class _File:
    """items: kind -> key -> (key, body), in the order of the file."""

    notes: Notes
    items: dict[str, dict[str, tuple[Scalar, Node]]] = field(default_factory=dict)

    def section(self, name: Scalar, resources: Node) -> None:
        """All resources of one type."""
        word = name.spelling
        if word in REFUSED:
            self.notes.at(name, f"Goss's {word} has no counterpart here", REFUSED[word])
        elif word not in RESOURCES:
            self.notes.at(name, f"Goss has no resource {word[:80]!r}", did_you_mean(word, (*RESOURCES, *REFUSED)))
        elif not isinstance(resources, Mapping):
            self.notes.at(resources, f"{word} takes a mapping of resources, not a {kind_of(resources)}")
        else:
            for key, body in resources.entries:
                self._resource(word, key, body)

    def _resource(self, word: str, key: Scalar, body: Node) -> None:
        if not isinstance(body, Mapping):
            self.notes.at(body, f"{word} {key.spelling[:80]!r} takes a mapping, not a {kind_of(body)}")
            return
        resource = _Resource(word, RESOURCES[word], key, body, self.notes)
        if resource.is_skipped():
            self.notes.warn(key, f"{word} {key.spelling[:80]!r} is not checked: it says skip: true", "remove it")
            return
        for kind, wanted in resource.expectations().items():
            body_of_ours = resource.body(kind, wanted)
            named = resource.key(kind)
            known = self.items.setdefault(kind, {}).setdefault(named.spelling, (named, body_of_ours))
            if known[1] is not body_of_ours:
                what = f"{kind}:{named.spelling[:80]} is said twice: first on line {known[0].line}"
                self.notes.at(key, what, "keep one of the two, or put both into one resource")


@dataclass(frozen=True, slots=True)
class _Resource:
    """One resource as written. word: its type in Goss."""

    word: str
    about: Resource
    name: Scalar
    written: Mapping
    notes: Notes

    def is_skipped(self) -> bool:
        """It says so."""
        skip = self.written.get("skip")
        return isinstance(skip, Scalar) and skip.value is True

    def key(self, kind: str) -> Scalar:
        """The key of our item; a command's is only a name for people."""
        named = self.written.get(self.about.name)
        if kind == "command" or not isinstance(named, Scalar):
            named = self.name
        text = named.spelling
        for theirs, hint in self.about.refused_names.items():
            if text.startswith(theirs):
                self.notes.at(named, f"Goss's {self.word} {theirs}… has no counterpart here", hint)
        for theirs, ours in self.about.prefixes.items():
            if text.startswith(theirs):
                text = ours + text.removeprefix(theirs)
        return Scalar(text, plain=False, line=self.name.line, column=self.name.column)

    def expectations(self) -> dict[str, dict[str, Wanted]]:
        """Kind -> property -> what is wanted. Empty after noting a mistake."""
        before = len(self.notes.mistakes)
        found: dict[str, dict[str, Wanted]] = {}
        for name, node in self._in_order():
            attribute = self.about.attributes.get(name.spelling)
            if attribute is None:
                self._other(name, node)
                continue
            wanted = self._wanted(name.spelling, attribute, node)
            if not wanted:
                continue
            kind = self.about.kind if isinstance(attribute, Presence) else attribute.elsewhere or self.about.kind
            properties = found.setdefault(kind, {})
            both = all_of([properties.get(attribute.property, {}), wanted])
            if both is None:
                self.notes.at(node, f"{self.word}.{name.spelling}: another attribute expects something else of it")
                continue
            properties[attribute.property] = _without_any(both)
            if name.spelling == self.about.first and _is_absence(wanted):
                break  # as Goss passes over the rest of what is not there
        if not found and len(self.notes.mistakes) == before:
            self.notes.at(
                self.name, f"{self.word} {self.name.spelling[:80]!r} expects nothing", "write what it expects"
            )
        return found if len(self.notes.mistakes) == before else {}

    def _in_order(self) -> list[tuple[Scalar, Node]]:
        """Its attributes, the one that says whether the thing is there before all others."""
        return sorted(self.written.entries, key=lambda entry: entry[0].spelling != self.about.first)

    def _wanted(self, name: str, attribute: Attribute | Presence, node: Node) -> Wanted | None:
        what = f"{self.word}.{name}"
        if isinstance(attribute, Presence):
            told = MatcherReader(what, "flag", self.notes).read(node)
            flag = told.get("equals") if told else None
            if not isinstance(flag, Scalar) or not isinstance(flag.value, bool):
                if told is not None:
                    self.notes.at(node, f"{what} takes true or false")
                return None
            body = attribute.yes if flag.value else attribute.no
            return {matcher: _operand(node, operand) for matcher, operand in body.items()}
        wanted = MatcherReader(what, attribute.shape, self.notes, in_order=attribute.in_order).read(node)
        if wanted is None:
            return None
        return {matcher: _ours(operand, attribute, matcher) for matcher, operand in wanted.items()}

    def _other(self, name: Scalar, node: Node) -> None:
        """An attribute that expects nothing."""
        word = name.spelling
        if word in self.about.refused and _is_empty(node):
            return
        if word in self.about.refused:
            self.notes.at(name, f"Goss's {self.word}.{word} has no counterpart here", self.about.refused[word])
        elif word in {"retry_count", "retry_delay"}:
            self.notes.warn(name, f"{word} is passed over: nothing is tried twice here", "the next sweep looks again")
        elif word not in COMMON and word != self.about.name and word not in self.about.options:
            known = (*self.about.attributes, *self.about.options, *self.about.refused, self.about.name, *COMMON)
            self.notes.at(name, f"Goss's {self.word} has no attribute {word[:80]!r}", did_you_mean(word, known))

    def body(self, kind: str, wanted: dict[str, Wanted]) -> Mapping:
        """The body of our item."""
        expect = [(name, mapping(self.name, [*one.items()])) for name, one in wanted.items()]
        entries: list[tuple[str, Node]] = [("expect", _literal(mapping(self.name, expect)))]
        given = self._parameters() if kind == self.about.kind else []
        if given:
            entries.append(("with", _literal(mapping(self.name, given))))
        title, timeout = self.written.get("title"), self.written.get("timeout")
        if isinstance(title, Scalar):
            entries.append(("title", title))
        if timeout is not None and not (isinstance(timeout, Scalar) and timeout.value == 0):  # 0: the usual one
            entries.append(("timeout", _seconds(timeout)))
        elif self.about.timeout_s is not None:
            entries.append(("timeout", scalar(self.name, self.about.timeout_s)))
        return mapping(self.name, entries)

    def _parameters(self) -> list[tuple[str, Node]]:
        given: list[tuple[str, Node]] = []
        if self.about.kind == "command":
            told = self.written.get("exec") or self.name
            argv = argv_of(told, self.notes)
            given.append(("argv", sequence(told, [scalar(told, word) for word in argv])))
        for word, option in self.about.options.items():
            node = self.written.get(word)
            if node is None:
                if option.unsaid is not None:
                    given.append((option.parameter, scalar(self.name, option.unsaid)))
            elif not _is_empty(node):
                given.append((option.parameter, self._chosen(word, option, node)))
        return given

    def _chosen(self, word: str, option: Option, node: Node) -> Node:
        if not option.values:
            return node
        spelling = node.spelling if isinstance(node, Scalar) else kind_of(node)
        if spelling not in option.values:
            known = ", ".join(option.values)
            self.notes.at(node, f"{self.word}.{word} {spelling[:40]!r} has no counterpart here", f"known: {known}")
            return node
        return scalar(node, option.values[spelling])


def _operand(place: Place, operand: str | int | bool | tuple[str, ...]) -> Node:  # noqa: FBT001 - a value of a table
    if isinstance(operand, tuple):
        return sequence(place, [scalar(place, word) for word in operand])
    return scalar(place, operand)


def _ours(node: Node, attribute: Attribute, matcher: str) -> Node:
    """An operand in our words."""
    if isinstance(node, List):
        return List(tuple(_ours(one, attribute, matcher) for one in node.elements), node.line, node.column)
    if not isinstance(node, Scalar):
        return node
    text = attribute.words.get(node.spelling, node.spelling)
    if attribute.chomped:
        text = text.rstrip("\n")
    if attribute.headers:
        name, colon, value = text.partition(":")
        text = f"(?i:{text})" if matcher == "matches" else f"{name.lower()}{colon}{value}" if colon else text
    return node if text == node.spelling else scalar(node, text)


def _without_any(wanted: Wanted) -> Wanted:
    """To be there is wanted by any other matcher too."""
    return {name: operand for name, operand in wanted.items() if name != "any"} or wanted


def _is_absence(wanted: Wanted) -> bool:
    flag = wanted.get("equals")
    return "absent" in wanted or (isinstance(flag, Scalar) and flag.value == 0)


def _literal(node: Node) -> Node:
    """The same with no variable of ours in its texts: Goss knows none."""
    if isinstance(node, Mapping):
        return Mapping(tuple((name, _literal(value)) for name, value in node.entries), node.line, node.column)
    if isinstance(node, List):
        return List(tuple(map(_literal, node.elements)), node.line, node.column)
    if "${" not in node.spelling:
        return node
    return Scalar(node.spelling.replace("${", "$${"), node.plain, node.line, node.column)


def _is_empty(node: Node) -> bool:
    """It is written out, and says nothing."""
    return not (
        node.spelling if isinstance(node, Scalar) else node.elements if isinstance(node, List) else node.entries
    )


def _seconds(node: Node) -> Node:
    """Goss counts in milliseconds."""
    if isinstance(node, Scalar) and isinstance(node.value, int) and not isinstance(node.value, bool):
        return scalar(node, node.value / 1000)
    return node
