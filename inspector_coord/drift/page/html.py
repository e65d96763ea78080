"""The drift report as one HTML page that needs nothing from anywhere else and works without a script, too.

Every text passes `plain` and is escaped by the template; charts get their data as JSON in a block of its own. The
content policy names the page's own two scripts and its style sheet by their hashes: nothing else runs, nothing loads.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib import resources

import jinja2
from markupsafe import Markup

from inspector_coord.drift.document import Document
from inspector_coord.drift.page import limits
from inspector_coord.drift.page.chart_data import embedded
from inspector_coord.drift.page.moments import lasting, moment
from inspector_coord.drift.page.view import view
from inspector_coord.plain import plain

__all__ = ["render"]

KNOWN = frozenset(
    {
        "new", "flapping", "open", "back", "unknown",
        "drift", "intended", "first", "unknown origin", "not judged",
        "critical", "major", "minor", "info", "fail", "error",
    }
)  # fmt: skip


def render(document: Document) -> str:
    """The whole page, of at most 3 MB."""
    style, library, script = _part("page.css"), _library(), _part("charts.js") + _part("page.js")
    return _template().render(
        seen=view(document),
        document=document,
        limits=limits,
        style=Markup(style),  # noqa: S704 -- files of ours
        library=Markup(library),  # noqa: S704 -- and one that is bundled
        script=Markup(script),  # noqa: S704
        data=Markup(embedded(document)),  # noqa: S704 -- escaped there
        policy=_policy(style, library, script),
    )


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("inspector_coord.drift", "page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["known"] = _known
    environment.filters |= {"lasting": lasting, "moment": moment, "plain": plain, "nodes": _nodes, "short": _short}
    return environment.get_template("page.html.j2")


def _known(word: str) -> str:
    """For class names: one of our own words, or `other`."""
    return word.replace(" ", "-") if word in KNOWN else "other"


def _nodes(text: str) -> str:
    """A node set, cut where it is longer than a page bears."""
    return plain(text, limits.nodes_chars_max)


def _short(text: str) -> str:
    """A node set in a sentence."""
    return plain(text, limits.text_chars_narrow_max)


@cache
def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _library() -> str:
    """Apache ECharts as it is published (echarts/README.md)."""
    return _part("echarts/echarts.min.js")


def _policy(style: str, *scripts: str) -> str:
    """A Content-Security-Policy by hashes."""
    allowed = " ".join(_hash(script) for script in scripts)
    return f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src {_hash(style)}; script-src {allowed}"


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
