"""What the next boot makes of kernel parameters: sysctl.d(5), read and applied in systemd-sysctl's order."""

from __future__ import annotations

from checklib import limits
from checklib.dropins import read_in_order
from checklib.errors import CannotTell, NotApplicable
from checklib.several import WILD
from checklib.values import Words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from checklib.node import Node

DIRECTORIES = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
# systemd-sysctl reads it only where a link in one of the directories leads to it; procps's `sysctl --system` at last.
LAST = "/etc/sysctl.conf"
_SYSTEMD = ("/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl")


class Setting:
    """What a file sets. value: None where it says that patterns do not mean this one; file: that says so last."""

    __slots__ = ("file", "value")

    def __init__(self, value: str | None, file: str) -> None:
        self.value = value
        self.file = file


class Boot:
    """All that is set. settings: path below /proc/sys, or a pattern of such -> Setting, in the order of setting."""

    def __init__(self) -> None:
        self.settings: dict[str, Setting] = {}

    def add(self, path: str, value: str | None, file: str) -> None:
        """One more line; it takes the place of an earlier one about the same."""
        there = self.settings.get(path)
        if there is None or there.value != value:
            self.settings.pop(path, None)
            self.settings[path] = Setting(value, file)

    def of(self, path: str) -> Setting | None:
        """What it is set to: a line that names it counts before all patterns, of these the last. None: nothing."""
        own = self.settings.get(path)
        if own is not None:
            return own if own.value is not None else None
        found = None
        for pattern, setting in self.settings.items():
            if setting.value is not None and not WILD.isdisjoint(pattern) and fits(path, pattern):
                found = setting
        return found

    def configured(self, path: str) -> str | None:
        """Its value as it is written; None where no file sets it."""
        setting = self.of(path)
        return None if setting is None or setting.value is None else Words(setting.value)

    def applied(self, path: str, now: str) -> bool | NotApplicable:
        """Whether a boot leaves it as it is now."""
        written = self.configured(path)
        if written is None:
            return NotApplicable("no file sets it: at the next boot it is what the kernel makes it")
        return is_same(written, now)

    def change(self, path: str) -> str:
        """For people, what a boot sets it to."""
        setting = self.of(path)
        return f"{name_of(path)} is set to {self.configured(path)} at boot ({setting.file})" if setting else ""


def name_of(path: str) -> str:
    """A path below /proc/sys as sysctl(8) names it."""
    return path.translate({ord("."): "/", ord("/"): "."})


def parse_key(key: str) -> str:
    """The file below /proc/sys that a parameter's name means. Raises CannotTell where it cannot be one.

    As sysctl(8): names are separated by dots, and then a slash stands for a dot within a name
    (net.ipv4.conf.eth0/100.rp_filter); where the first separator is a slash, it is the other way round.
    """
    dot, slash = key.find("."), key.find("/")
    path = key if slash >= 0 and not 0 <= dot < slash else key.translate({ord("."): "/", ord("/"): "."})
    if any(part in {"", ".", ".."} for part in path.split("/")):
        raise CannotTell(f"{key[:80]!r} names no kernel parameter")
    return path


def parse_sysctl_conf(text: str) -> list[tuple[str, str | None]]:
    """One file of sysctl.d: (path below /proc/sys, value). Lines that set nothing are left out, as at boot.

    `-name = value` may fail; `-name` alone takes a parameter out of what patterns mean.
    """
    found: list[tuple[str, str | None]] = []
    for line in map(str.strip, text.split("\n")):
        name, equals, value = line.partition("=")
        if not line or line[0] in "#;" or not (equals or line[0] == "-"):
            continue
        try:
            path = parse_key(name.removeprefix("-").strip().lstrip("/"))
        except CannotTell:
            continue
        found.append((path, value.strip() if equals else None))
    return found


def fits(path: str, pattern: str) -> bool:
    """Whether a pattern means a path; * does not cross a slash."""
    from fnmatch import fnmatchcase

    names, wanted = path.split("/"), pattern.split("/")
    return len(names) == len(wanted) and all(map(fnmatchcase, names, wanted))


def expand(path: str, names: Callable[[str], list[str]]) -> list[str]:
    """The paths that a path with wildcards stands for; * does not cross a slash. names: what is in a directory."""
    from fnmatch import fnmatchcase  # seldom needed

    found = [""]
    for part in path.split("/"):
        if WILD.isdisjoint(part):
            found = [f"{one}/{part}" for one in found]
        else:
            found = [f"{one}/{name}" for one in found for name in names(one) if fnmatchcase(name, part)]
        if len(found) > limits.wildcard_matches_max:
            raise CannotTell(f"{path[:80]} stands for more than {limits.wildcard_matches_max} parameters")
    return [one[1:] for one in found]


def read_boot(node: Node) -> Boot:
    """All files. Raises CannotTell where one cannot be read."""
    files = read_in_order(node.root, DIRECTORIES)
    if not any(map(node.root.exists, _SYSTEMD)):
        files.append(LAST)
    boot = Boot()
    for file in files:
        for path, value in parse_sysctl_conf(_text(node, file)):
            boot.add(path, value, file)
        if len(boot.settings) > limits.wildcard_matches_max:
            raise CannotTell(f"the files of sysctl.d set more than {limits.wildcard_matches_max} parameters")
    return boot


def _text(node: Node, path: str) -> str:
    try:
        return node.root.text(path)
    except (FileNotFoundError, NotADirectoryError):  # a link that leads nowhere is passed over at boot too
        return ""
    except OSError as error:
        raise CannotTell(f"{path}: {error.strerror}") from error


def is_same(written: str, now: str) -> bool:
    """Whether writing one text leaves the other as it is. Numbers may be octal or hexadecimal, and fewer than there."""
    ours, theirs = written.split(), now.split()
    if ours == theirs:
        return True
    numbers, there = list(_numbers(ours)), list(_numbers(theirs))
    return bool(numbers) and None not in numbers and numbers == there[: len(numbers)]


def _numbers(words: list[str]) -> Iterator[int | None]:
    """As the kernel reads them (proc_dointvec); None for what is none."""
    for word in words:
        digits = word.lstrip("-")
        base = 16 if digits[:2] in {"0x", "0X"} else 8 if digits[:1] == "0" and len(digits) > 1 else 10
        try:
            yield int(word, base) if len(digits) <= limits.digits_max and "_" not in word else None
        except ValueError:
            yield None
