"""Folding: equal findings in one line, and names as node sets, whatever the names are."""

from __future__ import annotations

import random
import time

from ClusterShell.NodeSet import NodeSet
from hypothesis import given
from hypothesis import strategies as st

from inspector_agent.wire import observed_hash
from inspector_coord.fold import Texts, fold_names, groups_of
from inspector_coord.verdict import Finding


def finding(item: str = "sysctl:a", observed: str | None = "60", **fields: object) -> Finding:
    """A failing item."""
    digest = observed_hash(observed) if observed is not None else None
    known: dict[str, object] = {
        "item": item,
        "outcome": "fail",
        "expected": "at_most 10",
        "observed": observed,
        "hash": digest,
        "severity": "major",
        "source": "layers/a.yml:1",
    }
    return Finding(**{**known, **fields})  # type: ignore[arg-type]


def test_names_fold_to_node_sets() -> None:
    """The same text for the same names in any order."""
    assert fold_names(["n003", "n001", "n002", "n007"]) == "n[001-003,007]"
    assert fold_names(["b2", "a1"]) == "a1,b2"
    assert fold_names([]) == ""
    assert fold_names(["n1.dc1", "n2.dc1", "n1.dc2", "n2.dc2"]) == "n[1-2].dc[1-2]"


def test_a_hostile_name_is_not_a_pattern() -> None:
    """A member chooses its name: brackets, commas, controls and groups stand beside the set, made printable."""
    folded = fold_names(["n001", "n002", "n[1-999999999]", "@all", "a,b", "evil\x1b[31m"])
    assert folded == "n[001-002],@all,a,b,evil·[31m,n[1-999999999]"


@given(st.sets(st.from_regex(r"[a-z]{1,3}[0-9]{1,4}(-[0-9]{1,2}){0,2}", fullmatch=True), min_size=1, max_size=150))
def test_a_folded_set_is_the_names_again(names: set[str]) -> None:
    """ClusterShell reads back exactly the names, folded along all fields or along one."""
    assert set(NodeSet(fold_names(names))) == names


def test_many_names_with_many_numbers_fold_in_time() -> None:
    """Names like ip-10-3-7-200 by the thousand: folding along every field would take minutes."""
    chance = random.Random(1)  # noqa: S311
    names = [f"ip-10-{chance.randrange(256)}-{chance.randrange(256)}-{chance.randrange(256)}" for _ in range(3000)]
    began = time.process_time()
    fold_names(names)
    assert time.process_time() - began < 5
    assert set(NodeSet(fold_names(names[:300]))) == set(names[:300])


def test_the_field_that_folds_best_is_taken() -> None:
    """A node number before a domain with a number in it, and one at the end."""
    assert fold_names(f"n{number:03}.dc1.example.com" for number in range(100)) == "n[000-099].dc1.example.com"
    assert fold_names(f"rack7-n{number:03}" for number in range(100)) == "rack7-n[000-099]"


def test_a_fingerprint_is_item_outcome_expectation_and_value() -> None:
    """Same item and value, another expectation or outcome: another line."""
    findings = {
        ("main", "n1"): [finding()],
        ("main", "n2"): [finding()],
        ("main", "n3"): [finding(observed="61")],
        ("main", "n4"): [finding(expected="at_most 5")],
        ("main", "n5"): [finding(outcome="error", observed="timeout after 2 s")],
    }
    groups = groups_of(findings, Texts(each for several in findings.values() for each in several))
    assert [(group.observed, group.outcome, len(group.nodes)) for group in groups] == [
        ("60", "fail", 2),
        ("60", "fail", 1),
        ("61", "fail", 1),
        ("timeout after 2 s", "error", 1),
    ]


def test_a_value_without_room_is_read_from_another_nodes_answer() -> None:
    """Its hash is enough where anybody sent the text; else the hash is shown, and nothing where not even that came."""
    hashed = finding(observed=None, hash=observed_hash("60"))
    unknown = finding(observed=None, hash=observed_hash("99"))
    nothing = finding(observed=None)
    texts = Texts([finding(), hashed, unknown])
    assert texts.observed(hashed) == "60"
    assert texts.observed(unknown) == f"#{observed_hash('99').hex()}"
    assert texts.observed(nothing) == ""
    groups = groups_of({("main", "n1"): [finding()], ("main", "n2"): [hashed]}, texts)
    assert [len(group.nodes) for group in groups] == [2]


def test_the_worst_comes_first() -> None:
    """Severity, then fails before errors, then how many, then the item's name."""
    findings = {
        ("main", "n1"): [finding("z:minor", severity="minor"), finding("a:one"), finding("b:both")],
        ("main", "n2"): [finding("b:both"), finding("c:err", outcome="error"), finding("k:crit", severity="critical")],
    }
    groups = groups_of(findings, Texts([]))
    assert [group.item for group in groups] == ["k:crit", "b:both", "a:one", "c:err", "z:minor"]
