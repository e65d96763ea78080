"""All bundled kinds of checks in one process: JSON request on stdin, one JSON line a finding on stdout.

echo '{"items": [{"check": "kernel", "key": "release", "expect": {"value": {"at_least": "6.1"}}}]}' | python3 batch.py

--describe   what can be checked, as JSON: kinds, properties, parameters, matchers
--list       the kinds, one a line
--pages DIR  a page of Markdown for each kind, and an index of them, into this directory
--help       this text
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib costs more to import than all checks
if HERE not in sys.path:
    sys.path.insert(0, HERE)

from checklib.contract import decode_request  # noqa: E402
from checklib.errors import CannotTell  # noqa: E402
from checklib.loop import run_items  # noqa: E402

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from checklib.kinds import Kind

_loaded: dict[str, Kind] = {}


def names() -> list[str]:
    """Of all kinds: each has a file of that name. One more _ stands behind it where Python has such a module itself."""
    files = (file for file in os.listdir(HERE) if file.endswith(".py"))  # noqa: PTH208 - the same
    return sorted(file.removesuffix(".py").removesuffix("_") for file in files if file != "batch.py")


def find_kind(name: str) -> Kind:
    """The kind of that name, loaded when it is first asked for. Raises CannotTell where there is none."""
    if name not in _loaded:
        if not name.isidentifier() or name.endswith("_") or name == "batch":
            raise CannotTell(f"{name[:80]!r} cannot be a bundled check")
        try:
            _loaded[name] = _load(name)
        except FileNotFoundError:
            try:
                _loaded[name] = _load(f"{name}_")
            except FileNotFoundError:
                raise CannotTell(f"there is no check {name[:80]!r}: --list names all") from None
    return _loaded[name]


def kinds() -> Iterator[Kind]:
    """All kinds, those that cost least first."""
    return iter(sorted(map(find_kind, names()), key=lambda kind: (kind.effort, kind.name)))


def run(request: dict[str, Any], emit: Callable[[dict[str, Any]], None]) -> None:
    """Look at all items of a request and emit {"start": id} and a finding for each.

    Must be called in a process's main thread, best in a fork of its own: it sets an alarm, starts programs and leaves
    their limits to them. Raises BadRequest where the request as a whole cannot be read.
    """
    run_items(decode_request(request), find_kind, emit)


def _load(file: str) -> Kind:
    """By path and under a name of its own: names like `file` or `process` are too common to be imported."""
    name = f"inspector_check_{file}"
    loader = SourceFileLoader(name, f"{HERE}/{file}.py")
    module = type(sys)(name)
    module.__spec__ = ModuleSpec(name, loader, origin=loader.path)
    module.__file__ = loader.path
    loader.exec_module(module)
    kind: Kind = module.KIND
    return kind


if __name__ == "__main__":
    from checklib.standalone import run_program

    raise SystemExit(run_program(__doc__ or "", find_kind, kinds))
