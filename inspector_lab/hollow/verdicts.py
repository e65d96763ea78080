"""CORE. What each member's inspection agent has to say: real verdicts, for real baselines, made before they are asked.

Members with the same baseline and the same drift say the same, but for their clock, how long the run took, and the
sweep. So each kind of verdict is encoded once, with marks in those three places, and an answer is put together from
its pieces: a thousand kinds do for fifty thousand members, and one answer costs microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from config_center.release import Release
from config_center.resolve import Item, Resolver
from inspector_agent.findings import Finding
from inspector_agent.tally import selected, tally
from inspector_agent.wire import Answer, Question, Serving, Vitals, answer_budget, encode_answer
from inspector_lab.drift import DRAWN, Change
from inspector_lab.errors import PlanError
from inspector_lab.plan import Plan, draw

MARK_SWEEP = b"\xfd\xfcSWEEP\xfe"
MARK_CLOCK = 0x000A_5AA5_C33C_0F01
CLOCK = b"\xcf" + MARK_CLOCK.to_bytes(8, "big")
LONGEST_NAME = "n" * 64  # by which the answers are cut to their budget: lab names are shorter
VITALS = Vitals(
    disk=41, inodes=12, memory=37, threads=2, open_files=1, load=9, conntrack=3, network=0, booted=1_700_000_000
)

Drift = tuple[Change, ...]


class Body(msgspec.Struct, frozen=True, gc=False):
    """An encoded answer in pieces: sweep id, duration of the run (one byte) and clock stand between them."""

    before: bytes
    between: bytes
    behind: bytes
    after: bytes

    @property
    def size(self) -> int:
        """Bytes of the whole answer."""
        pieces = (self.before, self.between, self.behind, self.after)
        return sum(map(len, pieces)) + len(MARK_SWEEP) + 1 + len(CLOCK)

    def answer(self, sweep: bytes, took_ms: int, clock_ms: int) -> bytes:
        """The answer of a node to this sweep."""
        clock = b"\xcf" + clock_ms.to_bytes(8, "big")
        return b"".join((self.before, sweep, self.between, bytes((took_ms,)), self.behind, clock, self.after))


def body_of(answer: Answer) -> Body:
    """Cut an answer into its pieces, wherever its format has them. Raises PlanError where that cannot be."""
    one, other = (
        encode_answer(
            msgspec.structs.replace(answer, sweep=MARK_SWEEP, took_ms=took_ms, clock=MARK_CLOCK),
            budget=answer_budget(LONGEST_NAME),
        )
        for took_ms in (1, 2)
    )
    before, _, rest = one.partition(MARK_SWEEP)
    upto, _, after = rest.partition(CLOCK)
    took = next(at for at, (left, right) in enumerate(zip(one, other, strict=True)) if left != right)
    at = took - len(before) - len(MARK_SWEEP)
    body = Body(before, upto[:at], upto[at + 1 :], after)
    if body.answer(MARK_SWEEP, 2, MARK_CLOCK) != other or not 0 <= at < len(upto):
        raise PlanError("an answer cannot be cut where sweep, time and clock stand: its format has changed")
    return body


class Verdicts:
    """All verdicts of a fleet on one release."""

    def __init__(self, release: Release, plan: Plan, today: str) -> None:
        """`today`: "YYYY-MM-DD", for waivers."""
        self.release = release
        self.prefix = bytes.fromhex(release.digest)[: len(MARK_SWEEP)]
        self._today = today
        self._kinds: list[tuple[tuple[Item, ...], Drift]] = []
        self._bodies: dict[tuple[str, ...], list[Body]] = {}
        self.kind_of = self._sort(plan)

    def _sort(self, plan: Plan) -> list[int]:
        """The kind of each node's verdict, by its place in the plan."""
        resolver = Resolver(self.release)
        known: dict[tuple[int, Drift], int] = {}
        kinds = []
        for node in plan.nodes:
            items = resolver.baseline(node.name, node.tags).items
            drift = tuple(
                change
                for change in DRAWN
                if plan.wish.drift and draw(plan.wish.seed, "drift", node.name, change.item) < plan.wish.drift
            )
            kind = known.setdefault((id(items), drift), len(self._kinds))
            if kind == len(self._kinds):
                self._kinds.append((items, drift))
            kinds.append(kind)
        return kinds

    def bodies(self, question: Question) -> list[Body]:
        """What each kind answers to a question. It is a verdict if the question names this release, or any."""
        fits = prefix_fits(question, self.prefix)
        key = (str(fits), *question.items)
        found = self._bodies.get(key)
        if found is None:
            found = [self._body(items, drift, question.items, fits=fits) for items, drift in self._kinds]
            self._bodies = {key: found}  # of the last question: sweeps that are asked in turn ask the same
        return found

    def _body(self, items: Sequence[Item], drift: Drift, patterns: tuple[str, ...], *, fits: bool) -> Body:
        wrong: Mapping[str, Change] = {change.item: change for change in drift}
        asked = selected(items, patterns)
        found = {item.number: _finding(item, wrong.get(item.id)) for item in asked}
        known = tally(asked, found, self._today, missing=None)
        return body_of(
            Answer(
                sweep=MARK_SWEEP,
                state=Serving.VERDICT if fits else Serving.RELEASE,
                release=self.prefix,
                number=self.release.number,
                vitals=VITALS,
                **known.fields(),
            )
        )


def prefix_fits(question: Question, prefix: bytes) -> bool:
    """Whether a verdict on the release of that prefix is what is asked for."""
    return not any(question.release) or prefix in (question.release, question.canary)


def _finding(item: Item, change: Change | None) -> Finding:
    if change is None:
        return Finding(item.number, item.id, "pass", observed="as it should be")
    return Finding(item.number, item.id, "fail", observed=change.value)
