"""Who reaches whom under cuts, and what gossip makes of it."""

from __future__ import annotations

import pytest

from inspector_lab.liveness.paths import Paths

A, B, C = range(4), range(4, 8), range(8, 10)
"""Hosts of three zones."""


def cut(inside: range, way: str, outside: range | None = None) -> Paths:
    """Paths of ten hosts with one cut."""
    beyond = tuple(host for host in range(10) if host not in inside) if outside is None else tuple(outside)
    blocks: list[tuple[tuple[int, ...], tuple[int, ...] | None]] = []
    if way in ("both", "out"):
        blocks.append((tuple(inside), None if outside is None else beyond))
    if way in ("both", "in"):
        blocks.append((beyond, tuple(inside)))
    return Paths(10, blocks)


def test_without_a_cut_everybody_is_one_side() -> None:
    paths = Paths(10)
    assert len(paths.sizes) == 1
    assert not paths.apart(3)
    assert paths.connects(0, 9)


@pytest.mark.parametrize(("way", "sends", "hears"), [("both", False, False), ("out", False, True), ("in", True, False)])
def test_a_cut_has_a_direction(way: str, *, sends: bool, hears: bool) -> None:
    """Seen from the zone that is cut off; TCP needs both directions, gossip one."""
    paths = cut(C, way)
    assert (paths.passes(9, 0), paths.passes(0, 9)) == (sends, hears)
    assert not paths.connects(0, 9)
    assert paths.connects(8, 9)
    assert paths.apart(9)
    assert not paths.apart(0)
    assert paths.hears_core(9) is hears
    assert paths.one_way() is (sends != hears)


def test_gossip_goes_around_a_cut_between_two_zones() -> None:
    """The third zone passes it on, and nobody is out of contact with it."""
    paths = cut(A, "both", B)
    assert not paths.connects(0, 5)
    assert paths.side[5] in paths.hearers(paths.side[0])
    assert not any(paths.apart(host) for host in range(10))


def test_the_core_is_the_side_in_contact_with_most() -> None:
    assert [paths.apart(0) for paths in (cut(A, "both"), cut(C, "both"))] == [True, False]


def test_cuts_add_up() -> None:
    """C cannot send to anybody, and A does not hear B."""
    paths = Paths(10, [(tuple(C), None), (tuple(B), tuple(A))])
    assert not paths.passes(8, 0)
    assert paths.passes(0, 8)
    assert not paths.passes(4, 0)
    assert paths.passes(0, 4)
    assert paths.passes(4, 8)
