"""One scene in a lab that runs already: `python -m bench.watch_play DIR kill rack cut-both cut-in cut-out flaps`."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import trio

from bench import watch_cuts, watch_loss, watch_scenes
from bench.figures import Figure, Results
from inspector_lab.layout import Layout

SCENES: dict[str, Callable[[Layout], Awaitable[Results]]] = {
    "kill": partial(watch_scenes.kill, runs=1),
    "rack": watch_scenes.rack,
    "flaps": watch_scenes.flaps,
    "loss": partial(watch_loss.loss, minutes=1.2),
    **{f"cut-{way}": partial(watch_cuts.cut, direction=way) for way in watch_cuts.WORDS},
}


def main() -> None:
    """Print figures and transcripts; nothing is written to docs/."""
    where, *scenes = sys.argv[1:]
    for scene in scenes:
        for result in trio.run(SCENES[scene], Layout(Path(where))):
            if isinstance(result, Figure):
                value = f"{result.median:.2f} {result.unit} {result.verdict}"
                print(f"{result.key:28} {result.title}: {value} {result.note}", flush=True)
            else:
                print(f"{result.title}\n{result.text}", flush=True)


if __name__ == "__main__":
    main()
