"""The running kernel: release, version, architecture, command line, taint; from /proc below the root."""

from __future__ import annotations

import os

from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Property
from checklib.values import Observed, Value, Version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from checklib.contract import Item
    from checklib.node import Node

OSRELEASE = "/proc/sys/kernel/osrelease"
VERSION = "/proc/sys/kernel/version"
ARCH = "/proc/sys/kernel/arch"  # since Linux 6.1
TAINTED = "/proc/sys/kernel/tainted"
CMDLINE = "/proc/cmdline"
PROC_VERSION = "/proc/version"


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
    if item.key not in KEYS:
        raise CannotTell(f"there is no {item.key[:80]!r} of a kernel: known are {', '.join(KEYS)}")
    return Observed({"value": KEYS[item.key](node)})


KIND = Kind(
    "kernel",
    title="the running kernel",
    chapter="system",
    key="release (as `uname -r`, in kernel order), version, arch, cmdline (a list of words) or tainted (a number)",
    keys=KEYS,
    main="value",
    properties={"value": Property("text", "what the kernel says; cmdline contains words, release orders as a version")},
    example={"release": {"at_least": "6.1.0"}},
    outcomes=(
        "na where the file is not there, as below the root of an image. arch below another root needs Linux 6.1."
    ),
    reads=["/proc/sys/kernel", "/proc/cmdline", "/proc/version"],
    cost="one read below /proc",
    observe=observe,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
