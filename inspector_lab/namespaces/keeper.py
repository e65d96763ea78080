"""The keeper of a lab in namespaces: it lives in the world itself, boots the nodes, and holds the faults in force.

The world is the keeper's own network namespace, the nodes' disks are mounted in its own mount namespace, and every node
dies with it. So nothing needs to be removed after it but what is in no namespace: cgroups, which the guard sees to.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from inspector_lab import guard, processes, tools
from inspector_lab.errors import BreakError
from inspector_lab.keeper import Keeper, Order
from inspector_lab.layout import Layout
from inspector_lab.namespaces import cpu, disks, faults, making
from inspector_lab.namespaces.faults import Fault
from inspector_lab.namespaces.machine import Machine, pids_of
from inspector_lab.namespaces.programs import run
from inspector_lab.namespaces.world import WorldPlan
from inspector_lab.services import Service, load_services


class WorldKeeper(Keeper):
    """A keeper whose nodes have namespaces.

    faults  what was broken and not healed;  dark  nodes whose power was cut;  the world is as these say, at all times
    """

    def __init__(
        self, layout: Layout, plan: WorldPlan, machines: Mapping[str, Machine], slices: cpu.Slices | None
    ) -> None:
        super().__init__(layout, load_services(layout, {name: m.spawn for name, m in machines.items()}))
        self.machines = machines
        self.addresses = {node.name: node.address for node in plan.nodes}
        self.slices = slices
        self.nft = str(tools.find("nft"))
        self.faults: list[Fault] = []
        self.dark: set[str] = set()
        self.rules = ""

    # --- orders -----------------------------------------------------------------------------------------------

    def carry_out(self, what: str, order: Order) -> None:
        """Also faults of the world, and their end."""
        try:
            if what == "fault":
                self.enforce(faults.added(self.faults, read_fault(order)))
            elif what == "relieve":
                self.enforce(faults.relieved(self.faults, order["nodes"], order["how"]))
            else:
                super().carry_out(what, order)
        except OSError as failure:
            raise BreakError(f"{what}: {failure}") from failure

    def report(self) -> Order:
        """Also which faults are in force."""
        return {**super().report(), "faults": [fault.told() for fault in self.faults]}

    def kill(self, services: list[Service]) -> None:
        """Cut the power of nodes that all services are killed of: at one moment nothing is heard of any of them."""
        doomed = self.whole(services)
        self.dark |= doomed
        self.filter(self.faults)
        for name in doomed:
            self.machines[name].cut_power()
        super().kill(services)  # a first process ends when all others of its node have been collected
        for name in doomed:
            self.machines[name].wait_dark()

    def freeze(self, services: list[Service]) -> None:
        """Of a whole node everything that runs there stands still, also what its services do not know of."""
        super().freeze(services)
        processes.send(self.pids(self.whole(services)), signal.SIGSTOP)

    def thaw(self, services: list[Service]) -> None:
        """And goes on."""
        processes.send(self.pids(self.whole(services)), signal.SIGCONT)
        super().thaw(services)

    def start(self, services: list[Service]) -> None:
        """Whoever was without power boots, and is heard again."""
        self.dark -= {service.node for service in services if service.pid is None}
        self.filter(self.faults)
        super().start(services)

    def heal(self, services: list[Service]) -> None:
        """Also of every fault of the world."""
        self.enforce(faults.relieved(self.faults, {service.node for service in services}))
        super().heal(services)

    def whole(self, services: Iterable[Service]) -> set[str]:
        """Nodes that all services of are among these."""
        left = {service.node for service in self.services} - {""}
        chosen = set(map(id, services))
        return left - {service.node for service in self.services if id(service) not in chosen}

    def pids(self, nodes: Iterable[str]) -> list[int]:
        """Everything that runs on these."""
        return pids_of(self.machines[name] for name in nodes)

    def collect(self, pid: int, code: int) -> None:
        """Also the first process of a node that was switched off from inside."""
        for name, machine in self.machines.items():
            if machine.pid == pid:
                machine.pid = None
                self.dark.add(name)
        super().collect(pid, code)

    # --- faults of the world ----------------------------------------------------------------------------------

    def enforce(self, wanted: list[Fault]) -> None:
        """Make the world what these say; raises BreakError or OSError, and then as much as could be done is."""
        if self.slices is None and faults.amounts(wanted, faults.SLOW_CPU):
            raise BreakError("this machine cannot limit processor time: it has no cgroup with a cpu controller")
        before, self.faults = self.faults, wanted
        self.filter(wanted)
        self.ration(before, wanted)
        for name, _ in changed(before, wanted, faults.FILL_DISK):
            disk = self.layout.disks / name
            disks.fill(disk) if name in faults.amounts(wanted, faults.FILL_DISK) else disks.empty(disk)
        for name, seconds in changed(before, wanted, faults.SKEW_CLOCK):
            self.skew(name, seconds)

    def filter(self, wanted: Iterable[Fault]) -> None:
        """Load the packet filter, if it is another one than is loaded."""
        unpowered = Fault(faults.BLACK_HOLE, tuple(sorted(self.dark)))
        rules = faults.ruleset([*wanted, *([unpowered] if self.dark else [])], self.addresses)
        if rules != self.rules:
            run([self.nft, "-f", "-"], rules.splitlines())
            self.rules = rules

    def skew(self, name: str, seconds: float | None) -> None:
        """Tell a node's agent by how much its clock is wrong, all at once: it may look at any moment."""
        told = self.layout.node(name).skew
        if seconds is None:
            told.unlink(missing_ok=True)
            return
        aside = told.with_suffix(".new")
        aside.write_text(f"{seconds:g}\n")
        aside.rename(told)

    def ration(self, before: Iterable[Fault], wanted: Iterable[Fault]) -> None:
        """Limit the processor time of those that are slowed, free those that are no more."""
        if self.slices is None:
            return
        for name, share in changed(before, wanted, faults.SLOW_CPU):
            if share is None:
                self.slices.free(name)
            else:
                self.slices.slow(name, share, self.pids([name]))


def changed(before: Iterable[Fault], wanted: Iterable[Fault], how: str) -> list[tuple[str, float | None]]:
    """Nodes whose amount of a fault is another one, with the new one; None where they have it no more."""
    old, new = faults.amounts(before, how), faults.amounts(wanted, how)
    return [(name, new.get(name)) for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]


def read_fault(order: Order) -> Fault:
    """The fault that an order describes."""
    return Fault(
        how=str(order["how"]),
        nodes=tuple(order["nodes"]),
        others=tuple(order["others"]),
        rest=bool(order["rest"]),
        direction=str(order["direction"]),
        amount=float(order["amount"]),
    )


def main() -> None:
    """`python -m inspector_lab.namespaces.keeper DIR`, started by `up --namespaces` alone."""
    layout = Layout(Path(sys.argv[1]))
    plan = making.load_world(layout)
    ip = str(tools.find("ip"))
    making.clear_up(plan.world.cable, ip)  # of a lab whose guard was killed: this world is ours now
    guard.fork_guard(partial(making.clear_up, plan.world.cable, ip))
    try:
        making.make_world(plan.world, ip, os.getppid())
        disks.make_all(layout, [node.name for node in plan.nodes])
    except OSError as failure:
        sys.exit(f"no world can be made for a lab: {failure}")
    slices = cpu.slices(plan.world.cable)
    keeper = WorldKeeper(layout, plan, making.make_machines(layout, plan, ip, slices), slices)
    gc.collect()
    gc.freeze()  # a collection in a fork would touch, and so copy, every page that it shares with us
    keeper.run()


if __name__ == "__main__":
    main()
