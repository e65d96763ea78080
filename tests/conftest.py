"""What holds for the whole suite, whoever starts it and how."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent

# Files that take a minute and more begin first: one that begins last leaves the other workers with nothing to do.
LONG = (
    "lab/test_center_story.py", "lab/test_drift_story.py", "hollow/test_hollow_ring.py", "checks/test_check_adding.py",
    "hollow/test_hollow_going.py", "agent/test_trust_crash.py", "history/test_history_sweep.py",
    "simulated/test_simulated_scenarios.py", "lab/test_live_lab.py", "agent/test_session_any_order.py",
    "config_center/test_center_crash.py", "coord/test_inspector_cli.py", "coord/test_sweep_after_publish.py",
    "lab/test_demo.py", "lab/namespaces/test_without_root.py", "simulated/test_simulated_seeds.py",
    "coord/watch/test_watch_twice.py", "coord/watch/test_watch_real.py", "history/test_history_model.py",
    "history/test_history_generated.py", "lab/namespaces/test_live_nodes.py", "history/test_history_faults.py",
)  # fmt: skip

# Hypothesis's own: no deadline for one example, which a busy machine would break; and the same examples each time, so
# that a failure is the change's. To look for others: make test PYTEST_ARGS=--hypothesis-profile=default
settings.load_profile("ci")

# A shell that puts the suite into the background has it ignore interrupts, and so would everything that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those of LONG first, in that order; all others as they were found."""
    if missing := [name for name in LONG if not (TESTS / name).exists()]:
        raise pytest.UsageError(f"tests/conftest.py: LONG names files that are not there: {', '.join(missing)}")
    turns = {TESTS / name: turn for turn, name in enumerate(LONG)}
    items.sort(key=lambda item: turns.get(item.path, len(turns)))
