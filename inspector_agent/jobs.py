"""CORE. What the resident agent and the fetching child say to each other."""

from __future__ import annotations

import msgspec


class Job(msgspec.Struct, frozen=True):
    """What the agent wants.

    Attributes:
        centers: base URLs, in the order in which they are tried.
        name: of the node.
        traits: of the node, as a match looks at them.
        deadline_s: the child is done by then.
        parent: the agent's process id, with which the child ends; 0 to run it by hand.
        wanted: hexadecimal digits: the first 16 of one release's digest; or those of the release for everybody and of
            the canary, for the one of the two that the pointer assigns to this node; "" for whatever it assigns.
        number: of the wanted release, for words.
        trusted_keys: public keys as they are written; without any, unsigned pointers are taken.
    """

    cache: str
    centers: tuple[str, ...]
    name: str
    traits: dict[str, str]
    deadline_s: float
    parent: int = 0
    wanted: str = ""
    number: int = 0
    trusted_keys: tuple[str, ...] = ()


class Outcome(msgspec.Struct, frozen=True):
    """What came of it.

    Attributes:
        digest: the release that is now there for this job, proven and resolved; "" if there is none.
        holds: it is the one that the pointer in the cache, proven, assigns to this node.
        problem: what went wrong, even if an older release is there; "" if nothing did.
        failed: the centers that gave nothing that could be used.
        answered: the center that did; "" if none did, or none was asked.
    """

    digest: str = ""
    holds: bool = False
    problem: str = ""
    failed: tuple[str, ...] = ()
    answered: str = ""
