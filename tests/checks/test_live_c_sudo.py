"""What sudo lets whom do, held against visudo -c, cvtsudoers and sudo -l: line by line, and as one file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector_lab.tools import locate
from tests.support.check_cases import look_at, module, plant
from tests.support.mounted import RefusedError, inside
from tests.support.others import host, told

# Each is one file; which of them are sound only visudo says.
LINES = [
    "a ALL=() ALL", "a ALL=(:) ALL", "a ALL=(x:) ALL", "a ALL=(:y) ALL", "a ALL=(x", "Defaults", "a ALL = ALL,",
    "Defaults env_reset use_pty", "a,b c ALL=ALL", "a ALL=NOPASSWD:ALL:b=/bin/x", "Defaults !secure_path",
    "Defaults secure_path=/a:/b:/c", "Defaults !!use_pty", "a ALL", "a ALL= foo", "User_Alias lower = a",
    "User_Alias A = a : B = b", "User_Alias A = ", "User_Alias ALL = b", "Cmnd_Alias X=/bin/a b c, !Y",
    "a ALL=/bin/a \\,x", "a ALL=/bin/x=y", "a ALL=/bin/x y:z", "a ALL= NOPASSWD : ALL", "a ALL=NOPASSWDX: ALL",
    "a ALL=NOPASSWD:EXEC:PASSWD:NOEXEC:ALL", "a b=! ! /bin/ls", "a !b = /bin/ls", "!a ALL=ALL", "! a ALL=ALL",
    "a ALL=(root) (bin) ALL", "a ALL=LOG_INPUT: list, /bin/x", "@include", "@includedir /nonexistent",
    "@include /nonexistent", "a\\ b ALL=ALL", '"a b" ALL=ALL', "%:grp ALL=ALL", "+net ALL=ALL", "a ALL=ALL # c",
    "a ALL=/bin/echo \\# x", "a ALL=/bin/echo #1 x", "a ALL=/bin/echo x#1 x", "Defaults:a,b !use_pty",
    "Defaults: a !use_pty", "Defaults:a", "Defaults @h use_pty", "Defaults@h use_pty", "a ALL=ROLE=r TYPE=t ALL",
    "a ALL=CWD=/x,/bin/y", "a 2001:db8::/32=ALL", "a 10.0.0.0/8,!b=ALL", 'a ALL="/bin/x"', 'a ALL=/bin/x "q r"',
    "garbage", "a = ALL", "a ALL==ALL", "a ALL=ALL ALL", "Defaults use_pty env_reset", "Defaults use_pty,,env_reset",
    "Defaults use_pty,", "Host_Alias H = a b", "Defaults editor=/a\\,b", "User_Alias A=a\nUser_Alias A=b",
    "Cmnd_Alias A=/bin/a\nUser_Alias A=b", "a ALL=sha224:0GomF8mNN3wlDt1HD9XldjJ3SNgpFdbjO1+NsQ== /bin/x",
    "a ALL=sudoedit /x", "a ALL=sudoedit", "a ALL=listx", "a ALL=TIMEOUT=5 /x", "a ALL=/bin/a\\\n, /bin/b",
    "# x \\\na ALL=ALL", "%a b ALL=ALL", "Defaultsuse_pty y", "Runas_Alias R = #0, %a", "a ALL=(R,b : %c) /x",
    "a ALL=(#0:#0) /x", "Defaults umask=0022, !syslog", 'Defaults passprompt="x: "', "a ALL=/bin/x \\",
    "a ALL=(ALL)NOPASSWD:ALL", "a ALL=FOO", "a ALL=!ALL", "a ALL=NOPASSWD: sudoedit /a, /bin/b", "a ALL=(!x) ALL",
    "a A,\n B=ALL", "a ALL=NOPASSWD:!/bin/x", "User_Alias A=a,\\\nb,c", "User_Alias A=a\nA ALL=ALL:ALL=/bin/sh",
    "a\tALL=(root)\tALL", "a(b) ALL=ALL", "a ALL=/bin/x (a)", "a ALL=/bin/[ab]*", "#1000 ALL=ALL", "# 1000 ALL=ALL",
]  # fmt: skip
MANY = """\
User_Alias ADMINS = alice, %ops, !mallory
Cmnd_Alias TOOLS = /bin/ls, /usr/bin/id -u, sudoedit /etc/hosts
Runas_Alias DB = postgres, #101
Defaults env_reset, secure_path="/usr/sbin:/usr/bin"
Defaults:alice !lecture
ADMINS ALL = (ALL : ALL) ALL
%sudo ALL = (ALL) NOPASSWD: ALL
bob ALL = (DB) NOPASSWD: TOOLS, !/bin/sh, PASSWD: /bin/cat /var/log/*, (root) SETENV: NOEXEC: /usr/bin/less
#1003 web1, web2 = /bin/true : db1 = /bin/false a\\, b
ALL ALL = (nobody) NOPASSWD: /bin/date
"""
USERS_OF = (
    "root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\ncarol:x:1003:100::/:/bin/sh\n"
)
GROUP = "root:x:0:\nsudo:x:27:carol\nops:x:30:bob\nusers:x:100:\nalice:x:1000:\nbob:x:1001:\n"
USERS = ("root", "alice", "bob", "carol")


def is_sound(path: Path) -> bool:
    """What visudo says of a file."""
    return bool(host().run("%s -c -f %s", str(locate("visudo")), str(path)).rc == 0)


@pytest.mark.parametrize("text", LINES)
def test_a_line_is_understood_where_visudo_understands_it(text: str, tmp_path: Path) -> None:
    """Below another root our own reader says whether a file is sound; it was asked about each of these lines."""
    root = plant(tmp_path / "root", {"/etc/sudoers": f"{text}\n"})
    (tmp_path / "alone").write_text(f"{text}\n", encoding="utf-8")
    found = look_at("sudoers", "*", {"valid": {"equals": True}}, root)
    assert found["outcome"] == ("pass" if is_sound(tmp_path / "alone") else "fail"), found


def theirs(printed: str) -> list[tuple[list[str], list[str], list[str], bool, str]]:
    """cvtsudoers' JSON -> (users, hosts, runas, whether without a password, command), one a command."""
    names = (
        "username",
        "usergroup",
        "userid",
        "useralias",
        "hostname",
        "hostalias",
        "command",
        "cmndalias",
        "runasalias",
    )

    def word(entry: dict[str, Any]) -> str:
        prefix = {"usergroup": "%", "userid": "#"}
        (kind,) = [name for name in names if name in entry]
        return "!" * bool(entry.get("negated")) + prefix.get(kind, "") + str(entry[kind])

    found = []
    for spec in json.loads(printed)["User_Specs"]:
        for part in spec["Cmnd_Specs"]:
            users, groups = (list(map(word, part.get(key, []))) for key in ("runasusers", "runasgroups"))
            runas = [",".join(users or ["root"])] + ([",".join(groups).replace("%", "")] if groups else [])
            free = any(option.get("authenticate") is False for option in part.get("Options", []))
            for command in part["Commands"]:
                hosts = list(map(word, spec["Host_List"]))
                found.append((list(map(word, spec["User_List"])), hosts, runas, free, word(command)))
    return found


def test_rules_are_what_cvtsudoers_reads(tmp_path: Path) -> None:
    """Users, hosts, runas, NOPASSWD and command of each, in order."""
    (tmp_path / "sudoers").write_text(MANY, encoding="utf-8")
    from checklib.sudoers import Sudoers

    ours = Sudoers()
    assert list(ours.read("sudoers", MANY)) == []
    printed = told("cvtsudoers", "-f", "json", str(tmp_path / "sudoers"))
    assert [
        (rule.users, rule.hosts, rule.runas, "NOPASSWD" in rule.tags, rule.command.replace("\\", ""))
        for rule in ours.rules
    ] == theirs(printed)
    assert ours.mistakes == []
    aliases = json.loads(printed)
    assert set(aliases["User_Aliases"]) == set(ours.aliases["user"]) == {"ADMINS"}
    assert set(aliases["Command_Aliases"]) == set(ours.aliases["cmnd"]) == {"TOOLS"}
    assert module("sudoers").parse_sudoers(MANY)["mistakes"] == []


def test_what_a_user_may_is_what_sudo_lists(tmp_path: Path) -> None:
    """sudo itself, with these files in its /etc; who may not mount holds the machine's own against visudo."""
    for name, text in (("sudoers", MANY), ("passwd", USERS_OF), ("group", GROUP)):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o440 if name == "sudoers" else 0o644)
    script = "".join(f"mount --bind {name} /etc/{name}\n" for name in ("sudoers", "passwd", "group"))
    script += "".join(f"sudo -l -U {user}; echo ==\n" for user in USERS)
    valid = [{"check": "sudoers", "key": "*", "expect": {"valid": {"equals": True}}}]
    try:
        findings, printed = inside(script, valid, tmp_path)
    except RefusedError:
        found = look_at("sudoers", "*", {"valid": {"any": True}})
        assert found["outcome"] in {"pass", "na", "error"}, "without root /etc/sudoers may not be read"
        return
    assert findings[0]["outcome"] == "pass"
    root = plant(tmp_path / "root", {"/etc/sudoers": MANY, "/etc/passwd": USERS_OF, "/etc/group": GROUP})
    listed = {user: set(commands(block)) for user, block in zip(USERS, printed.split("==\n"), strict=False)}
    everything = set().union(*listed.values())
    assert len(everything) == 9
    for user, mine in listed.items():
        expect = {"rules": {"contains": sorted(mine), "lacks": sorted(everything - mine)}}
        assert look_at("sudoers", user, expect, root)["outcome"] == "pass", user


def commands(block: str) -> Iterator[str]:
    """What `sudo -l` lists for a user, one command each, with what holds for it: ALL=(root) NOPASSWD: /bin/ls."""
    listed = block.partition("may run the following commands")[2].partition("\n")[2]
    for line in listed.replace("\n        ", " ").strip().splitlines():
        runas, _, rest = line.strip().partition(") ")
        tags: dict[str, str] = {}
        for part in rest.split(", "):
            *words, command = re.split(r"(?<=[A-Z]): ", part)
            tags.update({word.removeprefix("NO"): f"{word}:" for word in words})
            yield " ".join([f"ALL={re.sub(' ', '', runas)})", *tags.values(), command])


def test_the_machines_own_file_is_what_visudo_and_testinfra_say() -> None:
    """visudo -c is asked about the real one; absent or unreadable it is told so."""
    found = look_at("sudoers", "*", {"valid": {"any": True}})
    if not host().file("/etc/sudoers").exists:
        assert found["outcome"] == "na"
    elif host().user().uid == 0:
        sound = host().run("%s -c", str(locate("visudo"))).rc == 0
        assert found["observed"] == f"valid {str(sound).lower()}"
    else:
        assert found["outcome"] == "error"
