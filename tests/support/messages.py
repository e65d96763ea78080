"""Questions and answers for tests: ordinary ones, and any that hypothesis may think of."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from inspector_agent import limits
from inspector_agent.wire import Answer, Counts, Question, clear_text, observed_hash

SWEEP, RELEASE = b"sweep-01", b"release0"

signatures = st.sampled_from([b"", bytes(64)])


@dataclass(frozen=True)
class Wrong:
    """What is wrong on a node: observed values by item number, the worst item first."""

    fails: dict[int, str]
    errs: dict[int, str]
    waived: tuple[int, ...] = ()

    def answer(self, **fields: object) -> Answer:
        """The node's answer with nothing cut yet."""
        failing, erring = tuple(sorted(self.fails)), tuple(sorted(self.errs))
        observed = {**self.fails, **self.errs}
        complete: dict[str, object] = {
            "sweep": SWEEP,
            "release": RELEASE,
            "number": 12,
            "counts": Counts(7, len(failing), len(erring), 1, len(self.waived)),
            "failing": failing,
            "erring": erring,
            "waived": tuple(sorted(self.waived)),
            "hashes": tuple(observed_hash(observed[number]) for number in failing + erring),
            "clear": {number: clear_text(text) for number, text in list(observed.items())[: limits.clear_texts_max]},
        }
        return Answer(**{**complete, **fields})  # type: ignore[arg-type]


@st.composite
def wrongs(draw: st.DrawFn, most: int = 400, chars: int = 90) -> Wrong:
    """Any number of failing, erring and waived items, scattered or in runs, with any observed text."""
    numbers = draw(
        st.sets(st.integers(0, limits.item_number_max), max_size=most)
        | st.builds(lambda first, count: set(range(first, first + count)), st.integers(0, 60_000), st.integers(0, most))
    )
    order = draw(st.permutations(sorted(numbers)))
    text = draw(st.lists(st.text(max_size=chars), min_size=1, max_size=5))
    first, second = sorted((draw(st.integers(0, len(order))), draw(st.integers(0, len(order)))))
    observed = {number: text[number % len(text)] for number in order}
    return Wrong(
        fails={number: observed[number] for number in order[:first]},
        errs={number: observed[number] for number in order[first:second]},
        waived=tuple(order[second:]),
    )


def question(**fields: object) -> Question:
    """An ordinary question, with some fields replaced."""
    ordinary: dict[str, object] = {
        "sweep": SWEEP,
        "release": RELEASE,
        "number": 12,
        "answer_within_ms": 2000,
        "spread_ms": 500,
        "issued_at": 1_800_000_000,
    }
    return Question(**{**ordinary, **fields})  # type: ignore[arg-type]
