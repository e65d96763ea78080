"""Resource limits: of a running process, from /proc/PID/limits, or as limits.conf gives them to a user who logs in."""

from __future__ import annotations

from checklib import pamlimits
from checklib.accounts import PASSWD, accounts, groups, hold_to_files
from checklib.errors import CannotTell, NotApplicable
from checklib.kernelfs import parse_number, pids_of
from checklib.kinds import Kind, Property
from checklib.pamlimits import UNLIMITED
from checklib.several import decide
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.values import Observation

    Pair = tuple[int | str | None, int | str | None]

# As limits.conf(5) names them -> as /proc/PID/limits does.
RESOURCES = {
    "as": "Max address space",
    "core": "Max core file size",
    "cpu": "Max cpu time",
    "data": "Max data size",
    "fsize": "Max file size",
    "locks": "Max file locks",
    "memlock": "Max locked memory",
    "msgqueue": "Max msgqueue size",
    "nice": "Max nice priority",
    "nofile": "Max open files",
    "nproc": "Max processes",
    "rss": "Max resident set",
    "rtprio": "Max realtime priority",
    "rttime": "Max realtime timeout",
    "sigpending": "Max pending signals",
    "stack": "Max stack size",
}
LOGINS = ("maxlogins", "maxsyslogins", "priority")  # these pam_limits alone knows
USER, DOMAIN = "user:", "domain:"
DEBIAN = "/etc/debian_version"


def parse_limits(text: str) -> dict[str, Pair]:
    """/proc/PID/limits -> resource -> (soft, hard), a number or unlimited. Raises CannotTell of anything else."""
    found: dict[str, Pair] = {}
    names = {label: name for name, label in RESOURCES.items()}
    for line in text.splitlines():
        for label, name in names.items():
            if line.startswith(f"{label} "):
                words = line[len(label) :].split()
                if len(words) < 2:
                    raise CannotTell(f"{label} has no two limits: {line[:80]!r}")
                found[name] = (_limit(words[0]), _limit(words[1]))
    return found


def _limit(word: str) -> int | str:
    return UNLIMITED if word == UNLIMITED else parse_number(word)


def observe(item: Item, node: Node) -> Observed:
    """Both limits of a resource; of several processes all must be as expected."""
    resource, dot, whom = item.key.partition(".")
    if not dot or not whom or resource not in {*RESOURCES, *LOGINS}:
        raise CannotTell(f"{item.key[:80]!r} is not written RESOURCE.WHOM, as in nofile.sshd")
    if whom.startswith((USER, DOMAIN)):
        soft, hard = _configured(node, resource, whom)
        return Observed({"soft": soft, "hard": hard}, exists=soft is not None)
    if resource not in RESOURCES:
        raise CannotTell(f"{resource} is no limit of a process: write {resource}.{USER}NAME")
    pairs = _running(node, resource, whom)
    if not pairs:
        return Observed({"soft": None, "hard": None}, exists=False, note=f"{whom} does not run")
    values: dict[str, Observation] = {}
    shown = {}
    for place, name in enumerate(("soft", "hard")):
        things = [(str(number), pair[place]) for number, pair in enumerate(pairs)]
        values[name], shown[name] = decide(things, item.expect.get(name, {}), _counted)
    return Observed(values, shown=shown)


def _counted(names: list[str]) -> str:
    """Processes are counted: their numbers differ everywhere."""
    return f"{len(names)} process{'es' if len(names) > 1 else ''}"


def _running(node: Node, resource: str, whom: str) -> list[Pair]:
    """(soft, hard) of each process that is meant."""
    found = []
    for pid in pids_of(node, whom):
        try:
            text = node.root.text(f"/proc/{pid}/limits")
        except (FileNotFoundError, ProcessLookupError):  # it has ended since
            continue
        pair = parse_limits(text).get(resource)
        if pair is None:
            raise CannotTell(f"/proc/{pid}/limits has no line {RESOURCES[resource]!r}")
        found.append(pair)
    return found


def _configured(node: Node, resource: str, whom: str) -> Pair:
    if not node.root.exists(pamlimits.FILE) and not node.root.names(pamlimits.DIRECTORY):
        raise NotApplicable(f"there is no {pamlimits.FILE}{node.root.whereabouts()}")
    files = node.once(pamlimits.FILE, lambda: pamlimits.read_rules(node))
    if whom.startswith(DOMAIN):
        return pamlimits.configured([rule for rules in files for rule in rules], resource, whom[len(DOMAIN) :])
    return pamlimits.effective(files, resource, _who(node, whom[len(USER) :]))


def _who(node: Node, name: str) -> pamlimits.Who:
    account = next((one for one in accounts(node) if one.name == name), None)
    if account is None:
        hold_to_files(node, "passwd")
        raise NotApplicable(f"there is no user {name[:80]}{node.root.whereabouts() or ' here'}")
    known = [one for one in groups(node) if one.gid == account.gid or name in one.members]
    return pamlimits.Who(
        name,
        account.uid,
        account.gid,
        {one.name for one in known},
        {account.gid, *(one.gid for one in known)},
        exempt=account.uid == 0 and node.root.exists(DEBIAN),
    )


def discover(node: Node) -> Iterator[str]:
    """The open files of what runs and may be looked at, and of root; all that limits.conf has."""
    names: dict[str, None] = {}
    for pid in node.root.names("/proc"):
        if pid.isdecimal():
            try:
                node.root.text(f"/proc/{pid}/limits")
                if node.root.text(f"/proc/{pid}/cmdline"):  # a kernel thread comes and goes
                    names[node.root.text(f"/proc/{pid}/comm").strip()] = None
            except (CannotTell, OSError):
                continue
    yield from (f"nofile.{name}" for name in names if name and not name.startswith(("/", USER, DOMAIN)))
    rules = [rule for rules in pamlimits.read_rules(node) for rule in rules if rule.item in {*RESOURCES, *LOGINS}]
    yield from dict.fromkeys(f"{rule.item}.{DOMAIN}{rule.domain}" for rule in rules)


KIND = Kind(
    "limit",
    title="a resource limit, of running processes or of users who log in",
    chapter="system",
    key=(
        "the resource as limits.conf(5) names it, a dot, and whose: a process's name (nofile.sshd), a pid file's path "
        "(nofile./run/nginx.pid), user:NAME for what a login gets (nofile.user:oracle), or domain:DOMAIN for what "
        "limits.conf has of a domain (nofile.domain:@dba)"
    ),
    keys=tuple(f"{name}.*" for name in (*RESOURCES, *LOGINS)),
    main="soft",
    properties={
        "soft": Property(
            "text", "the limit that holds, or unlimited, which is more than any number; bytes, s, or a count"
        ),
        "hard": Property("text", "how far it may be raised, in the same units"),
    },
    example={"nofile.sshd": {"at_least": 1024}},
    outcomes=(
        "Limits are in the kernel's units, bytes and seconds, also where limits.conf has KiB and minutes; nice is 20 "
        "minus what it says. Of several processes of a name all must be as expected; where none runs, the limit is "
        "absent, and so is what limits.conf does not set. na where there is no such user, or no limits.conf. What "
        "systemd gives a service is told by the kind service. Any root with a /proc or an /etc can be looked at."
    ),
    reads=["/proc/PID/comm", "/proc/PID/cmdline", "/proc/PID/limits", pamlimits.FILE, pamlimits.DIRECTORY, PASSWD],
    cost="one small read a process of the node, once for all items together, and one for each that is meant",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
