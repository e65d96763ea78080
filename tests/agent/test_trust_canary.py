"""A canary: which release is a node's own, and what becomes of it with promotion, withdrawal and other traits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config_center.match import Term
from config_center.release import Release
from inspector_agent.kept import Kept
from tests.support.center import terms
from tests.support.trusting import AWAY, TrustingNode, expects, trusting_node

B1 = terms(rack="b1")
IN_B1, IN_A1 = {"rack": "b1"}, {"rack": "a1"}


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[TrustingNode]:
    """A node that has followed nothing yet."""
    async with trusting_node(tmp_path) as made:
        yield made


def prefix(*releases: Release) -> bytes:
    """How a question names them."""
    return b"".join(bytes.fromhex(release.digest)[:8] for release in releases)


async def test_only_the_nodes_it_matches_adopt_a_canary(node: TrustingNode) -> None:
    """By tags and by facts alike; the others do not even fetch it."""
    node.signed.act(node.first, (node.second, B1))
    await node.follows(node.first, traits=IN_A1)
    assert f"/releases/{node.second.digest}.json" not in node.server.asked
    await node.follows(node.second, traits=IN_B1)
    by_fact = {"fact.kernel": Term(at_least="6.1"), "rack": Term(none=("b1",))}
    node.signed.act(node.first, (node.third, by_fact))
    await node.follows(node.third, traits={"rack": "a1", "fact.kernel": "6.2.0"})
    await node.follows(node.first, traits={"rack": "a1", "fact.kernel": "5.10"})
    await node.follows(node.first, traits={"rack": "b1", "fact.kernel": "6.2.0"})


@pytest.mark.parametrize("keys", [None, ()])
async def test_a_question_with_a_canary_is_answered_by_the_release_that_is_ones_own(
    node: TrustingNode, keys: tuple[str, ...] | None
) -> None:
    """The node decides by its pointer, fetching it if it is another one; signed or not."""
    both = prefix(node.first, node.second)
    node.signed.act(node.first)
    for traits in (IN_A1, IN_B1):
        await node.started(keys=keys, traits=traits).refresh()
    node.signed.act(node.first, (node.second, B1))
    for traits, own in ((IN_A1, node.first), (IN_B1, node.second)):
        running = node.started(keys=keys, traits=traits)
        found = await running.ensure(both, 1, 20.0)
        assert found is not None
        assert (found.digest, running.last_error) == (own.digest, "")
        node.server.asked.clear()
        assert await running.ensure(both, 1, 20.0) is not None
        assert await node.started(AWAY, keys=keys, traits=traits).ensure(both, 1, 20.0) is not None
        assert node.server.asked == []


async def test_a_question_about_another_pair_is_not_answered_with_this_one(node: TrustingNode) -> None:
    """Turned round, with another canary, with one that is over: it says what the center has instead."""
    node.signed.act(node.first, (node.second, B1))
    running = node.started(traits=IN_B1)
    for pair in ((node.second, node.first), (node.first, node.third), (node.third, node.second)):
        assert await running.ensure(prefix(*pair), pair[0].number, 20.0) is None
        has = f"it has release 1 ({node.first.digest[:12]}) and release 2 ({node.second.digest[:12]})"
        wants = f"the question asks for {pair[0].number} ({pair[0].digest[:12]})"
        assert running.last_error == f"{node.url}: {has}, {wants}"
    node.signed.act(node.third)
    assert await running.ensure(prefix(node.first, node.third), 1, 20.0) is None
    await node.follows(node.third, traits=IN_B1)


async def test_the_release_for_everybody_can_be_asked_of_a_canary(node: TrustingNode) -> None:
    """It is signed as well; what the node should be stays what it is assigned."""
    node.signed.act(node.first, (node.second, B1))
    running = node.started(traits=IN_B1)
    asked = await running.ensure(prefix(node.first), 1, 20.0)
    assert asked is not None
    assert asked.digest == node.first.digest
    current = running.current()
    assert current is not None
    assert current.digest == node.second.digest
    node.holds(node.second, traits=IN_B1)


async def test_nobody_can_make_other_nodes_try_a_canary(node: TrustingNode) -> None:
    """A question names it; the pointer says for whom it is."""
    node.signed.act(node.first, (node.second, B1))
    running = node.started(traits=IN_A1)
    await running.refresh()
    assert await running.ensure(prefix(node.second), 2, 20.0) is None
    words = f"release 2 ({node.second.digest[:12]}) is tried by other nodes only: refused here"
    assert running.last_error == f"{node.url}: {words}"
    assert f"/releases/{node.second.digest}.json" not in node.server.asked


async def test_promotion_costs_a_node_that_has_it_one_pointer(node: TrustingNode) -> None:
    """The same release, now for everybody: nothing is fetched again, and what is in memory stays."""
    node.signed.act(node.first, (node.second, B1))
    running = node.started(traits=IN_B1)
    tried = await running.refresh()
    node.signed.act(node.second)
    node.server.asked.clear()
    assert await running.refresh() is tried is not None
    assert node.server.asked == ["/current.json"] * 2  # a glance says that there is news, the child reads it
    assert running.last_error == ""
    await node.follows(node.second, traits=IN_A1)


@pytest.mark.parametrize("keys", [None, ()])
async def test_a_canary_is_withdrawn_under_a_new_number(node: TrustingNode, keys: tuple[str, ...] | None) -> None:
    """The old content once more: signed or not, numbers only go up."""
    node.signed.act(node.first, (node.second, B1))
    await node.follows(node.second, traits=IN_B1, keys=keys)
    again = node.signed.release(4, expects(1))
    node.signed.act(again)
    for traits in (IN_B1, IN_A1):
        found = await node.follows(again, traits=traits, keys=keys)
        assert found.items[0].expect == {"value": {"equals": 1}}


async def test_a_node_leaves_a_canary_by_a_signature_or_by_its_own_traits(node: TrustingNode) -> None:
    """A narrower match under a signature takes it back to the older number; a node that was moved needs none."""
    node.signed.act(node.first, (node.second, B1))
    await node.follows(node.second, traits=IN_B1)
    narrower = terms(rack="b1", node="n002")
    node.signed.act(node.first, (node.second, narrower))
    await node.follows(node.first, traits=IN_B1)
    node.signed.act(node.first, (node.second, B1))
    await node.follows(node.second, traits=IN_B1)
    moved = node.started(traits=IN_A1)
    found = await moved.refresh()
    assert found is not None
    assert (found.digest, moved.last_error) == (node.first.digest, "")


async def test_without_signatures_nobody_is_sent_back_from_a_canary(node: TrustingNode) -> None:
    """It could be anybody who says so."""
    node.signed.act(node.first, (node.second, B1), keys=())
    await node.follows(node.second, traits=IN_B1, keys=())
    node.signed.act(node.first, (node.second, terms(rack="b2")), keys=())
    running = node.started(traits=IN_B1, keys=())
    await running.refresh()
    words = f"release 1 ({node.first.digest[:12]}) for this node is older than 2, which holds"
    assert running.last_error == f"{node.url}: {words}: only a pointer signed by a trusted key may turn a node back"
    node.holds(node.second, traits=IN_B1, keys=())


async def test_a_canary_that_cannot_be_had_changes_nothing(node: TrustingNode) -> None:
    """A mirror lacks its file: the last good release stays, and the one for everybody still answers questions."""
    node.signed.act(node.first)
    await node.follows(node.first, traits=IN_B1)
    node.signed.act(node.third, (node.second, B1))
    path = f"/releases/{node.second.digest}.json"
    raw = node.signed.files.pop(path)
    running = node.started(traits=IN_B1)
    current = await running.refresh()
    assert current is not None
    assert current.digest == node.first.digest
    assert running.last_error == f"{node.server.url}{path}: the center answers 404 Not Found"
    asked = await running.ensure(prefix(node.third), 3, 20.0)
    assert asked is not None
    assert asked.digest == node.third.digest
    node.holds(node.first, traits=IN_B1)
    node.signed.files[path] = raw
    await node.follows(node.second, traits=IN_B1)


async def test_a_kept_baseline_is_valid_for_its_name_and_traits_only(node: TrustingNode) -> None:
    """Another kernel is another node, as other tags are."""
    node.signed.act(node.first)
    before = {"zone": "a", "fact.kernel": "6.1.0"}
    await node.follows(node.first, traits=before)
    kept = Kept(node.cache)
    assert kept.baseline(node.first.digest, "n001", before) is not None
    for name, traits in (("n002", before), ("n001", before | {"fact.kernel": "6.1.1"}), ("n001", {"zone": "a"})):
        assert kept.baseline(node.first.digest, name, traits) is None
    node.holds(None, traits=before | {"fact.kernel": "6.1.1"})
    resolved = node.started(AWAY, traits=before | {"fact.kernel": "6.1.1"})
    assert await resolved.refresh() is not None
