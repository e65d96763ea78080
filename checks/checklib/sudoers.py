"""sudoers(5) as data: aliases, Defaults and rules, in the order of the file. Pure: texts in, lists out.

What is understood is what `cvtsudoers -f json` understands; a line that is not goes into `mistakes`, as `visudo -c`
would refuse it, and the others are read all the same.
"""

from __future__ import annotations

import re
from itertools import islice

from checklib import limits
from checklib.errors import CannotTell
from checklib.sudogrammar import INCLUDE, Default, Rule, logical_lines, parse_alias, parse_defaults, parse_rules, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator

ALIASES = {
    "User_Alias": "user",
    "Runas_Alias": "runas",
    "Host_Alias": "host",
    "Cmnd_Alias": "cmnd",
    "Cmd_Alias": "cmnd",
}


class Sudoers:
    """What stands in one or several files.

    aliases   kind -> name -> its words
    files     that were read
    mistakes  (file, line) that cannot be understood
    """

    def __init__(self) -> None:
        self.aliases: dict[str, dict[str, list[str]]] = {kind: {} for kind in ALIASES.values()}
        self.files: list[str] = []
        self.defaults: list[Default] = []
        self.rules: list[Rule] = []
        self.mistakes: list[tuple[str, int]] = []

    def read(self, path: str, text: str) -> Iterator[tuple[int, str, str]]:
        """Take in a file's text. Yields (line, include or includedir, path) where others are to be taken in first."""
        self.files.append(path)
        for number, line in logical_lines(text):
            include = INCLUDE.fullmatch(line)
            try:
                if include:
                    yield number, include[1], plain(include[2])
                else:
                    self._take(line)
            except CannotTell:
                self.mistakes.append((path, number))

    def _take(self, line: str) -> None:
        if "\0" in line:
            raise CannotTell("a name with such a byte is nobody's")
        word = re.match(r"[A-Za-z_]+", line)
        if word and word[0] in ALIASES:
            kind = ALIASES[word[0]]
            for name, words in parse_alias(kind, line[word.end() :]):
                self._name(kind, name, words)
        elif word and word[0] == "Defaults" and line[word.end() : word.end() + 1] in set("@:!> \t"):
            self.defaults += parse_defaults(line[word.end() :])
        else:
            self.rules += parse_rules(line)

    def _name(self, kind: str, name: str, words: list[str]) -> None:
        if name in self.aliases[kind]:
            raise CannotTell("an alias of this name is there already")
        self.aliases[kind][name] = words

    def meant(self, words: list[str], kind: str = "user") -> list[str]:
        """The words of a list with its aliases put in; a ! before an alias turns its words round.

        Raises CannotTell where aliases of aliases make more of them than anybody can want.
        """
        found = list(islice(self._expand(words, kind, frozenset()), limits.sudoers_rules_max + 1))
        if len(found) > limits.sudoers_rules_max:
            raise CannotTell(f"aliases stand for more than {limits.sudoers_rules_max} words")
        return found

    def written(self, rule: Rule) -> list[str]:
        """A rule as `sudo -l` words it, its aliases put in and its hosts before it: ALL=(root) NOPASSWD: /bin/ls."""
        hosts = ",".join(self.meant(rule.hosts, "host"))
        runas = ":".join(",".join(self.meant(part.split(","), "runas")) for part in rule.runas)
        tags = [tag if "=" in tag else f"{tag}:" for tag in rule.tags]
        return [" ".join([f"{hosts}=({runas})", *tags, one]) for one in self.meant([rule.command], "cmnd")]

    def _expand(self, words: list[str], kind: str, passed: frozenset[str]) -> Iterator[str]:
        for word in words:
            name = word.lstrip("!")
            negated = (len(word) - len(name)) % 2
            inner = None if name in passed else self.aliases[kind].get(name)
            if inner is None:
                yield "!" * negated + name
            else:
                for one in self._expand(inner, kind, passed | {name}):
                    yield one[1:] if negated and one[0] == "!" else "!" * negated + one


def stands_for(words: list[str], names: Container[str]) -> bool:
    """Whether a list without aliases means one of the names: of several words that do, the last counts."""
    meant = [word[:1] != "!" for word in words if word.lstrip("!") in names]
    return bool(meant) and meant[-1]
