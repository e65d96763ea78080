"""What happens to an agent's session (events), and what it wants done (effects). Both are plain frozen data.

Times are seconds. `deadline_s` in an effect counts from now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inspector_agent import limits
from inspector_agent.wire import Vitals

if TYPE_CHECKING:
    from config_center.resolve import Baseline, Item
    from inspector_agent.findings import Finding

# ---- events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attached:
    """The node's Serf agent says who this node is. With another name or other tags it should be something else."""

    name: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Detached:
    """The connection to Serf is gone, and with it every query that waited for a response."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A query of ours arrived; `query_id` is what Serf wants back with the response."""

    query_id: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """Serf did not take the response to a query: it was over."""

    query_id: int


@dataclass(frozen=True, slots=True)
class Held:
    """The baseline of the release that this node holds as its current one."""

    baseline: Baseline


@dataclass(frozen=True, slots=True)
class Fetched:
    """A fetch ended. `wanted` is that of the Fetch; `baseline` is None if it cannot be had now."""

    wanted: bytes
    baseline: Baseline | None


@dataclass(frozen=True, slots=True)
class Found:
    """A run knows the outcome of one item."""

    run: int
    finding: Finding


@dataclass(frozen=True, slots=True)
class Ended:
    """A run is over and nothing of it is left; `problem` says why, if it did not end by itself."""

    run: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Looked:
    """The gauges were read."""

    vitals: Vitals


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Event = Attached | Detached | Heard | Refused | Held | Fetched | Found | Ended | Looked | Tick

# ---- effects --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Respond:
    """Send these bytes as this node's response, now. Report Refused if Serf says that the query is over."""

    query_id: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class StartRun:
    """Run the checks of these items; report Found for each outcome, and Ended once nothing of the run is left.

    left_s: until the first answer is due that waits for it.
    """

    run: int
    digest: str
    items: tuple[Item, ...]
    left_s: float
    deadline_s: float = limits.run_s_max


@dataclass(frozen=True, slots=True)
class StopRun:
    """End this run now, with all its children; report Ended."""

    run: int


@dataclass(frozen=True, slots=True)
class Fetch:
    """Get a release; report Fetched, by the deadline.

    `wanted` is the prefix of its digest, or those of two releases, the second one a canary: then it is the one of them
    that this node's pointer assigns to it, if the pointer has exactly these two.
    """

    wanted: bytes
    number: int
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Note:
    """Log this: the first time that something is dropped for this reason. It is counted ever after."""

    reason: str
    detail: str


Effect = Respond | StartRun | StopRun | Fetch | Note
