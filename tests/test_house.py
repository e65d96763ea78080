"""The walls of the house: imports go one way, cores do no I/O, nothing generic reaches site-packages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent

ROOMS = ("config_center", "checks", "inspector_agent", "inspector_coord", "inspector_lab")

# What each room may import of the others. DESIGN: "imports go in one direction".
MAY_IMPORT = {
    "config_center": set(),
    "checks": set(),
    "inspector_agent": {"config_center"},
    "inspector_coord": {"config_center", "inspector_agent"},
    "inspector_lab": {"config_center", "inspector_agent", "inspector_coord"},
}

# Pure cores: data and time in, effects out. They run the same under trio, in tests and in a simulation.
CORES = (
    "config_center/acts.py",
    "config_center/ambiguity.py",
    "config_center/canary_words.py",
    "config_center/answers.py",
    "config_center/canonical.py",
    "config_center/catalogue.py",
    "config_center/companions.py",
    "config_center/difference.py",
    "config_center/difference_words.py",
    "config_center/documents.py",
    "config_center/expectation.py",
    "config_center/fleet_file.py",
    "config_center/goss.py",
    "config_center/goss_commands.py",
    "config_center/goss_matchers.py",
    "config_center/goss_resources.py",
    "config_center/goss_words.py",
    "config_center/includes.py",
    "config_center/inventory.py",
    "config_center/items.py",
    "config_center/match.py",
    "config_center/matchers.py",
    "config_center/merge.py",
    "config_center/metadata.py",
    "config_center/model.py",
    "config_center/node_difference.py",
    "config_center/nodes_query.py",
    "config_center/nodes_table.py",
    "config_center/node_record.py",
    "config_center/operands.py",
    "config_center/overlap.py",
    "config_center/pattern.py",
    "config_center/pointer.py",
    "config_center/provenance.py",
    "config_center/read_match.py",
    "config_center/release.py",
    "config_center/resolve.py",
    "config_center/rows.py",
    "config_center/secrecy.py",
    "config_center/selection.py",
    "config_center/soundness.py",
    "config_center/terms.py",
    "config_center/traits.py",
    "config_center/uses.py",
    "config_center/validate.py",
    "config_center/variables.py",
    "config_center/versions.py",
    "config_center/waivers.py",
    "config_center/whole.py",
    "config_center/written.py",
    "config_center/waiving.py",
    "config_center/yaml_lines.py",
    "inspector_agent/acceptance.py",
    "inspector_agent/askings.py",
    "inspector_agent/baselines.py",
    "inspector_agent/details.py",
    "inspector_agent/events.py",
    "inspector_agent/jobs.py",
    "inspector_agent/mirrors.py",
    "inspector_agent/findings.py",
    "inspector_agent/framing.py",
    "inspector_agent/messages.py",
    "inspector_agent/numbers.py",
    "inspector_agent/limits.py",
    "inspector_agent/errors.py",
    "inspector_agent/replies.py",
    "inspector_agent/ring/frames.py",
    "inspector_agent/ring/commands.py",
    "inspector_agent/ring/pack.py",
    "inspector_agent/ring/records.py",
    "inspector_agent/runner/progress.py",
    "inspector_agent/runs.py",
    "inspector_agent/session.py",
    "inspector_agent/announcements.py",
    "inspector_agent/tally.py",
    "inspector_agent/telling.py",
    "inspector_agent/veil.py",
    "inspector_agent/who.py",
    "inspector_agent/wire.py",
    "inspector_agent/witness/encoding.py",
    "inspector_agent/witness/events.py",
    "inspector_agent/witness/limits.py",
    "inspector_agent/witness/messages.py",
    "inspector_agent/witness/session.py",
    "inspector_agent/witness/sights.py",
    "inspector_coord/asking.py",
    "inspector_coord/astray.py",
    "inspector_coord/causes.py",
    "inspector_coord/current.py",
    "inspector_coord/drift/attributing.py",
    "inspector_coord/drift/codes.py",
    "inspector_coord/drift/columns.py",
    "inspector_coord/drift/comparing.py",
    "inspector_coord/drift/document.py",
    "inspector_coord/drift/figures.py",
    "inspector_coord/drift/folding.py",
    "inspector_coord/drift/heat.py",
    "inspector_coord/drift/intervals.py",
    "inspector_coord/drift/limits.py",
    "inspector_coord/drift/measures.py",
    "inspector_coord/drift/period.py",
    "inspector_coord/drift/saying.py",
    "inspector_coord/drift/sentences.py",
    "inspector_coord/drift/telling.py",
    "inspector_coord/drift/faces/csv_face.py",
    "inspector_coord/drift/faces/markdown.py",
    "inspector_coord/drift/faces/comparison_lines.py",
    "inspector_coord/entries.py",
    "inspector_coord/evidence.py",
    "inspector_coord/fold.py",
    "inspector_coord/history/changes.py",
    "inspector_coord/history/happenings.py",
    "inspector_coord/history/limits.py",
    "inspector_coord/history/model.py",
    "inspector_coord/history/origins.py",
    "inspector_coord/history/reading.py",
    "inspector_coord/history/releases.py",
    "inspector_coord/history/words.py",
    "inspector_coord/holdings.py",
    "inspector_coord/intake.py",
    "inspector_coord/ledger.py",
    "inspector_coord/pace.py",
    "inspector_coord/queueing.py",
    "inspector_coord/patience.py",
    "inspector_coord/waiting.py",
    "inspector_coord/watch/listening.py",
    "inspector_coord/watch/noticing.py",
    "inspector_coord/watch/record.py",
    "inspector_coord/watch/watch_lines.py",
    "inspector_coord/watch/alerts.py",
    "inspector_coord/watch/outbox.py",
    "inspector_coord/tail.py",
    "inspector_coord/reask.py",
    "inspector_coord/phrasing.py",
    "inspector_coord/reading.py",
    "inspector_coord/report.py",
    "inspector_coord/report_nodes.py",
    "inspector_coord/rounds.py",
    "inspector_coord/second_pass/choose.py",
    "inspector_coord/second_pass/judge.py",
    "inspector_coord/schedule/limits.py",
    "inspector_coord/schedule/model.py",
    "inspector_coord/schedule/plan.py",
    "inspector_coord/schedule/times.py",
    "inspector_coord/schedule/words.py",
    "inspector_coord/signals.py",
    "inspector_coord/targets.py",
    "inspector_coord/verdict.py",
    "inspector_coord/waived.py",
    "inspector_coord/wanted.py",
    "inspector_coord/plain.py",
    "inspector_coord/drift/page/chart_data.py",
    "inspector_coord/drift/page/moments.py",
    "inspector_coord/drift/page/view.py",
    "inspector_coord/faces/alike.py",
    "inspector_coord/faces/view.py",
    "inspector_coord/faces/sentences.py",
    "inspector_coord/faces/words.py",
    "inspector_coord/faces/junit.py",
    "inspector_coord/faces/ndjson.py",
    "inspector_coord/second_pass/sight.py",
    "inspector_coord/second_pass/results.py",
    "inspector_coord/second_pass/inventory.py",
    "inspector_coord/second_pass/job.py",
    "inspector_coord/second_pass/model.py",
    "inspector_lab/hows.py",
    "inspector_lab/namespaces/faults.py",
    "inspector_lab/namespaces/world.py",
    "inspector_lab/liveness/heard.py",
    "inspector_lab/liveness/hosts.py",
    "inspector_lab/liveness/land.py",
    "inspector_lab/liveness/mixtures.py",
    "inspector_lab/liveness/opinions.py",
    "inspector_lab/liveness/paths.py",
    "inspector_lab/liveness/playing.py",
    "inspector_lab/liveness/questions.py",
    "inspector_lab/liveness/result.py",
    "inspector_lab/liveness/ring.py",
    "inspector_lab/liveness/scenario.py",
    "inspector_lab/liveness/scenarios.py",
    "inspector_lab/liveness/sights.py",
    "inspector_lab/liveness/stream.py",
    "inspector_lab/liveness/told.py",
    "inspector_lab/liveness/vantages.py",
    "inspector_lab/liveness/view.py",
    "inspector_lab/liveness/views.py",
    "inspector_lab/liveness/watching.py",
    "inspector_lab/liveness/world.py",
    "inspector_lab/liveness/oracles/alone.py",
    "inspector_lab/liveness/oracles/bursts.py",
    "inspector_lab/liveness/oracles/cuts.py",
    "inspector_lab/liveness/oracles/ended.py",
    "inspector_lab/liveness/oracles/form.py",
    "inspector_lab/liveness/oracles/found.py",
    "inspector_lab/liveness/oracles/innocent.py",
    "inspector_lab/liveness/oracles/once.py",
    "inspector_lab/liveness/oracles/rates.py",
    "inspector_lab/liveness/oracles/resumed.py",
    "inspector_lab/liveness/oracles/roster.py",
    "inspector_lab/plan.py",
    "inspector_lab/simulated/agents.py",
    "inspector_lab/simulated/coordinator.py",
    "inspector_lab/simulated/faults.py",
    "inspector_lab/simulated/fleet.py",
    "inspector_lab/simulated/playing.py",
    "inspector_lab/simulated/result.py",
    "inspector_lab/simulated/scenario.py",
    "inspector_lab/simulated/scenarios.py",
    "inspector_lab/simulated/told.py",
    "inspector_lab/simulated/world.py",
    "inspector_lab/simulated/oracles/counted.py",
    "inspector_lab/simulated/oracles/deadline.py",
    "inspector_lab/simulated/oracles/duplicates.py",
    "inspector_lab/simulated/oracles/evidence.py",
    "inspector_lab/simulated/oracles/healthy.py",
    "inspector_lab/simulated/oracles/rates.py",
    "inspector_lab/simulated/oracles/same.py",
    "inspector_lab/simulated/oracles/sums.py",
    "inspector_lab/simulated/oracles/verdicts.py",
    "inspector_lab/simulated/chance.py",
    "inspector_lab/simulated/gossip.py",
    "inspector_lab/simulated/hearing.py",
    "inspector_lab/simulated/inbox.py",
    "inspector_lab/simulated/membership.py",
    "inspector_lab/simulated/messages.py",
    "inspector_lab/simulated/network.py",
    "inspector_lab/simulated/peers.py",
    "inspector_lab/simulated/profile.py",
    "inspector_lab/simulated/queries.py",
    "inspector_lab/simulated/query_desk.py",
    "inspector_lab/simulated/queues.py",
    "inspector_lab/simulated/serf_ring.py",
    "inspector_lab/simulated/spec.py",
    "inspector_lab/simulated/timeline.py",
    "inspector_lab/simulated/transmit_queue.py",
    "inspector_lab/simulated/unicast.py",
    "inspector_lab/hollow/acting.py",
    "inspector_lab/hollow/churn.py",
    "inspector_lab/hollow/fleet.py",
    "inspector_lab/hollow/lzw.py",
    "inspector_lab/hollow/members.py",
    "inspector_lab/hollow/packets.py",
    "inspector_lab/hollow/packing.py",
    "inspector_lab/hollow/questions.py",
    "inspector_lab/hollow/schedule.py",
    "inspector_lab/hollow/standing.py",
    "inspector_lab/hollow/verdicts.py",
    "inspector_lab/hollow/weather.py",
    "inspector_lab/hollow/witnessing.py",
)

# Modules by which a core would touch the world: clocks, sockets, files, processes, threads, chance, logs.
WORLD = {
    "asyncio",
    "ctypes",
    "http",
    "httpx",
    "io",
    "logging",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "secrets",
    "select",
    "shutil",
    "signal",
    "socket",
    "ssl",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "trio",
    "urllib",
    "uuid",
}
WORLD_CALLS = {"open", "print", "input", "now", "today", "utcnow"}


def sources(room: str) -> list[Path]:
    """Every Python file of a room."""
    return sorted((REPOSITORY / room).rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, dotted module) of every import, wherever it stands in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module


def parse(path: Path) -> ast.Module:
    """The syntax tree of one file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    """config_center and checks stand alone; the agent knows the center; the coordinator both; the lab all."""
    strangers = set(ROOMS) - MAY_IMPORT[room] - {room}
    strangers |= {"tests", "bench"}
    wrong = [
        f"{path.relative_to(REPOSITORY)}:{line} imports {module}"
        for path in sources(room)
        for line, module in imported(parse(path))
        if module.split(".")[0] in strangers
    ]
    assert wrong == []
    assert sources(room), f"{room} is empty: this test would hold nothing"


@pytest.mark.parametrize("core", CORES)
def test_a_core_touches_no_world(core: str) -> None:
    """A core imports no clock, socket, file, process, thread or randomness, and calls none."""
    tree = parse(REPOSITORY / core)
    wrong = [f"{core}:{line} imports {module}" for line, module in imported(tree) if module.split(".")[0] in WORLD]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in WORLD_CALLS:
                wrong.append(f"{core}:{node.lineno} calls {name}()")
    assert wrong == []


def private_uses(path: Path) -> Iterator[str]:
    """Imports of another module's private name."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name.startswith("_") and not alias.name.startswith("__"):
                    yield f"{path.relative_to(REPOSITORY)}:{node.lineno} imports {alias.name} of {node.module}"


def test_nothing_imports_a_private_name() -> None:
    """What starts with an underscore belongs to its own module."""
    assert [use for room in ROOMS for path in sources(room) for use in private_uses(path)] == []


def test_no_exception_is_swallowed() -> None:
    """`except …: pass` hides the one line the person on call needed."""
    silent = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for room in ROOMS
        for path in sources(room)
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ExceptHandler) and all(isinstance(step, ast.Pass) for step in node.body)
    ]
    assert silent == []


def test_no_test_sleeps_or_skips() -> None:
    """A sleep in a test is a bug: wait for the event. A skipped test is a missing one."""
    banned = {"time.sleep", "trio.sleep", "pytest.skip", "pytest.mark.skip", "pytest.mark.skipif", "pytest.mark.xfail"}
    wrong = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno} {ast.unparse(node)}"
        for path in sources("tests")
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in banned and "support" not in path.parts
    ]
    assert wrong == []


def test_files_stay_readable() -> None:
    """A file of ours has at most 300 lines: beyond, it has more than one reason to change."""
    long = [
        f"{path.relative_to(REPOSITORY)} has {count} lines"
        for room in (*ROOMS, "bench")
        for path in sources(room)
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > 300
    ]
    assert long == []


def test_no_generic_name_is_installed() -> None:
    """The wheel holds our four packages; checks and playbooks travel inside them as data."""
    import tomllib

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["packages"] == ["config_center", "inspector_agent", "inspector_coord", "inspector_lab"]
    assert wheel["force-include"] == {
        "checks": "inspector_agent/bundled_checks",
        "playbooks": "inspector_coord/bundled_playbooks",
        "examples/container-hosts": "config_center/example",
    }
