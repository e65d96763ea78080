"""The command `render`: what one node should be, and where every value comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from config_center.acts import Standing
from config_center.cli_common import HERE, Checks, Json, Store, print_json, say
from config_center.describe import bundled_checks, catalogue_of
from config_center.drafting import draft_of, timestamp
from config_center.errors import CenterError
from config_center.expectation import describe, describe_word
from config_center.layers import load_fleet
from config_center.mistakes import did_you_mean
from config_center.provenance import Origin, names_of, origins
from config_center.release import LayerItem
from config_center.resolve import Baseline, Item, Resolver, Step
from config_center.traits import traits_of

# What is said of an explained item below its layers' words, as far as it is given.
_SAID: Final = (
    "with", "severity", "timeout_s", "title", "rationale", "remediation", "remedy", "references", "owner", "secret",
    "problem", "waiver", "waived_until",
)  # fmt: skip
_WIDTH_MAX: Final = 60  # of one column


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "render",
        epilog="\b\nExamples:\n  config-center render n006 --tag zone=b --tag rack=b2\n"
        "  config-center render n006 --tag zone=b --fact kernel=6.1.0-37-amd64 --why sysctl:vm.swappiness\n"
        "  config-center render n006 --store published/center.db",
    )(render_command)


def render_command(
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node's name; it need not exist.")],
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="A tag of the node; repeat it for more.")
    ] = None,
    fact: Annotated[
        list[str] | None, typer.Option("--fact", metavar="KEY=VALUE", help="A fact of the node; repeat it for more.")
    ] = None,
    directory: Annotated[Path, typer.Option("--dir", metavar="DIR", help="The fleet's directory.")] = HERE,
    why: Annotated[str, typer.Option("--why", metavar="ITEM", help="Explain one item: every layer's word on it.")] = "",
    store: Store = None,
    checks: Checks = None,
    *,
    as_json: Json = False,
) -> None:
    """Print what one node should be: every value, where it comes from and what it overrode.

    Without --tag and --fact, what the node told the store (--store) is taken.
    """
    if not node.strip():
        raise CenterError("a node has a name: config-center render NODE")
    tags, facts = _pairs("tag", tag or []), _pairs("fact", fact or [])
    if store and not tags and not facts:
        tags, facts = _told(node, store, directory)
    traits = traits_of(tags, facts)
    fleet = load_fleet(directory, catalogue_of(checks or bundled_checks())).sound()
    _mention_unknown(tags, fleet.tags)
    release = draft_of(Standing(), fleet, timestamp(None))
    resolver = Resolver(release)
    baseline = resolver.baseline(node, traits)
    if why:
        steps = resolver.history(node, traits, why)
        _explain(baseline, why, steps, origins(release, node, traits, names_of(steps)), as_json=as_json)
    elif as_json:
        print_json({"node": node, "tags": tags, "facts": facts, "items": msgspec.to_builtins(baseline.items)})
    else:
        _print_baseline(baseline)


def _pairs(what: str, pairs: list[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise CenterError(f"--{what} {pair}: a {what} is given as key=value")
        if given.setdefault(key, value) != value:
            raise CenterError(f"--{what} {pair}: {key} is {given[key]!r} already; a node has one value of a {what}")
    return given


def _mention_unknown(tags: Mapping[str, str], known: Mapping[str, tuple[str, ...]]) -> None:
    """Say which tags no layer can mean, by fleet.yml: they may be misspelt."""
    for tag in tags if known else ():
        if tag not in known:
            hint = did_you_mean(tag, known)
            say(f"warning: fleet.yml names no tag {tag}{'; ' + hint if hint else ''}")


def _told(node: str, store: str, directory: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Tags and facts of the node, as it told the store."""
    from config_center.acting import opened

    with opened(store, directory) as database:
        row = database.node(node)
    if row is None:
        raise CenterError(f"{node} never told {store} about itself; say --tag and --fact")
    say(f"{node}: tags and facts as it told them at {row.seen}")
    return row.tags, row.facts


def _print_baseline(baseline: Baseline) -> None:
    rows = [(item.id, _wanted(item), item.severity, item.source, _notes(item)) for item in baseline.items]
    widths = [min(_WIDTH_MAX, max((len(row[column]) for row in rows), default=0)) for column in range(4)]
    for *cells, notes in rows:
        line = "  ".join(str(cell).ljust(width) for cell, width in zip(cells, widths, strict=True))
        print("  ".join((line, *notes)) if notes else line.rstrip())
    say(f"{baseline.node}: {len(rows)} items" if rows else f"{baseline.node}: no layer is for it; it has no items")


def _wanted(item: Item) -> str:
    return describe(item.expect, from_file=item.from_file)


def _notes(item: Item) -> list[str]:
    """What else there is to say of an item in a table."""
    notes = [f"over {', '.join(item.overrides)}"] if item.overrides else []
    notes += ["secret"] if item.secret else []
    if item.waiver:
        is_over = not item.is_waived(timestamp(None)[: len("YYYY-MM-DD")])
        notes.append(f"{'waiver ended on' if is_over else 'waived until'} {item.waived_until} ({item.waiver})")
    return notes + ([f"cannot be checked: {item.problem}"] if item.problem else [])


def _explain(
    baseline: Baseline, name: str, steps: tuple[Step, ...], values: dict[str, Origin], *, as_json: bool
) -> None:
    """Every layer's word on one item, the one that holds first; then what they come to on this node."""
    item = next((item for item in baseline.items if item.id == name), None)
    if not steps:
        hint = did_you_mean(name, [one.id for one in baseline.items])
        raise CenterError(f"no layer expects {name} of {baseline.node}{'; ' + hint if hint else ''}")
    if as_json:
        words = [{"source": step.source, **msgspec.to_builtins(step.item)} for step in reversed(steps)]
        result = msgspec.to_builtins(item)
        print_json({"node": baseline.node, "item": name, "steps": words, "result": result,
                    "variables": msgspec.to_builtins(values)})  # fmt: skip
        return
    for index, step in enumerate(reversed(steps)):
        last = "  <- this one holds" if not index and step.item.action == "set" else ""
        print(f"{step.source}  {_word(step.item)}{last}")
    for variable, origin in values.items():
        over = f", over {', '.join(origin.overrides)}" if origin.overrides else ""
        print(f"  ${{{variable}}} = {origin.value}  ({origin.source}{over})" if origin.value is not None
              else f"  ${{{variable}}} has no value: {origin.source}")  # fmt: skip
    if item is None:
        print(f"  unset: {baseline.node} has no such item")
        return
    if values or steps[-1].item.action == "append":
        print(f"  comes to: {_wanted(item)}")
    _print_rest(msgspec.to_builtins(item))


def _word(item: LayerItem) -> str:
    """One layer's word."""
    return describe_word(item.action, item.expect, from_file=item.from_file)


def _print_rest(said: dict[str, Any]) -> None:
    for word in _SAID:
        value = said.get(word)
        if value:
            print(f"  {word}: {value if isinstance(value, str | float) else json.dumps(value, ensure_ascii=False)}")
