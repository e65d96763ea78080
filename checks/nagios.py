"""Any Nagios plugin, as it is: 0 ok, 1 warning, 2 critical; 3 and all others say that it could not tell.

The output is read as the Monitoring Plugins guidelines describe it: `message | perfdata`, then lines of long text, the
last of which may again be followed by `|` and more perfdata: `'label'=value[unit];[warn];[crit];[min];[max]` by spaces.
"""

from __future__ import annotations

import re

from checklib import limits
from checklib.errors import CannotTell
from checklib.kinds import SPAWNS, Kind, Parameter, Property
from checklib.programs import PATH
from checklib.searching import PARAMETERS, run_item
from checklib.values import Cut, Observation, Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.node import Node

    Figure = tuple[int | float | None, str]

LABEL = "label"
_FIGURE = re.compile(r"(?:'((?:[^']|'')*)'|([^\s'=]+))=(\S*)\s*")  # tried at the beginning of words only: linear
_WORD = re.compile(r"\S*\s*")
_NUMBER = re.compile(r"([-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][-+]?\d+)?)(\D*)")

STATUS = {0: "ok", 1: "warning", 2: "critical"}
PLUGIN_DIRECTORIES = (
    "/usr/lib/nagios/plugins",  # Debian, Ubuntu
    "/usr/lib64/nagios/plugins",  # Rocky, Fedora
    "/usr/lib/monitoring-plugins",  # openSUSE, Arch
    "/usr/local/lib/nagios/plugins",
    "/usr/local/nagios/libexec",  # built from source
    "/usr/local/libexec/nagios",
)


def parse_output(text: str) -> tuple[str, str]:
    """(message, perfdata): the first line up to the bar, and all perfdata joined by spaces."""
    first, _, rest = text.strip().partition("\n")
    message, _, perfdata = first.partition("|")
    more = rest.partition("|")[2]
    return message.strip(), " ".join(f"{perfdata} {more}".split())


def parse_perfdata(text: str) -> dict[str, Figure]:
    """Label -> (value, unit). The value is None where the plugin could not tell it (U), or where it is no number.

    Raises CannotTell where there are more labels than limits.figures_max.
    """
    figures: dict[str, Figure] = {}
    place = 0
    while place < len(text):
        found = _FIGURE.match(text, place) or _WORD.match(text, place)
        place = found.end() if found else len(text)
        if not found or found.re is _WORD:
            continue
        label = found[2] or found[1].replace("''", "'")
        told = found[3].partition(";")[0]
        number = _NUMBER.fullmatch(told) if len(told) <= limits.figure_chars_max else None
        figures.setdefault(label, (_value(number[1].replace(",", ".")), number[2]) if number else (None, ""))
        if len(figures) > limits.figures_max:
            raise CannotTell(f"more than {limits.figures_max} labels in the perfdata")
    return figures


def _value(digits: str) -> int | float:
    return float(digits) if any(char in digits for char in ".eE") else int(digits)


def figure_of(perfdata: str, label: str | None, *, cut: bool = False) -> dict[str, Observation]:
    """`value` and `unit` of one label, of the only one where none is named; what cannot be told is a CannotTell."""
    figures = parse_perfdata(perfdata)
    if label is None and len(figures) == 1 and not cut:
        label = next(iter(figures))
    if label is None:
        known = ", ".join(list(figures)[:10]) or "none"
        reason = CannotTell(f"which label's value is meant? Say so by with: {{{LABEL}: …}}; the perfdata has {known}")
        return {"value": reason, "unit": reason}
    if label not in figures:
        gone = CannotTell(f"label {label[:80]!r} is not among what was kept of the perfdata") if cut else None
        return {"value": gone, "unit": gone}
    value, unit = figures[label]
    return {
        "value": CannotTell(f"the plugin tells no number for {label[:80]!r}") if value is None else value,
        "unit": unit,
    }


def parse_plugin(code: int, stdout: str, stderr: str, *, cut: bool = False) -> Observed:
    """What a plugin said; cut: it said more than stdout holds.

    Raises CannotTell where it says that it could not tell, or breaks the convention.
    """
    message, perfdata = parse_output(stdout)
    if code not in STATUS:
        what = "unknown" if code == 3 else f"exit code {code}, which means nothing for a plugin"
        why = parse_output(stderr)[0]
        if message.startswith("Usage:"):  # which argument it does not take stands on stderr, if anywhere
            raise CannotTell(f"{what}: it does not take these arguments{f': {why}' if why else ''}")
        raise CannotTell(f"{what}: {message or why or 'it printed nothing'}")
    values: dict[str, Observation] = {"status": STATUS[code], "message": message, "perfdata": perfdata}
    if cut:  # the first line is whole, unless it is the last one too
        values.update(perfdata=Cut(perfdata), message=message if "\n" in stdout.strip() else Cut(message))
    return Observed(values, note=message)


def observe(item: Item, node: Node) -> Observed:
    """Run it once, however many of its labels items look at."""
    run = {name: value for name, value in item.parameters.items() if name != LABEL}
    ended = node.once(
        f"nagios {item.timeout_s} {sorted(run.items())}", lambda: run_item(item, node, (*PLUGIN_DIRECTORIES, *PATH))
    )
    cut = "stdout" in ended.truncated
    observed = parse_plugin(ended.code, ended.stdout, ended.stderr, cut=cut)
    if not {"value", "unit"} & set(item.expect):
        return observed
    label = item.parameters.get(LABEL)
    figure = figure_of(str(observed.values["perfdata"]), None if label is None else str(label), cut=cut)
    note = observed.note
    if figure["value"] is None:
        known = ", ".join(list(parse_perfdata(str(observed.values["perfdata"])))[:10])
        note = f"{note}; there is no label {str(label)[:80]}, the perfdata has {known or 'none'}"
    return Observed({**observed.values, **figure}, note=note)


KIND = Kind(
    "nagios",
    title="a Nagios plugin's verdict",
    chapter="your own",
    key="a name for people",
    main="status",
    properties={
        "status": Property("word", "ok, warning or critical; a plugin's `unknown` is an error of the item"),
        "message": Property("word", "the first line, up to the bar"),
        "perfdata": Property("word", "what stands behind the bar, of all lines"),
        "value": Property("number", "the label's figure in the perfdata", unit="as the plugin tells it"),
        "unit": Property("word", "its unit, as the plugin tells it: s, ms, %, B, MB, c, …; empty where it tells none"),
    },
    parameters={
        "argv": Parameter("argv", "plugin and arguments; a bare name is looked for where plugins are", required=True),
        LABEL: Parameter("text", "whose value and unit are meant; not needed where the perfdata has but one"),
        **PARAMETERS,
    },
    default={"status": {"equals": "ok"}},
    example={
        "disk-root": {"with": {"argv": ["check_disk", "-w", "20%", "-c", "10%", "-p", "/"]}},
        "load-15": {"with": {"argv": ["check_load"], "label": "load15"}, "expect": {"value": {"at_most": 8}}},
    },
    outcomes=(
        "Exit code 3 and anything beyond is an error, and so is a figure that the plugin tells as U or as no number; a "
        "label that is not in the perfdata is absent. na below another root, unless the item says below_root."
    ),
    reads=["the plugin"],
    cost="a process; items with the same plugin and arguments share it; ended with all it started after the timeout",
    observe=observe,
    effort=SPAWNS,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
