"""A small catalogue and ways to write a fleet's directory, for tests of the config center and of those who use it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

from config_center.catalogue import Catalogue, decode_catalogue
from config_center.keys import SecretKey, sign
from config_center.match import Term, Terms
from config_center.pointer import Canary, Pointer, encode_pointer
from config_center.release import Layer, LayerItem, Release, SiteCheck, Waiver, build, canonical, digest_of

WHEN = "2030-01-01T00:00:00Z"
DESCRIPTION: dict[str, Any] = {
    "contract": 1,
    "matchers": {
        "equals": {"operand": "value"},
        "at_least": {"operand": "scalar"},
        "at_most": {"operand": "scalar"},
        "between": {"operand": "pair"},
        "one_of": {"operand": "list"},
        "matches": {"operand": "regex"},
        "contains": {"operand": "value"},
        "lacks": {"operand": "value"},
        "absent": {"operand": "true"},
        "any": {"operand": "true"},
    },
    "kinds": {
        "sysctl": {"title": "kernel parameter", "main": "value", "properties": {"value": {"type": "text"}}},
        "disk": {
            "main": "used_percent",
            "properties": {"used_percent": {"type": "number"}, "mounted": {"type": "bool"}},
        },
        "kernel": {"main": None, "properties": {"release": {"type": "version"}, "cmdline": {"type": "list"}}},
        "package": {
            "main": "version",
            "properties": {"version": {"type": "version"}, "held": {"type": "bool"}},
            "default": {"version": {"any": True}},
        },
        "file": {
            "main": None,
            "properties": {"mode": {"type": "text"}, "owner": {"type": "text"}, "sha256": {"type": "text"}},
        },
        "command": {
            "main": None,
            "properties": {"exit": {"type": "number"}, "stdout": {"type": "text"}},
            "parameters": {"argv": {"type": "argv", "required": True}, "wait": {"type": "number"}},
            "default": {"exit": {"equals": 0}},
        },
        "nagios": {
            "main": "status",
            "properties": {"status": {"type": "text"}},
            "parameters": {"argv": {"type": "argv", "required": True}},
            "default": {"status": {"equals": "ok"}},
        },
    },
}


def small_catalogue() -> Catalogue:
    """Every property type, every operand kind, kinds with and without main property, default and parameters."""
    return decode_catalogue(json.dumps(DESCRIPTION).encode())


def write_fleet(directory: Path, layers: Mapping[str, str], checks: Mapping[str, str] | None = None) -> Path:
    """Write layers (file name -> YAML, dedented) and executables of the site; returns the directory."""
    (directory / "layers").mkdir(parents=True, exist_ok=True)
    for name, text in layers.items():
        (directory / "layers" / name).write_text(dedent(text), encoding="utf-8")
    for name, text in (checks or {}).items():
        path = directory / "checks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        path.chmod(0o755)
    return directory


def write_checks(directory: Path) -> Path:
    """A folder of bundled checks that only describes itself, with the small catalogue; returns the folder."""
    directory.mkdir(parents=True, exist_ok=True)
    program = f"import sys\nassert sys.argv[1:] == ['--describe']\nprint({json.dumps(json.dumps(DESCRIPTION))})\n"
    (directory / "batch.py").write_text(program, encoding="utf-8")
    return directory


def item(line: int = 1, severity: str = "major", **matchers: Any) -> LayerItem:
    """An item of a layer that expects something of `value`."""
    return LayerItem(line=line, expect={"value": matchers or {"equals": 1}}, with_={}, severity=severity, timeout_s=2.0)


def layer(name: str, items: Mapping[str, LayerItem], **match: str | tuple[str, ...] | Term) -> Layer:
    """A layer `layers/<name>.yml`; match: tag (or node) = pattern, patterns, or a term."""
    return Layer(name=name, file=f"layers/{name}.yml", match=terms(**match), items=dict(items))


def terms(**match: str | tuple[str, ...] | Term) -> Terms:
    """A match; each key a pattern, patterns, or a term."""
    given: Terms = {}
    for key, value in match.items():
        given[key] = value if isinstance(value, Term) else Term(any=(value,) if isinstance(value, str) else value)
    return given


def release_of(*layers: Layer, number: int = 1, waivers: Sequence[Waiver] = (), restores: int = 0) -> Release:
    """A release of these layers."""
    return build(layers, [], number=number, created=WHEN, waivers=waivers, restores=restores)


class SignedCenter:
    """What a center publishes, act by act, signed: files that any web server can serve.

    Attributes:
        key: signs each act that is not given other keys.
        files: URL path -> content, as they are now.
        serial: of the last act.
    """

    def __init__(self) -> None:
        self.key = a_key()
        self.files: dict[str, bytes] = {}
        self.serial = 0

    @property
    def trusted(self) -> tuple[str, ...]:
        """What agents are told to trust."""
        return (self.key.public.text,)

    def release(self, number: int, *layers: Layer, checks: Mapping[str, bytes] | None = None) -> Release:
        """Put a release there, with executables of the site (name -> content); nothing points to it yet."""
        found = [SiteCheck(name, f"checks/{name}", digest_of(raw), len(raw)) for name, raw in (checks or {}).items()]
        made = build(layers, found, number=number, created=WHEN)
        self.files[f"/releases/{made.digest}.json"] = canonical(made)
        self.files |= {f"/parts/{digest_of(raw)}": raw for raw in (checks or {}).values()}
        return made

    def act(
        self,
        main: Release,
        canary: tuple[Release, Terms] | None = None,
        *,
        keys: Sequence[SecretKey] | None = None,
        **changes: Any,
    ) -> Pointer:
        """The next act: the release for everybody, and the one tried by some. Its pointer is served from now on.

        keys: that sign it, () for none. changes: of other fields of the pointer.
        """
        self.serial += 1
        trial = None if canary is None else Canary(canary[0].number, canary[0].digest, canary[1])
        fields: dict[str, Any] = {"serial": self.serial, "created": WHEN, "canary": trial} | changes
        pointer = sign(Pointer(number=main.number, digest=main.digest, **fields), [self.key] if keys is None else keys)
        self.files["/current.json"] = encode_pointer(pointer)
        return pointer


def a_key() -> SecretKey:
    """A fresh key."""
    return SecretKey(os.urandom(32))
