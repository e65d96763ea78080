"""Is the simulated ring true? Its arrival curves against those of real rings, of acknowledgements and of verdicts.

`python -m bench.calibration [--quick]` prints what `make bench` writes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence

import trio

from bench import calibration_plot, simulated_curves
from bench.comparison import Comparison, table, whole
from bench.figures import Figure, Results, Section
from bench.fleet import fleet
from bench.real_ring import Curve, NotWholeError, acks, asked, bare_ring, retagging
from bench.record import DOCS
from bench.sweep_overhead import LIGHT

SIZES, SIZES_QUICK = {50: 20, 100: 20, 200: 14, 300: 12}, {50: 12}  # nodes -> queries
FLEETS, FLEETS_QUICK = {50: 12, 100: 10}, {20: 4}  # nodes -> sweeps
RETAGGED, RETAGGED_RUNS, RETAGGED_RUNS_QUICK = 60, 5, 1
AFTER_RETAG_S = 0.6
SEEDS, SEEDS_DEAR = 200, 100  # of acknowledgements in a quiet ring, and of what takes ten times as long to simulate
PAYLOAD = bytes(150)  # about as long as a signed question


def tell(what: str) -> None:
    """Progress."""
    print(f"  {what} …", file=sys.stderr, flush=True)


def measure(*, quick: bool) -> Results:
    """All comparisons: figures, the table, and in a full run the plot."""
    sizes, fleets = (SIZES_QUICK, FLEETS_QUICK) if quick else (SIZES, FLEETS)
    compared, failed = [], []
    for nodes, runs in sizes.items():
        try:
            compared.append(acknowledged(nodes, runs))
        except NotWholeError as problem:
            tell(f"{problem}: this size is left out")
            failed.append(f"No ring of {nodes} came up on this machine: {problem}.")
    compared.append(retagged(RETAGGED, RETAGGED_RUNS_QUICK if quick else RETAGGED_RUNS))
    compared += [answered(nodes, runs) for nodes, runs in fleets.items()]
    figures = [figure for one in compared for figure in one.figures()]
    text = "\n\n".join([TEXT, table(compared), *failed])
    if not quick:
        calibration_plot.draw(compared, DOCS / "calibration.svg")
        text += "\n\n![real and simulated arrival curves](calibration.svg)"
    return [*figures, Section("Is the simulated ring true?", text)]


TEXT = (
    "Acknowledgements of bare Serf agents and verdicts of real sweeps on loopback against the simulated ring: medians "
    "over the runs of when half and when all of the ring was heard. The simulation knows the numbers in Serf's source "
    "and nothing of this machine; what the machine adds stands beside it, a node and query: time on a processor, and "
    "time in line for one."
)


def acknowledged(nodes: int, runs: int) -> Comparison:
    """A quiet ring, asked again and again."""
    tell(f"{nodes} bare Serf agents, {runs} queries")

    async def measured() -> list[Curve]:
        async with bare_ring(nodes) as ring:
            return await asked(ring, PAYLOAD, runs)

    curves = trio.run(measured)
    simulated = [simulated_curves.acks(nodes, PAYLOAD, seed) for seed in range(SEEDS)]
    return compare(f"acks_{nodes}", f"acks of {nodes}", nodes, curves, simulated)


def retagged(nodes: int, runs: int) -> Comparison:
    """Asked right after all nodes of a ring have changed a tag; each time a fresh ring.

    Not the same ring again: Serf's transmit queue loses records of equal length, and more of them each time.
    """

    async def measured(seed: int) -> Curve:
        async with bare_ring(nodes, seed=seed) as ring, retagging(ring, "1"):
            await trio.sleep(AFTER_RETAG_S)
            return await acks(ring, PAYLOAD)

    tell(f"{nodes} bare Serf agents, all of them change a tag, {runs} fresh rings")
    curves = [trio.run(measured, seed) for seed in range(runs)]
    simulated = [simulated_curves.acks(nodes, PAYLOAD, seed, retagged_s=AFTER_RETAG_S) for seed in range(SEEDS_DEAR)]
    return compare(f"retag_{nodes}", f"acks of {nodes}, all just retagged", nodes, curves, simulated)


def compare(
    key: str, title: str, nodes: int, curves: Sequence[Curve], simulated: Sequence[Sequence[float]]
) -> Comparison:
    """Bare agents against the simulated ring; raises SystemExit where no run was whole."""
    real = whole([curve.arrivals for curve in curves], nodes)
    if not real:
        raise SystemExit(f"{title}: somebody was missing in each of {len(curves)} runs: the ring is not whole")
    ran = statistics.median(curve.load.ran for curve in curves) / nodes
    waited = statistics.median(curve.load.waited for curve in curves) / nodes
    machine = f"{1000 * ran:.1f} ms on, {1000 * waited:.1f} ms in line"
    return Comparison(key, title, nodes, real, whole(simulated, nodes), len(curves) - len(real), machine)


def answered(nodes: int, runs: int) -> Comparison:
    """Sweeps of light items over a practice fleet; the simulated checks take as long as the real nodes report."""
    tell(f"{nodes} inspected nodes, {runs} sweeps")
    sweeps = []
    with fleet(nodes) as lab:
        lab.settled(*LIGHT)
        for _ in range(runs):
            report, _wall_s = lab.sweep(*LIGHT)
            verdicts = [node for node in report["nodes"] if node["via"] == "query"]
            sweeps.append([(node["seconds"], node["took_ms"] / 1000) for node in verdicts])
    heard = whole(sweeps, nodes)
    if not heard:
        raise SystemExit(f"{nodes} inspected nodes: somebody was missing in each of {runs} sweeps")
    took = [[took_s for _, took_s in sorted(sweep, key=lambda node: node[0] - node[1])] for sweep in heard]
    simulated = [simulated_curves.verdicts(nodes, took[seed % len(took)], seed) for seed in range(SEEDS_DEAR)]
    machine = f"checks take {1000 * statistics.median(one for sweep in took for one in sweep):.0f} ms"
    return Comparison(
        f"verdicts_{nodes}",
        f"verdicts of {nodes}",
        nodes,
        [sorted(seconds for seconds, _ in sweep) for sweep in heard],
        whole(simulated, nodes),
        runs - len(heard),
        machine,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.calibration", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few runs of small rings, no plot")
    for result in measure(quick=parser.parse_args().quick):
        if isinstance(result, Figure):
            print(f"{result.title:60} {result.median:.3f} {result.unit} {result.verdict}")
        else:
            print(f"\n{result.title}\n{result.text}")


if __name__ == "__main__":
    main()
