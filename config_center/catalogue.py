"""What can be expected of which kind of item: the checks' own description, decoded. Nothing of the checks is imported.

The document (printed by the bundled checks with `--describe`, and by a site's executable that knows the word):
{"contract": 1, "matchers": {"at_most": {"operand": "scalar"}}, "kinds": {"sysctl": {"title": "…", "main": "value",
 "properties": {"value": {"type": "text", "title": "…"}}, "parameters": {}, "default": null, "key": "…", "example": …}}}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeVar

import msgspec

from config_center.errors import CatalogueError
from config_center.release import Operand, is_kind

CONTRACT: Final = 1

# What a matcher takes. scalar: text, number or boolean; list: one or more scalars; value: either of the two;
# pair: low and high; regex: one that compiles; true: only `true`.
OperandKind = Literal["scalar", "list", "value", "pair", "regex", "true"]
# word: text that has no order, such as a name, a state or a hash; mode: permissions in octal digits, a set of bits;
# any: of an executable that does not describe itself.
PropertyType = Literal["text", "word", "number", "version", "mode", "bool", "list", "any"]
ParameterType = Literal["argv", "text", "number", "bool", "list", "any"]


class Matcher(msgspec.Struct, frozen=True):
    """One way to compare. operand: what it is compared with."""

    operand: OperandKind


class Property(msgspec.Struct, frozen=True):
    """Something observed of an item. unit: of a number; may be empty."""

    type: PropertyType
    title: str = ""
    unit: str = ""


class Parameter(msgspec.Struct, frozen=True):
    """Something the check must be told to observe an item; written under `with`."""

    type: ParameterType
    required: bool = False
    title: str = ""


class Kind(msgspec.Struct, frozen=True):
    """One kind of item.

    main     the property a plain value belongs to; None: every expectation names its property
    default  what is expected of an item that says nothing; None: it must say something
    key      what the item's key names
    keys     all that it may be, `cpu.*` for all that begin so; empty: others too
    key_begins  what it must begin with; may be empty
    example  an item's body, as YAML would hold it
    timeout_s  an item's time, where it names none itself; None: the usual one
    open     it does not describe itself: any property and any parameter is taken
    """

    title: str = ""
    main: str | None = None
    properties: dict[str, Property] = {}
    parameters: dict[str, Parameter] = {}
    default: dict[str, dict[str, Operand]] | None = None
    key: str = ""
    keys: tuple[str, ...] = ()
    key_begins: str = ""
    example: Any = None
    cost: str = ""
    timeout_s: float | None = None
    open: bool = False

    def property(self, name: str) -> Property | None:
        """The property of that name; None where there is none."""
        return self.properties.get(name) or (_ANY_PROPERTY if self.open else None)

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name; None where there is none."""
        return self.parameters.get(name) or (_ANY_PARAMETER if self.open else None)


_ANY_PROPERTY: Final = Property(type="any")
_ANY_PARAMETER: Final = Parameter(type="any")

OPEN_KIND: Final = Kind(title="an executable of the site that does not describe itself", main="value", open=True)


class Catalogue(msgspec.Struct, frozen=True):
    """All matchers and kinds."""

    contract: int
    matchers: dict[str, Matcher]
    kinds: dict[str, Kind]

    def with_kinds(self, kinds: Mapping[str, Kind]) -> Catalogue:
        """The same, and these kinds too."""
        return msgspec.structs.replace(self, kinds={**self.kinds, **kinds})


class _Described(msgspec.Struct, frozen=True):
    """A site's executable may print the whole document of its own kind, matchers left out."""

    kinds: dict[str, Kind]
    contract: int = CONTRACT


_Document = TypeVar("_Document", Catalogue, _Described)


def decode_catalogue(raw: bytes) -> Catalogue:
    """Read a description. Raises CatalogueError, and nothing else, on any bytes."""
    catalogue = _decode(raw, Catalogue)
    if not catalogue.matchers or not catalogue.kinds:
        raise CatalogueError("the description of the checks holds no matchers or no kinds")
    _check(catalogue.contract, catalogue.kinds)
    for kind in catalogue.kinds.values():
        for matchers in (kind.default or {}).values():
            unknown = sorted(set(matchers) - set(catalogue.matchers))
            if unknown:
                raise CatalogueError(f"the description of the checks uses an unknown matcher: {unknown[0]}")
    return catalogue


def decode_site_kind(raw: bytes, name: str) -> Kind:
    """Read what a site's executable printed of its kind `name`. Raises CatalogueError, and nothing else."""
    described = _decode(raw, _Described)
    _check(described.contract, described.kinds)
    if name not in described.kinds:
        raise CatalogueError(f"it describes {', '.join(sorted(described.kinds)) or 'nothing'}, not {name}")
    return described.kinds[name]


def _decode(raw: bytes, kind: type[_Document]) -> _Document:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise CatalogueError(f"the description of the checks is malformed: {error}") from error


def _check(contract: int, kinds: Mapping[str, Kind]) -> None:
    if contract != CONTRACT:
        raise CatalogueError(f"the checks speak contract {contract}, this program reads {CONTRACT}: upgrade the older")
    for name, kind in kinds.items():
        if not is_kind(name):
            raise CatalogueError(f"{name[:80]!r} cannot name a kind of check: small letters, digits, - and _")
        if kind.main is not None and kind.property(kind.main) is None:
            raise CatalogueError(f"kind {name}: its main property {kind.main!r} is not among its properties")
        strange = sorted(set(kind.default or {}) - set(kind.properties))
        if strange and not kind.open:
            raise CatalogueError(f"kind {name}: its default expects {strange[0]!r}, which is no property of it")
