"""Which packages are kept from being upgraded where rpm or apk has them: by the files of the tools above them.

dnf and yum have a plugin, versionlock, and an option that excludes packages; zypper has locks; apk has its world. dpkg
keeps such a state itself.
"""

from __future__ import annotations

import fnmatch
import re

from checklib.errors import CannotTell, NotApplicable
from checklib.repofiles import parse_sections, truth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from checklib.root import Root

WORLD = "/etc/apk/world"
ZYPP_LOCKS = "/etc/zypp/locks"
DNF5_LOCKS = "/etc/dnf/versionlock.toml"
# A plugin's configuration, and the list that it reads if that names no other.
PLUGINS = (
    ("/etc/dnf/plugins/versionlock.conf", "/etc/dnf/plugins/versionlock.list"),
    ("/etc/yum/pluginconf.d/versionlock.conf", "/etc/yum/pluginconf.d/versionlock.list"),
)
CONFIGURATIONS = ("/etc/dnf/dnf.conf", "/etc/yum.conf", "/etc/zypp/zypp.conf")
_EPOCH = re.compile(r"^\d+:(?=[A-Za-z])")  # yum writes 0:bash-5.1-1.*, dnf bash-0:5.1-1.*
_WANTED = re.compile(r"([^!~=<>@][^~=<>@]*)(?:@[^~=<>@]+)?[~=<>].*")
_QUOTED = re.compile(r"""^[ \t]*(name|comparator)[ \t]*=[ \t]*["']([^"'\n]+)["']""", re.MULTILINE)
_ARCHITECTURES = frozenset(
    ("*", "noarch", "x86_64", "aarch64", "ppc64le", "s390x", "riscv64", "loongarch64", "i686", "i586")
)


def is_held(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of the patterns speaks of a package of that name, whichever version it wants it to keep."""
    return any(fnmatch.fnmatchcase(name, one) for pattern in patterns for one in _names(pattern))


def _names(pattern: str) -> list[str]:
    """The names that a pattern may mean: bash, bash.x86_64, bash-0:5.1, bash-5.1-9.el9, bash-0:5.1-9.el9.x86_64."""
    bare = _EPOCH.sub("", pattern)
    stem, _, architecture = bare.rpartition(".")
    names = [bare, stem] if architecture in _ARCHITECTURES else [bare]
    for parts in (1, 2):
        name, *rest = bare.rsplit("-", parts)
        if len(rest) == parts and (rest[0][:1].isdigit() or rest[0] == "*"):
            names.append(name)
    return names


def parse_versionlock(text: str) -> list[str]:
    """The plugin's list: a pattern a line. Those that begin with ! forbid a version, and keep no other."""
    lines = (line.strip() for line in text.split("\n"))
    return [line.split()[0] for line in lines if line and line[0] not in "#!"]


def parse_versionlock_toml(text: str) -> list[str]:
    """dnf 5's list: the names of its [[packages]], without those of which it only forbids a version (!=)."""
    found = []
    for table in text.split("[[packages]]")[1:]:
        names = _QUOTED.findall(table)
        comparators = {value for key, value in names if key == "comparator"}
        found += [value for key, value in names if key == "name" and comparators != {"!="}]
    return found


def parse_zypp_locks(text: str) -> list[str]:
    """zypper's locks, in paragraphs of `name: value`. Raises CannotTell of a lock that is a regular expression."""
    found = []
    for paragraph in re.split(r"\n[ \t]*\n", text):
        lines = (line.partition(":") for line in paragraph.splitlines())
        fields = {name.strip(): value.strip() for name, _, value in lines}
        name, match = fields.get("solvable_name", ""), fields.get("match_type", "substring")
        if not name or fields.get("type", "package") != "package":
            continue
        if match not in {"exact", "glob", "substring"}:
            raise CannotTell(f"the lock {name[:80]!r} is matched by {match[:20]!r}, which is not looked into")
        found.append(f"*{name}*" if match == "substring" else name)
    return found


def parse_world(text: str) -> list[str]:
    """apk's world: the packages of which it wants certain versions. name@tag says only where one comes from."""
    words = (_WANTED.fullmatch(word) for word in text.split())
    return [word[1] for word in words if word]


def held_by_apk(root: Root) -> list[str]:
    """Patterns of what is held. Raises NotApplicable where apk has no world."""
    return parse_world(root.written(root.first(WORLD)))


def held_above_rpm(root: Root) -> list[str]:
    """The same of dnf, yum and zypper. Raises NotApplicable where none of them is set up: rpm itself knows no such."""
    configurations = [path for path in (*CONFIGURATIONS, DNF5_LOCKS, ZYPP_LOCKS) if root.exists(path)]
    plugins = [(conf, path) for conf, path in PLUGINS if root.exists(conf) or root.exists(path)]
    if not configurations and not plugins:
        raise NotApplicable(f"rpm knows no held packages, and there is no dnf, yum or zypper{root.whereabouts()}")
    found: list[str] = []
    for conf, path in plugins:
        found += _of_plugin(root, conf, path)
    for path in configurations:
        text = root.written(path)
        if path == DNF5_LOCKS:
            found += parse_versionlock_toml(text)
        elif path == ZYPP_LOCKS:
            found += parse_zypp_locks(text)
        else:
            main = parse_sections(text).get("main", {})
            found += f"{main.get('exclude', '')} {main.get('excludepkgs', '')}".replace(",", " ").split()
    return found


def _of_plugin(root: Root, conf: str, path: str) -> list[str]:
    """What a plugin locks: nothing where it is switched off."""
    main = parse_sections(root.written(conf)).get("main", {}) if root.exists(conf) else {}
    path = main.get("locklist", path)
    if not truth(main.get("enabled"), "yes") or not path.startswith("/") or not root.exists(path):
        return []
    return parse_versionlock(root.written(path))
