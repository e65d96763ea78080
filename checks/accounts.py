"""All users and groups of the files together: who is 0, who is there twice, who gets in without a password."""

from __future__ import annotations

import time
from collections import Counter

from checklib import accounts, parameters
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Parameter, Property
from checklib.several import tellable
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from checklib.contract import Item
    from checklib.node import Node

    Look = Callable[[Node], Iterable[str]]

DAY_S = 86_400
DAYS_DEFAULT = 365
LONG_LIVED = "long_lived"
LOGIN_DEFS = "/etc/login.defs"
UID_MIN_DEFAULT = 1000


def parse_twice(pairs: Iterable[tuple[str, object]]) -> list[str]:
    """(name, what it has) -> the names whose second part others have too, each once."""
    pairs = list(pairs)
    counts = Counter(what for _, what in pairs)
    return [name for name, what in pairs if counts[what] > 1]


def parse_uid_min(text: str) -> int:
    """login.defs(5): the first number of a user that is a person; 1000 where it says nothing."""
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == "UID_MIN" and words[1].isascii() and words[1].isdigit():
            return int(words[1][:10])
    return UID_MIN_DEFAULT


def _passwords(node: Node) -> Iterable[tuple[str, accounts.Shadow]]:
    """Each user with what counts of its password."""
    try:
        entries = accounts.shadows(node)
    except NotApplicable as reason:
        if any(one.password == accounts.SHADOWED for one in accounts.accounts(node)):
            raise CannotTell(f"{reason}, where /etc/passwd says that passwords are") from reason
        entries = {}
    return ((one.name, accounts.entry_of(one, entries)) for one in accounts.accounts(node))


def _without_password(node: Node) -> Iterable[str]:
    return (name for name, entry in _passwords(node) if accounts.password_state(entry.password) == "empty")


def _changed_in_future(node: Node) -> Iterable[str]:
    today = int(time.time()) // DAY_S
    return (name for name, entry in _passwords(node) if entry.changed is not None and entry.changed > today)


def _long_lived(node: Node, days: float) -> Iterable[str]:
    for name, entry in _passwords(node):
        if accounts.password_state(entry.password) == "set" and (entry.max_days is None or entry.max_days > days):
            yield name


def _system_logins(node: Node) -> Iterable[str]:
    first = parse_uid_min(node.root.text(LOGIN_DEFS)) if node.root.exists(LOGIN_DEFS) else UID_MIN_DEFAULT
    return (one.name for one in accounts.accounts(node) if 0 < one.uid < first and accounts.has_login(one))


def _homes_missing(node: Node) -> Iterable[str]:
    logins = (one for one in accounts.accounts(node) if accounts.has_login(one))
    return (one.name for one in logins if not one.home.startswith("/") or not node.root.exists(one.home))


def _without_group(node: Node) -> Iterable[str]:
    numbers = {group.gid for group in accounts.groups(node)}
    return (one.name for one in accounts.accounts(node) if one.gid not in numbers)


def _lines(node: Node, *, imported: bool) -> Iterable[str]:
    """Lines of both files that are not what they should be, as `/etc/passwd:12`: their text may hold anything."""
    if imported:  # what is no file of accounts takes none in either
        accounts.accounts(node)
        accounts.groups(node)
    for path, fits in ((accounts.PASSWD, accounts.is_account), (accounts.GROUP, accounts.is_group)):
        if not node.root.text(node.root.first(path)).strip():
            raise CannotTell(f"{path} is empty")
        for number, line in enumerate(accounts.lines_of(node.root.text(node.root.first(path))), 1):
            if accounts.is_import(line) if imported else not fits(line) and not accounts.is_import(line):
                yield f"{path}:{number}"


def _users(holds: Callable[[accounts.Account], object]) -> Look:
    return lambda node: (one.name for one in accounts.accounts(node) if holds(one))


def _groups_twice(part: str) -> Look:
    return lambda node: parse_twice((one.name, getattr(one, part)) for one in accounts.groups(node))


def _users_twice(part: str) -> Look:
    return lambda node: parse_twice((one.name, getattr(one, part)) for one in accounts.accounts(node))


# Key -> (whose names it has, how they are found).
KEYS: dict[str, tuple[str, Look]] = {
    "uid_zero": ("users with the number 0", _users(lambda one: one.uid == 0)),
    "gid_zero": ("users whose own group has the number 0", _users(lambda one: one.gid == 0)),
    "same_uid": ("users whose number others have too", _users_twice("uid")),
    "same_gid": ("groups whose number others have too", _groups_twice("gid")),
    "same_user": ("users that are there twice", _users_twice("name")),
    "same_group": ("groups that are there twice", _groups_twice("name")),
    "empty_password": ("users that need no password", _without_password),
    "unshadowed": ("users whose hash is in /etc/passwd", _users(lambda one: accounts.hash_method(one.password))),
    "changed_in_future": ("users whose password was changed in the future", _changed_in_future),
    LONG_LIVED: ("users whose password may last longer than `days`", lambda node: _long_lived(node, DAYS_DEFAULT)),
    "without_group": ("users of a group that is not there", _without_group),
    "login": ("users with a shell to work in", _users(accounts.has_login)),
    "system_login": ("users other than 0 below UID_MIN of login.defs with such a shell", _system_logins),
    "homeless": ("users with such a shell whose home is not there", _homes_missing),
    "imported": ("lines that take in accounts from NIS", lambda node: _lines(node, imported=True)),
    "malformed": ("lines that are no user or no group", lambda node: _lines(node, imported=False)),
}


def observe(item: Item, node: Node) -> Observed:
    """The names that one key is about."""
    if item.key not in KEYS:
        raise CannotTell(f"there is no {item.key[:80]!r} of accounts: known are {', '.join(KEYS)}")
    try:
        days = parameters.number(item, "days", DAYS_DEFAULT)
        found = _long_lived(node, days) if item.key == LONG_LIVED else KEYS[item.key][1](node)
        names = list(dict.fromkeys(found))
    except PermissionError as error:
        raise CannotTell(f"{error.filename}: {error.strerror}") from error
    return Observed({"names": names, "count": len(names)}, exists=bool(names))


def discover(node: Node) -> Iterable[str]:
    """All keys whose files are there and may be read."""
    return tellable(KEYS, lambda key: list(KEYS[key][1](node)))


KIND = Kind(
    "accounts",
    title="all users and groups together",
    chapter="accounts",
    key="; ".join(f"{key}: {title}" for key, (title, _) in KEYS.items()),
    keys=KEYS,
    main="names",
    properties={
        "names": Property("list", "in the order of the file, each once; absent where there are none"),
        "count": Property("number", "how many names these are"),
    },
    parameters={"days": Parameter("number", f"how long a password may last, {DAYS_DEFAULT} where nothing is said")},
    example={"empty_password": {"absent": True}, "uid_zero": {"equals": ["root"]}},
    outcomes=(
        "na where there is no /etc/passwd or no /etc/group; an error where /etc/shadow may not be read, or is missing "
        "though /etc/passwd points to it, and where a file holds nobody. Only what is in the files counts: no "
        "directory service is asked. Any root can be looked at."
    ),
    reads=["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/login.defs"],
    cost="one read of each file for all items together; homeless looks for each home",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
