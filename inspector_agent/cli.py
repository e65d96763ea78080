"""The command `inspector-agent`. Data on stdout, everything else on stderr. argparse, so that a node needs no more."""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO, TypeVar

import trio

from inspector_agent.errors import AgentError, SourceError
from inspector_agent.options import OPTIONS
from inspector_agent.paint import Paint

if TYPE_CHECKING:
    from inspector_agent.config import AgentConfig

T = TypeVar("T")

OVERVIEW_EXAMPLES = """\
examples:
  inspector-agent check --release examples/layers-minimal
  inspector-agent doctor --config /etc/inspector/agent.yml
  inspector-agent run --config /etc/inspector/agent.yml
"""
CHECK_EXAMPLES = """\
exit codes:  0 every item that applies passes   1 some fail or err   2 usage, a broken release, or nothing applies here

examples:
  inspector-agent check --release .                              # layers/ and checks/ here, before they are published
  inspector-agent check --release /srv/releases --name web-1 --tag zone=a --tag role=web
  inspector-agent check --release . --item 'sysctl:*' --item kernel:release --all
  inspector-agent check --release . --root /mnt/image --json | jq .counts
"""
FACTS_EXAMPLES = """\
examples:
  inspector-agent facts
  inspector-agent facts --root /mnt/image --json
"""
DOCTOR_EXAMPLES = """\
exit codes:  0 all well, or only warnings   1 something must be put right   2 usage, or no readable agent.yml

examples:
  inspector-agent doctor
  inspector-agent doctor --config ./agent.yml --json
"""
RUN_EXAMPLES = """\
It listens on no port: it answers the queries that the node's own Serf agent hears. Log lines go to stderr; SIGTERM and
Ctrl-C end it and every check that is running.

examples:
  inspector-agent run
  inspector-agent run --config ./agent.yml
"""


class Signalled(Exception):  # noqa: N818 - an end, not an error
    """A signal ended the work."""

    def __init__(self, number: int) -> None:
        super().__init__("interrupted" if number == signal.SIGINT else "terminated")
        self.number = number


def main() -> NoReturn:
    """Run the command line; the only place where an error of ours becomes an exit code."""
    arguments = parser().parse_args()
    try:
        code = arguments.command(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 0
    except Signalled as end:
        print(f"inspector-agent: {end}", file=sys.stderr)
        code = 128 + end.number
    except AgentError as error:
        print(f"inspector-agent: {error}", file=sys.stderr)
        code = 2
    sys.exit(code)


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = _parser("inspector-agent", "Checks this node against its baseline.", OVERVIEW_EXAMPLES)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, about, examples, command in (
        (
            "check",
            "Check this node once against a release or a directory of layers, without any ring.",
            CHECK_EXAMPLES,
            check,
        ),
        ("facts", "Print what this node is.", FACTS_EXAMPLES, facts),
        (
            "doctor",
            "Tell whether the agent can do its work here, and what to do where it cannot.",
            DOCTOR_EXAMPLES,
            doctor,
        ),
        ("run", "Serve: answer the questions of coordinators until ended.", RUN_EXAMPLES, run),
    ):
        made = commands.add_parser(
            name, help=about, description=about, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        made.set_defaults(command=command)
        OPTIONS[name](made)
    return top


def _parser(name: str, about: str, examples: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        name, description=about, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def check(arguments: argparse.Namespace) -> int:
    """`inspector-agent check`."""
    from config_center.errors import CenterError, InvalidLayers
    from inspector_agent.facts import flat_facts
    from inspector_agent.once import Question, choose, look
    from inspector_agent.screen import as_json, as_text, verdict
    from inspector_agent.sources import open_source

    root = _root(arguments.root)
    question = Question(
        arguments.name,
        dict(arguments.tag),
        flat_facts(root),
        tuple(arguments.item),
        root,
        arguments.timeout,
        arguments.defer_load,
    )
    try:
        with open_source(arguments.release, question.node, question.traits) as source, Progress() as progress:
            items = choose(source, question)
            done = trio.run(_until_signalled, look, source, question, items, progress, progress.say)
    except InvalidLayers as error:
        places = (f"{arguments.release / one.file}:{one.line}:{one.column}" for one in error.mistakes)
        lines = [f"{place}: {one.text}" for place, one in zip(places, error.mistakes, strict=True)]
        raise SourceError("\n  ".join(["the layers have mistakes, nothing was checked:", *lines])) from error
    except CenterError as error:
        raise SourceError(str(error)) from error
    if arguments.json:
        _print([json.dumps(as_json(done), indent=1)])
    else:
        _print(as_text(done, paint_for(sys.stdout), everything=arguments.all))
    return verdict(done)


def facts(arguments: argparse.Namespace) -> int:
    """`inspector-agent facts`."""
    from inspector_agent.facts import gather

    found = gather(_root(arguments.root)).as_dict()
    if arguments.json:
        _print([json.dumps(found, indent=1)])
    else:
        width = max(map(len, found))
        _print(f"{name:<{width}}  {'unknown' if value is None else value}" for name, value in found.items())
    return 0


def doctor(arguments: argparse.Namespace) -> int:
    """`inspector-agent doctor`."""
    from inspector_agent.config import load
    from inspector_agent.doctor import as_lines, examine

    config = load(arguments.config)
    results = trio.run(_until_signalled, examine, config)
    if arguments.json:
        _print([json.dumps([result.as_dict() for result in results], indent=1)])
    else:
        _print(as_lines(results, paint_for(sys.stdout)))
    return int(any(result.state == "bad" for result in results))


def run(arguments: argparse.Namespace) -> int:
    """`inspector-agent run`."""
    from inspector_agent.config import load

    serve(load(arguments.config), time.time)
    return 0


def serve(config: AgentConfig, clock: Callable[[], float]) -> None:
    """Be the agent until a signal ends it. `clock`: Unix time in seconds, as this node believes it is."""
    from inspector_agent.agent import run_agent

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # what secret files hold passes through its memory
    with suppress(Signalled):
        trio.run(_until_signalled, partial(run_agent, config, clock=clock))


async def _until_signalled(work: Callable[..., Awaitable[T]], *arguments: object) -> T:
    """Do the work; SIGTERM and Ctrl-C cancel it, so that all it started is ended with it. Raises Signalled then."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with trio.open_nursery() as nursery:
            heard: list[int] = []

            async def listen() -> None:
                async for number in signals:
                    heard.append(number)
                    nursery.cancel_scope.cancel()

            nursery.start_soon(listen)
            result = await work(*arguments)
            nursery.cancel_scope.cancel()
            return result
    raise Signalled(heard[0])


class Progress:
    """How far a run is, on stderr if that is a terminal and it takes long enough to wonder."""

    PATIENCE_S = 0.5

    def __init__(self) -> None:
        self._since = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __call__(self, done: int, total: int) -> None:
        """Say how many items have a finding."""
        if sys.stderr.isatty() and time.monotonic() - self._since > self.PATIENCE_S:
            print(f"\r{done} of {total} items", end="", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Say why it takes longer."""
        print(f"inspector-agent: {text}", file=sys.stderr, flush=True)

    def __exit__(self, *_: object) -> None:
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def paint_for(stream: TextIO) -> Paint:
    """Colours on a terminal, unless NO_COLOR (no-color.org) says otherwise."""
    return Paint(colours=stream.isatty() and not os.environ.get("NO_COLOR"))


def _root(text: str) -> str:
    path = Path(text)
    if not path.is_dir():
        raise SourceError(f"--root {text}: no such directory")
    return str(path.resolve())


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


if __name__ == "__main__":
    main()
