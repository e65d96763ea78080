"""`inspector-lab up`: a fleet from nothing to whole, or nothing.

Until the very end the keeper belongs to this process: it holds a pipe, and when the pipe closes, because we failed,
were interrupted or killed, the keeper ends everything. Only when every node has answered a question is it told to
keep the lab.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

from inspector_lab import center, limits, processes, state
from inspector_lab.control import give_order
from inspector_lab.errors import LabError, UpError
from inspector_lab.ground import LOOPBACK, Ground, ground_for
from inspector_lab.layout import Layout
from inspector_lab.patron import Keeper, started_keeper, tail
from inspector_lab.plan import Plan, Wish
from inspector_lab.ready import Waiting, every_agent_answers, ring_is_whole
from inspector_lab.writing import check_sshd, claimed_directory, this_host, write_lab

Say = Callable[[str], None]


def bring_up(wish: Wish, home: Path, practice: Path, say: Say) -> state.LabState:
    """Start a lab and leave it running. Blocks until the ring is whole and every agent has answered.

    Raises PlanError, DirError, ToolMissingError, or UpError with what failed and its last log lines; then, as after
    KeyboardInterrupt, nothing of the lab runs any more.
    """
    with whole_lab(wish, home, practice, say) as (lab, keeper):
        trio.run(keeper.keep)
    return lab


@contextmanager
def borrowed_lab(
    wish: Wish, home: Path, practice: Path, say: Say, doomed: Collection[str] = ()
) -> Iterator[state.LabState]:
    """A lab for the length of the block. It ends with us, also if we are killed; errors as `bring_up`.

    `doomed` nodes are killed as soon as the ring is whole: it takes seconds to notice, in which the agents start.
    """
    with whole_lab(wish, home, practice, say, doomed) as (lab, _):
        yield lab


@contextmanager
def whole_lab(
    wish: Wish, home: Path, practice: Path, say: Say, doomed: Collection[str] = ()
) -> Iterator[tuple[state.LabState, Keeper]]:
    """A lab that is whole, and its keeper, which still belongs to us; the rest as `borrowed_lab`."""
    ground, host = ground_for(wish), this_host()
    with claimed_directory(home) as layout, ground.claimed() as (number, claim):
        plan = ground.lay_out(wish, number)
        write_lab(plan, layout, host, practice, ground.agent_command)
        ground.prepare(layout, plan)
        check_sshd(layout, plan.nodes[0])
        release = center.publish(layout)
        say(f"release {release.number} published: {release.items} items in {release.layers} layers")
        say(f"starting {len(plan.nodes)} nodes on {plan.network}, {limits.serf_starts_per_s:g} a second")
        with started_keeper(layout, claim, ground.keeper) as keeper:
            try:
                lab = trio.run(attend, plan, layout, keeper, release, doomed, ground, say)
            except BaseExceptionGroup as group:
                raise weightiest(group) from group
            yield lab, keeper


async def attend(
    plan: Plan,
    layout: Layout,
    keeper: Keeper,
    release: center.Published,
    doomed: Collection[str],
    ground: Ground,
    say: Say,
) -> state.LabState:
    """See the lab come up; returns when it is whole."""
    hello = await keeper.next_event("hello")
    lab = describe(plan, layout, keeper.pid, hello["pid"], release, ground=ground)
    state.save(layout, lab)
    waiting = Waiting()
    seconds = limits.ready_base_s + limits.ready_per_node_s * len(plan.nodes)
    with trio.move_on_after(seconds) as patience:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refuse_losses, keeper, layout, doomed)
            await ring_is_whole(plan, layout, waiting, say)
            if doomed:
                give_order(layout.socket, {"do": "kill", "nodes": list(doomed)})
                say(f"killed: {', '.join(doomed)}")
            living = [node for node in plan.nodes if node.name not in doomed]
            await every_agent_answers(living, layout, release, waiting, say)
            nursery.cancel_scope.cancel()
    if patience.cancelled_caught:
        log = layout.node(waiting.nodes[0]).log(waiting.service)
        raise UpError(
            f"not whole after {seconds:.0f} s: still waiting for the {waiting.service} of {', '.join(waiting.nodes)}; "
            f"the end of {log}:\n{tail(log)}"
        )
    return lab


async def refuse_losses(keeper: Keeper, layout: Layout, doomed: Collection[str]) -> None:
    """Raise UpError as soon as a service ends: while a lab comes up, none may."""
    async for event in keeper.events():
        if event["event"] == "ended" and event["node"] not in doomed:
            node, service = event["node"], event["service"]
            log = layout.node(node).log(service) if node else layout.log(service)
            whose = f"{service} of {node}" if node else f"the {service}"
            raise UpError(f"{whose} ended with exit code {event['exit']}; the end of {log}:\n{tail(log)}")


def describe(
    plan: Plan,
    layout: Layout,
    guard: int,
    keeper: int,
    release: center.Published,
    hollow: int = 0,
    ground: Ground = LOOPBACK,
) -> state.LabState:
    """What goes into lab.json; of a hollow ring the nodes that are real, and how many are not."""
    identities = [processes.identify(pid) for pid in (guard, keeper)]
    alive = [identity for identity in identities if identity is not None]
    if len(alive) != len(identities):
        raise UpError(f"the keeper ended at once\n{tail(layout.keeper_log)}")
    return state.LabState(
        octet=plan.octet,
        wish=plan.wish,
        guard=alive[0],
        keeper=alive[1],
        center=plan.center_url,
        release=release.digest,
        nodes=tuple(
            state.NodeRecord(
                name=node.name, address=node.address, tags=node.tags, root=ground.root(layout, node.name, keeper)
            )
            for node in plan.nodes[: len(plan.nodes) - hollow]
        ),
        hollow=hollow,
    )


def weightiest(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of several errors at once the one to tell: an interrupt, then one of ours, then whatever came first."""
    leaves = list(flatten(group))
    for kind in (KeyboardInterrupt, LabError):
        for leaf in leaves:
            if isinstance(leaf, kind):
                return leaf
    return leaves[0]


def flatten(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """The exceptions of a group and of the groups in it."""
    for member in group.exceptions:
        if isinstance(member, BaseExceptionGroup):
            yield from flatten(member)
        else:
            yield member
