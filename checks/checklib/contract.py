"""The contract of a check: one JSON request in, one JSON line a finding out. Pure: objects in, objects out.

Request {"contract": 1, "root": "/", "facts": {...}, "items": [{"id": "sysctl:vm.swappiness", "check": "sysctl",
         "key": "vm.swappiness", "expect": {"value": {"at_most": 10}}, "with": {}, "timeout_s": 2.0,
         "last": {"value": ..., "at": 1763754000.0}}]}
Finding {"id": "...", "outcome": "pass|fail|error|na", "observed": "60", "message": "...", "ms": 0.2, "keep": ...}
`keep`, any JSON value of at most limits.keep_bytes_max bytes, comes back as the `value` of the item's next `last`.
Before the items of a batch are looked at, each is announced: {"start": "<id>"}.
With "reads_only": true in the request, items whose kinds may start programs are left: {"held": "<id>"}.
"""

from __future__ import annotations

from checklib import limits
from checklib.errors import BadRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    Scalar = str | int | float  # a bool is an int
    Operand = Scalar | list[Scalar]
    Expect = dict[str, dict[str, Operand]]  # property -> matcher -> operand; all must hold
    Last = dict[str, Any]  # "value", "at"

CONTRACT = 1

# What may be left out of a request. `check`, `id` and `expect` follow from the rest.
_FIELDS = {"id", "check", "key", "expect", "with", "timeout_s", "last"}


class Item:
    """One expectation to be checked.

    id          `<check>:<key>`
    expect      property -> matcher -> operand; empty: the kind's default is meant
    parameters  what the request has under `with`
    timeout_s   the item's own wall time, in seconds; 0 until its kind's usual time is put in
    last        what the last finished look at it kept: {"value": any JSON, "at": Unix time in seconds}; None: no such
    mistake     why this item cannot be checked at all; empty when it can
    """

    __slots__ = ("check", "expect", "id", "key", "last", "mistake", "parameters", "timeout_s")

    def __init__(self, raw: Mapping[str, Any], check: str = "") -> None:
        self.check: str = raw.get("check", check)
        self.key: str = raw.get("key", "")
        self.id: str = raw.get("id", f"{self.check}:{self.key}")
        self.expect: Expect = raw.get("expect", {})
        self.parameters: dict[str, Operand] = raw.get("with", {})
        self.timeout_s: float = raw.get("timeout_s", 0.0)
        self.last: Last | None = raw.get("last")
        self.mistake = _item_mistake(self, raw)


class Request:
    """A decoded request.

    root        an absolute path, where the checks look
    facts       of the node, as the caller has them
    reads_only  items of kinds that may start programs are to be left
    """

    __slots__ = ("facts", "items", "reads_only", "root")

    def __init__(self, root: str, facts: dict[str, Any], items: list[Item], *, reads_only: bool = False) -> None:
        self.root = root
        self.facts = facts
        self.items = items
        self.reads_only = reads_only


def decode_request(raw: object, check: str = "") -> Request:
    """Read a request. check: what items are meant for that do not say so.

    An item that is malformed is kept, with its mistake; it becomes an error finding. Raises BadRequest, and nothing
    else, where the request as a whole cannot be read.
    """
    if not isinstance(raw, dict):
        raise BadRequest("the request is no JSON object")
    if raw.get("contract", CONTRACT) != CONTRACT:
        raise BadRequest(f"the request is of contract {raw['contract']!r}, this check reads {CONTRACT}")
    root, facts, items = raw.get("root", "/"), raw.get("facts", {}), raw.get("items")
    if not isinstance(root, str) or not root.startswith("/") or "\0" in root:
        raise BadRequest("`root` is no absolute path")
    if not isinstance(facts, dict):
        raise BadRequest("`facts` is no JSON object")
    if not isinstance(items, list) or len(items) > limits.items_max:
        raise BadRequest(f"`items` is no list of at most {limits.items_max} items")
    strange = [place for place, item in enumerate(items) if not _is_item(item)]
    if strange:
        raise BadRequest(f"item {strange[0]} of `items` is no JSON object with a text as `key` or `id`")
    return Request(root, facts, [Item(item, check) for item in items], reads_only=raw.get("reads_only") is True)


def finding(item_id: str, outcome: str, observed: str = "", message: str = "", ms: float = 0.0) -> dict[str, Any]:
    """One finding line. Texts are cut to their bounds and hold nothing that UTF-8 could not carry."""
    return {
        "id": item_id,
        "outcome": outcome,
        "observed": shorten(observed, limits.observed_chars_max),
        "message": shorten(message, limits.message_chars_max),
        "ms": round(ms, 3),
    }


def shorten(text: str, chars_max: int) -> str:
    """One line of at most chars_max characters; what is cut is marked by an ellipsis."""
    if len(text) > 4 * chars_max:
        text = text[: 4 * chars_max]
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in " ".join(text.split()))
    return text if len(text) <= chars_max else text[: chars_max - 1] + "…"


def _is_item(raw: object) -> bool:
    """It has a name by which its finding can be told, and the check it is for is a text."""
    if not isinstance(raw, dict) or not isinstance(raw.get("check", ""), str):
        return False
    return isinstance(raw.get("id", raw.get("key")), str) and len(raw.get("id", "")) <= limits.item_id_chars_max


def _item_mistake(item: Item, raw: Mapping[str, Any]) -> str:
    strange = sorted(set(raw) - _FIELDS)
    if strange:
        return f"the item has an unknown field {strange[0][:80]!r}"
    if not isinstance(item.key, str) or not item.key or len(item.key) > limits.key_chars_max or "\0" in item.key:
        return f"`key` is no text of 1 to {limits.key_chars_max} characters"
    timeout_s = item.timeout_s
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, (int, float)):
        return "`timeout_s` is no number"
    if "timeout_s" in raw and not 0 < timeout_s <= limits.timeout_s_max:
        return f"`timeout_s` is not between 0 and {limits.timeout_s_max:g} seconds"
    if item.last is not None and not _is_last(item.last):
        return "`last` is no JSON object of a value and the Unix time `at`"
    if not isinstance(item.parameters, dict) or not all(_is_operand(value) for value in item.parameters.values()):
        return "`with` is no JSON object of texts, numbers, booleans and lists of these"
    return "" if _is_expect(item.expect) else "`expect` does not read property -> matcher -> operand"


def _is_last(raw: object) -> bool:
    return isinstance(raw, dict) and set(raw) == {"value", "at"} and isinstance(raw["at"], (int, float))


def _is_expect(raw: object) -> bool:
    return (
        isinstance(raw, dict)
        and len(raw) <= limits.properties_max
        and all(
            isinstance(matchers, dict) and matchers and all(_is_operand(operand) for operand in matchers.values())
            for matchers in raw.values()
        )
    )


def _is_operand(raw: object) -> bool:
    if isinstance(raw, list):
        return 0 < len(raw) <= limits.list_items_max and all(_is_scalar(one) for one in raw)
    return _is_scalar(raw)


def _is_scalar(raw: object) -> bool:
    if isinstance(raw, str):
        return len(raw) <= limits.text_chars_max
    return isinstance(raw, (int, float))
