"""docs/calibration.svg: what share of a ring has been heard by when, real and simulated over each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from bench.comparison import Comparison

# Each readable on white and on black.
GREY, REAL, SIMULATED = "#6e7781", "#d97706", "#2f81d7"

POINTS_MAX = 60  # of one curve: more cannot be seen


def between(runs: Sequence[Sequence[float]], share: float) -> list[float]:
    """Over all runs, when the first, second … node was heard: that share of the runs was faster."""
    middle = []
    for moments in zip(*runs, strict=True):
        ordered = sorted(moments)
        middle.append(ordered[round(share * (len(ordered) - 1))])
    return middle


def draw(compared: Sequence[Comparison], file: Path) -> None:
    """Write the picture: the same curves give the same bytes."""
    style: dict[Any, Any] = {
        "svg.hashsalt": "calibration", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9,
        "text.color": GREY, "axes.labelcolor": GREY, "axes.edgecolor": GREY, "xtick.color": GREY, "ytick.color": GREY,
    }  # fmt: skip
    columns = min(4, len(compared))
    rows = -(-len(compared) // columns)
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(2.6 * columns, 2.3 * rows), layout="constrained")
        panels = figure.subplots(rows, columns, sharey=True, squeeze=False).flatten()
        for panel, one in zip(panels, compared, strict=False):
            step = -(-one.nodes // POINTS_MAX)
            for runs, colour, line, name in (
                (one.real, REAL, "-", "real"),
                (one.simulated, SIMULATED, "--", "simulated"),
            ):
                places = range((one.nodes - 1) % step, one.nodes, step)
                shares = [(place + 1) / one.nodes for place in places]
                early, middle, late = ([between(runs, share)[place] for place in places] for share in (0.1, 0.5, 0.9))
                panel.fill_betweenx(shares, early, late, color=colour, alpha=0.2, lw=0)
                panel.plot(middle, shares, color=colour, linestyle=line, label=name, lw=1.6)
            panel.set_title(one.title, loc="left", fontsize=9)
            panel.set_xlim(left=0)
            panel.spines[["top", "right"]].set_visible(False)
            panel.set_xlabel("seconds")
        for panel in panels[len(compared) :]:
            panel.set_visible(False)
        panels[0].set_ylabel("share of the ring")
        panels[0].legend(frameon=False, loc="lower right")
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
