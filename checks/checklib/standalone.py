"""A check as a program: one request on stdin, findings on stdout, from any shell."""

from __future__ import annotations

import json
import os
import signal
import sys

from checklib import limits
from checklib.contract import decode_request
from checklib.errors import BadRequest, CannotTell
from checklib.kinds import describe
from checklib.loop import run_items

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from checklib.kinds import Kind

EXIT_TOLD, EXIT_USAGE = 0, 2

_READ_CHUNK_BYTES = 1 << 20


def main(kind: Kind, arguments: Sequence[str] | None = None) -> int:
    """Run one kind of check as a program; the exit code."""

    def find(name: str) -> Kind:
        if name != kind.name:
            raise CannotTell(f"this program checks {kind.name}, not {name[:80]!r}")
        return kind

    return run_program(_usage_of(kind), find, lambda: [kind], arguments, check=kind.name)


def run_program(
    usage: str,
    find: Callable[[str], Kind],
    kinds: Callable[[], Iterable[Kind]],
    arguments: Sequence[str] | None = None,
    check: str = "",
) -> int:
    """Answer --help, --describe or --list, or run the request on stdin. A batch of kinds takes --pages DIR too.

    0: every item has its finding on stdout, whatever its outcome; 2: arguments or request cannot be read.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in (["--help"], ["-h"]):
        sys.stdout.write(usage)
    elif words == ["--describe"]:
        sys.stdout.write(json.dumps(describe(kinds()), indent=1) + "\n")
    elif words == ["--list"]:
        sys.stdout.writelines(f"{kind.name:<10} {kind.title}\n" for kind in kinds())
    elif words[:1] == ["--pages"] and len(words) == 2 and not check:
        return _write_pages(words[1], kinds())
    elif words:
        sys.stderr.write(f"unknown argument {words[0]!r}\n\n{usage}")
        return EXIT_USAGE
    else:
        return _run_stdin(find, check)
    return EXIT_TOLD


def _write_pages(directory: str, kinds: Iterable[Kind]) -> int:
    """One file each; pages of kinds that are no more stay, and are for people to remove."""
    from checklib.pages import pages

    try:
        os.makedirs(directory, exist_ok=True)  # noqa: PTH103 - no pathlib: see checklib.root
        for name, text in pages(kinds).items():
            with open(f"{directory}/{name}", "w", encoding="utf-8") as file:  # noqa: PTH123 - the same
                file.write(text)
    except OSError as error:
        sys.stderr.write(f"{error.filename}: {error.strerror}\n")
        return EXIT_USAGE
    return EXIT_TOLD


def _run_stdin(find: Callable[[str], Kind], check: str) -> int:
    try:
        request = decode_request(_parse(_read_stdin()), check)
    except BadRequest as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_USAGE
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    run_items(request, find, _print)
    return EXIT_TOLD


def _leave(number: int, _frame: object) -> None:
    """Unwind, so that what a check has started is ended too. A SIGKILL leaves no time for that."""
    raise SystemExit(128 + number)


def _read_stdin() -> bytes:
    chunks = []
    size = 0
    while chunk := os.read(0, _READ_CHUNK_BYTES):
        chunks.append(chunk)
        size += len(chunk)
        if size > limits.request_bytes_max:
            raise BadRequest(f"the request has more than {limits.request_bytes_max} bytes")
    return b"".join(chunks)


def _parse(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the request is no JSON: {error}") from error


def _print(line: dict[str, Any]) -> None:
    """A finding leaves the process as soon as it is known."""
    os.write(1, json.dumps(line).encode() + b"\n")


def _usage_of(kind: Kind) -> str:
    lines = [
        f"{kind.name}: {kind.title}",
        "",
        "Reads one JSON request on stdin, prints one JSON line a finding. --describe prints what it can check.",
        "",
        f"  echo '{json.dumps(_example_request(kind))}' | python3 {os.path.basename(sys.argv[0])}",  # noqa: PTH119
        "",
        f"key: {kind.key}",
    ]
    lines += [f"  {name:<20} {one.type:<8} {one.title}" for name, one in kind.properties.items()]
    lines += ["with:"] if kind.parameters else []
    lines += [f"  {name:<20} {one.type:<8} {one.title}" for name, one in kind.parameters.items()]
    return "\n".join(lines) + "\n"


def _example_request(kind: Kind) -> dict[str, Any]:
    """The kind's example as a request would carry it."""
    key, body = next(iter(kind.example.items()))
    item: dict[str, Any] = {"key": key}
    if not isinstance(body, dict):
        item["expect"] = {kind.main: {"equals": body}}
    else:
        main = {name: operand for name, operand in body.items() if name not in {"expect", "with"}}
        others = {
            name: operand if isinstance(operand, dict) else {"equals": operand}
            for name, operand in body.get("expect", {}).items()
        }
        expect = {**({kind.main: main} if main else {}), **others}
        item |= {name: part for name, part in (("expect", expect), ("with", body.get("with", {}))) if part}
    return {"items": [item]}
