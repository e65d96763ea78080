"""From one item to one finding: observe, compare, say. The only place where outcomes are decided."""

from __future__ import annotations

from checklib import kinds, limits, matchers
from checklib.contract import finding
from checklib.errors import CannotTell, NotApplicable
from checklib.values import show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from checklib.contract import Item
    from checklib.kinds import Kind
    from checklib.node import Node
    from checklib.values import Observed


def examine(kind: Kind, item: Item, node: Node) -> dict[str, Any]:
    """The finding of one item, without its time. Raises only what nobody expected."""
    try:
        kinds.hold_to(kind, item)
        node.hold_root()
        observed = kind.observe(item, node)
        line = _judge(kind, item, observed)
        return line if observed.keep is None else {**line, "keep": observed.keep}
    except NotApplicable as reason:
        return finding(item.id, "na", message=str(reason))
    except CannotTell as reason:
        return finding(item.id, "error", message=str(reason))
    except OSError as error:
        return finding(item.id, "error", message=explain(error))


def explain(error: OSError) -> str:
    """An operating system error for people: what was wrong, and with which file."""
    text = error.strerror or str(error)
    return f"{error.filename}: {text}" if isinstance(error.filename, str) else text


def _judge(kind: Kind, item: Item, observed: Observed) -> dict[str, Any]:
    """Compare property by property.

    One property that certainly deviates makes a fail, whatever could not be told of the others; then what could not be
    told makes an error; then what does not apply makes an na. Only an item of which everything holds passes.
    """
    deviating: dict[str, str] = {}  # property -> which parts make it deviate, where nothing else does
    reasons: list[str] = []
    errors: list[str] = []
    inapplicable: list[str] = []
    for name, expected in item.expect.items():
        value = observed.values.get(name)
        if isinstance(value, NotApplicable):
            inapplicable.append(str(value))
            continue
        exists = observed.exists if name == kind.main else value is not None and value != []
        has_any = exists and value is not None  # of a thing that is there without such a value `any` would be no pass
        try:
            if isinstance(value, CannotTell):
                raise value
            broken = {
                matcher: operand
                for matcher, operand in expected.items()
                if not matchers.holds(matcher, value, operand, exists=has_any if matcher == "any" else exists)
            }
        except CannotTell as error:
            errors.append(str(error))
            continue
        if broken:
            parts = [matchers.amiss(matcher, value, operand) for matcher, operand in broken.items()]
            deviating[name] = ", ".join(parts) if all(parts) else ""
            wanted = " and ".join(matchers.say(matcher, operand) for matcher, operand in broken.items())
            some = any(isinstance(operand, list) for operand in broken.values())  # of one part all is said
            more = f": {deviating[name]}" if deviating[name] and some else ""
            reasons.append(_label(kind, item, name, f"expected {wanted}{more}"))
    told = [name for name in item.expect if name in deviating] if deviating else list(item.expect)
    seen = ", ".join(_seen(kind, item, observed, name, deviating.get(name, "")) for name in told)
    if not observed.exists and all(observed.values.get(name) is None for name in told):
        seen = show(None)
    if deviating:
        return finding(item.id, "fail", seen, _sentence(observed.note, *reasons))
    if errors:
        return finding(item.id, "error", message=_sentence(observed.note, *errors))
    if inapplicable:
        return finding(item.id, "na", message=_sentence(observed.note, *inapplicable))
    return finding(item.id, "pass", seen, observed.note)


def _label(kind: Kind, item: Item, name: str, text: str) -> str:
    """The text with its property's name, unless that is the main one and stands alone."""
    return text if name == kind.main and len(item.expect) == 1 else f"{name} {text}"


def _seen(kind: Kind, item: Item, observed: Observed, name: str, parts: str) -> str:
    """A property as it was seen. Who wants a thing absent is told that it is there, also without its main value."""
    is_bare = name == kind.main and observed.exists and observed.values.get(name) is None
    if is_bare and "absent" in item.expect[name]:
        return f"there, without {name}"
    return _label(kind, item, name, _shown(observed, name, parts))


def _shown(observed: Observed, name: str, parts: str) -> str:
    """A value for people; of a long one, such as a command line, the parts that make it deviate, so that nodes fold."""
    value = observed.values.get(name)
    if name in observed.shown and value is not None:
        return observed.shown[name]()
    text = show(value)
    return parts if parts and len(text) > limits.whole_chars_max else text


def _sentence(*parts: str) -> str:
    return "; ".join(dict.fromkeys(part for part in parts if part))
