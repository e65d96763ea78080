"""Files in which package repositories are set up: of apt in both of its forms, of dnf, yum and zypper, and of apk.

Each becomes a Source; which of them count, and what follows from the tools' own settings, is the caller's. Pure.
"""

from __future__ import annotations

import re

from checklib.errors import CannotTell

EMBEDDED = "embedded"  # what a key is called that stands in the file itself
_YES = frozenset({"1", "yes", "true", "on", "enable", "with"})
_NO = frozenset({"0", "no", "false", "off", "disable", "without"})
_USER = re.compile(r"(?<=://)[^/@\s]*@")


class Source:
    """One entry of such a file.

    name     of the repository, where it has one
    types    of what is fetched: deb, deb-src, rpm, apk
    signed_by  keys that it must be signed with, by file, URL or fingerprint; EMBEDDED
    checked, metadata_checked  whether signatures of packages and of the list of packages are checked; None: not said
    priority  None: not said
    """

    def __init__(self, types: list[str], urls: list[str], *, name: str = "", enabled: bool = True) -> None:
        self.name = name
        self.enabled = enabled
        self.types = types
        self.urls = [without_user(url) for url in urls]
        self.suites: list[str] = []
        self.components: list[str] = []
        self.architectures: list[str] = []
        self.signed_by: list[str] = []
        self.checked: bool | None = None
        self.metadata_checked: bool | None = None
        self.priority: int | None = None


def without_user(url: str) -> str:
    """The URL without name and password, which are nobody's business."""
    return _USER.sub("", url)


def truth(*words: str | None) -> bool | None:
    """What the first of the words means that means yes or no, in any of the tools' ways; None where none does."""
    plain = ((word or "").strip().lower() for word in words)
    return next((word in _YES for word in plain if word in _YES or word in _NO), None)


def parse_list(text: str) -> list[Source]:
    """A .list file of apt: one entry a line, sources.list(5). Raises CannotTell of a line that apt would refuse."""
    found = []
    for raw in text.split("\n"):
        line = _without_comment(raw).strip()
        if not line:
            continue
        kind, *behind = line.split(None, 1)
        options, rest = _options("".join(behind))
        words = _words(rest)
        if kind not in {"deb", "deb-src"} or len(words) < 2:
            raise CannotTell(f"apt does not take the line {without_user(line)[:80]!r}")
        source = Source([kind], [words[0]], enabled=truth(options.get("enabled"), "yes") is True)
        source.suites, source.components = [words[1]], words[2:]
        _apply(source, options)
        found.append(source)
    return found


def _without_comment(line: str) -> str:
    """What stands before the first # that is outside of brackets."""
    place = line.find("#")
    while place >= 0 and line.rfind("[", 0, place) > line.rfind("]", 0, place):
        end = line.find("]", place)
        place = line.find("#", end) if end >= 0 else -1
    return line if place < 0 else line[:place]


def _options(text: str) -> tuple[dict[str, str], str]:
    """`[arch=amd64 signed-by=/x] rest` -> its options, and the rest."""
    if not text.startswith("["):
        return {}, text
    inside, _, rest = text[1:].partition("]")
    pairs = (word.partition("=") for word in inside.split())
    return {name.rstrip("+-").lower(): value for name, _, value in pairs}, rest


def _words(text: str) -> list[str]:
    """Words, of which one may hold spaces in brackets: cdrom:[Debian 12]/."""
    words: list[list[str]] = []
    inside = False
    for part in text.split():
        if inside:
            words[-1].append(part)
        else:
            words.append([part])
        last = max(part.rfind("["), part.rfind("]"))
        inside = part[last] == "[" if last >= 0 else inside
    return [" ".join(word) for word in words]


def _apply(source: Source, options: dict[str, str]) -> None:
    """Options that both of apt's forms know, under the names of the one-line form, lists with commas."""
    source.architectures = options.get("arch", "").replace(",", " ").split()
    source.signed_by = options.get("signed-by", "").replace(",", " ").split()
    unchecked = truth(options.get("trusted")) is True or truth(options.get("allow-insecure")) is True
    source.checked = source.metadata_checked = not unchecked


def parse_sources(text: str) -> list[Source]:
    """A .sources file of apt: paragraphs of fields, deb822(5). Raises CannotTell of one that apt would refuse."""
    found = []
    for fields in _paragraphs(text):
        types, urls, suites = (fields.get(name, "").split() for name in ("types", "uris", "suites"))
        if not types or not urls or not suites:
            raise CannotTell("apt does not take an entry without Types, URIs or Suites")
        source = Source(types, urls, enabled=truth(fields.get("enabled"), "yes") is True)
        source.suites, source.components = suites, fields.get("components", "").split()
        key = fields.get("signed-by", "")
        options = {name: fields.get(name, "") for name in ("trusted", "allow-insecure")}
        options |= {"arch": fields.get("architectures", ""), "signed-by": EMBEDDED if "-----BEGIN" in key else key}
        _apply(source, options)
        found.append(source)
    return found


def _paragraphs(text: str) -> list[dict[str, str]]:
    found: list[dict[str, list[str]]] = [{}]
    last = ""
    for line in text.split("\n"):
        if line.startswith("#"):
            continue
        if not line.strip():
            found.append({})
            last = ""
        elif line[0].isspace():
            found[-1].setdefault(last, []).append(line.strip())
        else:
            name, _, value = line.partition(":")
            last = name.strip().lower()
            found[-1][last] = [value.strip()]
    return [{name: " ".join(values) for name, values in paragraph.items()} for paragraph in found if paragraph]


def parse_sections(text: str) -> dict[str, dict[str, str]]:
    """A configuration of dnf, yum or zypper, also a .repo file: its sections, in which the last of one name counts.

    A line that begins with white space continues the one before, unless it is a comment.
    """
    found: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] = {}
    last = ""
    for line in text.split("\n"):
        bare = line.strip()
        if not bare or bare[0] in "#;":
            continue
        if bare[0] == "[" and not line[0].isspace():
            section, last = found.setdefault(bare[1:].partition("]")[0].strip(), {}), ""
        elif line[0].isspace() and last:
            section[last].append(bare)
        elif "=" in bare:
            last, _, value = (part.strip() for part in bare.partition("="))
            section[last] = [value]
    return {name: {key: " ".join(lines) for key, lines in one.items()} for name, one in found.items()}


def parse_repo(text: str) -> list[Source]:
    """A .repo file: a repository a section."""
    return [repository(name, fields) for name, fields in parse_sections(text).items() if name != "main"]


def repository(name: str, fields: dict[str, str]) -> Source:
    """One section of a .repo file. $releasever and the like stay as they are written."""
    urls = " ".join(fields.get(key, "") for key in ("baseurl", "mirrorlist", "metalink")).replace(",", " ").split()
    source = Source(["rpm"], urls, name=name, enabled=truth(fields.get("enabled"), "yes") is True)
    source.signed_by = [without_user(key) for key in fields.get("gpgkey", "").replace(",", " ").split()]
    source.checked = truth(fields.get("gpgcheck"), fields.get("pkg_gpgcheck"))
    source.metadata_checked = truth(fields.get("repo_gpgcheck"))
    priority = fields.get("priority", "")
    source.priority = int(priority) if priority.isascii() and priority.isdigit() and len(priority) < 9 else None
    return source


def parse_apk_repositories(text: str) -> list[Source]:
    """apk's repositories: `[@tag] URL [component …]`, a line each."""
    found = []
    for line in text.split("\n"):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        tag = words.pop(0)[1:] if words[0].startswith("@") else ""
        if words:
            source = Source(["apk"], words[:1], name=tag)
            source.components = words[1:]
            source.checked = source.metadata_checked = True
            found.append(source)
    return found
