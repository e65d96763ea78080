"""Commands about layers: what is wrong with them, and what they make of a node."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from config_center.cli_common import (
    HERE,
    Checks,
    Directory,
    Json,
    count_of,
    mistake_json,
    mistake_lines,
    print_json,
    say,
)
from config_center.describe import bundled_checks, catalogue_of
from config_center.drafting import draft
from config_center.errors import CenterError
from config_center.expectation import describe
from config_center.layers import load_fleet
from config_center.mistakes import did_you_mean
from config_center.resolve import Baseline, Resolver, Step


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(
        "validate", epilog="\b\nExamples:\n  config-center validate\n  config-center validate /srv/fleet --json"
    )(validate_command)
    app.command(
        "render",
        epilog="\b\nExamples:\n  config-center render n006 --tag zone=b --tag rack=b2\n"
        "  config-center render n006 --tag zone=b --why sysctl:vm.swappiness",
    )(render_command)


def validate_command(directory: Directory = HERE, checks: Checks = None, *, as_json: Json = False) -> None:
    """Report every mistake of the layers at once, as file:line:column. Exit 1 if there is any.

    Executables of the site in checks/ are run with --describe to learn what they take.
    """
    fleet = load_fleet(directory, catalogue_of(checks or bundled_checks()))
    items = len({item for layer in fleet.layers for item in layer.items})
    if as_json:
        mistakes = [mistake_json(mistake) for mistake in fleet.mistakes]
        print_json({"mistakes": mistakes, "layers": len(fleet.layers), "items": items, "checks": len(fleet.parts)})
    else:
        print(*mistake_lines(directory, fleet.mistakes), sep="\n", end="\n" if fleet.mistakes else "")
    if fleet.mistakes:
        say(count_of(fleet.mistakes))
        raise typer.Exit(1)
    say(f"no mistakes: {len(fleet.layers)} layers, {items} items, {len(fleet.parts)} checks of the site")


def render_command(
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node's name; it need not exist.")],
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="A tag of the node; repeat it for more.")
    ] = None,
    directory: Annotated[Path, typer.Option("--dir", metavar="DIR", help="The fleet's directory.")] = HERE,
    why: Annotated[str, typer.Option("--why", metavar="ITEM", help="Explain one item: every layer's word on it.")] = "",
    checks: Checks = None,
    *,
    as_json: Json = False,
) -> None:
    """Print what one node should be: every value, where it comes from and what it overrode."""
    tags = _tags(tag or [])
    resolver = Resolver(draft(directory, catalogue_of(checks or bundled_checks())))
    baseline = resolver.baseline(node, tags)
    if why:
        _explain(node, why, resolver.history(node, tags, why), baseline, as_json=as_json)
    elif as_json:
        print_json({"node": node, "tags": tags, "items": msgspec.to_builtins(baseline.items)})
    else:
        _print_baseline(baseline)


def _tags(pairs: list[str]) -> dict[str, str]:
    tags = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise CenterError(f"--tag {pair}: a tag is given as key=value")
        tags[key] = value
    return tags


def _print_baseline(baseline: Baseline) -> None:
    rows = [(item.id, describe(item.expect), item.severity, item.source, item.overrides) for item in baseline.items]
    widths = [min(60, max((len(row[column]) for row in rows), default=0)) for column in range(4)]
    for *cells, overrides in rows:
        line = "  ".join(str(cell).ljust(width) for cell, width in zip(cells, widths, strict=True))
        print(f"{line}  over {', '.join(overrides)}" if overrides else line.rstrip())
    say(f"{baseline.node}: {len(rows)} items" if rows else f"{baseline.node}: no layer is for it; it has no items")


def _explain(node: str, item: str, steps: tuple[Step, ...], baseline: Baseline, *, as_json: bool) -> None:
    """Every layer's word on one item, the one that holds first."""
    if not steps:
        hint = did_you_mean(item, [one.id for one in baseline.items])
        raise CenterError(f"no layer expects {item} of {node}{'; ' + hint if hint else ''}")
    words = [{"source": step.source, **msgspec.to_builtins(step.item)} for step in reversed(steps)]
    if as_json:
        print_json({"node": node, "item": item, "steps": words})
        return
    for index, step in enumerate(reversed(steps)):
        print(f"{step.source}  {describe(step.item.expect)}{'' if index else '  <- this one holds'}")
    for word, value in words[0].items():
        if word not in {"source", "line", "expect"} and value:
            print(f"  {word}: {value if isinstance(value, str | float) else json.dumps(value, ensure_ascii=False)}")
