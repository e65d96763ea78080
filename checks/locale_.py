"""Language, time zone and keyboard of the system, as its files configure them, and the locales that are generated."""

from __future__ import annotations

import os
import struct

from checklib import limits
from checklib.errors import CannotTell, NotApplicable
from checklib.kinds import Kind, Property
from checklib.structured import parse_keyvalue
from checklib.values import Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.node import Node

# The first that is there counts: Debian's own file, which PAM reads, then systemd's.
LOCALE_FILES = ("/etc/default/locale", "/etc/locale.conf")
KEYBOARD_FILES = ("/etc/default/keyboard", "/etc/vconsole.conf")
LOCALTIME, TIMEZONE, ZONEINFO = "/etc/localtime", "/etc/timezone", "/zoneinfo/"
LOCALES = "/usr/lib/locale"
ARCHIVE = f"{LOCALES}/locale-archive"
KEYBOARD = {
    "keyboard.layout": "XKBLAYOUT",
    "keyboard.model": "XKBMODEL",
    "keyboard.variant": "XKBVARIANT",
    "keyboard.options": "XKBOPTIONS",
    "keyboard.keymap": "KEYMAP",
}
_MAGIC = 0xDE020109
_HEAD = struct.Struct("=9I")  # magic, serial, then offset, used and size of the names' table, and of the texts
_ENTRY = struct.Struct("=3I")  # hash, where the name is, where the locale is: 0 where the place is free


def observe(item: Item, node: Node) -> Observed:
    """One of the settings; one that no file makes is absent."""
    key = item.key
    if key == "generated":
        names = node.once("locales", lambda: _generated(node))
        return Observed({"value": names}, exists=bool(names))
    if key == "timezone":
        return _timezone(node)
    if key in KEYBOARD:
        value = _written(KEYBOARD_FILES, KEYBOARD[key], node)
    elif key in {"LANG", "LANGUAGE"} or key.startswith("LC_"):
        value = _written(LOCALE_FILES, key, node)
    else:
        raise CannotTell(f"{key[:80]!r} is none of LANG, LANGUAGE, LC_*, generated, timezone and keyboard.*")
    return Observed({"value": value}, exists=value is not None)


def _written(files: tuple[str, ...], name: str, node: Node) -> str | None:
    value = node.once(files[0], lambda: _variables(files, node)).get(name)
    return value if isinstance(value, str) else None


def _variables(files: tuple[str, ...], node: Node) -> dict[str, object]:
    """Of the first file that is there."""
    path = next(filter(node.root.exists, files), "")
    return parse_variables(node.root.written(path)) if path else {}


def parse_variables(text: str) -> dict[str, object]:
    """NAME=value, as a shell reads it; of two for one name the last counts."""
    return {name: one[-1] if isinstance(one, list) else one for name, one in parse_keyvalue(text).items()}


def _timezone(node: Node) -> Observed:
    """The name behind the link that libc follows; else the one that Debian keeps beside a copy of the file."""
    try:
        target = node.root.readlink(LOCALTIME)
    except (FileNotFoundError, NotADirectoryError):
        target = ""
    except OSError:  # it is no link
        target = LOCALTIME
    _, zoneinfo, linked = target.partition(ZONEINFO)
    try:
        beside = node.root.written(TIMEZONE).split("\n")[0].strip()
    except (FileNotFoundError, NotADirectoryError):
        beside = ""
    value = linked.removeprefix("posix/") if zoneinfo else beside
    if target and not value:
        raise CannotTell(f"{LOCALTIME} is no link below {ZONEINFO.strip('/')}, and there is no {TIMEZONE} to name it")
    note = f"but {TIMEZONE} says {beside}" if beside and beside != value else ""
    if value and not target:
        note = f"there is no {LOCALTIME}, so that UTC is in effect"
    return Observed({"value": value or None}, exists=bool(value), note=note)


def _generated(node: Node) -> list[str]:
    """As `locale -a` names them, without aliases: of glibc's archive, and those that have a folder of their own."""
    root = node.root
    if not root.exists(LOCALES):
        raise NotApplicable(f"there is no {LOCALES}{root.whereabouts()}: another libc than glibc, or a bare one")
    folders = [name for name in root.names(LOCALES) if root.exists(f"{LOCALES}/{name}/LC_IDENTIFICATION")]
    try:
        archived = _archived(root.open(ARCHIVE))
    except FileNotFoundError:
        archived = []
    return sorted({"C", "POSIX", *folders, *archived})


def _archived(fd: int) -> list[str]:
    """The names in glibc's locale-archive, which may have hundreds of megabytes: its table and its texts are read."""
    try:
        head = os.pread(fd, _HEAD.size, 0)
        if len(head) < _HEAD.size or head[:4] != struct.pack("=I", _MAGIC):
            raise CannotTell(f"{ARCHIVE} is no archive of locales that could be read")
        _, _, table_at, _, places, texts_at, texts_used, _, _ = _HEAD.unpack(head)
        if places * _ENTRY.size > limits.file_bytes_max or texts_used > limits.file_bytes_max:
            raise CannotTell(f"{ARCHIVE} names more locales than can be read")
        table = os.pread(fd, places * _ENTRY.size, table_at)
        texts = os.pread(fd, texts_used, texts_at)
    finally:
        os.close(fd)
    return parse_archive(table, texts, texts_at)


def parse_archive(table: bytes, texts: bytes, texts_at: int) -> list[str]:
    """The names that places of the table point to among the texts; free places point nowhere."""
    whole = len(table) // _ENTRY.size * _ENTRY.size
    found = [name_at - texts_at for _, name_at, locale_at in _ENTRY.iter_unpack(table[:whole]) if locale_at]
    names = (texts[at : texts.find(b"\0", at)] for at in found if 0 <= at < len(texts))
    return sorted(name.decode("utf-8", "replace") for name in names)


def discover(node: Node) -> list[str]:
    """What is set."""
    there = [key for key in _variables(LOCALE_FILES, node) if key in {"LANG", "LANGUAGE"} or key.startswith("LC_")]
    there += [key for key in KEYBOARD if _written(KEYBOARD_FILES, KEYBOARD[key], node)]
    if node.root.exists(LOCALES):
        there.append("generated")
    return [*there, "timezone"] if node.root.exists(TIMEZONE) else there


KIND = Kind(
    "locale",
    title="language, time zone and keyboard as they are configured",
    chapter="system",
    key="what is asked for: LANG, LC_TIME and the like, generated, timezone, keyboard.layout …",
    keys=["LANG", "LANGUAGE", "LC_*", "generated", "timezone", *KEYBOARD],
    main="value",
    properties={
        "value": Property(
            "text", "as it is written; of generated the list of locales, as `locale -a` names them without aliases"
        )
    },
    example={"LANG": "C.UTF-8", "generated": {"contains": "de_DE.utf8"}, "timezone": {"one_of": ["Etc/UTC", "UTC"]}},
    outcomes=(
        "What no file sets is absent. generated is na where there is no glibc; timezone an error where "
        "/etc/localtime is a copy that nothing names. Any root can be looked at."
    ),
    reads=[*LOCALE_FILES, LOCALTIME, TIMEZONE, *KEYBOARD_FILES, LOCALES],
    cost="one or two small files; of an archive of all locales its table of names",
    observe=observe,
    discover=discover,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
