"""Faults of the world: what is in force after some were made and healed, held against who then hears whom. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from inspector_lab.namespaces import faults
from inspector_lab.namespaces.faults import Fault

NODES = ("n001", "n002", "n003", "n004", "n005", "n006")
ADDRESSES = {name: f"198.18.{index}.1" for index, name in enumerate(NODES, 1)}
HOST = "198.18.63.253"
_MATCH = re.compile(r"ip ([sd]addr) (!= )?\{ ([^}]*) \}")


def chains(rules: str) -> dict[str, list[str]]:
    """The rules of a table by hook, as written."""
    found: dict[str, list[str]] = {}
    for hook, body in re.findall(r"chain (\w+) \{\n    type[^\n]*\n((?:    [^\n]*\n)*)", rules):
        found[hook] = body.split("\n")[:-1]
    return found


def drops(rules: list[str], source: str, target: str) -> list[str]:
    """Those that match a packet between two addresses."""
    ends = {"saddr": source, "daddr": target}

    def matches(rule: str) -> bool:
        return all((ends[end] in group.split(", ")) != bool(negated) for end, negated, group in _MATCH.findall(rule))

    return [rule for rule in rules if matches(rule)]


def heard(in_force: list[Fault], source: str, target: str) -> bool:
    """Whether a packet from one node, or from the machine, to another may pass."""
    addresses: Mapping[str, str] = {**ADDRESSES, "host": HOST}
    rules = chains(faults.ruleset(in_force, ADDRESSES))["forward"]
    return not any("numgen" not in rule for rule in drops(rules, addresses[source], addresses[target]))


def rest_of(*names: str) -> tuple[str, ...]:
    """Everybody else."""
    return tuple(name for name in NODES if name not in names)


def cut(*names: str, direction: str = "both", others: tuple[str, ...] = ()) -> Fault:
    """Nodes cut from everybody else, or from these."""
    return Fault(faults.CUT, names, others or rest_of(*names), rest=not others, direction=direction)


def test_a_cut_goes_both_ways_or_one() -> None:
    """`in`: they cannot hear. `out`: they cannot send. Among themselves, and to the machine, all is well."""
    for direction, sends, hears in (("both", False, False), ("in", True, False), ("out", False, True)):
        in_force = faults.added([], cut("n001", "n002", direction=direction))
        assert heard(in_force, "n001", "n003") is sends
        assert heard(in_force, "n003", "n001") is hears
        assert heard(in_force, "n001", "n002")
        assert heard(in_force, "n003", "n004")
        assert heard(in_force, "host", "n001")
        assert heard(in_force, "n001", "host")


def test_a_cut_between_two_sides_leaves_the_others_alone() -> None:
    """Those two only."""
    in_force = faults.added([], cut("n001", "n002", others=("n005", "n006")))
    assert not heard(in_force, "n001", "n005")
    assert not heard(in_force, "n006", "n002")
    assert heard(in_force, "n001", "n003")
    assert heard(in_force, "n003", "n005")


def test_a_black_hole_takes_the_way_from_the_machine_too() -> None:
    """Nothing to it and nothing from it, in every chain."""
    in_force = faults.added([], Fault(faults.BLACK_HOLE, ("n002",)))
    assert not heard(in_force, "n001", "n002")
    assert not heard(in_force, "n002", "host")
    assert heard(in_force, "n001", "n003")
    rules = chains(faults.ruleset(in_force, ADDRESSES))
    assert rules["input"] == rules["output"] == rules["forward"]


def test_a_packet_is_drawn_for_once() -> None:
    """Between two lossy nodes it is not lost twice as often; to the machine it is not lost."""
    in_force = faults.added([], Fault(faults.LOSS, ("n001", "n002"), amount=0.1))
    rules = chains(faults.ruleset(in_force, ADDRESSES))["forward"]
    for source, target, count in (("n001", "n002", 1), ("n003", "n001", 1), ("n001", "n003", 1), ("n003", "n004", 0)):
        found = drops(rules, ADDRESSES[source], ADDRESSES[target])
        assert len(found) == count
        assert all("numgen random mod 10000 < 1000 counter drop" in rule for rule in found)
    assert drops(rules, HOST, ADDRESSES["n001"]) == []


def test_a_later_loss_takes_the_place_of_an_earlier_one() -> None:
    """A node has one share; the others keep theirs."""
    in_force = faults.added([], Fault(faults.LOSS, ("n001", "n002"), amount=0.1))
    in_force = faults.added(in_force, Fault(faults.LOSS, ("n002",), amount=0.5))
    assert faults.amounts(in_force, faults.LOSS) == {"n001": 0.1, "n002": 0.5}


def test_healing_ends_what_a_node_has_and_not_what_others_have() -> None:
    """One kind, or all; the far side of a cut from everybody else was never ill, that of a cut between two was."""
    in_force = faults.added([], cut("n001", "n002"))
    in_force = faults.added(in_force, Fault(faults.SLOW_CPU, ("n001",), amount=0.1))
    assert faults.relieved(in_force, ["n003"]) == in_force
    assert [fault.how for fault in faults.relieved(in_force, ["n001"], faults.SLOW_CPU)] == [faults.CUT]
    well = faults.relieved(in_force, ["n001"])
    assert heard(well, "n001", "n003")
    assert heard(well, "n001", "n002")
    assert not heard(well, "n002", "n003")
    assert faults.relieved(well, ["n002"]) == []
    between = faults.added([], cut("n001", others=("n005", "n006")))
    assert heard(faults.relieved(between, ["n005"]), "n001", "n005")
    assert not heard(faults.relieved(between, ["n005"]), "n001", "n006")
    assert faults.relieved(between, ["n005", "n006"]) == []


def test_the_table_is_replaced_as_a_whole() -> None:
    """Made, so that it is there; removed with all in it; made anew: one transaction. Nothing in force is no rule."""
    rules = faults.ruleset([], ADDRESSES)
    assert rules.startswith("table inet inspector_lab\ndelete table inet inspector_lab\ntable inet inspector_lab {")
    assert all(body == [] for body in chains(rules).values())
    assert list(chains(rules)) == ["forward", "input", "output"]


NAMES = st.lists(st.sampled_from(NODES), min_size=1, max_size=4, unique=True)


@given(
    st.lists(
        st.tuples(st.sampled_from(["cut", "black-hole", "heal"]), NAMES, st.sampled_from(["both", "in", "out"])),
        max_size=6,
    )
)
def test_whatever_was_broken_whoever_is_healed_is_heard(steps: list[tuple[str, list[str], str]]) -> None:
    """After any history: a node that was healed last, and that nobody's cut names, reaches all who are well too."""
    in_force: list[Fault] = []
    ill: set[str] = set()
    for how, names, direction in steps:
        if how == "heal":
            in_force = faults.relieved(in_force, names)
            ill -= set(names)
        elif how == "black-hole":
            in_force = faults.added(in_force, Fault(how, tuple(names)))
            ill |= set(names)
        else:
            in_force = faults.added(in_force, cut(*names, direction=direction))
            ill |= set(names)
    well = [name for name in NODES if name not in ill]
    assert all(heard(in_force, one, other) for one in well for other in well if one != other)
    assert faults.relieved(in_force, NODES) == []
