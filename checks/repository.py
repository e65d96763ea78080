"""Package repositories as apt, dnf, yum, zypper and apk have them set up, from their files below any root."""

from __future__ import annotations

import fnmatch
import re

from checklib import limits, repofiles
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Property
from checklib.repofiles import Source
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from checklib.contract import Item
    from checklib.node import Node
    from checklib.root import Root
    from checklib.values import Observation

APT, APT_FOLDER = "/etc/apt/sources.list", "/etc/apt/sources.list.d"
APK = "/etc/apk/repositories"
ZYPP, ZYPP_FOLDER = "/etc/zypp/zypp.conf", "/etc/zypp/repos.d"
# dnf's configuration or yum's, where they look for .repo files, and where dnf 5 has what `config-manager` changes.
RPM = ("/etc/dnf/dnf.conf", "/etc/yum.conf")
RPM_FOLDERS = ("/etc/yum.repos.d", "/etc/yum/repos.d", "/etc/distro.repos.d", "/usr/share/dnf5/repos.d")
OVERRIDES = ("/usr/share/dnf5/repos.override.d", "/etc/dnf/repos.override.d")
RPM_PRIORITY = 99  # where none is given: dnf.conf(5), zypper(8)
LISTS = ("url", "suites", "components", "types", "architectures", "signed_by")
_APT_FILE = re.compile(r"[A-Za-z0-9_.-]+\.(?:list|sources)")  # apt passes over others

parse_list = repofiles.parse_list
parse_sources = repofiles.parse_sources
parse_repo = repofiles.parse_repo


def _all(node: Node) -> list[Source]:
    """Every entry of every tool. Raises NotApplicable where none of them is set up."""
    root = node.root
    there = [path for path in (APT, APT_FOLDER, APK, ZYPP_FOLDER, *RPM, *RPM_FOLDERS) if root.exists(path)]
    if not there:
        raise NotApplicable(f"neither apt, dnf, yum, zypper nor apk is set up{root.whereabouts()}")
    found = [*_of_apt(root), *_of_rpm(root), *_of_zypper(root)]
    if APK in there:
        found += repofiles.parse_apk_repositories(root.written(APK))
    if len(found) > limits.repositories_max:
        raise CannotTell(f"there are more than {limits.repositories_max} entries for repositories")
    return found


def _of_apt(root: Root) -> list[Source]:
    files = [APT] if root.exists(APT) else []
    files += [f"{APT_FOLDER}/{name}" for name in root.names(APT_FOLDER) if _APT_FILE.fullmatch(name)]
    found: list[Source] = []
    for path in files:
        read = parse_list if path.endswith(".list") else parse_sources
        try:
            entries = read(root.written(path))
        except CannotTell as error:
            raise CannotTell(f"{path}: {error}") from error
        for entry in entries:
            entry.name = path.rpartition("/")[2].rpartition(".")[0]
        found += entries
    return found


def _of_rpm(root: Root) -> list[Source]:
    sections: dict[str, dict[str, str]] = {}
    main: dict[str, str] = {}
    for path in [path for path in RPM if root.exists(path)][:1]:  # yum.conf is dnf's own, or a link to it
        sections = repofiles.parse_sections(root.written(path))
        main = sections.pop("main", {})
    for folder in main.get("reposdir", "").replace(",", " ").split() or RPM_FOLDERS:
        for path in _files(root, folder):
            sections.update(repofiles.parse_sections(root.written(path)))
    sections.pop("main", None)
    for folder in OVERRIDES:
        for path in _files(root, folder):
            _override(sections, repofiles.parse_sections(root.written(path)))
    found = [repofiles.repository(name, fields) for name, fields in sections.items()]
    _fill(found, repofiles.truth(main.get("gpgcheck"), "no"), repofiles.truth(main.get("repo_gpgcheck"), "no"))
    return found


def _fill(sources: list[Source], checked: bool | None, metadata_checked: bool | None) -> None:  # noqa: FBT001 - settings
    """What the tool's own configuration sets for repositories that say nothing."""
    for source in sources:
        source.checked = checked if source.checked is None else source.checked
        source.metadata_checked = metadata_checked if source.metadata_checked is None else source.metadata_checked


def _override(sections: dict[str, dict[str, str]], changes: dict[str, dict[str, str]]) -> None:
    for pattern, fields in changes.items():
        for name in fnmatch.filter(sections, pattern):
            sections[name] = {**sections[name], **fields}


def _of_zypper(root: Root) -> list[Source]:
    main = repofiles.parse_sections(root.written(ZYPP)).get("main", {}) if root.exists(ZYPP) else {}
    found = [source for path in _files(root, ZYPP_FOLDER) for source in parse_repo(root.written(path))]
    checked = repofiles.truth(main.get("gpgcheck"), "yes")
    _fill(found, checked, repofiles.truth(main.get("repo_gpgcheck"), "yes" if checked else "no"))
    return found


def _files(root: Root, folder: str) -> list[str]:
    return [f"{folder}/{name}" for name in root.names(folder) if name.endswith(".repo") and folder.startswith("/")]


def _same(key: str) -> str:
    """A URL as it is compared: without a name and password, and with or without a / at its end."""
    return repofiles.without_user(key).rstrip("/")


def observe(item: Item, node: Node) -> Observed:
    """All entries of a repository together. Those that are switched off count only where no other is there."""
    entries = node.once("repositories", lambda: _all(node))
    key = _same(item.key)
    named = [one for one in entries if item.key == one.name or key in map(_same, one.urls)]
    chosen = [one for one in named if one.enabled] or named
    if not chosen:
        return Observed({}, exists=False)
    values: dict[str, Observation] = {
        name: _unique(word for one in chosen for word in getattr(one, "urls" if name == "url" else name))
        for name in LISTS
    }
    if all(one.types == ["rpm"] for one in chosen):
        values |= dict.fromkeys(("suites", "components", "architectures"), NotApplicable("only apt has such"))
        values["priority"] = chosen[0].priority or RPM_PRIORITY
    else:
        values["priority"] = NotApplicable("apt and apk know no priority of a repository")
    values["enabled"] = any(one.enabled for one in chosen)
    values["gpgcheck"] = all(one.checked for one in chosen)
    values["repo_gpgcheck"] = all(one.metadata_checked for one in chosen)
    return Observed(values)


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def discover(node: Node) -> list[str]:
    """The names of dnf, yum and zypper, and the URLs of apt and apk."""
    entries = node.once("repositories", lambda: _all(node))
    keys = (key for one in entries for key in ([one.name] if one.types == ["rpm"] else map(_same, one.urls)))
    return _unique(key for key in keys if key)


KIND = Kind(
    "repository",
    title="a repository that packages come from",
    chapter="software",
    key=(
        "its name, or one of its URLs: in brackets in dnf's, yum's and zypper's files; with apt the file's name "
        "without its ending; with apk its tag"
    ),
    main="enabled",
    properties={
        "enabled": Property("bool", "whether packages are taken from it"),
        "url": Property("list", "where it is: baseurl, mirrorlist, metalink, URIs; never with a password"),
        "suites": Property("list", "apt's: bookworm, bookworm-updates …"),
        "components": Property("list", "apt's: main, contrib …"),
        "types": Property("list", "deb, deb-src, rpm or apk"),
        "architectures": Property("list", "apt's, where its entry names some"),
        "signed_by": Property("list", "the keys it names: files, URLs, fingerprints; embedded: in apt's file itself"),
        "gpgcheck": Property("bool", "whether signatures are checked; apt does unless an entry is trusted"),
        "repo_gpgcheck": Property("bool", "whether signatures of the list of packages are, too"),
        "priority": Property("number", f"dnf's, yum's and zypper's: the lowest wins, {RPM_PRIORITY} where none is set"),
    },
    default={"enabled": {"equals": True}},
    example={
        "https://download.docker.com/linux/debian": {
            "equals": True,
            "expect": {"suites": ["bookworm"], "signed_by": ["/etc/apt/keyrings/docker.gpg"], "gpgcheck": True},
        },
        "epel-testing": {"equals": False},
    },
    outcomes=(
        "na where neither apt, dnf, yum, zypper nor apk is set up; an error of a file that apt itself refuses. Several "
        "entries with one name or URL are one repository. $releasever and the like stay as written. Any root can be "
        "looked at."
    ),
    reads=["/etc/apt/sources.list and .d", "/etc/yum.repos.d", "/etc/dnf/dnf.conf", "/etc/zypp/repos.d", APK],
    cost="a few small files, once for all items together",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
