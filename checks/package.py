"""Installed packages: dpkg's and apk's databases are read below the root, rpm's is asked through the rpm tool."""

from __future__ import annotations

import re

from checklib import holds, limits, programs
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import MAY_SPAWN, Kind, Property
from checklib.root import Root
from checklib.searching import find_program
from checklib.values import Observed, Version, or_reason
from checklib.versions import compare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from checklib.contract import Item
    from checklib.node import Node

    Found = dict[
        str, dict[str, Any]
    ]  # package name -> property -> value, and under `name` the one without architecture

# Tool -> where its database may be, those that only older systems have first: of several the last counts.
DATABASES = {
    "dpkg": ("/var/lib/dpkg/status",),
    "apk": ("/usr/lib/apk/db/installed", "/lib/apk/db/installed"),
    "rpm": (
        "/var/lib/rpm/Packages",
        "/var/lib/rpm/Packages.db",
        "/usr/lib/sysimage/rpm/Packages.db",
        "/var/lib/rpm/rpmdb.sqlite",
        "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    ),
}
RPM_FORMAT = r"%{NAME}\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\t%{ARCH}\n"
PROPERTIES = ("version", "versions", "status", "held")
NOT_INSTALLED = frozenset({"not-installed", "config-files"})
_RPM_MISSING = re.compile(r"package (\S+) is not installed")
_DPKG_PACKAGE = re.compile(rb"^Package:[ \t]*(\S+)", re.MULTILINE)
_SILENT = "no answer for this package"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._:~-]{0,250}")


def parse_dpkg(raw: bytes, wanted: Iterable[str]) -> Found:
    """dpkg's status file -> the wanted packages; `name:arch` means one architecture, `name` an installed one first."""
    found: Found = {}
    names = set(wanted)
    bare = {name.partition(":")[0].encode() for name in names}
    for stanza in raw.split(b"\n\n"):
        if stanza[stanza.find(b":") + 1 : stanza.find(b"\n")].strip() not in bare:
            continue
        fields = _fields(stanza.decode("utf-8", "replace"))
        want, _, state = fields.get("Status", "").partition(" ")
        status = state.rpartition(" ")[2]
        version = fields.get("Version", "")
        there = [Version(version, "dpkg")] if version and status not in NOT_INSTALLED else []
        name = fields.get("Package", "")
        values = {"name": name, "versions": there, "status": status, "held": want == "hold"}
        _add(found, {f"{name}:{fields.get('Architecture', '')}", name} & names, values)
    return found


def _add(found: Found, keys: Iterable[str], values: dict[str, Any]) -> None:
    """One more of a package, which may be there in several versions or architectures: the newest is the one told of."""
    versions: list[Version] = values["versions"]
    values["version"] = versions[0] if versions else None
    for key in keys:
        known = found.get(key)
        if not known:
            found[key] = values
        elif versions:
            more = [one for one in versions if one not in known["versions"]]
            told = values if _is_newer(versions[0], known["version"]) else known
            found[key] = {**told, "versions": [*known["versions"], *more]}


def _is_newer(version: Version, known: Version | None) -> bool:
    """Of two texts that are no versions neither is: the first stays, and whoever compares it is told."""
    try:
        return known is None or compare(version, known, version.order) > 0
    except CannotTell:
        return False


def _fields(stanza: str) -> dict[str, str]:
    """One stanza of a Debian control file. Continued lines begin with white space, and so are no field of any name."""
    return {name: value.strip() for name, _, value in (line.partition(":") for line in stanza.splitlines())}


def parse_apk(text: str) -> Found:
    """apk's database -> all its packages."""
    found: Found = {}
    for stanza in text.split("\n\n"):
        fields = {line[0]: line[2:] for line in stanza.splitlines() if line[1:2] == ":" and line[0] in "PV"}
        if len(fields) == 2:
            _add(found, [fields["P"]], _installed(fields["P"], Version(fields["V"], "apk")))
    return found


def parse_rpm(text: str) -> Found:
    """What `rpm -q` prints in RPM_FORMAT -> each package it speaks of; of several versions the newest."""
    found: Found = {}
    for line in text.splitlines():
        missing = _RPM_MISSING.fullmatch(line)
        if missing:
            found[missing[1]] = {}
        fields = line.split("\t")
        if len(fields) == 3:
            name, version, arch = fields
            bare = version[2:] if version.startswith("0:") else version
            _add(found, [name, f"{name}.{arch}"], _installed(name, Version(bare, "rpm")))
    return found


def _installed(name: str, version: Version) -> dict[str, Any]:
    return {"name": name, "versions": [version], "status": "installed"}


def _with_holds(found: Found, patterns: Callable[[Root], list[str]], root: Root) -> Found:
    """Where the tool has no such state itself: what the files of the tools above it say of each package."""
    held = or_reason(lambda: patterns(root))
    for values in found.values():
        if "name" in values:
            values["held"] = holds.is_held(values["name"], held) if isinstance(held, list) else held
    return found


def _look(node: Node, timeout_s: float) -> Found:
    """All wanted packages of a request at once, in the one database that holds packages.

    A database without any says nothing: other systems' tools are installed with an empty one of their own.
    """
    names = sorted({key for key in node.keys("package") if _NAME.fullmatch(key)})
    root = node.root
    files = {tool: path for tool, paths in DATABASES.items() for path in paths if root.exists(path)}
    found: dict[str, Found] = {}
    if "dpkg" in files:
        raw = root.read(files["dpkg"], limits.package_database_bytes_max)
        if _DPKG_PACKAGE.search(raw):
            found["dpkg"] = parse_dpkg(raw, names)
    if "apk" in files:
        packages = parse_apk(root.text(files["apk"], limits.package_database_bytes_max))
        if packages:
            wanted = {name: packages[name] for name in names if name in packages}
            found["apk"] = _with_holds(wanted, holds.held_by_apk, root)
    if "rpm" in files:
        if not found:
            return _ask_rpm(root, files["rpm"], names, timeout_s)
        if _rpm_has_packages(root, files["rpm"], timeout_s):
            found["rpm"] = {}
    if len(found) > 1:
        raise CannotTell(f"cannot tell which counts: {' and '.join(found)} both have packages{root.whereabouts()}")
    if not found:
        what = f"package in the database of {' or '.join(files)}" if files else "package database of dpkg, rpm or apk"
        raise NotApplicable(f"there is no {what}{root.whereabouts()}")
    return found.popitem()[1]


def _ask_rpm(root: Root, file: str, names: list[str], timeout_s: float) -> Found:
    """All wanted packages in one call, or a few where they are many: of an answer only so much is kept."""
    if root.stat(file).st_size == 0:
        raise NotApplicable(f"there is no package in the database of rpm{root.whereabouts()}")
    answers: Found = {}
    for first in range(0, len(names), limits.names_asked_max):
        answers |= _query_rpm(root, file, names[first : first + limits.names_asked_max], timeout_s)
    if not any(answers.values()) and not _rpm_has_packages(root, file, timeout_s):
        raise NotApplicable(f"there is no package in the database of rpm{root.whereabouts()}")
    return _with_holds(answers, holds.held_above_rpm, root)


def _query_rpm(root: Root, file: str, names: list[str], timeout_s: float) -> Found:
    ended = _rpm(root, file, ["-q", "--qf", RPM_FORMAT, "--", *names], timeout_s)
    if "stdout" in ended.truncated:
        raise CannotTell(f"rpm said more than {limits.output_kept_bytes} bytes of {len(names)} packages")
    found = parse_rpm(ended.stdout)
    # A broken database makes rpm say nothing at all of a package: that does not mean that it is not installed.
    # Of one that it cannot open it says that nothing is installed, after a word of complaint.
    silence = dict.fromkeys(PROPERTIES, CannotTell(f"rpm: {programs.first_line(ended.stderr) or _SILENT}"))
    is_broken = any(line.startswith("error:") for line in ended.stderr.splitlines())
    return {name: found.get(name) or (silence if is_broken or name not in found else {}) for name in names}


def _rpm_has_packages(root: Root, file: str, timeout_s: float) -> bool:
    if root.stat(file).st_size == 0:
        return False
    ended = _rpm(root, file, ["-qa", "--qf", r"%{NAME}\n"], timeout_s)
    if ended.code:
        raise CannotTell(f"rpm: {programs.first_line(ended.stderr) or f'exit code {ended.code}'}")
    return bool(ended.stdout.strip())


def _rpm(root: Root, file: str, arguments: list[str], timeout_s: float) -> programs.Ended:
    """The machine's own rpm, also for another root: that one's would be of another system."""
    where = [] if root.is_host else ["--dbpath", root.on_host(file).rpartition("/")[0]]
    program = find_program("rpm", Root("/"), programs.PATH)
    return programs.run(program, [*where, *arguments], timeout_s=timeout_s, cwd="/", env={})


def observe(item: Item, node: Node) -> Observed:
    """One package; one that is not installed has no version."""
    if not _NAME.fullmatch(item.key):
        raise CannotTell(f"{item.key[:80]!r} names no package")
    values = node.once("packages", lambda: _look(node, item.timeout_s)).get(item.key, {})
    return Observed(values, exists=values.get("version") is not None)


def discover(node: Node) -> list[str]:
    """All installed packages of the databases that can be read without a tool."""
    found: Found = {}
    for path in filter(node.root.exists, DATABASES["dpkg"]):
        raw = node.root.read(path, limits.package_database_bytes_max)
        found = parse_dpkg(raw, {match[1].decode("ascii", "replace") for match in _DPKG_PACKAGE.finditer(raw)})
    for path in filter(node.root.exists, DATABASES["apk"]):
        found = found or parse_apk(node.root.text(path, limits.package_database_bytes_max))
    return sorted(name for name in found if found[name]["version"] is not None and _NAME.fullmatch(name))


KIND = Kind(
    "package",
    title="an installed package",
    chapter="software",
    key="the package's name; name:arch for dpkg and name.arch for rpm mean one architecture",
    main="version",
    properties={
        "version": Property("version", "in the order of dpkg, rpm or apk; of several the newest"),
        "versions": Property("list", "all that are installed beside each other, such as kernels of rpm"),
        "status": Property("word", "installed; with dpkg also unpacked, half-configured, config-files …"),
        "held": Property("bool", "whether it is kept from being upgraded"),
    },
    example={
        "openssl": {"at_least": "3.0.11-1~deb12u2"},
        "kubelet": {"between": ["1.29.0", "1.30~"], "expect": {"held": True}},
        "telnetd": {"absent": True},
    },
    outcomes=(
        "na where there is no package database, or only an empty one; an error where two tools both have packages, and "
        "of what rpm does not find where it complains of its database. Any "
        "root can be looked at with dpkg and apk, with rpm where this machine has the tool. Held is dpkg's hold; with "
        "rpm it is a versionlock or exclude of dnf or yum, or a lock of zypper, and na where none of them is set up; "
        "with apk a version in its world."
    ),
    reads=[
        "/var/lib/dpkg/status",
        "/lib/apk/db/installed",
        "rpm -q",
        "versionlock.list, dnf.conf, yum.conf and the like",
    ],
    cost="one read of dpkg's database, or one run of rpm (0.1 s and more), for all items together",
    observe=observe,
    discover=discover,
    effort=MAY_SPAWN,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
