"""Users and groups, held against getent, id, passwd -S, chage, testinfra, Ansible and what pyinfra captured."""

from __future__ import annotations

import json
import pwd
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.captures import captures
from tests.support.check_cases import look, look_at, plant
from tests.support.mounted import RefusedError, inside
from tests.support.others import ansible, facts, host, told

ANY = {"any": True}
DATE = re.compile(r"\d{4}-\d\d-\d\d")
STATES = {"set": "P", "locked": "L", "none": "L", "empty": "NP"}
FILES = {
    "passwd": """\
root:x:0:0:Super User:/root:/bin/bash
alice:x:1000:1000:Alice Ümlaut,,,:/home/alice:/bin/bash
bob:x:1001:100::/home/bob:
carol:x:1002:1002:c:/home/carol:/bin/sh
dave:x:1002:1002::/nonexistent:/usr/sbin/nologin
""",
    "group": """\
root:x:0:
users:x:100:alice,carol
wheel:x:10:bob,alice
alice:x:1000:
carol:x:1002:dave
empty:x:1003:
""",
    "shadow": """\
root:!!::0:99999:7:::
alice:$y$j9T$notareal$hash:20000:1:365:14:30:20500:
bob:!$6$saltsalt$notarealhash:20100:0:90:7::99999:
carol::20200:0:99999:7:::
dave:*:20000::::::
""",
}
SCRIPT = (
    "".join(f"mount --bind {name} /etc/{name}\n" for name in FILES)
    + """
getent passwd; echo ==; getent group; echo ==
for one in root alice bob carol dave; do id -Gn $one; done; echo ==
passwd -S -a; echo ==
for one in root alice bob carol dave; do chage -i -l $one; echo; done
"""
)


def seen(check: str, keys: list[str], property_: str, root: Path | str = "/") -> list[str]:
    """Observed values, of items that want them to be there."""
    items = [{"check": check, "key": key, "expect": {property_: ANY}} for key in keys]
    return [one["observed"].removeprefix(f"{property_} ") for one in look(items, root)]


def items(users: list[str], properties: tuple[str, ...]) -> list[dict[str, Any]]:
    """One item a property, so that what is observed needs no parsing."""
    return [{"check": "user", "key": user, "expect": {name: ANY}} for user in users for name in properties]


def ours(findings: list[dict[str, Any]], users: list[str], properties: tuple[str, ...]) -> dict[str, list[str]]:
    """User -> what was observed of the properties, in their order."""
    values = iter(findings)
    return {user: [next(values)["observed"].removeprefix(f"{name} ") for name in properties] for user in users}


def test_users_are_what_getent_and_testinfra_say() -> None:
    """All of this machine: numbers, names of groups, home, shell and what else /etc/passwd has."""
    rows = [line.split(":") for line in told("getent", "-s", "files", "passwd").splitlines()]
    users = [row[0] for row in rows]
    for place, name in ((2, "uid"), (3, "gid"), (4, "gecos"), (5, "home"), (6, "shell")):
        assert seen("user", users, name) == [row[place] or '""' for row in rows]
    assert seen("user", users, "groups") == [
        " ".join([first, *sorted(others)])
        for first, *others in (told("id", "-Gn", user).split() for user in users)
    ]  # fmt: skip
    for user in users[:3]:
        theirs = host().user(user)
        expect = {
            "uid": {"equals": theirs.uid},
            "gid": {"equals": theirs.gid},
            "group": {"equals": theirs.group},
            "home": {"equals": theirs.home},
            "shell": {"equals": theirs.shell},
            "gecos": {"equals": theirs.gecos},
            "groups": {"contains": theirs.groups},
        }
        assert look_at("user", user, expect)["outcome"] == "pass", user
    assert look_at("user", "no-such-user", {"uid": {"absent": True}})["outcome"] == "pass"
    assert not host().user("no-such-user").exists


def test_groups_are_what_getent_testinfra_and_ansible_say() -> None:
    """All of this machine, with their members."""
    rows = [line.split(":") for line in told("getent", "-s", "files", "group").splitlines()]
    names = [row[0] for row in rows]
    assert seen("group", names, "gid") == [row[2] for row in rows]
    assert seen("group", names, "members") == [
        " ".join(sorted(filter(None, row[3].split(",")))) or "none" for row in rows
    ]
    for name in names[:3]:
        theirs = host().group(name)
        assert seen("group", [name], "gid") == [str(theirs.gid)]
        assert seen("group", [name], "members") == [" ".join(sorted(theirs.members)) or "none"]
    database = ansible("getent", "database=group")["ansible_facts"]["getent_group"]
    assert {name: database[name][1] for name in names} == dict(zip(names, seen("group", names, "gid"), strict=True))


def test_the_user_of_the_tests_is_what_ansible_says() -> None:
    """Its facts tell of whom it runs as."""
    theirs = facts()
    name = theirs["ansible_user_id"]
    wanted = [theirs[f"ansible_user_{part}"] for part in ("uid", "gid", "dir", "shell", "gecos")]
    properties = ("uid", "gid", "home", "shell", "gecos")
    assert ours(look(items([name], properties)), [name], properties)[name] == [str(one) or '""' for one in wanted]


def test_passwords_age_as_passwd_and_chage_say(tmp_path: Path) -> None:
    """Users of every sort, in a mount namespace where /etc has them; who may not mount holds the own machine's."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    properties = ("password", "min_days", "max_days", "warn_days", "inactive_days", "expires")
    users = [line.partition(":")[0] for line in FILES["passwd"].splitlines()]
    try:
        findings, said = inside(SCRIPT, items(users, (*properties, "groups", "uid", "gecos")), tmp_path)
    except RefusedError:
        (found,) = look(items([pwd.getpwuid(0).pw_name], ("password",)))
        assert found["outcome"] in {"pass", "error"}, "without root /etc/shadow may not be read"
        return
    passwd, group, groups, states, aging = said.split("==\n")
    assert (passwd, group) == (FILES["passwd"], FILES["group"])
    told_by_us = ours(findings, users, (*properties, "groups", "uid", "gecos"))
    for user, words, block, line in zip(
        users, groups.splitlines(), aging.split("\n\n"), states.splitlines(), strict=False
    ):
        state, *days, expires, mine, uid, _gecos = told_by_us[user]
        assert uid == dict(row.split(":")[::2][:2] for row in passwd.splitlines())[user]
        assert mine.split() == [words.split()[0], *sorted(words.split()[1:])]
        name, letter, _changed, *rest = line.split()
        assert (name, letter) == (user, STATES[state])
        assert [{"absent": "-1"}.get(day, day) for day in days] == rest
        limits = dict(re.split(r"\s+: ", row) for row in block.splitlines())
        assert limits["Maximum number of days between password change"] == rest[1]
        assert limits["Account expires"] == {"absent": "never"}.get(expires, expires)
        assert DATE.fullmatch(expires) or expires == "absent"


def test_the_whole_is_what_awk_says(tmp_path: Path) -> None:
    """Who is 0, who is there twice, who needs no password: one line of awk each, over users of every sort."""
    root = plant(tmp_path, {f"/etc/{name}": text for name, text in FILES.items()})
    passwd, shadow = str(tmp_path / "etc/passwd"), str(tmp_path / "etc/shadow")
    awk = {
        "uid_zero": ("$3 == 0 {print $1}", passwd),
        "empty_password": ('$2 == "" {print $1}', shadow),
        "login": ("$7 !~ /nologin|false/ {print $1}", passwd),
        "same_uid": ('{n[$3]++; who[$3] = who[$3] " " $1} END {for (u in n) if (n[u] > 1) print who[u]}', passwd),
    }  # fmt: skip
    for key, (program, path) in awk.items():
        assert seen("accounts", [key], "names", root) == [" ".join(told("awk", "-F:", program, path).split())], key


def test_users_and_groups_that_pyinfra_captured_are_read_as_it_reads_them(tmp_path: Path) -> None:
    """Of FreeBSD's and Linux's files; a user of theirs stands in where there are no captures."""
    folder = captures()
    case: dict[str, Any] = {
        "output": ["root:x:0:0:root:/root:/bin/bash|root|root wheel|root|$6$x$y"],
        "fact": {
            "root": {"uid": 0, "gid": 0, "home": "/root", "shell": "/bin/bash", "comment": "root", "password": "$6$"}
        },
    }
    groups: dict[str, Any] = {"output": ["lpadmin:x:114:vagrant", "vboxsf:x:999:"], "fact": ["lpadmin", "vboxsf"]}
    if folder is not None:
        case = json.loads((folder / "pyinfra/server.Users/mixed.json").read_text(encoding="utf-8"))
        groups = json.loads((folder / "pyinfra/server.Groups/groups.json").read_text(encoding="utf-8"))
    lines = [row.partition("|")[0] for row in case["output"]]
    shadow = [f"{row.partition(':')[0]}:{row.rpartition('|')[2]}:::::::" for row in case["output"]]
    root = plant(
        tmp_path,
        {"/etc/passwd": "\n".join(lines), "/etc/shadow": "\n".join(shadow), "/etc/group": "\n".join(groups["output"])},
    )
    for name, fact in case["fact"].items():
        expect: dict[str, Any] = {
            "uid": {"equals": fact["uid"]},
            "gid": {"equals": fact["gid"]},
            "home": {"equals": fact["home"] or ""},
            "shell": {"equals": fact["shell"] or ""},
            "gecos": {"equals": fact["comment"] or ""} if fact["comment"] or not name.startswith("_") else ANY,
        }
        assert look_at("user", name, expect, root)["outcome"] == "pass", (name, fact)
    assert {one["outcome"] for one in look([{"check": "group", "key": key} for key in groups["fact"]], root)} == {
        "pass"
    }


@pytest.mark.parametrize("property_", ["password", "hash", "max_days", "password_age_days"])
def test_no_hash_is_ever_told(property_: str, tmp_path: Path) -> None:
    """Whatever is expected of a password: neither what was seen nor the message has any of it."""
    root = plant(tmp_path, {f"/etc/{name}": text for name, text in FILES.items()})
    for user in ("alice", "bob"):
        found = look_at("user", user, {property_: {"equals": "something else"}}, root)
        assert found["outcome"] in {"fail", "error"}
        assert not any(part in str(found) for part in ("notareal", "j9T", "saltsalt"))
