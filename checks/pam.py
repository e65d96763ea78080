"""What PAM does for a service: its modules in order with control and arguments, through all that its file includes."""

from __future__ import annotations

import re
from collections import namedtuple

from checklib import limits
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Property
from checklib.values import Observed, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from checklib.contract import Item
    from checklib.node import Node

# kind: auth, account, password, session, or @include of all of them. module: its name, or the other service's.
Line = namedtuple("Line", "kind control module arguments")

KINDS = ("auth", "account", "password", "session")
FOLDERS = ("/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d")
CONF = "/etc/pam.conf"
INCLUDES = ("include", "substack")
_LINE = re.compile(r"-?(auth|account|password|session)\s+(\[[^\]]*\]|\S+)\s+(\S+)\s*(.*)", re.IGNORECASE)
_ARGUMENT = re.compile(r"\[((?:\\.|[^\]\\])*)(?:\]|$)|(\S+)")
# Some modules are told secrets as arguments, against all advice: these are compared and never shown.
_SECRET = re.compile(r"\S*(?:pass|passwd|password|passphrase|secret|token|bindpw|pw)=", re.IGNORECASE)
_SERVICE = re.compile(r"[A-Za-z0-9_.@+-]{1,128}")


def parse_lines(text: str) -> list[list[str]]:
    """The file of a service -> its lines as [kind, control, module, argument …]; @include has only the other's name."""
    return [[line.kind, line.control, line.module, *line.arguments] for line in _lines(text)]


def _lines(text: str) -> Iterator[Line]:
    """Lines that PAM would not understand are left out, as it does itself after a word in the log."""
    for line in _logical_lines(text):
        if line.startswith("@include"):
            words = line.split()
            if len(words) == 2:
                yield Line("@include", INCLUDES[0], words[1], [])
            continue
        found = _LINE.fullmatch(line)
        if found:
            kind, control, module, rest = found.groups()
            arguments = [word if inner is None else inner for inner, word in _arguments(rest)]
            yield Line(kind.lower(), " ".join(control.lower().split()), module, arguments)


def _logical_lines(text: str) -> Iterator[str]:
    """Without comments. A line that ends in a backslash goes on in the next one that is not empty."""
    joined = ""
    for raw in text.split("\n"):
        line, comment, _ = raw.partition("#")
        line = line.rstrip()
        if line.endswith("\\") and not comment:
            joined += line[:-1] + " "
        elif line:
            yield (joined + line).strip()
            joined = ""
    yield joined.strip()


def _arguments(text: str) -> Iterator[tuple[str | None, str]]:
    """(inside of brackets, or None; the word)"""
    for found in _ARGUMENT.finditer(text):
        yield None if found[1] is None else found[1].replace("\\]", "]"), found[2] or ""


def parse_conf(text: str) -> dict[str, str]:
    """pam.conf(5), where each line begins with its service -> service -> its lines."""
    found: dict[str, str] = {}
    for line in _logical_lines(text):
        service, _, rest = " ".join(line.split(None, 1)).partition(" ")
        if rest:
            found[service.lower()] = found.get(service.lower(), "") + rest + "\n"
    return found


def split_key(key: str) -> tuple[str, str, str]:
    """service/kind/module -> its parts; those not given are empty. Raises CannotTell where it is no such thing."""
    service, _, rest = key.partition("/")
    kind, _, module = rest.partition("/")
    if not _SERVICE.fullmatch(service) or service in {".", ".."} or (rest and kind not in KINDS):
        raise CannotTell(f"{key[:80]!r} is no service, service/{'|'.join(KINDS)} or service/kind/module")
    return service, kind, module


def _text(node: Node, service: str) -> str | None:
    """The text of a service's file; None where it has none."""
    return node.once(f"pam file {service}", lambda: _read(node, service))


def _read(node: Node, service: str) -> str | None:
    if service.startswith("/"):  # only what is included may be named so
        return node.root.written(service) if node.root.exists(service) else None
    path = next((f"{folder}/{service}" for folder in FOLDERS if node.root.exists(f"{folder}/{service}")), None)
    if path is not None:
        return node.root.written(path)
    if not node.root.exists(FOLDERS[0]) and node.root.exists(CONF):
        return parse_conf(node.root.written(CONF)).get(service.lower())
    return None


def _stack(node: Node, service: str, kind: str, way: tuple[str, ...] = ()) -> Iterator[Line]:
    """The lines of one kind with those of the services it includes in their place. way: the services that lead here."""
    if len(way) > limits.pam_depth_max:
        raise CannotTell(
            f"{way[0]} includes more than {limits.pam_depth_max} files in each other: do they go in a ring?"
        )
    text = _text(node, service)
    if text is None:
        raise CannotTell(f"{way[-1] if way else service} includes {service}, which is not there")
    for line in _lines(text):
        if line.kind == "@include" or (line.kind == kind and line.control in INCLUDES):
            yield from _stack(node, line.module, kind, (*way, service))
        elif line.kind == kind:
            yield line


def _whole(node: Node, service: str) -> list[Line]:
    """All lines of a service, kind by kind. Raises CannotTell where they are too many."""
    lines: list[Line] = []
    for kind in KINDS:
        for line in _stack(node, service, kind):
            lines.append(line)
            if len(lines) > limits.pam_lines_max:
                raise CannotTell(f"{service} has more than {limits.pam_lines_max} lines")
    return lines


def observe(item: Item, node: Node) -> Observed:
    """The lines of a service, of one kind of it, or of one module there."""
    service, kind, module = split_key(item.key)
    if not any(node.root.exists(path) for path in (*FOLDERS, CONF)):
        raise NotApplicable(f"there is no {FOLDERS[0]}{node.root.whereabouts()}")
    if _text(node, service) is None:
        return Observed({"lines": []}, exists=False, note=f"{service} has no file: PAM takes `other` for it")
    lines = [line for line in node.once(f"pam {service}", lambda: _whole(node, service)) if kind in {"", line.kind}]
    mine = [line for line in lines if module in {"", _name(line)}]
    texts = [" ".join([line.control, _name(line), *line.arguments]) for line in mine]
    whole = texts if kind else [f"{line.kind} {text}" for line, text in zip(mine, texts)]
    arguments = [argument for line in mine for argument in line.arguments]
    first = mine[0] if mine else None
    return Observed(
        {
            "lines": whole,
            "modules": [_name(line) for line in mine],
            "control": None if first is None else first.control,
            "arguments": arguments,
            "position": None if first is None else lines.index(first) + 1,
        },
        exists=bool(mine),
        shown={"lines": lambda: show(veiled(whole)), "arguments": lambda: show(veiled(arguments))},
    )


def veiled(texts: list[str]) -> list[str]:
    """Texts without what may be secret in them: `passwd=…`, up to the end where more stands behind it."""
    found = [(text, _SECRET.search(text)) for text in texts]
    return [text if secret is None else f"{text[: secret.end()]}…" for text, secret in found]


def _name(line: Line) -> str:
    """A module's name without its folder."""
    name: str = line.module.rpartition("/")[2]
    return name


def discover(node: Node) -> Iterable[str]:
    """All services that have a file in a folder of PAM's."""
    names = {name for folder in FOLDERS for name in node.root.names(folder) if _SERVICE.fullmatch(name)}
    return sorted(name for name in names if _is_readable(node, name))


def _is_readable(node: Node, service: str) -> bool:
    """Whether it and all it includes can be told."""
    try:
        node.once(f"pam {service}", lambda: _whole(node, service))
    except (CannotTell, OSError):
        return False
    return True


KIND = Kind(
    "pam",
    title="what PAM does for a service",
    chapter="accounts",
    key="a service (sshd), one kind of its lines (sshd/auth) or a module there (common-password/password/pam_unix.so)",
    main="lines",
    properties={
        "lines": Property(
            "list",
            "control, module and arguments, in order, with those of included files in their place: `required "
            "pam_unix.so nullok`; of a whole service with their kind before them: auth, account, password, session",
        ),
        "modules": Property("list", "the modules' names, in order"),
        "control": Property("word", "of the first of these lines: required, sufficient, [success=1 default=ignore] …"),
        "arguments": Property("list", "of all these lines: nullok, minlen=14 …"),
        "position": Property("number", "of the first of these lines among all of its kind, from 1"),
    },
    default={"lines": {"any": True}},
    example={
        "common-password/password/pam_unix.so": {"expect": {"arguments": {"contains": "yescrypt", "lacks": "nullok"}}},
        "sshd/auth": {"expect": {"modules": {"contains": "pam_faillock.so"}}},
    },
    outcomes=(
        "na where there is no /etc/pam.d and no /etc/pam.conf; an error where an included file is not there. A service "
        "without a file is absent: PAM takes `other` for it. Any root can be looked at."
    ),
    reads=["/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d", "/etc/pam.conf where there is no /etc/pam.d"],
    cost="one read of each file a service includes, for all its items together",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
