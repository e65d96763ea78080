"""Files, directories and links below the root: kind, mode, owner, size, hash, text; and all that a directory holds."""

from __future__ import annotations

import os
import stat

from checklib import limits, parameters
from checklib.accounts import name_of
from checklib.errors import CannotTell
from checklib.kinds import Kind, Parameter, Property
from checklib.trees import below, look_through
from checklib.values import Mode, Observation, Observed, or_reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from checklib.contract import Item
    from checklib.node import Node

HASHES = ("sha256", "sha512", "md5")
TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "block device",
    stat.S_IFCHR: "character device",
}
OF_THE_PATH_ITSELF = frozenset({"exists", "type", "target"})  # the others are of what it leads to
HASH_CHARS_SHOWN = 12


def observe(item: Item, node: Node) -> Observed:
    """What is expected to be something, and nothing else: a hash is not computed for the sake of a mode."""
    path = item.key
    if not path.startswith("/"):
        raise CannotTell(f"{path[:80]!r} is no absolute path")
    try:
        itself = node.root.stat(path, follow=False)
    except (FileNotFoundError, NotADirectoryError):
        return Observed({"exists": False}, exists=False, shown={"exists": lambda: "absent"})
    values: dict[str, Observation] = {"exists": True, "type": TYPES.get(stat.S_IFMT(itself.st_mode), "unknown")}
    if "target" in item.expect:
        values["target"] = node.root.readlink(path) if stat.S_ISLNK(itself.st_mode) else None
    if not set(item.expect) - OF_THE_PATH_ITSELF:
        return Observed(values)
    try:
        if "tree" in item.parameters:
            return look_through(item, node, values)
        values |= _beyond_links(item, node)
    except (FileNotFoundError, NotADirectoryError):
        return Observed(values, note="the link leads nowhere")
    shown = {"content": lambda: show_content(values["content"]), "lines": lambda: show_lines(values["lines"])}
    return Observed(values, shown=shown)


def _beyond_links(item: Item, node: Node) -> dict[str, Observation]:
    """The wanted ones of mode, owner, group, size, entries, hashes, content and lines."""
    path, wanted = item.key, item.expect
    status = node.root.stat(path)
    look: dict[str, Callable[[], Observation]] = {
        "entries": lambda: sum(1 for _ in below(path, node, 1)),
        "mode": lambda: Mode(stat.S_IMODE(status.st_mode)),
        "owner": lambda: name_of(node, "user", status.st_uid),
        "group": lambda: name_of(node, "group", status.st_gid),
        "uid": lambda: status.st_uid,
        "gid": lambda: status.st_gid,
        "size": lambda: status.st_size,
        **{name: lambda name=name: _hash(name, path, node, status) for name in HASHES},  # type: ignore[misc]
        "content": lambda: _content(path, node, status),
        "lines": lambda: parse_lines(_content(path, node, status), parameters.words(item, "comments")),
    }
    return {name: or_reason(observe_one) for name, observe_one in look.items() if name in wanted}


def _hash(name: str, path: str, node: Node, status: os.stat_result) -> Observation:
    if not stat.S_ISREG(status.st_mode):
        raise CannotTell(f"{path} is no regular file, so that it has no hash")
    if status.st_size > limits.hashed_bytes_max:
        raise CannotTell(f"{path} has more than {limits.hashed_bytes_max} bytes: too much to be hashed")
    import hashlib  # it brings OpenSSL with it: only who wants a hash pays for it

    digest = hashlib.new(name, usedforsecurity=False)  # else a system that keeps to FIPS has no md5
    fd = node.root.open(path)
    try:
        while chunk := os.read(fd, limits.hash_chunk_bytes):
            digest.update(chunk)
    finally:
        os.close(fd)
    return digest.hexdigest()


def _content(path: str, node: Node, status: os.stat_result) -> str:
    if not stat.S_ISREG(status.st_mode):
        raise CannotTell(f"{path} is no regular file, so that it has no text")
    return parse_content(path, node.root.read(path))


def parse_content(path: str, raw: bytes) -> str:
    """A file's text. Raises CannotTell where it is none."""
    if b"\0" in raw:
        raise CannotTell(f"{path} is binary: expect a sha256 of it")
    return raw.decode("utf-8", "replace")


def parse_lines(text: str, comments: list[str]) -> list[str]:
    """The lines of a text; where comments are named, without these, blank lines, and white space around the others."""
    lines = [line.rstrip("\r") for line in text.split("\n")]
    if not comments:
        return lines[:-1] if lines[-1] == "" else lines
    bare = (line.strip() for line in lines)
    return [line for line in bare if line and not line.startswith(tuple(comments))]


def show_lines(lines: object) -> str:
    """For people, as show_content."""
    listed = lines if isinstance(lines, list) else []
    return f"{len(listed)} lines, {show_content(chr(10).join(listed)).partition(', ')[2]}"


def show_content(text: object) -> str:
    """For people: enough to tell two wrong files apart, nothing of what may be secret."""
    import hashlib

    raw = str(text).encode()
    return f"{len(raw)} bytes, sha256 {hashlib.sha256(raw).hexdigest()[:HASH_CHARS_SHOWN]}…"


KIND = Kind(
    "file",
    title="a file, directory or link",
    chapter="files",
    key="its absolute path; links are followed within the root, and only exists, type and target are of a link itself",
    key_begins="/",
    main="exists",
    properties={
        "exists": Property("bool", "whether there is something of that name"),
        "type": Property("word", "file, directory, symlink, fifo, socket, block device or character device"),
        "mode": Property(
            "mode", 'octal digits such as "0644"; at_most: no bits other than these, at_least: all of them'
        ),
        "owner": Property("word", "the owner's name in /etc/passwd below the root, else the number"),
        "group": Property("word", "the group's name in /etc/group below the root, else the number"),
        "uid": Property("number", "the owner's number"),
        "gid": Property("number", "the group's number"),
        "size": Property("number", "how long it is", unit="bytes"),
        "sha256": Property("word", "of the content, in hexadecimal; of at most 256 MiB"),
        "sha512": Property("word", "the same, as it is"),
        "md5": Property("word", "the same, as packages have it; it tells accidents, and no attacks"),
        "content": Property(
            "word", "the text, of at most 1 MiB; ^ and $ of matches stand at every line; its size and hash are told"
        ),
        "lines": Property("list", "its lines, of at most 1 MiB; how many there are and their hash are told"),
        "entries": Property("number", "how many files a directory holds; with tree how many of these lie below it"),
        "target": Property("word", "where a link points, as it is written"),
    },
    parameters={
        "comments": Parameter(
            "list", 'what a comment begins with, such as "#": lines are then without these and blanks'
        ),
        "tree": Parameter(
            "text",
            "files, directories or all (but links): mode, owner, group and size are then expected of each of those "
            "that lie below this directory, on its filesystem; what deviates is named",
        ),
        "names": Parameter("list", "with tree: only those whose name fits one of these, * for anything"),
        "depth": Parameter("number", "with tree: how many levels deep; 1: only what the directory itself holds"),
    },
    example={"/etc/motd": {"expect": {"mode": "0644", "owner": "root", "content": {"contains": "authorized"}}}},
    outcomes=(
        "An error where it may not be read, or is too big to be looked into: a tree of more than 20,000 files, or a "
        "text of more than 1 MiB. na where a tree has no such files. Any root can be looked at."
    ),
    reads=["the file itself", "all that lies below a directory, with tree"],
    cost="one stat; reading the file only for content, lines and hashes (1 GB/s); a tree of 1,000 files takes 5 ms",
    observe=observe,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
