"""The config center's own work: to validate, to resolve for a whole fleet; and how a node takes what it publishes."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench import brain_fleet
from bench.figures import Figure
from bench.fleet import BIN
from config_center.describe import bundled_checks, catalogue_of
from config_center.keys import read_secret, write_keypair
from config_center.publishing import STORE, publish
from config_center.release import canonical
from inspector_agent.fetch import do
from inspector_agent.jobs import Job, Outcome
from inspector_agent.releases import FETCH


def measure(*, runs: int) -> list[Figure]:
    """All figures; the long ones in a third of the runs."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        directory = brain_fleet.write(Path(name) / "fleet")
        return [
            *validating(directory, runs),
            *resolving(directory, max(1, runs // 3)),
            *taking(directory, Path(name), runs),
        ]


def validating(directory: Path, runs: int) -> list[Figure]:
    """`config-center validate` as a whole process."""
    took = [timed([str(BIN / "config-center"), "validate", str(directory)]) for _ in range(runs)]
    note = "whole process, its start and asking the checks for their kinds included"
    return [Figure("validate_200_s", f"validate {brain_fleet.LAYERS} layers", "s", tuple(took), 1, note=note)]


def timed(command: list[str]) -> float:
    """Wall seconds of a command that must end well."""
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


def resolving(directory: Path, runs: int) -> list[Figure]:
    """All nodes' baselines, kept in memory at once."""
    job = [sys.executable, "-m", "bench.resolve_job", str(directory)]
    told = [json.loads(subprocess.run(job, check=True, capture_output=True).stdout) for _ in range(runs)]
    size = f"{brain_fleet.NODES:,} nodes × {brain_fleet.ITEMS} items from {brain_fleet.LAYERS} layers"
    note = (
        f"{told[0]['different']:,} different baselines among them, all kept in memory; reading the layers not counted"
    )
    return [
        Figure("resolve_10000_s", f"resolve {size}", "s", tuple(one["seconds"] for one in told), 10, note=note),
        Figure("resolve_10000_mb", "  its process at its largest", "MB", tuple(one["mb"] for one in told), 500),
    ]


def taking(directory: Path, scratch: Path, runs: int) -> list[Figure]:
    """A node without any release gets the signed one over HTTP: size, and time until it is proven and resolved."""
    key = scratch / "key"
    public = write_keypair(key).public_text
    store = directory / STORE
    release = publish(directory, store, catalogue_of(bundled_checks()), keys=[read_secret(key)]).release
    wire_kb = len(gzip.compress(canonical(release), mtime=0)) / 1000
    with served(store) as url:
        work = [1000 * in_process(job(scratch / f"work{run}", url, public)) for run in range(runs)]
        whole = [1000 * in_child(job(scratch / f"child{run}", url, public)) for run in range(runs)]
    title = f"a release of {brain_fleet.ITEMS} items in {brain_fleet.LAYERS} layers on the wire, gzip"
    did = "fetch over loopback, verify the signature and every digest, resolve, write and sync to disk"
    return [
        Figure("release_kb", title, "kB", (wire_kb,), 60),
        Figure("apply_ms", "a node applies a new release", "ms", tuple(work), 100, note=did),
        Figure("apply_process_ms", "  the same with the start of the fetching process", "ms", tuple(whole)),
    ]


def job(cache: Path, url: str, public: str) -> Job:
    """What an agent with one trusted key asks its fetching child for."""
    name, tags = next(brain_fleet.nodes())
    return Job(cache=str(cache), centers=(url,), name=name, traits=tags, deadline_s=30, trusted_keys=(public,))


def in_process(wanted: Job) -> float:
    """Seconds of the work alone."""
    began = time.perf_counter()
    outcome = do(wanted, time.monotonic() + wanted.deadline_s)
    seconds = time.perf_counter() - began
    check(outcome)
    return seconds


def in_child(wanted: Job) -> float:
    """Seconds of the child that the agent starts for it."""
    began = time.perf_counter()
    done = subprocess.run(FETCH, input=msgspec.json.encode(wanted), capture_output=True, check=True)
    seconds = time.perf_counter() - began
    check(msgspec.json.decode(done.stdout, type=Outcome))
    return seconds


def check(outcome: Outcome) -> None:
    """It has to have worked."""
    if not outcome.holds or outcome.problem:
        raise SystemExit(f"the release was not taken: {outcome}")


@contextmanager
def served(store: Path) -> Iterator[str]:
    """`config-center serve` on a store; its URL."""
    command = [str(BIN / "config-center"), "serve", str(store), "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            if server.stderr is None:
                raise SystemExit("no stderr")
            yield server.stderr.readline().split()[-1]
        finally:
            server.terminate()
