"""The one process that keeps a lab running: starts every node's services, takes orders, ends everything.

It is started by `up` with a pipe on stdin and one on stdout. As long as it has not read `keep` it belongs to `up`:
when the pipe closes, for whatever reason, it takes the lab down. Afterwards only `down` (an order on the control
socket), SIGTERM or SIGINT end it. One thread, one loop, standard library only: it must outlive everything, and its
children's death signal follows the thread that started them.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from inspector_lab import guard, limits, processes
from inspector_lab.control import open_listener, read_order
from inspector_lab.errors import BreakError
from inspector_lab.layout import Layout
from inspector_lab.services import Service, load_services

Order = dict[str, Any]


class Keeper:
    """State and loop. All times are monotonic seconds."""

    def __init__(self, layout: Layout, services: list[Service]) -> None:
        self.layout = layout
        self.services = services
        self.waiting = sorted(self.services, key=lambda service: service.at_s)
        self.began = processes.now()
        self.kept = False
        self.over = False
        self.selector = selectors.DefaultSelector()
        self.orders: dict[str, Callable[[list[Service]], None]] = {
            "kill": self.kill,
            "stop": self.stop,
            "start": self.start,
            "freeze": self.freeze,
            "thaw": self.thaw,
            "heal": self.heal,
        }

    # --- the loop ---------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Until told to end, or left by an `up` that did not say `keep`. Returns when nothing of the lab runs."""
        os.set_blocking(sys.stdout.fileno(), False)
        wake = self.wake_on_signals()
        listener = open_listener(self.layout.socket)
        self.selector.register(wake, selectors.EVENT_READ, lambda: drain(wake))
        self.selector.register(listener, selectors.EVENT_READ, lambda: self.serve(listener))
        self.selector.register(sys.stdin.fileno(), selectors.EVENT_READ, self.hear_patron)
        self.tell({"event": "hello", "pid": os.getpid()})
        try:
            while not self.over:
                for key, _ in self.selector.select(self.until_next_start()):
                    key.data()
                self.reap()
                self.start_due()
        finally:
            processes.kill_trees(service.pid for service in self.services if service.pid is not None)
            self.layout.socket.unlink(missing_ok=True)

    def wake_on_signals(self) -> socket.socket:
        """A socket that becomes readable when a child ends or we are asked to."""
        reader, writer = socket.socketpair()
        reader.settimeout(0)
        writer.settimeout(0)
        self.writer = writer  # kept: the signal machinery knows only its number
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self.end)
        return reader

    def end(self, *_: object) -> None:
        """Leave the loop, and with it the lab."""
        self.over = True

    def until_next_start(self) -> float | None:
        """Seconds until a service is due; None when none is."""
        if not self.waiting:
            return None
        return max(0.0, self.began + self.waiting[0].at_s - processes.now())

    def start_due(self) -> None:
        """Start one service that is due by now: orders are heard between two of them."""
        if self.waiting and self.until_next_start() == 0.0:
            service = self.waiting.pop(0)
            service.start()
            if service.exit is not None:
                self.tell_end(service)
            if not self.waiting:
                self.tell({"event": "spawned"})

    def reap(self) -> None:
        """Collect ended children: services, and orphans that came to us."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.collect(pid, os.waitstatus_to_exitcode(status))

    def collect(self, pid: int, code: int) -> None:
        """A child has ended; book it where it is a service."""
        for service in self.services:
            if service.pid == pid:
                service.ended(code)
                self.tell_end(service)

    # --- up, our patron ---------------------------------------------------------------------------------------

    def hear_patron(self) -> None:
        """`keep` makes us independent; the end of the pipe without it is the end of the lab."""
        if os.read(sys.stdin.fileno(), 4096).strip() != b"keep":
            self.over = True
            return
        self.tell({"event": "kept"})
        self.kept = True
        self.selector.unregister(sys.stdin.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the keeper's log

    def tell_end(self, service: Service) -> None:
        """Say that a service has ended: while a lab comes up, none should."""
        self.tell({"event": "ended", "node": service.node, "service": service.name, "exit": service.exit})

    def tell(self, event: Order) -> None:
        """One line to `up`, as long as it listens."""
        if self.kept:
            return
        try:
            os.write(sys.stdout.fileno(), json.dumps(event).encode() + b"\n")
        except BrokenPipeError:
            self.over = True
        except BlockingIOError:  # a full pipe: a patron that has seen the lab come up reads no more
            sys.stderr.write(f"unheard: {event}\n")

    # --- orders -----------------------------------------------------------------------------------------------

    def serve(self, listener: socket.socket) -> None:
        """Take one order from the control socket, carry it out, answer."""
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(limits.control_s_max)
            try:
                reply = self.obey(read_order(connection))
                connection.sendall(json.dumps(reply).encode() + b"\n")
            except OSError as failure:  # whoever asked has gone, or sent no line in time
                sys.stderr.write(f"control: {failure}\n")

    def obey(self, order: Order) -> Order:
        """Carry out one order; the reply is a report, or has `refused` with the reason."""
        try:
            self.carry_out(str(order.get("do")), order)
        except BreakError as failure:
            return {"refused": str(failure)}
        self.reap()
        return self.report()

    def carry_out(self, what: str, order: Order) -> None:
        """Do what an order says; raises BreakError where it cannot be."""
        if what == "down":
            self.over = True
        elif what in self.orders:
            self.orders[what](self.chosen(order))
        elif what != "status":
            raise BreakError(f"unknown order {what!r}")

    def report(self) -> Order:
        """What is told after every order."""
        return {"services": [service.state() for service in self.services]}

    def chosen(self, order: Order) -> list[Service]:
        """The services an order names: of these nodes, and of these names (all when none are given)."""
        nodes, names = set(order.get("nodes", ())), set(order.get("services", ()))
        return [service for service in self.services if service.node in nodes and (not names or service.name in names)]

    def kill(self, services: list[Service]) -> None:
        """End services at once, with everything they started."""
        self.waiting = [service for service in self.waiting if service not in services]
        doomed = [service.pid for service in services if service.pid is not None]
        nodes = {service.node for service in services if service.name == "sshd"}
        processes.kill_trees([*doomed, *guard.strays_of(nodes)])
        for service in services:
            service.collect()

    def stop(self, services: list[Service]) -> None:
        """Ask services to end, and kill what does not within the grace."""
        self.waiting = [service for service in self.waiting if service not in services]
        asked = [identity for service in services if (identity := service.ask_to_stop())]
        deadline = processes.now() + limits.stop_grace_s
        for identity in asked:
            processes.wait_gone(identity, max(0.0, deadline - processes.now()))
        self.kill(services)

    def freeze(self, services: list[Service]) -> None:
        """Stop services and everything they started in their tracks."""
        running = [service.pid for service in services if service.pid is not None]
        processes.send(processes.descendants(running), signal.SIGSTOP)

    def thaw(self, services: list[Service]) -> None:
        """Let what is frozen go on."""
        running = [service.pid for service in services if service.pid is not None]
        processes.send(processes.descendants(running), signal.SIGCONT)

    def start(self, services: list[Service]) -> None:
        """Start what has ended: the first node at once, others one after the other, as fast as a ring takes them in."""
        ended = [service for service in services if service.pid is None and service not in self.waiting]
        nodes = list(dict.fromkeys(service.node for service in ended))
        now_s = processes.now() - self.began
        for service in ended:
            seconds = nodes.index(service.node) / limits.serf_starts_per_s
            if seconds:
                service.postpone(now_s + seconds)
                self.waiting.append(service)
            else:
                service.start()
        self.waiting.sort(key=lambda service: service.at_s)

    def heal(self, services: list[Service]) -> None:
        """Thaw what is frozen, start what has ended."""
        self.thaw(services)
        self.start(services)


def drain(wake: socket.socket) -> None:
    """Empty the wake-up socket: what woke us is looked up, not counted."""
    while True:
        try:
            if not wake.recv(4096):
                return
        except BlockingIOError:
            return


def main() -> None:
    """`python -m inspector_lab.keeper DIR`, started by `up` alone."""
    layout = Layout(Path(sys.argv[1]))
    guard.fork_guard()
    Keeper(layout, load_services(layout, {})).run()


if __name__ == "__main__":
    main()
