"""The options of each command of `inspector-agent`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from inspector_agent import limits
from inspector_agent.config import SYSTEM_FILE


def _check_options(made: argparse.ArgumentParser) -> None:
    made.add_argument(
        "--release", metavar="PATH", type=Path, required=True,
        help="a fleet's directory (layers/, checks/), a directory of published releases, or one release's JSON file",
    )  # fmt: skip
    made.add_argument("--root", metavar="DIR", default="/", help="look at this root directory instead of /")
    made.add_argument("--name", metavar="NODE", default=os.uname().nodename, help="be this node (default: %(default)s)")
    made.add_argument(
        "--tag", metavar="KEY=VALUE", action="append", default=[], type=_tag, help="have this tag; repeat it"
    )
    made.add_argument(
        "--item", metavar="GLOB", action="append", default=[], help="only these items, e.g. 'sysctl:*'; repeat it"
    )
    made.add_argument(
        "--timeout", metavar="S", type=_seconds, default=limits.run_s_max, help="for all (default: %(default)g)"
    )
    made.add_argument(
        "--defer-load", metavar="N", type=_load, default=0.0,
        help="hold items that start programs back while the load a CPU is above N, for at most the time of --timeout",
    )  # fmt: skip
    made.add_argument("--all", action="store_true", help="print every item, not only what differs")
    made.add_argument("--json", action="store_true", help="print one JSON document with every item")


def _facts_options(made: argparse.ArgumentParser) -> None:
    made.add_argument("--root", metavar="DIR", default="/", help="look at this root directory instead of /")
    made.add_argument("--json", action="store_true", help="print one JSON document")


def _doctor_options(made: argparse.ArgumentParser) -> None:
    _config_option(made)
    made.add_argument("--json", action="store_true", help="print one JSON document")


def _config_option(made: argparse.ArgumentParser) -> None:
    made.add_argument("--config", metavar="FILE", type=Path, default=SYSTEM_FILE, help="default: %(default)s")


OPTIONS = {"check": _check_options, "facts": _facts_options, "doctor": _doctor_options, "run": _config_option}


def _tag(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"a tag is given as key=value, not {text!r}")
    return key, value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 86_400:
        raise argparse.ArgumentTypeError(f"seconds, more than 0, not {text!r}")
    return value


def _load(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= limits.defer_load_max:
        raise argparse.ArgumentTypeError(f"a load average a CPU, such as 8, not {text!r}")
    return value
