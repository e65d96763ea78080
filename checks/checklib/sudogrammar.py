"""The grammar of sudoers(5): lines, lists of words, rules, settings. Pure: texts in, tuples out, or CannotTell."""

from __future__ import annotations

import re
from collections import namedtuple

from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# users, hosts, runas: the words of their lists. tags: such as NOPASSWD, and options NAME=value. command: as written.
Rule = namedtuple("Rule", "users hosts runas tags command")
# scope: "", "@hosts", ":users", "!commands" or ">runas". setting: name, !name, name=value, name+=value, name-=value.
Default = namedtuple("Default", "scope setting")

# Tags in the order in which `sudo -l` prints them; each may begin with NO.
_TAGS = ("SETENV", "EXEC", "PASSWD", "LOG_INPUT", "LOG_OUTPUT", "MAIL", "FOLLOW", "INTERCEPT")
_TAG = re.compile(r"(NO)?(?:" + "|".join(_TAGS) + r")\s*:")
_OPTION = re.compile(
    r"(ROLE|TYPE|PRIVS|LIMITPRIVS|APPARMOR_PROFILE|TIMEOUT|NOTBEFORE|NOTAFTER|CWD|CHROOT)\s*=\s*"
    r'("(?:[^"\\]|\\.)*"|(?:[^\s,\\]|\\.)+)'
)
_ALIAS_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_NAME = re.compile(r"(!*)([A-Za-z0-9_]+)")
_OPERATOR = re.compile(r"[+-]?=")
_VALUE = re.compile(r'"(?:[^"\\]|\\.)*"|(?:[^",\s\\]|\\.)+', re.DOTALL)
_WORD = re.compile(r'(!*)\s*("(?:[^"\\]|\\.)*"|(?:[^\s",=()\\!]|\\.)(?:[^\s",=()\\]|\\.)*)')
_DIGEST = re.compile(r"sha(?:224|256|384|512)\s*:\s*[A-Za-z0-9+/=]+")
_COMMAND = re.compile(r"(?:[^,:#\\]|\\.)+", re.DOTALL)
_MAY_RUN = re.compile(r"[/^]|(?:sudoedit|list)(?:\s|$)|[A-Z][A-Z0-9_]*\s*$")
INCLUDE = re.compile(r'[@#](include|includedir)\s+("(?:[^"\\]|\\.)+"|(?:[^\s\\]|\\.)+)\s*')  # directive, path
_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|\\.|#(?!-?\d)', re.DOTALL)


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number, line) without comments, continued lines joined, empty ones left out."""
    joined, first = "", 0
    for number, raw in enumerate(text.removesuffix("\n").split("\n"), 1):
        line = raw if INCLUDE.match(raw) and not joined else _uncommented(raw)
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
    """What stands behind the word Defaults. Raises CannotTell."""
    scope, place = "", 0
    if text[:1] in set("@:!>"):
        words, place = _words(text, 1)  # commands too: none of them has arguments here
        scope = text[0] + ",".join(words)
    found = []
    while True:
        setting, place = _setting(text, _blank(text, place))
        found.append(Default(scope, setting))
        if place == len(text):
            return found
        place = _expect(text, place, ",")


def _setting(text: str, place: int) -> tuple[str, int]:
    """One setting, written without blanks and quotes, and where it ends."""
    name = _NAME.match(text, place)
    if not name:
        raise CannotTell("a setting has no name")
    negated = "!" * (len(name[1]) % 2)
    place = _blank(text, name.end())
    operator = _OPERATOR.match(text, place)
    if not operator:
        return negated + name[2], place
    value = _VALUE.match(text, _blank(text, operator.end()))
    if not value or name[1]:
        raise CannotTell("a setting has no value, or may have none")
    return name[2] + operator[0] + plain(value[0]), _blank(text, value.end())


def parse_alias(kind: str, text: str) -> list[tuple[str, list[str]]]:
    """What stands behind User_Alias and the like -> (name, words). kind: cmnd or another. Raises CannotTell."""
    found, place = [], 0
    while True:
        name = _ALIAS_NAME.match(text, _blank(text, place))
        if not name or name[0] == "ALL":
            raise CannotTell("an alias has no name of its own")
        place = _expect(text, name.end(), "=")
        words, place = _commands(text, place) if kind == "cmnd" else _words(text, place)
        found.append((name[0], words))
        if place == len(text):
            return found
        place = _expect(text, place, ":")


def parse_rules(line: str) -> list[Rule]:
    """The rules of one line, one a command, each with the tags and the runas that hold for it. Raises CannotTell."""
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
            raise CannotTell("no group")
        found.append(",".join(words))
        if text[place : place + 1] == ")":
            return found, place + 1
        place = _expect(text, place, ":")
    raise CannotTell("a bracket is not closed")


def _tags(text: str, place: int, before: list[str]) -> tuple[list[str], int]:
    """The options and tags that hold from here on: those of the command before, and those that are written."""
    held = {_what(tag): tag for tag in before}
    while True:
        place = _blank(text, place)
        tag, option = _TAG.match(text, place), _OPTION.match(text, place)
        if tag:
            name = tag[0].rstrip(": \t")
            held[_what(name)] = name
            place = tag.end()
        elif option:
            held[option[1]] = f"{option[1]}={plain(option[2])}"
            place = option.end()
        else:
            break
    return sorted(held.values(), key=lambda one: -1 if "=" in one else _TAGS.index(_what(one))), place


def _what(tag: str) -> str:
    """What a tag or option is about: NOPASSWD and PASSWD are about the same."""
    return tag.partition("=")[0] if "=" in tag else tag.removeprefix("NO")


def _command(text: str, place: int) -> tuple[str, int]:
    """One command with its arguments, white space normalised; digests and ! stay before it."""
    begin = place = _blank(text, place)
    while digest := _DIGEST.match(text, place):
        place = _blank(text, digest.end())
        if text[place : place + 1] == ",":
            place = _blank(text, place + 1)
    digests, bangs = " ".join(text[begin:place].split()), place
    while text[place : place + 1] == "!":
        place += 1
    name = _COMMAND.match(text, _blank(text, place))
    if not name or not _MAY_RUN.match(name[0]):
        raise CannotTell("no command")
    return f"{digests} {'!' * ((place - bangs) % 2)}{' '.join(name[0].split())}".lstrip(), name.end()


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
            raise CannotTell("a name is missing")
        name, place = word[2], word.end()
        if ends and name[0] != '"' and ends in name:
            place = word.start(2) + name.index(ends)
            name = name[: name.index(ends)]
        found.append("!" * (len(word[1]) % 2) + plain(name))
        place = _blank(text, place)
        if text[place : place + 1] != ",":
            return found, place
        place += 1


def plain(word: str) -> str:
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
        raise CannotTell(f"{what} is missing")
    return place + 1


def _uncommented(line: str) -> str:
    """The line up to its comment: a # that is no number of a user, not escaped and not in quotes."""
    for found in _COMMENT.finditer(line):
        if found[0] == "#":
            return line[: found.start()]
    return line
