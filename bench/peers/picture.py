"""docs/side-by-side.svg: time, processor time and memory of every way, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from bench.peers.told import Way

GREY, OURS, PEER = "#6e7781", "#1a7f64", "#8a7fb8"  # each readable on white and on black


def draw(ways: Sequence[Way], file: Path) -> None:
    """Write the picture: the same figures give the same bytes."""
    style: dict[Any, Any] = {
        "svg.hashsalt": "side-by-side", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9,
        "text.color": GREY, "axes.labelcolor": GREY, "axes.edgecolor": GREY, "xtick.color": GREY, "ytick.color": GREY,
    }  # fmt: skip
    panels = [
        ("time, s (log)", [way.seconds for way in ways], True),
        ("CPU, both sides, s (log)", [way.processor_s for way in ways], True),
        ("memory a node, MB PSS", [way.resident.pss_mb for way in ways], False),
    ]
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(10, 0.9 + 0.32 * len(ways)), layout="constrained")
        axes = figure.subplots(1, 3, sharey=True)
        for axis, (title, values, log) in zip(axes, panels, strict=True):
            colours = [OURS if way.key == "sweep" else PEER for way in ways]
            bars = axis.barh([way.title for way in ways], values, color=colours, height=0.66)
            axis.bar_label(bars, labels=[f"{value:.3g}" for value in values], padding=3, color=GREY)
            if log:
                axis.set_xscale("log")
                axis.set_xlim(left=min(values) / 2, right=max(values) * 6)
            else:
                axis.set_xlim(right=max(values) * 1.2)
            axis.set_title(title, loc="left")
            axis.spines[["top", "right", "left"]].set_visible(False)
            axis.tick_params(axis="y", length=0)
        axes[0].invert_yaxis()
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
