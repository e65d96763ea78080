"""How each kind was verified, as a page: `python3 -m tests.support.verified docs/verified.md`.

Out of the case files' own notes of origin, and of tests/checks/verified.yml for the live tests.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from tests.support.check_cases import CASES, REPOSITORY, load, module

TESTS = REPOSITORY / "tests" / "checks"
PAGE = REPOSITORY / "docs" / "verified.md"
CASES_LINK = "../tests/cases"
NOTHING = "none"  # the case of a machine that has no such thing: no evidence of what one looks like
SYSTEMS = re.compile(
    r"(?:Debian|Ubuntu|Rocky(?: Linux)?|openEuler|openSUSE Leap|Alpine)(?:'s wiki)?(?: \d+(?:\.\d+)?)?(?: LTS)?"
)

HEAD = """\
<!-- made by `python3 -m tests.support.verified docs/verified.md` from the cases and tests/checks/verified.yml -->

# How each kind was verified

Three sorts of evidence, and they are not worth the same.

- **Captured**: case files whose text a real system printed or had. All of them come from {captured_on}, most from
  one virtual machine without systemd, DMI, BMC, RAID or GPU. What of such a file was changed or added by hand, its
  source says, below.
- **Written**: case files made from a manual page, a specification or a program's source. Where they have the form of
  another distribution, that is named; nothing of these was captured there.
- **Live**: a test lets somebody else tell the same of the same machine (Debian 12), at the same time, and compares.
  Where it needs root, a namespace or a tool that is not there, it holds to the other outcome (na, error) instead.
  *Played* are things that this machine has not, or that must misbehave: the test makes them. *Other machines* are
  trees of files of real machines: with `INSPECTOR_CAPTURES` a test holds values to what their files plainly say.
  Every kind that can list what there is (`discover`) is also run over all of them, and nothing may crash.

No vendor's hardware (BMC, GPU, RAID controllers, SMART of real disks), no Rocky, Ubuntu or openEuler machine and no
Kubernetes node was at hand: of these there is what is written, and what is played.
"""


def claims() -> dict[str, Any]:
    """tests/checks/verified.yml: {"live": {kind: {file: [word]}}, "played": {kind: {file: text}}, "captures": {…}}."""
    read: dict[str, Any] = yaml.safe_load((TESTS / "verified.yml").read_text(encoding="utf-8"))
    return read


def cases_of(kind: str) -> list[tuple[str, bool, str]]:
    """(name, whether it was captured, source) of each case file."""
    loaded = [(path.stem, load(path)) for path in sorted((CASES / kind).glob("*.yml"))]
    return [(name, case["origin"] == "captured", " ".join(case["source"].split())) for name, case in loaded]


def systems(sources: Iterable[str], *, first: bool = False) -> list[str]:
    """Distributions that sources name; the first that each does, where it is the one a text comes from."""
    found = (SYSTEMS.findall(source)[: 1 if first else None] for source in sources)
    names = {re.sub(r"'s wiki| LTS| Linux|(?<=Debian 12)\.\d+", "", name) for some in found for name in some}
    return sorted(name for name in names if not any(other.startswith(f"{name} ") for other in names))


def row(kind: str, known: dict[str, Any]) -> list[str]:
    """One line of the table."""
    cases = cases_of(kind)
    seen = {name for name, captured, _ in cases if captured}
    nothing = " (that there is none)" if seen == {NOTHING} else ""
    written = "–" if all(captured for _, captured, _ in cases) else "yes"
    live = [word for words in known["live"].get(kind, {}).values() for word in words]
    played = "; ".join(known["played"].get(kind, {}).values())
    told = "; ".join(filter(None, [", ".join(live), f"played: {played}" if played else ""]))
    return [
        f"[`{kind}`](checks/{kind}.md)",
        ", ".join(systems((source for _, captured, source in cases if captured), first=True)) + nothing or "–",
        ", ".join(systems(source for _, captured, source in cases if not captured)) or written,
        told or "–",
        "yes" if kind in known["captures"] else "–",
    ]


def page() -> str:
    """All of it."""
    known, names = claims(), sorted(kind.name for kind in module("batch").kinds())
    captured = [(kind, *one) for kind in names for one in cases_of(kind) if one[1]]
    head = HEAD.format(captured_on=" and ".join(systems((source for *_, source in captured), first=True)))
    columns = ["kind", "captured on", "written, in forms of", "live: held against", "other machines"]
    rows = [columns, ["---"] * len(columns), *(row(kind, known) for kind in names)]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in rows)
    listed = "\n".join(
        f"- [{kind}/{name}]({CASES_LINK}/{kind}/{name}.yml): {source}" for kind, name, _, source in captured
    )
    return f"{head}\n{table}\n\n## What was captured\n\n{listed}\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
