"""A witness under any order of events: each question ends in exactly one way, and looks keep their bound."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from inspector_agent.witness import limits
from inspector_agent.witness.encoding import decode_answer
from inspector_agent.witness.events import Detached, FindMembers, Look, Looked, Members, Respond
from inspector_agent.witness.messages import Reach
from tests.support.witness_node import WELL, Node, member

events = st.one_of(
    st.builds(
        lambda number, targets, within, spread: ("ask", number, targets, within, min(within, spread)),
        st.integers(0, 12),
        st.lists(st.sampled_from(["a", "b", "c", "w1"]), max_size=3, unique=True),
        st.integers(1, 3000),
        st.integers(0, 3000),
    ),
    st.tuples(st.just("wait"), st.floats(0.001, 1.5)),
    st.tuples(st.just("serf"), st.booleans()),
    st.tuples(st.just("looked"), st.integers(0, 5)),
    st.tuples(st.just("detach")),
)


class World:
    """What is around one witness: its Serf, which answers when the script says so, and looks under way."""

    def __init__(self) -> None:
        self.node = Node()
        self.finds: list[FindMembers] = []
        self.looks: list[Look] = []
        self.looked_at: list[tuple[float, str]] = []
        self.answered: list[int] = []

    def sort_out(self) -> None:
        """Put away what the witness wants."""
        for effect in self.node.take():
            if isinstance(effect, FindMembers):
                self.finds.append(effect)
            elif isinstance(effect, Look):
                self.looks.append(effect)
                self.looked_at.append((self.node.now, effect.name))
            elif isinstance(effect, Respond):
                decode_answer(effect.raw)
                self.answered.append(effect.query_id)

    def happen(self, word: object, *rest: object) -> None:
        """One step of the script."""
        match word, rest:
            case "ask", [int(number), list(targets), int(within), int(spread)]:
                self.node.ask(number, *targets, answer_within_ms=within, spread_ms=spread)
            case "wait", [float(seconds)]:
                self.node.wait(seconds)
            case "serf", [bool(knows)]:
                self.serf(knows=knows)
            case "looked", [int(place)] if self.looks:
                self.node.give(Looked(self.looks.pop(place % len(self.looks)).name, Reach.OK, Reach.OK, Reach.OK, 1))
            case "detach", _:
                self.node.give(Detached())
                self.finds.clear()
                self.looks.clear()
                self.looked_at.clear()
        self.sort_out()

    def serf(self, *, knows: bool) -> None:
        """Serf says all that it was asked, or of members nothing."""
        self.node.give(WELL)
        for find in self.finds:
            self.node.give(Members(find.names, {name: member(name) for name in find.names} if knows else None))
        self.finds.clear()


@settings(max_examples=300, deadline=None)
@given(script=st.lists(events, max_size=60))
def test_every_question_ends_in_exactly_one_way(script: list[tuple[object, ...]]) -> None:
    """Answered by the deadline, or counted as dropped. Nobody is looked at twice in a second."""
    world = World()
    for step in script:
        world.happen(*step)
    world.happen("wait", 4.0)
    counted = world.node.counted
    assert world.node.session.due_at is None
    assert len(world.answered) == len(set(world.answered)) == counted["answered"]
    assert counted["heard"] == counted["answered"] + counted["flood"] + counted["lost"]
    for at, name in world.looked_at:
        assert not [then for then, who in world.looked_at if who == name and at < then < at + limits.look_again_s]
