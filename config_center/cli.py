"""The command `config-center`. Data on stdout, everything else on stderr; exit 0 done, 1 mistakes found, 2 cannot."""

from __future__ import annotations

import io
import os
import sys
from types import ModuleType

import typer

from config_center import cli_difference, cli_layers, cli_nodes, cli_publish, cli_serve, cli_status, cli_trail
from config_center.cli_common import count_of, mistake_lines, say
from config_center.errors import CenterError, InvalidLayers

app = typer.Typer(
    name="config-center",
    help="What every node should be: layers of expectations, validated, resolved, published.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="\b\nExample:\n  config-center validate /srv/fleet && config-center publish /srv/fleet -m why",
)

# In the order of the help.
_MODULES: tuple[ModuleType, ...] = (
    cli_layers,
    cli_difference,
    cli_publish,
    cli_trail,
    cli_serve,
    cli_status,
    cli_nodes,
)
for _module in _MODULES:
    _module.register(app)


_CANNOT = 2


def main() -> None:
    """Run the command line; the only place where an error of ours becomes an exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a name that is no text is shown, and ends nothing
    sys.exit(_printed(_run()))


def _run() -> int:
    """Run a command; its exit code."""
    try:
        app(prog_name="config-center")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0
    except InvalidLayers as error:
        say(*mistake_lines(error.directory, error.mistakes), count_of(error.mistakes))
        return 1
    except CenterError as error:
        say(f"config-center: {error}")
    except OSError as error:
        say(f"config-center: {error.filename or 'standard output'}: {error.strerror or error}")
    return _CANNOT


def _printed(code: int) -> int:
    """The exit code, when what was printed has arrived; a reader that has left is told nothing more."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain as it ends
        if code != _CANNOT and not isinstance(error, BrokenPipeError):
            say(f"config-center: standard output: {error.strerror or error}")
        return code or _CANNOT
    return code
