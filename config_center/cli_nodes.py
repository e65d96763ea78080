"""The commands `nodes`, `inventory` and `groups`: what nodes told about themselves, for people and other programs."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer
import yaml

from config_center.acting import opened
from config_center.cli_common import HERE, Json, Store, print_json, say
from config_center.difference_words import printable
from config_center.errors import CenterError, QueryError
from config_center.folded import fold
from config_center.inventory import ansible_host, ansible_list, cluster_groups, folded_groups, usable
from config_center.mistakes import did_you_mean
from config_center.node_record import nodes_mapping
from config_center.node_source import nodes_from
from config_center.nodes_query import fields_of, parse_query, select
from config_center.nodes_table import age_text, fields_shown, table
from config_center.rows import NodeRow

From = Annotated[
    str | None,
    typer.Option("--from", metavar="URL", show_default=False, help="Read /nodes.json of this config center."),
]
Fleet = Annotated[Path, typer.Option("--dir", metavar="DIR", help="The fleet's directory, for its own store.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "nodes",
        epilog="\b\nExamples:\n  config-center nodes 'kernel < 6.1 and zone = b'\n"
        "  config-center nodes 'seen > 2d' --fields name,seen\n  config-center nodes --forget n007",
    )(nodes_command)
    app.command(
        "inventory",
        epilog="\b\nExample:\n  config-center inventory --from https://center.example --list",
    )(inventory_command)
    app.command(
        "groups",
        epilog="\b\nExample:\n  config-center groups > /etc/clustershell/groups.d/inspector.yaml",
    )(groups_command)


def nodes_command(
    query: Annotated[
        str, typer.Argument(metavar="[QUERY]", help="FIELD OP VALUE and …; OP: = != < <= > >= ~", show_default=False)
    ] = "",
    directory: Fleet = HERE,
    store: Store = None,
    source: From = None,
    fields: Annotated[
        str, typer.Option("--fields", metavar="A,B", show_default=False, help="The columns of the table.")
    ] = "",
    forget: Annotated[
        str, typer.Option("--forget", metavar="NODE", show_default=False, help="Forget a node and its key.")
    ] = "",
    *,
    as_json: Json = False,
) -> None:
    """List the nodes that told about themselves, or those that suit a question; equal ones in one row."""
    if forget:
        if query or source:
            raise CenterError("--forget takes a node of the store, and nothing else beside it")
        _forget(forget, store, directory)
        return
    terms = parse_query(query)
    everybody = nodes_from(source, store, directory)
    now = time.time()
    found = select(terms, everybody, now)
    if as_json:
        print_json(nodes_mapping(found))
        return
    if found:
        _print_table(found, _columns(fields, everybody) or fields_shown(found), now)
    say(f"{len(found)} of {len(everybody)} nodes")


def inventory_command(
    directory: Fleet = HERE,
    store: Store = None,
    source: From = None,
    host: Annotated[
        str, typer.Option("--host", metavar="NODE", show_default=False, help="Print the variables of one node.")
    ] = "",
    *,
    _whole: Annotated[bool, typer.Option("--list", help="Print everything; so it does if nothing is asked.")] = False,
) -> None:
    """Print an inventory for Ansible, as its inventory scripts do."""
    rows = _told(nodes_from(source, store, directory))
    if not host:
        print_json(ansible_list(rows))
        return
    print_json(next((ansible_host(row) for row in rows if row.name == host), {}))


def groups_command(
    directory: Fleet = HERE,
    store: Store = None,
    source: From = None,
    of: Annotated[str, typer.Option("--source", metavar="TAG", show_default=False, help="Only this source.")] = "",
    group: Annotated[
        str, typer.Option("--map", metavar="GROUP", show_default=False, help="Print the nodes of a group.")
    ] = "",
    *,
    names: Annotated[bool, typer.Option("--list", help="Print the names of the source's groups.")] = False,
    everybody: Annotated[bool, typer.Option("--all", help="Print all nodes.")] = False,
) -> None:
    """Print groups for ClusterShell: a file of groups.d, or answers to the upcalls of groups.conf."""
    rows = _told(nodes_from(source, store, directory))
    if everybody:
        print(fold([row.name for row in rows]))
        return
    groups = cluster_groups(rows)
    if (group or names) and not of:
        raise CenterError("--map and --list are about one source: name it with --source")
    if of and of not in groups:
        hint = did_you_mean(of, groups)
        raise CenterError(f"no node has {printable(of)!r}, of which groups could be{'; ' + hint if hint else ''}")
    if group:
        print(fold(groups[of].get(group, [])))
    elif names:
        print(*sorted(groups[of]), sep="\n")
    else:
        chosen = {of: groups[of]} if of else groups
        yaml.safe_dump(folded_groups(chosen, fold), sys.stdout, default_flow_style=False, width=sys.maxsize)


def _forget(name: str, store: str | None, directory: Path) -> None:
    with opened(store, directory) as database:
        if not database.forget_node(name):
            hint = did_you_mean(name, [row.name for row in database.nodes()])
            raise CenterError(f"{printable(name)} is not known{'; ' + hint if hint else ''}")
    say(f"{printable(name)} is forgotten: the next key it signs with becomes its key")


def _columns(fields: str, nodes: list[NodeRow]) -> tuple[str, ...]:
    known = fields_of(nodes)
    chosen = tuple(filter(None, (field.strip() for field in fields.split(","))))
    for field in chosen:
        if field not in known:
            hint = did_you_mean(field, known)
            raise QueryError(f"no node has {printable(field)!r}{'; ' + hint if hint else ''}")
    return chosen


def _told(rows: list[NodeRow]) -> list[NodeRow]:
    """The nodes that other programs are told of. Who is left out is named."""
    good, bad = usable(rows)
    if bad:
        say(f"warning: left out, because of their names: {', '.join(map(printable, bad[:10]))} ({len(bad)})")
    return good


def _print_table(nodes: list[NodeRow], fields: tuple[str, ...], now: float) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    shown.add_column("nodes", overflow="fold")
    shown.add_column("count", justify="right")
    for field in fields:
        shown.add_column(Text(printable(field)), overflow="fold")
    shown.add_column("seen before", justify="right")
    for row in table(nodes, fields, now):
        cells = [fold(row.names), str(len(row.names)), *map(printable, row.values), age_text(row.oldest_s)]
        shown.add_row(*map(Text, cells))
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=sys.maxsize)  # a file or a pipe has lines as long as need be
    console.print(shown)
