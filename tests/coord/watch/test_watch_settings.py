"""What a person may choose about a watch does what it says, on a ring on paper."""

from __future__ import annotations

import pytest

from inspector_coord.watch import limits
from inspector_coord.watch.conclusions import Action, Kind
from inspector_coord.watch.flaps import Flaps
from inspector_coord.watch.settings import Settings
from tests.support.paper_world import World, fleet


def world(settings: Settings) -> World:
    """Thirty nodes, watched for a minute, in which nothing is told."""
    made = World(fleet(), ("n000", "n010"), settings=settings)
    assert made.run(70.0) == []
    return made


def test_roll_calls_follow_each_other_and_never_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every so often; where answers are spread over longer, one waits for the other, and nobody is missed for that."""
    made = world(Settings(roll_s=10.0))
    assert len([ask for ask in made.asks if not ask.names]) >= 6
    monkeypatch.setattr(limits, "roll_rate_per_s", 1.0)
    made = World(fleet(), ("n000",), settings=Settings(roll_s=5.0))
    assert made.run(300.0) == []
    assert all(len(ask.names) > 1 or ask.targets for ask in made.asks if ask.names), "nobody is asked by name"
    assert 5 <= len([ask for ask in made.asks if not ask.names]) <= 10


@pytest.mark.parametrize("witnesses", [3, 9])
def test_so_many_witnesses_are_asked(witnesses: int) -> None:
    made = world(Settings(witnesses=witnesses))
    made.change(["n007"], host=False)
    told = made.run(30.0)
    assert told[0].evidence.startswith(f"reached by none of {witnesses} witnesses")


def test_what_is_over_within_the_hold_is_told_to_nobody() -> None:
    """What lasts longer is told then."""
    made = world(Settings(hold_s=30.0))
    made.change(["n007"], host=False)
    assert made.run(25.0) == []
    made.change(["n007"], host=True)
    assert made.run(60.0) == []
    made.change(["n007"], host=False)
    made.run(15.0)
    [told] = made.run(35.0)
    assert (told.action, told.kind) == (Action.OPENED, Kind.DOWN)
    assert 30.0 <= told.at - told.since <= 33.0


def test_places_have_the_names_that_the_ring_gives_them() -> None:
    """A ring that knows no racks: what goes together is named by its zone."""
    made = world(Settings(place_tags=("zone",)))
    made.change(made.named(zone="b"), host=False)
    told = made.run(40.0)
    assert told[-1].domain == "zone=b"


def test_flapping_is_what_is_set() -> None:
    """Three times in ten minutes; one that has come to rest as failed is told after the slowest flapping."""
    settings = Settings(flap_count=3, flap_window_s=600.0)
    flaps = Flaps(settings)
    assert [flaps.note("n1", at * 250.0, gone=at != 1) is not None for at in range(3)] == [False, False, True]
    assert flaps.flapping["n1"].quiet_s == 600.0
    assert flaps.still_at("n1", failed=True) == 500.0 + settings.flap_failed_s
    assert settings.flap_failed_s > 300.0
    assert Flaps().note("n1", 0.0, gone=True) is None
