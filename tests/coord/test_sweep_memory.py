"""`--max-age`: a repeated sweep is answered from memory, and every face says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector_coord.cli import main
from inspector_coord.config import load
from inspector_coord.faces.view import view
from inspector_coord.groups import read_groups
from inspector_coord.release_cache import ReleaseCache
from inspector_coord.report import Report, build
from inspector_coord.sweep import FleetSweep, Request
from tests.support.center import item, layer, release_of
from tests.support.mirror import pointer_to
from tests.support.real_fleet import RealFleet, real_fleet, states

SWAPPINESS = "sysctl:vm.swappiness"
FIRST = release_of(
    layer("10-all", {SWAPPINESS: item(at_most=10), "sysctl:kernel.pid_max": item(2, at_least=1)}), number=1
)
SECOND = release_of(layer("10-all", {SWAPPINESS: item(at_most=100)}), number=2)


async def swept(real: RealFleet, max_age_s: float, *items: str) -> Report:
    """The report of a sweep that takes verdicts of that age."""
    config = load(real.directory / "coordinator.yml")
    fleet = FleetSweep(config, read_groups({}, []), Request(items=items, timeout_s=60.0, max_age_s=max_age_s))
    outcome = await fleet.run(ReleaseCache.of(config).current, lambda *_: None)
    return build(outcome.facts, outcome.ledger, {}, outcome.reader)


async def test_a_repeated_sweep_is_answered_from_memory_and_says_so(tmp_path: Path) -> None:
    """What has changed on a node since is not seen, which is why it is said; without --max-age it is."""
    async with real_fleet(tmp_path, FIRST, 3) as real:
        first = await swept(real, 0.0)
        (tmp_path / "n002/root/proc/sys/vm/swappiness").write_text("60\n")
        repeated = await swept(real, 3600.0)
        part = await swept(real, 3600.0, SWAPPINESS)
        fresh = await swept(real, 0.0)
        real.center.put(pointer_to(SECOND, 2), SECOND)
        other = await swept(real, 3600.0)
    assert set(states(first).values()) == set(states(repeated).values()) == {"pass"}
    assert first["memory"] == {"max_age_s": 0.0, "verdicts": 0, "oldest_s": 0.0}
    assert {node["age_ms"] for node in first["nodes"]} == {0}
    assert repeated["memory"]["verdicts"] == 3
    ages = [node["age_ms"] for node in repeated["nodes"]]
    assert min(ages) > 0
    assert repeated["memory"]["oldest_s"] == max(ages) / 1000
    assert "3 verdicts are from memory, up to " in view(repeated).headline
    assert all("from memory, by a run that had ended" in node["evidence"] for node in repeated["nodes"])
    assert repeated["exit_code"] == 0
    # other items were not looked at then, another release neither
    assert states(part)["n002"] == states(fresh)["n002"] == "fail"
    assert (part["memory"]["verdicts"], fresh["memory"]["verdicts"], other["memory"]["verdicts"]) == (0, 0, 0)


@pytest.mark.parametrize("age", ["-1", "3601", "nan"])
def test_an_age_out_of_bounds_is_a_mistake(age: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, before anything is asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["inspector", "sweep", "--max-age", age])
        with pytest.raises(SystemExit) as left:
            main()
    assert left.value.code == 2
    assert "is not in 0 … 3600 seconds" in capsys.readouterr().err
