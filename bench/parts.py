"""The parts of `make bench` by name. Each one runs in a process of its own: what it breaks stays its own.

A part is a function of `quick` (few runs, to try it) that gives figures and sections; it imports its benchmark when it
runs. `python -m bench.parts NAME [quick]` is such a process: results as JSON on stdout, progress on stderr.
"""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
from typing import NamedTuple, Protocol

import msgspec

from bench.figures import Figure, Results, Section
from inspector_agent.bundled import checks_dir

NOT_HERE = 77  # exit code of a part that this machine or user cannot measure, and nothing is wrong


class Measure(Protocol):
    """A part's function."""

    def __call__(self, *, quick: bool) -> Results:
        """Measure; `quick`: a few runs, to try it."""


class Part(NamedTuple):
    """what: for the list and the progress; run: measures; apart: it takes so long that it only runs when named."""

    what: str
    run: Measure
    apart: bool = False


class Given(msgspec.Struct):
    """Results on their way from the part's process."""

    figures: list[Figure]
    sections: list[Section]


def sysctl(*, quick: bool) -> Results:
    from bench import sysctl_speed

    return sysctl_speed.measure(runs=3 if quick else 15)


def checks(*, quick: bool) -> Results:
    from bench import check_cost

    return check_cost.measure(runs=3 if quick else 15)


def brain(*, quick: bool) -> Results:
    from bench import brain

    return brain.measure(runs=3 if quick else 15)


def center(*, quick: bool) -> Results:
    from bench import center_load

    agents, spread_s = (1_000, 1.0) if quick else (10_000, center_load.SPREAD_S)
    return center_load.measure(agents=agents, spread_s=spread_s, processes=2)


def overhead(*, quick: bool) -> Results:
    from bench import sweep_overhead
    from bench.fleet import fleet

    with fleet(50) as big:
        return sweep_overhead.measure(big, runs=3 if quick else 15)


def encrypted(*, quick: bool) -> Results:
    from bench import sweep_overhead
    from bench.fleet import fleet

    with fleet(50, encrypt=True) as big:
        return sweep_overhead.measure(big, runs=3 if quick else 15, encrypted=True)


def side_by_side(*, quick: bool) -> Results:
    from bench import side_by_side

    return side_by_side.measure(quick=quick)


def agent(*, quick: bool) -> Results:
    from bench import agent_size
    from bench.fleet import fleet

    with fleet(3) as small:
        return agent_size.measure(small, sweeps=10 if quick else 100, idle_s=5 if quick else 60)


def traffic(*, quick: bool) -> Results:
    from bench import traffic
    from bench.fleet import fleet

    with fleet(50, drift=0.05) as big:
        return traffic.measure(big, runs=3 if quick else 15, idle_s=5 if quick else 60)


def calibration(*, quick: bool) -> Results:
    from bench import calibration

    return calibration.measure(quick=quick)


def booking(*, quick: bool) -> Results:
    from bench import booking

    return booking.measure(runs=3 if quick else 15, nodes=10_000 if quick else booking.NODES)


def simulated(*, quick: bool) -> Results:
    from bench import simulated

    return simulated.measure(runs=1 if quick else 3, quick=quick)


def simulated_liveness(*, quick: bool) -> Results:
    from bench import simulated_liveness

    return simulated_liveness.measure(quick=quick)


def hollow(*, quick: bool) -> Results:
    from bench import hollow

    return hollow.measure(runs=2 if quick else 7, members=1_000 if quick else 10_000)


def hollow_50000(*, quick: bool) -> Results:
    from bench import hollow

    return hollow.measure_big(runs=2 if quick else 5, members=5_000 if quick else 50_000)


def namespaces(*, quick: bool) -> Results:
    from bench import namespaces

    return namespaces.measure(quick=quick) if os.geteuid() == 0 else sys.exit(NOT_HERE)


def watch_kill(*, quick: bool) -> Results:
    from bench import watch_scenes

    return watch_scenes.measure_kill(quick=quick) if os.geteuid() == 0 else sys.exit(NOT_HERE)


def watch_rack(*, quick: bool) -> Results:
    from bench import watch_scenes

    return watch_scenes.measure_rack(quick=quick) if os.geteuid() == 0 else sys.exit(NOT_HERE)


def watch_flaps(*, quick: bool) -> Results:
    from bench import watch_scenes

    return watch_scenes.measure_flaps(quick=quick) if os.geteuid() == 0 else sys.exit(NOT_HERE)


def watch_cuts(*, quick: bool) -> Results:
    from bench import watch_cuts

    return watch_cuts.measure(quick=quick) if os.geteuid() == 0 else sys.exit(NOT_HERE)


def watch_loss(*, quick: bool) -> Results:
    from bench import watch_loss

    return watch_loss.measure(quick=quick) if os.geteuid() == 0 else sys.exit(NOT_HERE)


def watch_churn(*, quick: bool) -> Results:
    from bench import liveness

    return liveness.measure(members=500, percent=10, minutes=1) if quick else liveness.measure()


def drift_page(*, quick: bool) -> Results:
    from bench import drift_page

    return drift_page.measure(runs=3 if quick else 15)


def history(*, quick: bool) -> Results:
    from bench import history

    return history.measure(runs=2, days=0.5, nodes=500) if quick else history.measure(runs=9)


PARTS = {
    "sysctl": Part("300 sysctl items on one node", sysctl),
    "checks": Part("500 items of all kinds on one node", checks),
    "brain": Part("the config center: validate, resolve, publish, take", brain),
    "center": Part("the config center: a fleet comes to fetch", center),
    "booking": Part("50,000 answers into the ledger", booking),
    "history": Part("a month of sweeps of 10,000 nodes in the history, some two minutes", history),
    "overhead": Part("50 nodes: sweep against Serf's own acks", overhead),
    "encrypted": Part("50 nodes: the same with encrypted gossip", encrypted),
    "traffic": Part("50 nodes: bytes on the wire", traffic),
    "side-by-side": Part("50 nodes: clush, Salt and Ansible beside a sweep, a quarter of an hour", side_by_side),
    "simulated": Part("100,000 simulated nodes in 20 rings", simulated),
    "simulated-liveness": Part("watches of 100 and 10,000 simulated nodes, some ten minutes", simulated_liveness),
    "hollow": Part("10,000 hollow members on a real entry: calm, at 5 % loss, encrypted", hollow),
    "hollow-50000": Part("50,000 hollow members on one real entry, some minutes", hollow_50000, apart=True),
    "watch-churn": Part(
        "10,000 hollow members that come and go, watched; a quarter of an hour", watch_churn, apart=True
    ),
    "drift-page": Part("the drift report's page in a real browser", drift_page),
    "watch-kill": Part(
        "100 nodes in namespaces, watched: one in ten dies; ten minutes, as root", watch_kill, apart=True
    ),
    "watch-rack": Part("100 nodes in namespaces, watched: a rack of 40 without power; as root", watch_rack, apart=True),
    "watch-flaps": Part("30 nodes in namespaces, watched: one comes and goes; as root", watch_flaps, apart=True),
    "watch-cuts": Part(
        "100 nodes in namespaces, watched: a zone cut off, three ways; ten minutes, as root", watch_cuts, apart=True
    ),
    "watch-loss": Part(
        "100 nodes in namespaces, watched: 20 minutes of loss and stolen processor time; as root",
        watch_loss,
        apart=True,
    ),
    "calibration": Part("the simulated ring against real ones of 50 to 300 nodes, some nine minutes", calibration),
    "namespaces": Part(
        "60 and 100 nodes in namespaces: costs, deaths, cuts; ten minutes, as root", namespaces, apart=True
    ),
    "agent": Part("3 nodes: memory of the agent", agent),
}


def measured(name: str, *, quick: bool) -> Results | None:
    """One part in a process of its own. None: it ended badly; nothing: it cannot run here. Either is told on stderr."""
    command = [sys.executable, "-m", "bench.parts", name, *["quick"] * quick]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        return [] if done.returncode == NOT_HERE else None
    given = msgspec.json.decode(done.stdout, type=Given)
    return [*given.figures, *given.sections]


def main() -> None:
    """Measure the part that is named, with the checks' bytecode at hand as installing a wheel leaves it."""
    compileall.compile_dir(checks_dir(), quiet=1)
    results = PARTS[sys.argv[1]].run(quick="quick" in sys.argv[2:])
    figures = [result for result in results if isinstance(result, Figure)]
    sections = [result for result in results if isinstance(result, Section)]
    sys.stdout.buffer.write(msgspec.json.encode(Given(figures, sections)))


if __name__ == "__main__":
    main()
