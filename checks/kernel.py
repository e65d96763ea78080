"""The running kernel: release, version, architecture, command line, taint; from /proc below the root."""

from __future__ import annotations

import os

from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Property
from checklib.several import tellable
from checklib.values import Observed, Value, Version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from checklib.contract import Item
    from checklib.node import Node

OSRELEASE = "/proc/sys/kernel/osrelease"
VERSION = "/proc/sys/kernel/version"
ARCH = "/proc/sys/kernel/arch"  # since Linux 6.1
TAINTED = "/proc/sys/kernel/tainted"
CMDLINE = "/proc/cmdline"
PROC_VERSION = "/proc/version"
PARAMETER = "cmdline."


def parse_proc_version(text: str) -> tuple[str, str]:
    """/proc/version -> (release, version). Raises CannotTell where it does not begin as Linux writes it."""
    words = text.split()
    if words[:2] != ["Linux", "version"] or len(words) < 3:
        raise CannotTell(f"{PROC_VERSION} does not say which kernel this is")
    return words[2], text[text.find("#") :].strip() if "#" in text else ""


def parse_cmdline(text: str) -> list[str]:
    """/proc/cmdline -> its parameters, as the kernel splits them: not at white space within quotes."""
    words: list[str] = []
    word = ""
    quoted = False
    for char in text.strip():
        if char == '"':
            quoted = not quoted
        if char.isspace() and not quoted:
            words += [word] if word else []
            word = ""
        else:
            word += char
    return [*words, word] if word else words


def parse_parameter(name: str, text: str) -> Value:
    """One parameter of /proc/cmdline: its value; true of one that has none; a list of one that stands there again.

    As the kernel reads it: - and _ in a name are the same, quotes around a value or the whole are no part of it, and
    what comes after -- is for the first process. None: it is not there.
    """
    found: list[str | bool] = []
    for word in parse_cmdline(text):
        if word == "--":
            break
        bare = word[1:-1] if word.startswith('"') and word.endswith('"') and "=" in word else word
        called, equals, value = bare.partition("=")
        if called.replace("-", "_") == name.replace("-", "_"):
            found.append(
                (value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value) if equals else True
            )
    if len(found) < 2:
        return found[0] if found else None
    return [value if isinstance(value, str) else "true" for value in found]


def _release(node: Node) -> Value:
    return Version(_own_or_banner(node, OSRELEASE, 0), "kernel")


def _version(node: Node) -> Value:
    return _own_or_banner(node, VERSION, 1)


def _own_or_banner(node: Node, path: str, part: int) -> str:
    """The file that holds nothing else; some trees have only /proc/version."""
    if node.root.first(path, PROC_VERSION) == path:
        return node.root.text(path).strip()
    return parse_proc_version(node.root.text(PROC_VERSION))[part]


def _arch(node: Node) -> Value:
    if node.root.exists(ARCH):
        return node.root.text(ARCH).strip()
    if node.root.is_host:
        return os.uname().machine
    raise NotApplicable(f"there is no {ARCH}{node.root.whereabouts()}: older kernels tell it only to their programs")


def _cmdline(node: Node) -> Value:
    return parse_cmdline(node.root.text(node.root.first(CMDLINE)))


def _tainted(node: Node) -> Value:
    text = node.root.text(node.root.first(TAINTED)).strip()
    if not text.isdigit():
        raise CannotTell(f"{TAINTED} holds no number: {text[:40]!r}")
    return int(text)


KEYS: dict[str, Callable[[Node], Value]] = {
    "release": _release,
    "version": _version,
    "arch": _arch,
    "cmdline": _cmdline,
    "tainted": _tainted,
}


def observe(item: Item, node: Node) -> Observed:
    """The value of one key."""
    if item.key.startswith(PARAMETER) and item.key != PARAMETER:
        value = parse_parameter(item.key[len(PARAMETER) :], node.root.text(node.root.first(CMDLINE)))
        return Observed({"value": value}, exists=value is not None)
    if item.key not in KEYS:
        raise CannotTell(f"there is no {item.key[:80]!r} of a kernel: known are {', '.join(KEYS)}, cmdline.*")
    return Observed({"value": KEYS[item.key](node)})


def discover(node: Node) -> Iterator[str]:
    """The keys whose files are there, and all parameters of the command line."""
    yield from tellable(KEYS, lambda key: KEYS[key](node))
    if node.root.exists(CMDLINE):
        for word in parse_cmdline(node.root.text(CMDLINE)):
            name = word.strip('"').partition("=")[0]
            if word == "--":
                break
            if name:
                yield PARAMETER + name


KIND = Kind(
    "kernel",
    title="the running kernel",
    chapter="system",
    key=(
        "release (as `uname -r`, in kernel order), version, arch, cmdline (a list of words), tainted (a number), or "
        "cmdline. and the name of a parameter: its value, true of one that has none, a list of one given several times"
    ),
    keys=(*KEYS, f"{PARAMETER}*"),
    main="value",
    properties={"value": Property("text", "what the kernel says; cmdline contains words, release orders as a version")},
    example={"release": {"at_least": "6.1.0"}},
    outcomes=(
        "na where the file is not there, as below the root of an image. arch below another root needs Linux 6.1. A "
        "parameter that the command line does not have is absent."
    ),
    reads=["/proc/sys/kernel", "/proc/cmdline", "/proc/version"],
    cost="one read below /proc",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
