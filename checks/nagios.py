"""Any Nagios plugin, as it is: 0 ok, 1 warning, 2 critical; 3 and all others say that it could not tell.

The output is read as the Monitoring Plugins guidelines describe it: `message | perfdata`, then lines of long text, the
last of which may again be followed by `|` and more perfdata.
"""

from __future__ import annotations

from checklib.errors import CannotTell
from checklib.kinds import SPAWNS, Kind, Parameter, Property
from checklib.programs import PATH
from checklib.searching import PARAMETERS, run_item
from checklib.values import Cut, Observation, Observed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.contract import Item
    from checklib.node import Node

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


def parse_plugin(code: int, stdout: str, stderr: str, *, cut: bool = False) -> Observed:
    """What a plugin said; cut: it said more than stdout holds.

    Raises CannotTell where it says that it could not tell, or breaks the convention.
    """
    message, perfdata = parse_output(stdout)
    if code not in STATUS:
        what = "unknown" if code == 3 else f"exit code {code}, which means nothing for a plugin"
        raise CannotTell(f"{what}: {message or parse_output(stderr)[0] or 'it printed nothing'}")
    values: dict[str, Observation] = {"status": STATUS[code], "message": message, "perfdata": perfdata}
    if cut:  # the first line is whole, unless it is the last one too
        values |= {"perfdata": Cut(perfdata), "message": message if "\n" in stdout.strip() else Cut(message)}
    return Observed(values, note=message)


def observe(item: Item, node: Node) -> Observed:
    """Run it once."""
    ended = run_item(item, node, (*PLUGIN_DIRECTORIES, *PATH))
    return parse_plugin(ended.code, ended.stdout, ended.stderr, cut="stdout" in ended.truncated)


KIND = Kind(
    "nagios",
    title="a Nagios plugin's verdict",
    chapter="your own",
    key="a name for people",
    main="status",
    properties={
        "status": Property("word", "ok, warning or critical; a plugin's `unknown` is an error of the item"),
        "message": Property("word", "the first line, up to the bar"),
        "perfdata": Property("word", "what stands behind the bar"),
    },
    parameters={
        "argv": Parameter("argv", "plugin and arguments; a bare name is looked for where plugins are", required=True),
        **PARAMETERS,
    },
    default={"status": {"equals": "ok"}},
    example={"disk-root": {"with": {"argv": ["check_disk", "-w", "20%", "-c", "10%", "-p", "/"]}}},
    outcomes="Exit code 3 and anything beyond is an error; na below another root, unless the item says below_root.",
    reads=["the plugin"],
    cost="a process; ended with all it started after the item's timeout",
    observe=observe,
    effort=SPAWNS,
)

if __name__ == "__main__":
    from checklib.standalone import main

    raise SystemExit(main(KIND))
