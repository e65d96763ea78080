"""The rules alone: which pointers are followed, and in which order centers are asked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config_center.errors import TrustError
from config_center.pointer import Canary, Pointer
from inspector_agent import limits
from inspector_agent.acceptance import Seen, check_signed, check_unsigned
from inspector_agent.mirrors import Mirrors
from tests.support.center import WHEN, terms

HELD = (5, 12)


def pointer(serial: int, number: int, content: str = "", canary: int = 0) -> Pointer:
    """An act; content: of the release, so that one number can mean two. canary: its number, for rack b1."""
    digest = f"{number:02}{content}".ljust(64, "0")
    trial = Canary(canary, f"{canary:02}".ljust(64, "0"), terms(rack="b1")) if canary else None
    return Pointer(serial=serial, number=number, digest=digest, created=WHEN, canary=trial)


def followed(check: Any, *arguments: Any) -> bool:
    """Whether it is."""
    try:
        check(*arguments)
    except TrustError:
        return False
    return True


@pytest.mark.parametrize(
    ("offered", "signed", "unsigned"),
    [
        (pointer(6, 13), True, True),
        (pointer(6, 12), True, True),  # the same release once more: a canary was withdrawn, a key revoked
        (pointer(6, 11), True, False),
        (pointer(6, 12, "f"), True, False),
        (pointer(5, 12), True, True),
        (pointer(5, 13), False, False),
        (pointer(5, 12, "f"), False, False),
        (pointer(4, 13), False, False),
        (pointer(4, 12), False, False),
        (pointer(4, 11), False, False),
        (pointer(6, 12, canary=14), True, True),
        (pointer(6, 11, canary=14), True, False),  # nobody is sent back, not even those who would not notice
        (pointer(6, 13, canary=11), True, False),
    ],
)
def test_the_table_of_the_documentation(offered: Pointer, signed: bool, unsigned: bool) -> None:
    """docs/trust.md has it in words; this node is in the rack of the canary and holds release 12 of act 5."""
    held = pointer(*HELD)
    assert followed(check_signed, offered, held, Seen(held.serial)) is signed
    assert followed(check_unsigned, offered, held, "n001", {"rack": "b1"}) is unsigned
    assert followed(check_unsigned, offered, None, "n001", {"rack": "b1"})


ACTS = st.builds(
    pointer, st.integers(1, 6), st.integers(1, 4), st.sampled_from(["", "f"]), st.sampled_from([0, 0, 5, 6])
)


@given(st.lists(ACTS, max_size=12))
def test_whatever_comes_a_signed_serial_and_an_unsigned_number_never_go_back(offers: list[Pointer]) -> None:
    """And under one serial a node never changes its mind."""
    held: Pointer | None = None
    seen, number = Seen(), 0
    said: dict[int, Pointer] = {}
    for offer in offers:
        if followed(check_signed, offer, held, seen):
            assert offer.serial >= seen.serial
            assert said.setdefault(offer.serial, offer) == offer
            held, seen = offer, seen.after(offer)
    held = None
    for offer in offers:
        if followed(check_unsigned, offer, held, "n001", {"rack": "b1"}):
            mine = offer.assigned("n001", {"rack": "b1"})[0]
            assert mine >= number
            assert held is None or (offer.serial >= held.serial and offer.number >= held.number)
            held, number = offer, mine


def test_what_was_seen_is_remembered_for_good() -> None:
    """Keys that one act revokes stay revoked when the next does not mention them."""
    seen = Seen()
    for serial, revoked in ((3, ("b" * 16,)), (4, ("a" * 16,)), (5, ())):
        seen = seen.after(Pointer(serial=serial, number=1, digest="0" * 64, created=WHEN, revoked=revoked))
    assert seen == Seen(5, ("a" * 16, "b" * 16))
    with pytest.raises(TrustError, match="is older than act 5"):
        check_signed(pointer(4, 99), None, seen)


def test_a_center_that_failed_lets_others_go_first_for_a_growing_while() -> None:
    """It is asked last until its rest is over; the rest doubles, up to a bound, and ends with an answer."""
    mirrors = Mirrors(["a", "b", "c"], lambda: 0.0)
    assert mirrors.order(0.0) == ("a", "b", "c")
    now, rests = 0.0, []
    for _ in range(12):
        mirrors.failed("a", now)
        assert mirrors.order(now) == ("b", "c", "a")
        rest_s = limits.mirror_rest_s_min
        while mirrors.order(now + rest_s)[0] != "a":
            rest_s += limits.mirror_rest_s_min
        rests.append(rest_s)
        now += rest_s
    assert rests[:3] == [60.0, 120.0, 240.0]
    assert rests[-1] == limits.mirror_rest_s_max
    mirrors.failed("a", now)
    mirrors.answered("a")
    assert mirrors.order(now) == ("a", "b", "c")
    mirrors.failed("a", now)
    assert mirrors.order(now + limits.mirror_rest_s_min) == ("a", "b", "c")


def test_rests_are_drawn_by_lot() -> None:
    """A fleet does not come back to a center all at once."""
    early, late = Mirrors(["a", "b"], lambda: 1.0), Mirrors(["a", "b"], lambda: 0.0)
    for mirrors in (early, late):
        mirrors.failed("a", 0.0)
    middle = limits.mirror_rest_s_min * (1 - limits.mirror_jitter / 2)
    assert (early.order(middle), late.order(middle)) == (("a", "b"), ("b", "a"))


def test_now_and_then_another_mirror_goes_first() -> None:
    """Each of the others in its turn, and only for news; one that rests stays behind all the same."""
    mirrors, every = Mirrors(["a", "b", "c"], lambda: 0.0), limits.looks_at_one_max
    firsts = [mirrors.order(0.0, look)[0] for look in range(4 * every)]
    assert "".join(firsts) == ("a" * (every - 1)).join(["", "c", "b", "c", "b"])
    assert mirrors.order(0.0, every - 1) == ("c", "a", "b")
    assert {mirrors.order(0.0) for _ in range(9)} == {("a", "b", "c")}
    mirrors.failed("c", 0.0)
    assert mirrors.order(1.0, every - 1) == ("a", "b", "c")
    assert [Mirrors(["a"], lambda: 0.0).order(0.0, look) for look in range(9)] == [("a",)] * 9
    assert Mirrors([], lambda: 0.0).order(0.0, every - 1) == ()


def test_when_all_have_failed_all_are_asked_as_configured() -> None:
    """There is nobody to let go first."""
    mirrors = Mirrors(["a", "b", "a"], lambda: 0.0)
    for center in ("b", "a"):
        mirrors.failed(center, 0.0)
    assert mirrors.order(1.0) == ("a", "b")
