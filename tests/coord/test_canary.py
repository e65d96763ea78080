"""Canaries and facts: by which release a node is judged, and what is said where the node sees it otherwise."""

from __future__ import annotations

import io
import itertools

import pytest
from rich.console import Console

from config_center.match import Term
from config_center.resolve import Resolver
from config_center.traits import traits_of
from inspector_agent.tally import basis_of
from inspector_agent.wire import ANY_RELEASE, Answer, Counts, Serving, decode_question
from inspector_coord.current import Current, Known, KnownNode, prefix_of
from inspector_coord.evidence import OTHER_ITEMS, Evidence
from inspector_coord.explain import explain, lines
from inspector_coord.faces import junit, terminal
from inspector_coord.holdings import folded
from inspector_coord.ledger import Booking, Ledger, Node
from inspector_coord.reading import Reader
from inspector_coord.report import Facts, Report, build
from inspector_coord.signals import Ask, Begin
from tests.support.center import item, layer, release_of
from tests.support.mirror import pointer_to
from tests.support.paper_ring import Paper, PaperRing

MAIN = release_of(layer("10-all", {"sysctl:a": item(1, at_most=10), "sysctl:b": item(2, at_most=1)}), number=12)
CANARY = release_of(layer("10-all", {"sysctl:b": item(5, at_most=2), "sysctl:c": item(6, at_most=3)}), number=13)
BY_RACK = {"rack": Term(any=("b1",))}
BY_FACT = {"fact.kernel": Term(at_least="6.1")}


def current(match: dict[str, Term] = BY_RACK, **facts: dict[str, str]) -> Current:
    """Release 12, and 13 for the nodes of the match; facts by node."""
    made = Current(MAIN, pointer_to(MAIN, 5, CANARY, match), CANARY)
    made.known = Known({name: KnownNode(known, "2031-01-01T00:00:00Z") for name, known in facts.items()})
    return made


def node(name: str, rack: str, of: Current) -> Node:
    facts, seen = of.facts_of(name)
    tags = {"rack": rack}
    return Node("main", name, "10.0.0.1", tags, "alive", wants=of.wants(name, tags, facts), facts=facts, seen=seen)


def said(release: bytes, number: int, **fields: object) -> Answer:
    known: dict[str, object] = {"sweep": b"sweep-00", "release": release, "number": number, "counts": Counts(2)}
    return Answer(**{**known, **fields})  # type: ignore[arg-type]


M, C = prefix_of(MAIN), prefix_of(CANARY)


def closed(of: Current, nodes: list[Node], answers: dict[str, Answer]) -> Ledger:
    """The ledger of these answers; a basis that is not given is the right one."""
    ledger = Ledger(nodes, of.prefix, Evidence(of.numbers, bool(of.asked_facts)))
    reader = Reader(of.by_prefix, ())
    for one in nodes:
        if one.name in answers:
            ledger.answered(one, answers[one.name], 0.8, 0)
    ledger.close(2.0, lambda one: one.answer.basis if one.answer and one.answer.basis == b"" else reader.basis(one))
    return ledger


def report_of(of: Current, ledger: Ledger) -> Report:
    facts = Facts(
        sweep=b"sweep-00", started="", epoch=0.0, seconds=2.0, release=of.release, canary=of.canary, match=of.match
    )
    return build(facts, ledger, {})


def test_each_node_is_judged_by_what_the_pointer_assigns() -> None:
    """The same as the agents decide: for every name, tag and fact."""
    for match in (
        BY_RACK,
        BY_FACT,
        BY_RACK | BY_FACT,
        {"node": Term(any=("n[001-002]",))},
        {"rack": Term(none=("b1",))},
    ):
        of = current(match)
        pointer = pointer_to(MAIN, 5, CANARY, match)
        for name, rack, kernel in itertools.product(("n001", "n003"), ("a1", "b1"), ("5.10", "6.1.1", "")):
            facts = {"kernel": kernel} if kernel else {}
            digest = pointer.assigned(name, traits_of({"rack": rack}, facts))[1]
            assert of.wants(name, {"rack": rack}, facts) == bytes.fromhex(digest)[:8]


def test_the_report_reads_each_answer_with_its_own_release() -> None:
    """Item 0 of the one release is not item 0 of the other."""
    of = current()
    nodes = [node("n001", "a1", of), node("n002", "b1", of), node("n003", "b1", of)]
    wrong = {"counts": Counts(1, 1), "failing": (0,), "clear": {0: "60"}}
    answers = {"n001": said(M, 12, **wrong), "n002": said(C, 13, **wrong), "n003": said(C, 13)}
    report = report_of(of, closed(of, nodes, answers))
    assert [each["state"] for each in report["nodes"]] == ["fail", "fail", "pass"]
    assert [(group["item"], group["expected"], group["nodes"]) for group in report["groups"]] == [
        ("sysctl:a", "at_most 10", "n001"),
        ("sysctl:b", "at_most 2", "n002"),
    ]
    told = report["release"]["canary"]
    assert (told["number"], told["nodes"], told["count"]) == (13, "n[002-003]", 2)
    explained = "\n".join(lines(explain(report, "n002", MAIN, CANARY)))
    assert "expected  at_most 2   layers/10-all.yml:5" in explained
    item_told = "\n".join(lines(explain(report, "sysctl:b", MAIN, CANARY)))
    assert "expected  at_most 1   layers/10-all.yml:2   every node" in item_told
    assert "canary    at_most 2   layers/10-all.yml:5   every node" in item_told
    assert explain(report, "sysctl:c", MAIN, CANARY)["canary_layers"][0]["source"] == "layers/10-all.yml:6"


def test_faces_name_the_canary() -> None:
    """In the head line: how many nodes are judged by it."""
    of = current()
    nodes = [node("n001", "a1", of), node("n002", "b1", of)]
    report = report_of(of, closed(of, nodes, {"n001": said(M, 12), "n002": said(C, 13)}))
    screen = io.StringIO()
    terminal.render(report, Console(file=screen, width=120, highlight=False))
    assert screen.getvalue().splitlines()[0] == "All 2 nodes pass; 1 node is judged by canary release 13."
    assert f"canary 13 ({CANARY.digest[:12]})" in screen.getvalue().splitlines()[1]
    assert '<property name="canary.number" value="13" />' in junit.render(report)


@pytest.mark.parametrize(
    ("answer", "evidence"),
    [
        (
            said(b"release9", 11, state=Serving.RELEASE),
            "has release 11 (72656c6561736539…), could not get release 13: ",
        ),
        (said(M, 12, state=Serving.RELEASE), f"has release 12 ({M.hex()}…), could not get release 13: "),
        (said(ANY_RELEASE, 0, state=Serving.RELEASE), "has no release, could not get release 13: answered so at 0.8 s"),
        (said(b"release9", 11), "answered at 0.8 s for release 11 (72656c6561736539…), not for release 13"),
        (said(M, 12), f"judges itself by release 12 ({M.hex()}…), while its tags in the ring ask for release 13: they"),
    ],
)
def test_a_stale_node_says_what_it_has_and_what_it_lacks(answer: Answer, evidence: str) -> None:
    """By number and digest, in words that say what to look at."""
    of = current()
    ledger = closed(of, [node("n002", "b1", of)], {"n002": answer})
    (only,) = ledger
    assert str(only.state) == "stale"
    assert only.evidence.startswith(evidence)


def test_a_canary_by_facts_goes_by_what_the_center_knows() -> None:
    """Facts that nobody asks about are not kept; who is not known is judged as a node without facts."""
    of = current(BY_FACT, n001={"kernel": "6.6.1", "vendor": "x"}, n002={"kernel": "5.10"})
    assert of.asked_facts == {"fact.kernel"}
    assert of.facts_of("n001") == ({"kernel": "6.6.1"}, "2031-01-01T00:00:00Z")
    nodes = [node(name, "a1", of) for name in ("n001", "n002", "n003")]
    assert [each.wants for each in nodes] == [C, M, M]
    ledger = closed(of, nodes, {"n001": said(M, 12), "n002": said(M, 12), "n003": said(C, 13)})
    n001, n002, n003 = ledger
    assert [str(each.state) for each in (n001, n002, n003)] == ["stale", "pass", "stale"]
    assert "or its facts since 2031-01-01T00:00:00Z, when it sent them; sweep it again" in n001.evidence
    assert "the config center does not know its facts yet; sweep it again once" in n003.evidence
    assert report_of(of, ledger)["nodes"][0]["facts"] == {"kernel": "6.6.1"}


def test_a_verdict_on_other_items_says_how_far_facts_are_known() -> None:
    """With facts in play the tags are not all that may have changed."""
    asking = release_of(
        layer("10-all", {"sysctl:a": item(1)}), layer("20-new", {"sysctl:b": item(2)}, **{"fact.kernel": "6*"})
    )
    of = Current(asking)
    of.known = Known({"n001": KnownNode({"kernel": "6.1"}, "2031-01-01T00:00:00Z")})
    nodes = [node("n001", "a1", of), node("n002", "a1", of)]
    assert of.asked_facts == {"fact.kernel"}
    old = basis_of(Resolver(asking).baseline("n001", {}).items)
    new = basis_of(Resolver(asking).baseline("n001", {"fact.kernel": "6.1"}).items)
    ledger = Ledger(nodes, of.prefix, Evidence(of.numbers, asks_facts=True))
    ledger.answered(nodes[0], said(of.prefix, 1, basis=old), 0.8, 0)
    ledger.answered(nodes[1], said(of.prefix, 1, basis=new), 0.8, 0)
    ledger.close(1.0, Reader(of.by_prefix, ()).basis)
    assert [str(each.state) for each in nodes] == ["error", "error"]
    assert "its tags in the ring and its facts ask for: its tags have just changed, or its facts" in nodes[0].evidence
    assert "ask for: the config center does not know its facts yet" in nodes[1].evidence
    assert Evidence().other_items(nodes[0]) == OTHER_ITEMS


def test_the_question_names_both_releases() -> None:
    """One question to everybody, and each agent knows which one is its own."""
    ring = PaperRing([Paper("n001"), Paper("n002")], canary=b"release1")
    (ask,) = [each for each in ring.rounds.handle(Begin(), 0.0) if isinstance(each, Ask)]
    question = decode_question(ask.payload)
    assert (question.release, question.canary) == (b"release0", b"release1")


def test_a_ring_with_a_canary_is_swept_like_any_other() -> None:
    """Canary nodes with their release pass; with the main one they are asked once more, and are stale."""
    nodes = [Paper(f"n{index:03}") for index in range(1, 41)]
    nodes[3].kind = nodes[4].kind = "canary"
    ring = PaperRing(nodes, canary=b"release1", wants={"n004": b"release1", "n005": b"release1", "n006": b"release1"})
    states = ring.run()
    assert {name for name, state in states.items() if state != "pass"} == {"n006"}
    assert states["n006"] == "stale"
    assert {name for _, ask in ring.asks for name in ask.names} == {"n006"}


def test_a_verdict_by_the_nodes_own_release_stays() -> None:
    """Whatever comes later by the other one, which is worth less for this node."""
    of = current()
    one = node("n002", "b1", of)
    ledger = Ledger([one], of.prefix)
    assert ledger.answered(one, said(M, 12), 0.5, 0) is Booking.NEW
    assert ledger.answered(one, said(C, 13), 0.8, 1) is Booking.BETTER
    assert ledger.answered(one, said(M, 12), 0.9, 1) is Booking.DUPLICATE
    assert ledger.tally() == {"pass": 1}


def test_what_nodes_hold_is_folded() -> None:
    """Newest first; who holds none, and who says nothing, stands by itself."""
    held = {
        "n001": said(C, 13), "n002": said(M, 12), "n003": said(M, 12), "n004": said(M, 12, state=Serving.BUSY),
        "n005": said(ANY_RELEASE, 0, state=Serving.RELEASE),
    }  # fmt: skip
    nodes = [Node("main", f"n{index:03}", "", {}, "failed" if index == 7 else "alive") for index in range(1, 8)]
    ledger = Ledger(nodes, ANY_RELEASE)
    for one in nodes:
        if one.name in held:
            ledger.answered(one, held[one.name], 0.5, 0)
    ledger.close(1.0)
    assert folded(ledger) == {
        "releases": [
            {"number": 13, "digest": C.hex(), "nodes": "n001", "count": 1},
            {"number": 12, "digest": M.hex(), "nodes": "n[002-004]", "count": 3},
        ],
        "without": "n005",
        "no_answer": {"silent": "n006", "down": "n007"},
    }
