"""The same hosts and the same items, looked at by a sweep, by clush, by Salt and by Ansible; each in its best case.

`python -m bench.side_by_side [--quick]` prints what `make bench` writes into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.figures import Figure, Results
from bench.fleet import BIN, Fleet, fleet
from bench.peers import ansible_side, clush_side, items, ours, salt_install, salt_side, usage
from bench.peers.picture import draw
from bench.peers.results import Measured, figures, section
from bench.peers.salt_fleet import salt_fleet
from bench.peers.told import Broken, Way
from bench.peers.usage import Looked, Sides
from inspector_lab import processes

NODES, NODES_QUICK = 50, 20
ORDER = ("Inspector", "clush", "Salt", "Ansible")  # of the rows; they are measured as it saves most time
KILLED = ("n007", "n013", "n019")
HUNG = ("n004", "n016")  # none of these five is an entry of the ring: the asker's own side is whole for every peer
STUCK_S = 40  # longer than any connection timeout; over kept connections a command may wait for ever: it is ended then
IDLE_S = 10
KNOWN_S = 20  # Serf's own failure detection has spoken by then
PLOT = Path(__file__).parent.parent / "docs" / "side-by-side.svg"


def tell(what: str) -> None:
    """Progress."""
    print(f"  {what}", file=sys.stderr, flush=True)


def healthy(looks: Iterable[Looked], words: Callable[[Looked], dict[str, str]], nodes: int) -> list[Looked]:
    """The looks; raises SystemExit with what was said where one did not get all nodes."""
    taken = []
    for look in looks:
        said = words(look)
        if len(said) != nodes or any(said.values()):
            raise SystemExit(f"not all {nodes} nodes answered: {said}\n{look.out[-2000:]}\n{look.err[-2000:]}")
        taken.append(look)
    return taken


class Bench:
    """One run of the comparison over a practice fleet."""

    def __init__(self, lab: Fleet, folder: Path, *, nodes: int, quick: bool) -> None:
        self.lab, self.quick, self.nodes = lab, quick, nodes
        self.found = Measured(nodes)
        self.items = items.shared(lab)
        items.publish(lab, self.items)
        services = [node["processes"] for node in lab.state["nodes"].values()]
        rings = [(node["serf"]["pid"], node["agent"]["pid"]) for node in services]
        self.ring = usage.resident(rings, IDLE_S)
        self.ours = ours.Ours(lab, Sides(tuple(pid for pair in rings for pid in pair)))
        sshd = Sides(tuple(node["sshd"]["pid"] for node in services))
        self.sshd = usage.resident([[pid] for pid in sshd.nodes], IDLE_S)
        for name in ("clush", "ansible"):
            (folder / name).mkdir()
        self.clush = clush_side.Clush(lab, folder / "clush", self.items, sshd)
        self.ansible = ansible_side.Ansible(lab, folder / "ansible", self.items, sshd)

    def forget(self) -> None:
        """End what commands left behind: connections that are kept."""
        usage.end(usage.strays(()))

    def new(self, look: Callable[[], Looked], runs: int) -> Iterable[Looked]:
        """Looks over new connections each."""
        for _ in range(runs):
            self.forget()
            yield look()

    def sweeps(self) -> None:
        """Ours, whole process."""
        tell("sweeps")
        self.ours.look()  # everybody fetches the release once
        looks = healthy((self.ours.look() for _ in range(3 if self.quick else 15)), ours.words, self.nodes)
        self.found.first_to_closed = [ours.report(look)["seconds"] for look in looks]
        self.found.ways.append(Way("sweep", "Inspector", "sweep, items judged", looks, self.ring, self.nodes))

    def over_ssh(self) -> None:
        """clush and Ansible; at the end connections of both are kept."""
        one = 1 if self.quick else 3

        def add(key: str, peer: str, how: str, looks: Iterable[Looked]) -> None:
            tell(f"{peer}, {how}")
            words = clush_side.words if peer == "clush" else ansible_side.words
            taken = healthy(looks, words, self.nodes)
            self.found.ways.append(Way(key, peer, how, taken, self.sshd, self.nodes))

        def ansible() -> Looked:
            return self.ansible.look(one_task=True)

        add("clush", "clush", "one command", self.new(self.clush.look, 1 if self.quick else 3))
        self.forget()
        add("ansible_one_task", "Ansible", "one task for all items", self.new(ansible, one))
        self.forget()
        if not self.quick:
            add("ansible", "Ansible", "a task an item", [self.ansible.look(one_task=False)])
        else:
            ansible()
        add("ansible_one_task_kept", "Ansible", "one task, connections kept", (ansible() for _ in range(one)))
        self.clush.look(kept=True)
        kept = (self.clush.look(kept=True) for _ in range(1 if self.quick else 3))
        add("clush_kept", "clush", "one command, connections kept", kept)

    def break_nodes(self, names: Iterable[str], how: str) -> None:
        """Order the lab to break nodes."""
        lab = ["inspector-lab", "break", ",".join(names), "--how", how, "--dir", str(self.lab.directory)]
        subprocess.run([str(BIN / lab[0]), *lab[1:]], check=True, stdout=subprocess.DEVNULL)

    def said(self, peer: str, how: str, look: Looked, words: Callable[[Looked], dict[str, str]]) -> None:
        """Book what was said about broken nodes."""
        others = self.nodes - len(KILLED) - len(HUNG)
        self.found.broken.append(Broken(peer, how, look, words(look), others, KILLED, HUNG))
        tell(self.found.broken[-1].row)

    def faults(self) -> None:
        """Kill and hang nodes, and ask everybody."""
        tell("three nodes killed, two hang")
        self.break_nodes(KILLED, "kill")
        self.break_nodes(HUNG, "freeze")
        known = time.monotonic() + KNOWN_S
        self.said("Inspector", "sweep at once", self.ours.look(), ours.words)
        clush, ansible = clush_side.words, ansible_side.words
        self.said("clush", "connections kept", self.clush.look(kept=True, timeout_s=STUCK_S), clush)
        self.said("Ansible", "connections kept", self.ansible.look(one_task=True, timeout_s=STUCK_S), ansible)
        self.forget()
        self.said("clush", "new connections", self.clush.look(), clush)
        self.said("Ansible", "new connections", self.ansible.look(one_task=True), ansible)
        self.forget()
        time.sleep(max(0.0, known - time.monotonic()))
        self.said("Inspector", f"sweep, {KNOWN_S} s later or more", self.ours.look(), ours.words)

    def salt(self) -> None:
        """Salt, with the machine to itself: the lab's nodes end, their files stay."""
        programs = salt_install.installed()
        self.found.salt = programs is not None
        if programs is None:
            return
        tell("Salt")
        self.break_nodes(["n*"], "kill")
        with salt_fleet(programs, self.lab, self.items) as running:
            salt = salt_side.Salt(running, self.items)
            resident = usage.resident([[pid] for pid in running.minions.values()], IDLE_S)
            ways = (("salt_command", "one command", False, 5), ("salt_states", "a state an item, test=True", True, 3))
            for key, how, states, runs in ways:
                tell(f"Salt, {how}")
                salt.look(states=states)  # minions fetch the state, and load what it needs, once
                taken = (salt.look(states=states) for _ in range(1 if self.quick else runs))
                looks = healthy(taken, salt_side.words, self.nodes)
                self.found.ways.append(Way(key, "Salt", how, looks, resident, self.nodes))
            tell("Salt: three minions killed, two hang")
            running.break_nodes([*KILLED], [*HUNG])
            self.said("Salt", "one command", salt.look(), salt_side.words)
            self.said("Salt", "one command, `--static --out=json`", salt.look(as_json=True), salt_side.words)


def measure(*, quick: bool) -> Results:
    """Everything, in a quarter of an hour; `quick`: 20 nodes, few runs, without Ansible's task an item."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    nodes = NODES_QUICK if quick else NODES
    with fleet(nodes) as lab, tempfile.TemporaryDirectory(prefix="peers-") as folder:
        processes.adopt_orphans()
        bench = Bench(lab, Path(folder), nodes=nodes, quick=quick)
        try:
            bench.sweeps()
            bench.over_ssh()
            bench.faults()
        finally:
            bench.forget()
        bench.salt()
    for rows in (bench.found.ways, bench.found.broken):
        rows.sort(key=lambda row: ORDER.index(row.peer))
    if not quick:
        draw(bench.found.ways, PLOT)
    return [*figures(bench.found), section(bench.found)]


def main() -> int:
    """Print the figures and the section."""
    parser = argparse.ArgumentParser(prog="python -m bench.side_by_side", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="20 nodes, few runs, no picture: to try it")
    results = measure(quick=parser.parse_args().quick)
    for result in results:
        if isinstance(result, Figure):
            print(f"{result.title}: {result.median:.4g} {result.unit}  {result.budget}  {result.verdict}")
        else:
            print(f"\n## {result.title}\n\n{result.text}")
    return int(any(isinstance(result, Figure) and result.verdict == "missed" for result in results))


if __name__ == "__main__":
    sys.exit(main())
