"""Salt's side: one command on all minions, or a state of all items tested."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from bench.peers import items as shared
from bench.peers.salt_fleet import SaltFleet
from bench.peers.usage import Looked, Sides, run


@dataclass(frozen=True)
class Salt:
    """Looks of Salt at its minions."""

    fleet: SaltFleet
    items: dict[str, str]

    @property
    def sides(self) -> Sides:
        """The minions are the nodes'; the master and `salt` itself ask."""
        return Sides(tuple(self.fleet.minions.values()))

    def look(self, *, states: bool = False, as_json: bool = False, timeout_s: float = 180) -> Looked:
        """One `salt '*'`: all values by one command, or (`states`) each item as a state, and what differs is printed.

        as_json: the output that a program would ask for.
        """
        reading = shared.reading("{{ grains.inspector_root }}", self.items)
        what = ["state.apply", "look", "test=True"] if states else ["cmd.run", reading, "template=jinja"]
        output = ["--static", "--out=json"] if as_json else ["--state-verbose=False"]
        command = [str(self.fleet.programs / "salt"), "-c", str(self.fleet.config), *output, "*", *what]
        return run(command, self.sides, timeout_s=timeout_s)


def words(looked: Looked) -> dict[str, str]:
    """Node -> what Salt says of it; "" where it returned values."""
    if looked.out.startswith("{"):
        return dict.fromkeys(json.loads(looked.out), "")
    said = {}
    blocks = re.split(r"^(\w+):\n", looked.out, flags=re.MULTILINE)[1:]
    for node, block in zip(blocks[::2], blocks[1::2], strict=True):
        missing = re.search(r"Minion did not return\. \[.*?\]", block)
        said[node] = missing[0] if missing else "" if block.strip() else "nothing"
    return said
