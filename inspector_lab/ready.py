"""When a ring is whole, and when its inspection agents listen: by asking them, as a coordinator would."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import trio

from inspector_agent import wire
from inspector_agent.ring import Answer, RingError, connect
from inspector_lab import limits
from inspector_lab.center import Published
from inspector_lab.layout import Layout
from inspector_lab.plan import Node, Plan, serf_start_s

# A small ring answers in half of the first; whoever attaches too late is asked again. Each question ends what its agent
# still fetches for the last one: on a busy machine nobody would ever have the release, if it were given a second again.
ASK_S, ASK_S_MAX, ASK_GROWTH = 1.0, 10.0, 1.5
NO_ITEM = "none:*"  # a pattern that fits nothing: the node answers, and runs no check


class Waiting:
    """What is still waited for, for the message when patience is over. `service` is serf or agent."""

    def __init__(self) -> None:
        self.service = "serf"
        self.nodes: list[str] = []


def without_repeats(say: Callable[[str], None]) -> Callable[[str], None]:
    """Progress that is none is not told again."""
    told = ""

    def say_news(line: str) -> None:
        nonlocal told
        if line != told:
            say(line)
        told = line

    return say_news


async def ring_is_whole(plan: Plan, layout: Layout, waiting: Waiting, say: Callable[[str], None]) -> None:
    """Returns once every node's Serf agent counts every other as alive."""
    key = layout.rpc_key.read_text().strip()
    wanted = len(plan.nodes)
    say = without_repeats(say)
    nudge_at = trio.current_time() + serf_start_s(wanted) + limits.nudge_s
    lacking = list(plan.nodes)
    while lacking:
        lacking = [node for node in lacking if await members_seen(node, key) != wanted]
        waiting.service, waiting.nodes = "serf", [node.name for node in lacking]
        say(f"ring: {wanted - len(lacking)} of {wanted} nodes see all others")
        if lacking and trio.current_time() > nudge_at:
            await introduce(lacking, plan, key)
            nudge_at = trio.current_time() + limits.nudge_s
        elif lacking:
            await trio.sleep(limits.poll_s)


async def introduce(lacking: Sequence[Node], plan: Plan, key: str) -> None:
    """Let nodes that do not know everybody compare member lists with one that does, and with their neighbour.

    A join is gossiped a few times only. Whoever joins at that moment can miss it for good, and learns of it when Serf
    next compares whole lists: after 30 s with the profile lan. Joining again compares at once.
    """
    whole = [node for node in plan.nodes if node not in lacking][:1]
    for node in lacking:
        neighbour = plan.nodes[plan.nodes.index(node) - 1]
        with suppress(RingError):  # not listening yet: the next round comes
            async with connect(node.rpc, auth_key=key) as client:
                await client.join([other.gossip for other in (*whole, neighbour)])


async def members_seen(node: Node, key: str) -> int:
    """How many living members a node's Serf agent knows of; 0 while it does not listen yet."""
    try:
        async with connect(node.rpc, auth_key=key) as client:
            serf = (await client.stats())["serf"]
    except RingError:
        return 0
    return int(serf["members"]) - int(serf["failed"]) - int(serf["left"])


async def every_agent_answers(
    nodes: Sequence[Node], layout: Layout, release: Published, waiting: Waiting, say: Callable[[str], None]
) -> None:
    """Returns once each of these nodes has answered a question with a verdict on this release."""
    key = layout.rpc_key.read_text().strip()
    say = without_repeats(say)
    missing = {node.name for node in nodes}
    within_s = ASK_S
    while missing:
        waiting.service, waiting.nodes = "agent", sorted(missing)
        missing -= await who_answers(nodes[0], key, release, missing, within_s)
        within_s = min(ASK_GROWTH * within_s, ASK_S_MAX)
        say(f"agents: {len(nodes) - len(missing)} of {len(nodes)} answer")


async def who_answers(entry: Node, key: str, release: Published, names: set[str], within_s: float) -> set[str]:
    """Ask these nodes once; returns those that answered with a verdict, early when all have."""
    question = wire.encode_question(
        wire.Question(
            sweep=secrets.token_bytes(8),
            release=bytes.fromhex(release.digest)[:8],
            number=release.number,
            items=(NO_ITEM,),
            answer_within_ms=int(within_s * 1000),
            issued_at=int(time.time()),
        )
    )
    answered: set[str] = set()
    try:
        async with (
            connect(entry.rpc, auth_key=key) as client,
            client.query(wire.QUERY_NAME, question, timeout_s=within_s, filter_nodes=few(names)) as records,
        ):
            async for record in records:
                if isinstance(record, Answer) and is_verdict(record.payload, release.digest):
                    answered.add(record.name)
                    if names <= answered:
                        break
    except RingError:
        await trio.sleep(limits.poll_s)
    return answered


def few(names: set[str]) -> list[str]:
    """Names for Serf's own filter, where they are few enough to fit into a question; else everybody is asked."""
    return sorted(names) if len(names) <= limits.filter_nodes_max else []


def is_verdict(payload: bytes, digest: str) -> bool:
    """Whether an answer is a verdict on the release we published."""
    answer = wire.decode_answer(payload)
    return answer.state is wire.Serving.VERDICT and bytes.fromhex(digest).startswith(answer.release)
