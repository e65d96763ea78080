"""Users of /etc/passwd: numbers, groups, home, shell, the state of the password and how it ages; never its hash."""

from __future__ import annotations

import time

from checklib import accounts
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Property
from checklib.values import Observation, Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from checklib.accounts import Account, Shadow
    from checklib.contract import Item
    from checklib.node import Node

DAY_S = 86_400
OF_GROUPS = ("group", "groups")
OF_PASSWORD = ("password", "hash")
OF_SHADOW = (
    *OF_PASSWORD, "password_age_days", "min_days", "max_days", "warn_days", "inactive_days", "expires", "expired",
)  # fmt: skip
_NOT_IN_NAMES = frozenset(":/\n*?")  # * would pass for all of them, and be absent


def user_name(key: str) -> str:
    """The name that a key means. Raises CannotTell where it can be none."""
    if not _NOT_IN_NAMES.isdisjoint(key) or key[0] in "+-":
        raise CannotTell(f"{key[:80]!r} is no name of a user; of all of them tells the kind accounts")
    return key


def parse_aging(entry: Shadow, today: int) -> dict[str, Observation]:
    """What shadow(5) says of one user. today: days since 1970; days that are not set are absent."""
    return {
        "password": accounts.password_state(entry.password),
        "hash": accounts.hash_method(entry.password),
        "password_age_days": None if entry.changed is None else today - entry.changed,
        "min_days": entry.min_days,
        "max_days": entry.max_days,
        "warn_days": entry.warn_days,
        "inactive_days": entry.inactive_days,
        "expires": None if entry.expires is None else date_of(entry.expires),
        "expired": entry.expires is not None and today >= entry.expires,
    }


def date_of(day: int) -> str:
    """A day since 1970 as 2027-01-31; a day that no calendar has as its number."""
    from datetime import date

    first = date(1970, 1, 1).toordinal()
    return date.fromordinal(first + day).isoformat() if first + day <= date.max.toordinal() else str(day)


def observe(item: Item, node: Node) -> Observed:
    """One user; groups and passwords are only looked up where something is expected of them."""
    name = user_name(item.key)
    account = next((one for one in accounts.accounts(node) if one.name == name), None)
    if account is None:
        accounts.hold_to_files(node, "passwd")
        return Observed({}, exists=False)
    values: dict[str, Observation] = {
        "uid": account.uid,
        "gid": account.gid,
        "gecos": account.gecos,
        "home": account.home,
        "shell": account.shell,
    }
    if not item.expect.keys().isdisjoint(OF_GROUPS):
        names = accounts.groups_of(node, account)
        values["group"], values["groups"] = names[0], names
    if not item.expect.keys().isdisjoint(OF_SHADOW):
        values.update(_aging(node, account))
    return Observed(values)


def _aging(node: Node, account: Account) -> dict[str, Observation]:
    """Of /etc/shadow; a user that is not in it has what /etc/passwd says, and nothing that ages."""
    today = int(time.time()) // DAY_S
    try:
        return parse_aging(accounts.entry_of(account, accounts.shadows(node)), today)
    except NotApplicable as reason:
        unseen = CannotTell(f"{reason}, where /etc/passwd says that the password is")
        bare = parse_aging(accounts.entry_of(account, {}), today)
        told = ((name, unseen if account.password == accounts.SHADOWED else bare[name]) for name in OF_PASSWORD)
        return {**dict.fromkeys(OF_SHADOW, reason), **dict(told)}
    except CannotTell as error:
        return dict.fromkeys(OF_SHADOW, error)
    except PermissionError as error:
        return dict.fromkeys(OF_SHADOW, CannotTell(f"{error.filename}: {error.strerror}"))


def discover(node: Node) -> Iterable[str]:
    """All users of /etc/passwd."""
    return dict.fromkeys(account.name for account in accounts.accounts(node))


KIND = Kind(
    "user",
    title="a user of /etc/passwd",
    chapter="accounts",
    key="the user's name",
    main="uid",
    properties={
        "uid": Property("number", "the user's number"),
        "gid": Property("number", "the number of its own group"),
        "group": Property("word", "the name of its own group, else the number"),
        "groups": Property("list", "its groups: its own first, then the others of /etc/group in order of names"),
        "home": Property("word", "its directory, as /etc/passwd has it"),
        "shell": Property("word", 'its shell; "" means /bin/sh'),
        "gecos": Property("word", "its full name and what else stands in that field"),
        "password": Property(
            "word",
            "set: one fits; locked: one would, were it not locked by `!`; none: there is none that could fit (`*`, "
            "`!`), so that nobody gets in by one; empty: none is asked for. passwd -S calls these P, L, L and NP",
        ),
        "hash": Property(
            "word", "how the password was hashed: yescrypt, sha512, sha256, bcrypt, md5, des …; never the hash itself"
        ),
        "password_age_days": Property("number", "since the password was changed; below 0: in the future", unit="days"),
        "min_days": Property("number", "before it may be changed again", unit="days"),
        "max_days": Property("number", "until it has to be changed; absent where never", unit="days"),
        "warn_days": Property("number", "of warning before that", unit="days"),
        "inactive_days": Property("number", "after that until the door closes; absent where never", unit="days"),
        "expires": Property("word", "the day on which the account ends, 2027-01-31; absent where never"),
        "expired": Property("bool", "whether that day has come"),
    },
    default={"uid": {"any": True}},
    example={
        "root": {"equals": 0, "expect": {"shell": "/bin/bash", "password": {"one_of": ["locked", "none"]}}},
    },
    outcomes=(
        "na where there is no /etc/passwd, and of aging where there is no /etc/shadow; an error where /etc/shadow may "
        "not be read, and of a password that is to be there where it is not. Who is not in the files is absent, but an "
        "error where nsswitch.conf names a directory service, which is not asked. Any root can be looked at."
    ),
    reads=["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/nsswitch.conf"],
    cost="one read of each file for all items together",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
