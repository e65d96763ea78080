"""sudoers(5) as data: aliases, Defaults and rules, in the order of the file. Pure: texts in, lists out.

What is understood is what `cvtsudoers -f json` understands; a line that is not goes into `mistakes`, as `visudo -c`
would refuse it, and the others are read all the same.
"""

from __future__ import annotations

import re
from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator

# users, hosts, runas: the words of their lists. tags: such as NOPASSWD, and options NAME=value. command: as written.
Rule = namedtuple("Rule", "users hosts runas tags command")
# scope: "", "@hosts", ":users", "!commands" or ">runas". setting: name, !name, name=value, name+=value, name-=value.
Default = namedtuple("Default", "scope setting")

ALIASES = {
    "User_Alias": "user",
    "Runas_Alias": "runas",
    "Host_Alias": "host",
    "Cmnd_Alias": "cmnd",
    "Cmd_Alias": "cmnd",
}
_OPPOSITES = ("PASSWD", "EXEC", "SETENV", "LOG_INPUT", "LOG_OUTPUT", "FOLLOW", "MAIL", "INTERCEPT")
_TAG = re.compile(r"(NO)?(?:" + "|".join(_OPPOSITES) + r")\s*:")
_OPTION = re.compile(
    r"(ROLE|TYPE|PRIVS|LIMITPRIVS|APPARMOR_PROFILE|TIMEOUT|NOTBEFORE|NOTAFTER|CWD|CHROOT)\s*=\s*"
    r'("(?:[^"\\]|\\.)*"|(?:[^\s,\\]|\\.)+)'
)
_ALIAS_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_SETTING = re.compile(
    r'\s*(!*)\s*([A-Za-z0-9_]+)\s*(?:([+-]?=)\s*("(?:[^"\\]|\\.)*"|(?:[^",\s\\]|\\.)+))?\s*(,|$)', re.DOTALL
)
_WORD = re.compile(r'(!*)\s*("(?:[^"\\]|\\.)*"|(?:[^\s",=()\\!]|\\.)(?:[^\s",=()\\]|\\.)*)')
_DIGEST = re.compile(r"sha(?:224|256|384|512)\s*:\s*[A-Za-z0-9+/=]+")
_COMMAND = re.compile(r"(?:[^,:#\\]|\\.)+", re.DOTALL)
_MAY_RUN = re.compile(r"[/^]|(?:sudoedit|list)(?:\s|$)|[A-Z][A-Z0-9_]*\s*$")
_INCLUDE = re.compile(r'[@#](include|includedir)\s+("(?:[^"\\]|\\.)+"|(?:[^\s\\]|\\.)+)\s*')
_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|\\.|#(?!-?\d)', re.DOTALL)


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
            include = _INCLUDE.fullmatch(line)
            try:
                if include:
                    yield number, include[1], _plain(include[2])
                else:
                    self._take(line)
            except ValueError:
                self.mistakes.append((path, number))

    def _take(self, line: str) -> None:
        word = re.match(r"[A-Za-z_]+", line)
        if word and word[0] in ALIASES:
            self._alias(ALIASES[word[0]], line[word.end() :])
        elif word and word[0] == "Defaults" and line[word.end() : word.end() + 1] in set("@:!> \t"):
            self.defaults += parse_defaults(line[word.end() :])
        else:
            self.rules += parse_rules(line)

    def _alias(self, kind: str, text: str) -> None:
        place = 0
        while True:
            place = _blank(text, place)
            name = _ALIAS_NAME.match(text, place)
            if not name:
                raise ValueError("no name of an alias")
            place = _expect(text, name.end(), "=")
            if kind == "cmnd":
                words, place = _commands(text, place)
            else:
                words, place = _words(text, place)
            if name[0] in self.aliases[kind] or name[0] == "ALL":
                raise ValueError("an alias of this name is there already")
            self.aliases[kind][name[0]] = words
            if place == len(text):
                return
            place = _expect(text, place, ":")

    def meant(self, words: list[str], kind: str = "user") -> list[str]:
        """The words of a list with its aliases put in; a ! before an alias turns its words round."""
        return list(self._expand(words, kind, frozenset()))

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


def written(rule: Rule) -> str:
    """A rule as `sudo -l` words it, with its hosts before it: ALL=(root) NOPASSWD: /bin/ls."""
    options = [tag for tag in rule.tags if "=" in tag]
    tags = [f"{tag}:" for tag in rule.tags if "=" not in tag]
    return " ".join([f"{','.join(rule.hosts)}=({':'.join(rule.runas)})", *options, *tags, rule.command])


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number, line) without comments, continued lines joined, empty ones left out."""
    joined, first = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw if _INCLUDE.match(raw) and not joined else _uncommented(raw)
        first = first or number
        if len(line) == len(raw) and raw.endswith("\\"):
            joined += line[:-1]
            continue
        whole, joined = (joined + line).strip(), ""
        if whole:
            yield first, whole
        first = 0
    if joined.strip():
        yield first, joined.strip() + "\\"


def parse_defaults(text: str) -> list[Default]:
    """What stands behind the word Defaults. Raises ValueError."""
    scope, place = "", 0
    if text[:1] in set("@:!>"):
        words, place = _words(text, 1)  # commands too: none of them has arguments here
        scope = text[0] + ",".join(words)
    found = []
    while True:
        setting = _SETTING.match(text, place)
        if not setting:
            raise ValueError("no setting")
        negated, name, operator, value, comma = setting.groups()
        if operator and negated:
            raise ValueError("a value is not to be negated")
        found.append(Default(scope, "!" * (len(negated) % 2) + name + (operator + _plain(value) if operator else "")))
        place = setting.end()
        if not comma:
            return found


def parse_rules(line: str) -> list[Rule]:
    """The rules of one line, one a command, each with the tags and the runas that hold for it. Raises ValueError."""
    users, place = _words(line, 0)
    found = []
    while True:
        hosts, place = _words(line, place)
        place = _expect(line, place, "=")
        runas: list[str] = ["root"]
        tags: list[str] = []
        while True:
            place = _blank(line, place)
            if line[place : place + 1] == "(":
                runas, place = _runas(line, place + 1)
            tags, place = _tags(line, place, tags)
            command, place = _command(line, place)
            found.append(Rule(users, hosts, runas, tags, command))
            if line[place : place + 1] != ",":
                break
            place += 1
        if place == len(line):
            return found
        place = _expect(line, place, ":")


def _runas(text: str, place: int) -> tuple[list[str], int]:
    """`users : groups)` -> ["users", "groups"], each joined by commas; the users may be missing, or both."""
    found: list[str] = []
    while len(found) < 2:
        place = _blank(text, place)
        words: list[str] = []
        if text[place : place + 1] not in {":", ")"}:
            words, place = _words(text, place, ends=":")
        if (found and words and words[0][:1] == "%") or (found > [""] and not words):
            raise ValueError("no group")
        found.append(",".join(words))
        if text[place : place + 1] == ")":
            return found, place + 1
        place = _expect(text, place, ":")
    raise ValueError("a bracket is not closed")


def _tags(text: str, place: int, before: list[str]) -> tuple[list[str], int]:
    """The tags and options that hold from here on: those of the command before, and those that are written."""
    tags = list(before)
    while True:
        place = _blank(text, place)
        tag, option = _TAG.match(text, place), _OPTION.match(text, place)
        if tag:
            name = tag[0].rstrip(": \t")
            opposite = name[2:] if tag[1] else f"NO{name}"
            tags = [one for one in tags if one not in {name, opposite}] + [name]
            place = tag.end()
        elif option:
            tags = [one for one in tags if not one.startswith(f"{option[1]}=")] + [f"{option[1]}={_plain(option[2])}"]
            place = option.end()
        else:
            return tags, place


def _command(text: str, place: int) -> tuple[str, int]:
    """One command with its arguments, white space normalised; digests and ! stay before it."""
    begin = place = _blank(text, place)
    while digest := _DIGEST.match(text, place):
        place = _blank(text, digest.end())
        if text[place : place + 1] == ",":
            place = _blank(text, place + 1)
    while text[place : place + 1] == "!":
        place += 1
    name = _COMMAND.match(text, _blank(text, place))
    if not name or not _MAY_RUN.match(name[0]):
        raise ValueError("no command")
    return " ".join(text[begin : name.end()].split()), name.end()


def _commands(text: str, place: int) -> tuple[list[str], int]:
    found = []
    while True:
        command, place = _command(text, place)
        found.append(command)
        if text[place : place + 1] != ",":
            return found, place
        place += 1


def _words(text: str, place: int, ends: str = "") -> tuple[list[str], int]:
    """The words of a list with commas between, up to what does not belong to it. ends: what also ends a word."""
    found = []
    while True:
        word = _WORD.match(text, _blank(text, place))
        if not word:
            raise ValueError("a name is missing")
        name, place = word[2], word.end()
        if ends and name[0] != '"' and ends in name:
            place = word.start(2) + name.index(ends)
            name = name[: name.index(ends)]
        found.append("!" * (len(word[1]) % 2) + _plain(name))
        place = _blank(text, place)
        if text[place : place + 1] != ",":
            return found, place
        place += 1


def _plain(word: str) -> str:
    """Without its quotes and its backslashes."""
    inner = word[1:-1] if word[:1] == '"' else word
    return re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL)


def _blank(text: str, place: int) -> int:
    while text[place : place + 1].isspace():
        place += 1
    return place


def _expect(text: str, place: int, what: str) -> int:
    place = _blank(text, place)
    if text[place : place + 1] != what:
        raise ValueError(f"{what} is missing")
    return place + 1


def _uncommented(line: str) -> str:
    """The line up to its comment: a # that is no number of a user, not escaped and not in quotes."""
    for found in _COMMENT.finditer(line):
        if found[0] == "#":
            return line[: found.start()]
    return line
