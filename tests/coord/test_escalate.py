"""Which nodes go into the second pass, with what; and when there is none."""

from __future__ import annotations

from pathlib import Path

from inspector_agent.wire import Answer, Counts, Serving, observed_hash
from inspector_coord.config import Config, Ring, SecondPass
from inspector_coord.escalate import subjects_of, why_not
from inspector_coord.ledger import Ledger, Node
from inspector_coord.release_cache import prefix_of
from inspector_coord.report import Facts, baselines, build
from tests.support.center import item, layer, release_of

RELEASE = release_of(layer("00-fleet", {f"sysctl:key{number}": item(number + 1) for number in range(4)}))


def answer(**fields: object) -> Answer:
    known: dict[str, object] = {
        "sweep": b"sweep-00",
        "release": prefix_of(RELEASE),
        "number": 1,
        "counts": Counts(4),
    }
    return Answer(**{**known, **fields})  # type: ignore[arg-type]


def test_subjects_are_those_with_something_to_find_out() -> None:
    """Failing and erring nodes with their items and values, unanswering ones with none; the others stay alone."""
    answers = {
        "n1": answer(),
        "n2": answer(
            counts=Counts(2, 1, 1),
            failing=(0,),
            erring=(2,),
            hashes=(observed_hash("60"), observed_hash("timeout")),
            clear={0: "60"},
        ),
        "n3": answer(counts=Counts(na=4)),
        "n4": answer(state=Serving.BUSY),
        "n5": answer(release=b"release9", counts=Counts(3, 1), failing=(0,)),
        "n6": None,
        "n7": None,
        "n8": None,
    }
    statuses = {"n7": "failed", "n8": "left"}
    nodes = [Node("main", name, "10.0.0.1", {"zone": "b"}, statuses.get(name, "alive")) for name in answers]
    ledger = Ledger(nodes, prefix_of(RELEASE))
    for node in nodes:
        given = answers[node.name]
        if given is not None:
            ledger.answered(node, given, 0.5, 0)
    ledger.close(2.0)
    facts = Facts(sweep=b"sweep-00", started="", epoch=0.0, seconds=2.0, release=RELEASE)
    subjects = {each.name: each for each in subjects_of(ledger, build(facts, ledger, {}), baselines(facts, ledger))}
    assert {name: each.state for name, each in subjects.items()} == {
        "n2": "fail",
        "n4": "error",
        "n5": "stale",
        "n6": "silent",
        "n7": "down",
    }
    bad = subjects["n2"]
    assert [each.id for each in bad.items] == ["sysctl:key0", "sysctl:key2"]
    assert bad.observed == {"sysctl:key0": "60"}
    assert bad.erring == {"sysctl:key2"}
    assert bad.address == "10.0.0.1"
    assert [len(each.items) for name, each in sorted(subjects.items()) if name != "n2"] == [0, 0, 0, 0]


def test_a_second_pass_needs_some_way_to_connect(tmp_path: Path) -> None:
    """An inventory, any second_pass setting, an ssh agent, a key or ssh's own configuration; else it says so."""
    config = Config(rings={"main": Ring(("127.0.0.1:7373",))}, config_center="http://127.0.0.1")
    assert "second pass skipped: there is no inventory" in why_not(config, tmp_path, {})
    assert why_not(config, tmp_path, {"SSH_AUTH_SOCK": "/run/agent"}) == ""
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id_ed25519.pub").touch()
    assert why_not(config, tmp_path, {})
    (tmp_path / ".ssh" / "config").touch()
    assert why_not(config, tmp_path, {}) == ""
    wanted = Config(rings=config.rings, config_center="http://127.0.0.1", second_pass=SecondPass())
    assert why_not(wanted, tmp_path / "nowhere", {}) == ""
