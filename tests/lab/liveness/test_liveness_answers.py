"""What makes ten thousand answers cheap changes nothing about them: calls in a row, and the memory of questions."""

from __future__ import annotations

from inspector_lab.liveness.heard import KEPT, Heard
from inspector_lab.simulated.chance import Chance
from inspector_lab.simulated.timeline import Timeline


def test_calls_in_a_row_are_made_between_all_others() -> None:
    timeline, made = Timeline(), list[tuple[float, str]]()
    timeline.at(2.0, lambda: made.append((timeline.now, "other")))
    timeline.flow([(1.0, "a"), (1.5, "b"), (2.5, "c"), (9.0, "d")], lambda what: made.append((timeline.now, what)))
    timeline.run_until(5.0)
    assert made == [(1.0, "a"), (1.5, "b"), (2.0, "other"), (2.5, "c")]
    assert timeline.now == 5.0
    timeline.run_until(9.0)
    assert made[-1] == (9.0, "d")


def test_what_a_call_in_a_row_puts_in_comes_in_its_time() -> None:
    timeline, made = Timeline(), list[str]()

    def call(what: str) -> None:
        made.append(what)
        if what == "a":
            timeline.at(timeline.now + 0.5, made.append, "put in")

    timeline.flow([(1.0, "a"), (1.2, "b"), (2.0, "c")], call)
    timeline.run_until(5.0)
    assert made == ["a", "b", "put in", "c"]


def test_words_of_chance_are_the_same_ones_again_and_even() -> None:
    words = Chance(3).part("all").words(10_000)
    assert words == Chance(3).part("all").words(10_000)
    assert words != Chance(4).part("all").words(10_000)
    assert 0.49 < sum(words) / len(words) / 2**64 < 0.51


def test_a_host_tells_the_last_eight_questions_that_have_arrived() -> None:
    heard = Heard(2)
    for number in range(20):
        heard.note(0, float(number), bytes([number]), now=0.0)
    assert heard.ids(0, 3.5) == ()
    assert heard.ids(0, 12.0) == tuple(bytes([number]) for number in range(12, 20 - KEPT - 1, -1))[:8]
    assert heard.ids(0, 99.0) == tuple(bytes([number]) for number in range(19, 11, -1))
    assert heard.ids(0, 99.0) == heard.ids(0, 100.0)
    assert heard.ids(1, 99.0) == ()
