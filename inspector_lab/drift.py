"""What can be wrong with a practice node, and how it is made wrong: pure edits of the files below its root."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from inspector_lab.errors import BreakError
from inspector_lab.plan import Node, Plan, draw

Edit = Callable[[str], str]


@dataclass(frozen=True)
class Change:
    """One deviation: the item that shows it, the file below the root, and what happens to the file's text.

    `edit` is None for a file that is replaced by a pipe nobody writes to: whoever reads it waits for ever, as on a
    file system whose server is gone. `value` says in words what the node has afterwards.
    """

    item: str
    path: str
    value: str
    edit: Edit | None


def replaced(text: str) -> Edit:
    """An edit that forgets what was there."""
    return lambda _: text


def sysctl(name: str, value: str) -> Change:
    """A kernel parameter with another value."""
    return Change(f"sysctl:{name}", f"proc/sys/{name.replace('.', '/')}", value, replaced(f"{value}\n"))


def kernel(key: str, value: str) -> Change:
    """Another kernel release, or another kernel command line."""
    paths = {"release": "proc/sys/kernel/osrelease", "cmdline": "proc/cmdline"}
    if key not in paths:
        raise BreakError(f"kernel:{key} cannot be set on a practice node: one of {', '.join(sorted(paths))}")
    return Change(f"kernel:{key}", paths[key], value, replaced(f"{value}\n"))


def os_field(key: str, value: str) -> Change:
    """Another value in os-release."""
    field = re.compile(rf"^{re.escape(key.upper())}=.*$", flags=re.MULTILINE)
    return Change(
        f"os:{key}", "etc/os-release", value, lambda text: field.sub(lambda _: f'{key.upper()}="{value}"', text)
    )


def package(name: str, version: str) -> Change:
    """Another version of a package; an empty version removes it."""
    stanza = re.compile(rf"^Package: {re.escape(name)}\n(?:.+\n)*\n", flags=re.MULTILINE)
    number = re.compile(r"^Version: .*$", flags=re.MULTILINE)

    def edit(text: str) -> str:
        if not version:
            return stanza.sub("", text)
        return stanza.sub(lambda found: number.sub(f"Version: {version}", found.group()), text)

    return Change(f"package:{name}", "var/lib/dpkg/status", version or "(absent)", edit)


def file(path: str, text: str) -> Change:
    """Another content."""
    return Change(f"file:{path}", path.lstrip("/"), text, replaced(f"{text}\n"))


KINDS: dict[str, Callable[[str, str], Change]] = {
    "sysctl": sysctl,
    "kernel": kernel,
    "os": os_field,
    "package": package,
    "file": file,
}

# What happens to nodes in real life, in the order in which people meet it.
POSSIBLE: tuple[Change, ...] = (
    sysctl("vm.swappiness", "60"),
    sysctl("net.core.somaxconn", "128"),
    sysctl("net.ipv4.tcp_syncookies", "0"),
    sysctl("vm.max_map_count", "65530"),
    sysctl("kernel.kptr_restrict", "0"),
    kernel("release", "5.10.0-32-amd64"),
    os_field("version_id", "11"),
    package("openssl", "3.0.9-1"),
    package("chrony", ""),
    Change(
        "file:/etc/ssh/sshd_config",
        "etc/ssh/sshd_config",
        "PasswordAuthentication yes",
        lambda text: text.replace("PasswordAuthentication no", "PasswordAuthentication yes"),
    ),
    file("/etc/motd", "it works, do not touch -- k."),
    Change("command:backup-finished", "var/lib/backup/last-run", "a pipe that nobody writes to", None),
)
# Drawn by chance are only those that end: a fleet full of hanging checks teaches nothing.
DRAWN = tuple(change for change in POSSIBLE if change.edit is not None)


def wished(setting: str) -> Change:
    """The change for `ITEM=VALUE`, e.g. `sysctl:vm.swappiness=60`; raises BreakError."""
    item, equals, value = setting.partition("=")
    kind, colon, key = item.partition(":")
    if not equals or not colon or not key:
        raise BreakError(f"{setting!r} is not ITEM=VALUE, for example sysctl:vm.swappiness=60")
    if kind not in KINDS:
        raise BreakError(f"{kind!r} cannot be set on a practice node: one of {', '.join(KINDS)}")
    if kind in {"sysctl", "file"} and ".." in key.split("/"):
        raise BreakError(f"{item}: the path leaves the node's root")
    return KINDS[kind](key, value)


def known(item: str) -> Change:
    """The change listed for an item; raises BreakError naming the listed ones."""
    for change in POSSIBLE:
        if change.item == item:
            return change
    listed = ", ".join(change.item for change in POSSIBLE)
    raise BreakError(f"nothing is prepared for {item}: use --set {item}=VALUE, or one of {listed}")


def chosen(seed: int, node: str) -> Change:
    """One change for a node, by the seed."""
    return DRAWN[int(draw(seed, "break", node) * len(DRAWN))]


def seeded(plan: Plan) -> Iterator[tuple[Node, Change]]:
    """The drift a fleet starts with: each node and each possible change is drawn on its own."""
    for node in plan.nodes:
        for change in DRAWN:
            if draw(plan.wish.seed, "drift", node.name, change.item) < plan.wish.drift:
                yield node, change
