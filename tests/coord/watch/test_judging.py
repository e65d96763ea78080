"""The verdict on one suspect, from what its witnesses saw: a table of what may be seen."""

from __future__ import annotations

import pytest

from inspector_coord.watch import limits
from inspector_coord.watch.conclusions import Finding, Kind
from inspector_coord.watch.judging import Case, Seen, Verdict, judge

HOME = ("zone=c", "rack=c1")
PLACES = {"a": ("zone=a", "rack=a1"), "b": ("zone=b", "rack=b1"), "c": ("zone=c", "rack=c2"), "d": HOME}


def seen(sights: str, *, behind: bool = False, weight: float = 1.0, refused: bool = False) -> list[Seen]:
    """`a+ b-`: a witness in zone a reaches it, one in zone b does not; d stands in its own rack."""
    return [
        Seen(f"w{index}{'b' * behind}", PLACES[each[0]], weight, each[1] == "+", refused, behind)
        for index, each in enumerate(sights.split())
    ]


def case(sights: str, **values: object) -> Case:
    """A suspect that Serf lists as failed and that was looked at once."""
    return Case(places=HOME, narrowest=1, seen=seen(sights), **values)  # type: ignore[arg-type]


def kind(found: Finding | Verdict) -> object:
    """The kind of a finding, or the verdict itself."""
    return found.kind if isinstance(found, Finding) else found


NOBODY = "a- a- b- b- c- c-"
EVERYBODY = "a+ a+ b+ b+ c+ c+"


@pytest.mark.parametrize(
    ("sights", "values", "expected"),
    [
        (NOBODY, {}, Kind.DOWN),
        (NOBODY, {"answers": True}, Verdict.WELL),  # it lives, and is heard: Serf is about to see that
        (NOBODY, {"acks": True}, Verdict.WELL),
        (NOBODY, {"taken_by": "n9"}, Kind.LEFT),
        (NOBODY, {"lossy": True}, Verdict.AGAIN),
        (NOBODY, {"lossy": True, "looks": 2}, Kind.DOWN),
        (NOBODY, {"beside": True}, Verdict.AGAIN),  # those on its own side have not answered yet
        (NOBODY, {"beside": True, "beside_heard": True}, Kind.DOWN),
        (NOBODY, {"beside": True, "looks": limits.looks_max}, Kind.DOWN),  # and never do
        (NOBODY, {"answers_behind": True}, Kind.CUT_OFF),
        (NOBODY, {"failed": False}, Kind.CUT_OFF),  # Serf hears it
        ("a- b-", {}, Verdict.AGAIN),  # too few have tried
        ("a- b-", {"looks": limits.looks_max}, Kind.DOWN),  # there are no more
        ("", {"looks": limits.looks_max}, Verdict.AGAIN),
        ("", {"looks": limits.looks_max, "blind": True}, Kind.DOWN),
        ("", {"looks": limits.looks_max, "blind": True, "failed": False}, Verdict.AGAIN),
        (EVERYBODY, {}, Verdict.AGAIN),  # its own answer may have been lost
        (EVERYBODY, {"looks": 2}, Kind.STALLED),
        (EVERYBODY, {"looks": 2, "healing": True}, Verdict.WELL),
        ("a- a- b+ b+ c+ c+", {"looks": 2}, Kind.CUT_OFF),
        ("a- a- b-", {}, Kind.DOWN),
        ("a- a- b-", {"losing": True}, Verdict.AGAIN),  # zone a may be parted from it, and b have lost a packet
        ("a- a- b-", {"losing": True, "looks": limits.looks_max}, Kind.DOWN),
        ("a- a- b-", {"losing": True, "lossy": True, "looks": limits.looks_max}, Verdict.AGAIN),
        ("a- a- b- b-", {"losing": True}, Kind.DOWN),
        ("a- a- a- b- c-", {"losing": True}, Kind.DOWN),
        ("a- b+ b+ c+ c+", {"looks": 2}, Verdict.AGAIN),  # one witness that lost its packets draws no line
        ("a- b+ b+ c+ c+", {"looks": limits.looks_max}, Kind.CUT_OFF),  # where none get lost it does, in the end
        ("a- b+ b+ c+ c+", {"looks": limits.looks_max, "lossy": True}, Kind.STALLED),
        ("a- b- b+ b+ c+ c+", {"looks": 2}, Kind.STALLED),  # most reach it, no place tells the others apart
        ("a- b- b- b+ c- c-", {"looks": 2}, Verdict.AGAIN),
        ("a- b- b- b+ c- c-", {"looks": 3}, Kind.CUT_OFF),
        (EVERYBODY, {"failed": False, "acks": True, "looks": 3}, Kind.STALLED),
        (EVERYBODY, {"failed": False, "acks": True, "looks": 1}, Verdict.AGAIN),
    ],
)
def test_what_was_seen_ends_in_its_verdict(sights: str, values: dict[str, object], expected: object) -> None:
    """One row, one verdict."""
    assert kind(judge(case(sights, **values))) is expected


@pytest.mark.parametrize("looks", range(1, limits.looks_max + 1))
@pytest.mark.parametrize("sights", ["a+ b- b- c- c-", "a- b- b- c- c- d+"])
def test_who_is_reached_by_anybody_is_never_down(sights: str, looks: int) -> None:
    """Nobody can fake a connection to a dead node, so one outweighs all that failed."""
    assert kind(judge(case(sights, looks=looks, blind=True))) is not Kind.DOWN


def test_witnesses_behind_the_cut_prove_life_and_accuse_nobody() -> None:
    """What they do not reach may be their own cut; what they reach is alive."""
    own_side = seen("d+ c+", behind=True)
    found = judge(Case(places=HOME, narrowest=1, seen=[*seen("a- a- b- b-"), *own_side]))
    assert isinstance(found, Finding)
    assert (found.kind, found.parted, found.direction) == (Kind.CUT_OFF, ("zone=c",), "unknown")
    only_them = Case(places=HOME, seen=seen("a- a- b- b-", behind=True), looks=1)
    assert judge(only_them) is Verdict.AGAIN


def test_the_line_runs_around_all_that_answer_on_its_side() -> None:
    """Not around the rack of whoever was looked at: else one cut of a zone is as many incidents as it has racks."""
    around = [HOME, (HOME[0], "rack=other")]
    found = judge(Case(places=HOME, narrowest=1, seen=seen("a- a- b- b-"), answers_behind=True, around=around))
    assert isinstance(found, Finding)
    assert found.parted == (HOME[0],)
    found = judge(Case(places=HOME, narrowest=1, seen=seen("a- a- b- b-"), answers_behind=True, around=[HOME]))
    assert isinstance(found, Finding)
    assert found.parted == (HOME[1],)
    beyond = [PLACES["a"], PLACES["b"]]  # nobody of its zone answers: a rack that answers first is not all of it
    found = judge(Case(places=HOME, narrowest=1, seen=seen("a- b-"), answers_behind=True, around=[HOME], beyond=beyond))
    assert isinstance(found, Finding)
    assert found.parted == (HOME[0],)
    found = judge(
        Case(
            places=HOME, narrowest=1, seen=seen("a- b-"), answers_behind=True, around=[HOME],
            beyond=[*beyond, PLACES["c"]],
        )
    )  # fmt: skip
    assert isinstance(found, Finding)
    assert found.parted == (HOME[1],)


def test_witnesses_that_are_unwell_weigh_less() -> None:
    """Three that doubt themselves are not enough for a verdict at once; three healthy ones are."""
    sick = [Seen(f"w{index}", PLACES["a"], 1 / 9, reached=False, refused=False, behind=False) for index in range(3)]
    assert judge(Case(places=HOME, seen=sick)) is Verdict.AGAIN
    assert kind(judge(case("a- b- c-"))) is Kind.DOWN
    of_a_minority = [
        Seen(f"m{index}", PLACES["a"], 0.0, reached=False, refused=False, behind=False) for index in range(9)
    ]
    assert judge(Case(places=HOME, seen=of_a_minority, looks=limits.looks_max)) is Verdict.AGAIN


def test_a_refusal_is_said_but_is_no_reach() -> None:
    """A kernel that answers is not a node that lives; with its ssh reached it is a Serf that does not run."""
    refused = [Seen(f"w{index}", PLACES["a"], 1.0, reached=False, refused=True, behind=False) for index in range(4)]
    found = judge(Case(places=HOME, seen=refused))
    assert isinstance(found, Finding)
    assert found.kind is Kind.DOWN
    assert "its kernel refuses connections" in found.evidence
    closed = [
        Seen(f"w{index}", PLACES["a"], 1.0, reached=True, refused=True, behind=False, closed=True) for index in range(4)
    ]
    found = judge(Case(places=HOME, seen=closed, looks=2, healing=True))
    assert isinstance(found, Finding)
    assert (found.kind, "no Serf agent listens there" in found.evidence) == (Kind.STALLED, True)


@pytest.mark.parametrize(
    ("sights", "evidence"),
    [
        (NOBODY, "reached by none of 6 witnesses (zone=a, zone=b, zone=c)"),
        ("a-", "not reached by w0, the only witness"),
        ("a- a- b+ b+ c+ c+", "reached from zone=b, zone=c, not from zone=a"),
        (EVERYBODY, "6 of 6 witnesses reach it, but its Serf agent takes no part in gossip"),
    ],
)
def test_the_evidence_is_a_sentence(sights: str, evidence: str) -> None:
    """How many witnesses, from where, and what they saw."""
    found = judge(case(sights, looks=limits.looks_max))
    assert isinstance(found, Finding)
    assert found.evidence == evidence
