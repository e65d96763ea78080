"""Users and groups as the files below the root have them: passwd(5), group(5), shadow(5). No name service is asked."""

from __future__ import annotations

from collections import namedtuple

from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from checklib.node import Node

    Parsed = TypeVar("Parsed")

SHADOWED = "x"  # in the place of a password: it is in the other file
PASSWD, GROUP, SHADOW, NSSWITCH = "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/nsswitch.conf"
_FILES = {"user": PASSWD, "group": GROUP}

Account = namedtuple("Account", "name password uid gid gecos home shell")
Group = namedtuple("Group", "name gid members")
Shadow = namedtuple("Shadow", "password changed min_days max_days warn_days inactive_days expires")

# Sources of nsswitch.conf that know no accounts but those of the files, and those that systemd makes up as it runs.
_LOCAL_SOURCES = frozenset({"files", "compat", "systemd"})
_NUMBER_DIGITS_MAX = 10  # of a user, a group or a day; more are no number of 32 bits
_NO_LOGIN = frozenset({"nologin", "false", "sync", "shutdown", "halt"})
# What a hash begins with -> by which method it was made, as crypt(5) calls it.
_METHODS = {
    "$y$": "yescrypt", "$gy$": "gost-yescrypt", "$7$": "scrypt", "$2a$": "bcrypt", "$2b$": "bcrypt", "$2x$": "bcrypt",
    "$2y$": "bcrypt", "$6$": "sha512", "$5$": "sha256", "$sha1": "sha1", "$md5": "sunmd5", "$1$": "md5", "$3$": "nt",
    "_": "bsdi",
}  # fmt: skip
_DES_CHARS = 13


def parse_accounts(text: str) -> dict[int, str]:
    """passwd(5) or group(5) -> number -> name. Of several names for one number the first counts, as in libc."""
    names: dict[int, str] = {}
    for line in lines_of(text):
        fields = line.split(":")
        number = _number(fields[2]) if len(fields) > 2 else None
        if number is not None:
            names.setdefault(number, fields[0])
    return names


def lines_of(text: str) -> list[str]:
    """Lines as libc reads them: only a line feed ends one, whatever else Unicode knows."""
    return text.removesuffix("\n").split("\n") if text else []


def parse_passwd(text: str) -> list[Account]:
    """passwd(5), line by line; those that are no account, such as NIS's `+`, are left out."""
    found = []
    for line in lines_of(text):
        fields = line.split(":")
        if is_account(line):
            found.append(Account(fields[0], fields[1], int(fields[2]), int(fields[3]), *fields[4:7]))
    return found


def is_account(line: str) -> bool:
    """Whether a line of passwd(5) has seven fields, a name and two numbers."""
    fields = line.split(":")
    numbers = [_number(field) for field in fields[2:4]]
    return len(fields) == 7 and not is_import(line) and bool(fields[0]) and None not in numbers


def is_import(line: str) -> bool:
    """Whether the line takes accounts in from NIS, or leaves some of them out."""
    return line[:1] in {"+", "-"}


def parse_group(text: str) -> list[Group]:
    """group(5), line by line; those that are no group are left out."""
    return [
        Group(fields[0], int(fields[2]), [name for name in fields[3].split(",") if name])
        for fields in (line.split(":") for line in lines_of(text) if is_group(line))
    ]


def is_group(line: str) -> bool:
    """Whether a line of group(5) has four fields, a name and a number."""
    fields = line.split(":")
    return len(fields) == 4 and not is_import(line) and bool(fields[0]) and _number(fields[2]) is not None


def parse_shadow(text: str) -> dict[str, Shadow]:
    """shadow(5) -> name -> its fields; days are None where none is set. Of two lines for one name the first counts."""
    found: dict[str, Shadow] = {}
    for line in lines_of(text):
        name, *fields = line.split(":")
        if name and len(fields) == 8:
            found.setdefault(name, Shadow(fields[0], *map(_number, fields[1:7])))
    return found


def parse_sources(text: str, database: str) -> list[str]:
    """nsswitch.conf(5): the services that are asked for a database, `passwd` or `group`; none where it says nothing."""
    for line in lines_of(text):
        name, colon, sources = line.partition("#")[0].partition(":")
        if colon and name.strip() == database:
            return [word for word in sources.split() if word[:1] != "[" and word[-1:] != "]"]
    return []


def password_state(field: str) -> str:
    """empty: none is asked for. set: one fits. locked: one would, but is locked. none: none can fit."""
    if not field:
        return "empty"
    if field[0] not in "!*":
        return "none" if field == SHADOWED else "set"
    return "locked" if field.lstrip("!")[:1] not in {"", "*"} else "none"


def hash_method(field: str) -> str | None:
    """The method by which a password was hashed, also of a locked one; None where there is no hash."""
    text = field.lstrip("!")
    if text[:1] in {"", "*"} or text == SHADOWED:
        return None
    method = next((name for start, name in _METHODS.items() if text.startswith(start)), None)
    return method or ("des" if len(text) == _DES_CHARS else "unknown")


def entry_of(account: Account, entries: Mapping[str, Shadow]) -> Shadow:
    """What counts of a user's password: pam_unix(8) takes the one in /etc/passwd itself, where there is still one."""
    entry = entries.get(account.name) or Shadow(account.password, *[None] * 6)
    return entry if account.password == SHADOWED else entry._replace(password=account.password)


def has_login(account: Account) -> bool:
    """Whether its shell lets it work; an empty one means /bin/sh."""
    return account.shell.rpartition("/")[2] not in _NO_LOGIN


def accounts(node: Node) -> list[Account]:
    """All of /etc/passwd. Raises NotApplicable where there is none, CannotTell where it has no user: all have root."""
    return _some(PASSWD, _once(node, PASSWD, parse_passwd))


def groups(node: Node) -> list[Group]:
    """All of /etc/group. Raises NotApplicable where there is none, CannotTell where it has no group."""
    return _some(GROUP, _once(node, GROUP, parse_group))


def shadows(node: Node) -> dict[str, Shadow]:
    """All of /etc/shadow. Raises NotApplicable where there is none, OSError where it may not be read, CannotTell where
    it has no user.
    """
    return _some(SHADOW, _once(node, SHADOW, parse_shadow))


def groups_of(node: Node, account: Account) -> list[str]:
    """The names of a user's groups: its own first, as a number where it has no name, then the others in order."""
    known = groups(node)
    own = next((group.name for group in known if group.gid == account.gid), str(account.gid))
    return [own, *sorted({group.name for group in known if account.name in group.members} - {own})]


def hold_to_files(node: Node, database: str) -> None:
    """Raises CannotTell where accounts may also come from elsewhere, so that one not in the files may be there.

    database: as nsswitch.conf names it: passwd or group
    """
    try:
        sources = parse_sources(node.root.text(NSSWITCH), database)
    except FileNotFoundError:
        return
    others = [source for source in sources if source not in _LOCAL_SOURCES]
    if others:
        raise CannotTell(f"it is not in /etc/{database}, but may be in {' or '.join(others)}, which is not asked")


def name_of(node: Node, what: str, number: int) -> str:
    """The name of a user or group; its number, as text, where the root knows none. what: "user" or "group"."""
    return node.once(f"accounts of {what}", lambda: _names(node, _FILES[what])).get(number, str(number))


def _names(node: Node, path: str) -> dict[int, str]:
    try:
        return parse_accounts(node.root.text(path))
    except FileNotFoundError:
        return {}


def _some(path: str, found: Parsed) -> Parsed:
    if not found:
        raise CannotTell(f"{path} holds no account: whether one is missing cannot be told")
    return found


def _once(node: Node, path: str, parse: Callable[[str], Parsed]) -> Parsed:
    return node.once(f"parsed {path}", lambda: parse(node.root.written(node.root.first(path))))


def _number(field: str) -> int | None:
    """A number of at most 32 bits or so; None where it is none, or below zero."""
    return int(field) if field.isascii() and field.isdigit() and len(field) <= _NUMBER_DIGITS_MAX else None
