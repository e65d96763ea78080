"""The command `config-center`. Data on stdout, everything else on stderr; exit 0 done, 1 mistakes found, 2 cannot."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from config_center.describe import bundled_checks, catalogue_of
from config_center.errors import CenterError, InvalidLayers
from config_center.expectation import describe
from config_center.layers import load_fleet
from config_center.mistakes import Mistake, did_you_mean
from config_center.publishing import draft, publish
from config_center.resolve import Baseline, Resolver, Step

app = typer.Typer(
    name="config-center",
    help="What every node should be: layers of expectations, validated, resolved, published.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="\b\nExample:\n  config-center validate /srv/fleet && config-center publish /srv/fleet --to /srv/releases",
)

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The fleet's directory: layers/*.yml, checks/*.")]
Checks = Annotated[
    Path | None,
    typer.Option("--checks", metavar="DIR", help="Use the bundled checks of this folder.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
HERE = Path()


def main() -> None:
    """Run the command line; the only place where an error of ours becomes an exit code."""
    try:
        app(prog_name="config-center")
    except InvalidLayers as error:
        _say(*_lines(error.directory, error.mistakes), _count(error.mistakes))
        sys.exit(1)
    except CenterError as error:
        _say(f"config-center: {error}")
        sys.exit(2)


@app.command("validate", epilog="\b\nExamples:\n  config-center validate\n  config-center validate /srv/fleet --json")
def validate_command(directory: Directory = HERE, checks: Checks = None, *, as_json: Json = False) -> None:
    """Report every mistake of the layers at once, as file:line:column. Exit 1 if there is any.

    Executables of the site in checks/ are run with --describe to learn what they take.
    """
    fleet = load_fleet(directory, catalogue_of(checks or bundled_checks()))
    items = len({item for layer in fleet.layers for item in layer.items})
    if as_json:
        mistakes = [_mistake(mistake) for mistake in fleet.mistakes]
        _print_json({"mistakes": mistakes, "layers": len(fleet.layers), "items": items, "checks": len(fleet.parts)})
    else:
        print(*_lines(directory, fleet.mistakes), sep="\n", end="\n" if fleet.mistakes else "")
    if fleet.mistakes:
        _say(_count(fleet.mistakes))
        raise typer.Exit(1)
    _say(f"no mistakes: {len(fleet.layers)} layers, {items} items, {len(fleet.parts)} checks of the site")


@app.command(
    "render",
    epilog="\b\nExamples:\n  config-center render n006 --tag zone=b --tag rack=b2\n"
    "  config-center render n006 --tag zone=b --why sysctl:vm.swappiness",
)
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
        _print_json({"node": node, "tags": tags, "items": msgspec.to_builtins(baseline.items)})
    else:
        _print_baseline(baseline)


@app.command(
    "publish", epilog='\b\nExample:\n  config-center publish /srv/fleet --to /srv/releases -m "less swapping in zone b"'
)
def publish_command(
    directory: Directory = HERE,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="DIR", help="Where releases go; published/ in DIR if not given.")
    ] = None,
    message: Annotated[str, typer.Option("--message", "-m", metavar="TEXT", help="Why.")] = "",
    checks: Checks = None,
    *,
    as_json: Json = False,
) -> None:
    """Validate the layers and make them the current release; identical content gives no new number."""
    store = to or directory / "published"
    done = publish(directory, store, catalogue_of(checks or bundled_checks()), message=message)
    release = done.release
    if as_json:
        _print_json({"number": release.number, "digest": release.digest, "new": done.is_new, "store": str(store)})
        return
    said = "published" if done.is_new else "nothing changed: the current one stays"
    print(f"release {release.number} {release.digest[:12]}: {said}; {len(release.items)} items in {store}")


@app.command("serve", epilog="\b\nExample:\n  config-center serve /srv/releases --host 10.0.0.5 --port 8080")
def serve_command(
    store: Annotated[Path, typer.Argument(metavar="DIR", help="The directory that publish writes to.")] = Path(
        "published"
    ),
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Port; 0 takes a free one.")
    ] = 8080,
) -> None:
    """Serve published releases over HTTP until Ctrl-C. The ready line with the URL goes to stderr."""
    if not store.is_dir():
        raise CenterError(f"{store}: no such directory; config-center publish --to {store} makes it")
    import trio

    from config_center.serving import serve_until_signalled

    trio.run(serve_until_signalled, store, host, port)


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
    _say(f"{baseline.node}: {len(rows)} items" if rows else f"{baseline.node}: no layer is for it; it has no items")


def _explain(node: str, item: str, steps: tuple[Step, ...], baseline: Baseline, *, as_json: bool) -> None:
    """Every layer's word on one item, the one that holds first."""
    if not steps:
        hint = did_you_mean(item, [one.id for one in baseline.items])
        raise CenterError(f"no layer expects {item} of {node}{'; ' + hint if hint else ''}")
    words = [{"source": step.source, **msgspec.to_builtins(step.item)} for step in reversed(steps)]
    if as_json:
        _print_json({"node": node, "item": item, "steps": words})
        return
    for index, step in enumerate(reversed(steps)):
        print(f"{step.source}  {describe(step.item.expect)}{'' if index else '  <- this one holds'}")
    for word, value in words[0].items():
        if word not in {"source", "line", "expect"} and value:
            print(f"  {word}: {value if isinstance(value, str | float) else json.dumps(value, ensure_ascii=False)}")


def _lines(directory: Path, mistakes: tuple[Mistake, ...]) -> list[str]:
    """The mistakes with paths that an editor or a terminal can open from here."""
    return [f"{directory / mistake.file}:{mistake.line}:{mistake.column}: {mistake.text}" for mistake in mistakes]


def _mistake(mistake: Mistake) -> dict[str, Any]:
    return {
        "file": mistake.file,
        "line": mistake.line,
        "column": mistake.column,
        "what": mistake.what,
        "hint": mistake.hint,
    }


def _count(mistakes: tuple[Mistake, ...]) -> str:
    files = len({mistake.file for mistake in mistakes})
    return f"{len(mistakes)} mistake{'' if len(mistakes) == 1 else 's'} in {files} file{'' if files == 1 else 's'}"


def _print_json(document: object) -> None:
    print(json.dumps(document, indent=1, ensure_ascii=False))


def _say(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr)
