"""The terminal's report as a picture: one SVG that needs nothing from anywhere else."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from inspector_coord.faces import terminal

__all__ = ["render"]

# rich's own template loads a font from the network; this one takes the reader's. Placeholders and the geometry are
# those that rich documents for Console.export_svg(code_format=...).
TEMPLATE = """\
<svg class="sweep" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
  <style>
    .{unique_id}-matrix {{
      font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace;
      font-size: {char_height}px; line-height: {line_height}px;
    }}
    .{unique_id}-title {{ font: 600 15px system-ui, sans-serif; }}
{styles}
  </style>
  <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
{lines}
  </defs>
{chrome}
  <g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
    <g class="{unique_id}-matrix">
{matrix}
    </g>
  </g>
</svg>
"""

THEME = TerminalTheme(
    (22, 27, 34),
    (214, 221, 230),
    [
        (72, 79, 88),
        (255, 123, 114),
        (87, 197, 105),
        (227, 179, 65),
        (104, 172, 255),
        (210, 153, 255),
        (86, 212, 221),
        (214, 221, 230),
    ],
)


def render(report: Mapping[str, Any], width: int = 100, *, title: str = "inspector sweep") -> str:
    """The report as `terminal.render` shows it on a console of `width` characters."""
    console = Console(
        record=True,
        width=width,
        height=25,  # with both given, no variable of the environment has a say
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        legacy_windows=False,
        no_color=False,
    )
    terminal.render(report, console)
    return console.export_svg(title=title, theme=THEME, code_format=TEMPLATE, unique_id="sweep")
