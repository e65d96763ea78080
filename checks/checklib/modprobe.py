"""What modprobe.d and the kernel's command line say about modules, as kmod reads them (modprobe.d(5))."""

from __future__ import annotations

from checklib.dropins import read_in_order
from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.node import Node

# A file of an earlier directory hides one of the same name in a later; then all are read in the order of their names.
DIRECTORIES = (
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/usr/lib/modprobe.d",
    "/lib/modprobe.d",
)
CMDLINE = "/proc/cmdline"
# What stands in the place of loading a module that must not be loaded; in a command that does nothing else.
_NOTHING = frozenset({"true", "false", ":"})
_MORE = frozenset(";&|`$")


class Config:
    """What is configured. Names of modules have _ for -.

    blacklisted  modules that are not loaded by their aliases, as for a device that is found
    refused      modules that the kernel itself does not load (module_blacklist=)
    installs     module -> the command run in place of loading it
    options      module -> parameters it is loaded with, `name=value`, in order
    """

    __slots__ = ("blacklisted", "installs", "options", "refused")

    def __init__(self) -> None:
        self.blacklisted: set[str] = set()
        self.refused: set[str] = set()
        self.installs: dict[str, str] = {}
        self.options: dict[str, list[str]] = {}

    def is_disabled(self, module: str) -> bool:
        """Whether loading it does nothing. A name in an install line may be a pattern, as in the shell."""
        from fnmatch import fnmatchcase

        if module in self.refused:
            return True
        command = next((text for name, text in self.installs.items() if fnmatchcase(module, name)), "")
        programs = [word.rpartition("/")[2] for word in command.split()]
        return _MORE.isdisjoint(command) and bool(programs) and programs[0] in _NOTHING


def parse_modprobe(text: str) -> Config:
    """One file of modprobe.d. Lines that it does not have are passed over, as kmod does."""
    config = Config()
    for line in text.replace("\\\n", "").splitlines():
        words = line.split(None, 2)
        if len(words) < 2 or line.startswith("#"):
            continue
        name = normal(words[1])
        if words[0] == "blacklist":
            config.blacklisted.add(name)
        elif len(words) == 3 and words[0] == "install":
            config.installs.setdefault(name, words[2])
        elif len(words) == 3 and words[0] == "options":
            config.options.setdefault(name, []).extend(words[2].split())
    return config


def parse_cmdline(text: str) -> Config:
    """/proc/cmdline: modprobe.blacklist=, the kernel's own module_blacklist=, and NAME.parameter=value."""
    config = Config()
    for word in text.partition(" -- ")[0].split():
        name, equals, value = word.partition("=")
        module, dot, parameter = name.partition(".")
        if name == "modprobe.blacklist":
            config.blacklisted.update(normal(one) for one in value.split(",") if one)
        elif normal(name) == "module_blacklist":
            config.refused.update(normal(one) for one in value.split(",") if one)
        elif dot and module and parameter and '"' not in word and "." not in parameter:
            config.options.setdefault(normal(module), []).append(parameter + equals + value)
    return config


def read_config(node: Node) -> Config:
    """All of it. Raises CannotTell where a file cannot be read."""
    whole = Config()
    parts = [parse_modprobe(_text(node, path)) for path in read_in_order(node.root, DIRECTORIES)]
    if node.root.exists(CMDLINE):
        parts.append(parse_cmdline(node.root.text(CMDLINE)))
    for part in parts:
        whole.blacklisted |= part.blacklisted
        whole.refused |= part.refused
        for module, command in part.installs.items():
            whole.installs.setdefault(module, command)
        for module, options in part.options.items():
            whole.options.setdefault(module, []).extend(options)
    return whole


def normal(name: str) -> str:
    """A module's name as the kernel has it: - and _ are the same."""
    return name.replace("-", "_")


def _text(node: Node, path: str) -> str:
    try:
        return node.root.text(path)
    except FileNotFoundError:  # a link that leads nowhere: kmod passes it over too
        return ""
    except OSError as error:
        raise CannotTell(f"{path}: {error.strerror}") from error
