"""Real ssh servers for tests: unprivileged, each on a loopback address of its own, gone with the test.

    with ssh_hosts(["a", "b"], tmp_path) as hosts:
        inventory = hosts.write_inventory(tmp_path / "inventory.yml")
        hosts["a"].freeze()

Host keys are checked: the hosts' own known_hosts file is the only one that counts, and the operator's ssh is not
touched.
"""

from __future__ import annotations

import getpass
import json
import os
import random
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from inspector_lab.tools import find, sshd_helpers
from tests.support.waiting import PATIENCE_S, wait_until

PORT, CLAIM_PORT = 2222, 7944


@dataclass
class SshHost:
    """One ssh server. `variables` are its Ansible host variables; a test may add to them.

    `folder` holds its keys and, under `pids`, the process ids of commands started through `ssh_script`.
    """

    name: str
    address: str
    folder: Path
    variables: dict[str, object] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def freeze(self) -> None:
        """Connections are still accepted by the kernel, and nobody ever says a word."""
        if self.process is None:
            raise ValueError(f"{self.name} is not running")
        self.process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """Nothing listens any more."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def script(self, name: str, body: str) -> Path:
        """An executable shell script that notes its process id, so that it can be ended with the host."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\necho $$ > {self.folder}/pids/$$\n{body}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    def start(self, client_key: str, *options: str) -> str:
        """Start it with these further sshd options; returns its public host key."""
        (self.folder / "pids").mkdir(parents=True)
        key = _keygen(self.folder / "host_key")
        (self.folder / "authorized_keys").write_text(client_key, encoding="ascii")
        lines = [
            f"ListenAddress {self.address}",
            f"Port {PORT}",
            *(f"{keyword} {path}" for keyword, path in sshd_helpers().items()),
            f"HostKey {self.folder}/host_key",
            f"AuthorizedKeysFile {self.folder}/authorized_keys",
            "PidFile none",
            "UsePAM no",
            "StrictModes no",
            "PasswordAuthentication no",
            "PermitRootLogin prohibit-password",
            *options,
        ]
        config = self.folder / "sshd_config"
        config.write_text("\n".join(lines) + "\n", encoding="utf-8")
        with (self.folder / "log").open("wb") as log:
            command = [str(find("sshd")), "-D", "-e", "-f", str(config)]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        _wait_for_banner(self.address, self.folder / "log")
        return key

    def end(self) -> None:
        """End the server and every command that noted its process id."""
        self.kill()
        for note in (self.folder / "pids").glob("*"):
            with suppress(ProcessLookupError):
                os.kill(int(note.name), signal.SIGKILL)


class SshHosts(dict[str, SshHost]):
    """Hosts by name, and what Ansible must know to reach them."""

    def __init__(self, hosts: Mapping[str, SshHost], known_hosts: Path, ssh_args: str) -> None:
        super().__init__(hosts)
        self.known_hosts = known_hosts
        self.ssh_args = ssh_args

    def forge_key(self, name: str) -> None:
        """Make the known key of a host another's: as if somebody had put another machine in its place."""
        theirs, other = self[name], next(host for host in self.values() if host.name != name)
        lines = self.known_hosts.read_text(encoding="ascii").splitlines()
        place, stolen = (f"[{host.address}]:{PORT} " for host in (theirs, other))
        key = next(line.removeprefix(stolen) for line in lines if line.startswith(stolen))
        lines = [place + key if line.startswith(place) else line for line in lines]
        self.known_hosts.write_text("\n".join(lines) + "\n", encoding="ascii")

    def write_inventory(self, path: Path, names: Sequence[str] | None = None) -> Path:
        """An ordinary Ansible inventory of these hosts (all of them by default)."""
        listed = {
            name: {"ansible_host": host.address, **host.variables}
            for name, host in self.items()
            if names is None or name in names
        }
        common = {
            "ansible_port": PORT,
            "ansible_user": getpass.getuser(),
            "ansible_ssh_common_args": self.ssh_args,
        }
        path.write_text(json.dumps({"all": {"hosts": listed, "vars": common}}), encoding="utf-8")
        return path


@contextmanager
def ssh_hosts(
    names: Sequence[str], folder: Path, *, options: Mapping[str, Sequence[str]] | None = None
) -> Iterator[SshHosts]:
    """Running ssh servers of these names; `options` are further sshd_config lines by name."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd as root insists; the distribution's service makes it likewise
    folder.mkdir(exist_ok=True)
    client_key = _keygen(folder / "client_key")
    known = folder / "known_hosts"
    ssh_args = (
        f"-F none -o IdentityFile={folder}/client_key -o IdentitiesOnly=yes"
        f" -o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes"
    )
    with _claimed_network() as network:
        addresses = [f"{network}.{index}" for index in range(1, len(names) + 1)]
        hosts = {name: SshHost(name, address, folder / name) for name, address in zip(names, addresses, strict=True)}
        try:
            keys = [
                f"[{host.address}]:{PORT} {host.start(client_key, *(options or {}).get(name, ()))}"
                for name, host in hosts.items()
            ]
            known.write_text("".join(keys), encoding="ascii")
            yield SshHosts(hosts, known, ssh_args)
        finally:
            for host in hosts.values():
                host.end()


def _keygen(path: Path) -> str:
    """A fresh key pair; returns the public half, with its newline."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)], check=True)
    return path.with_suffix(".pub").read_text(encoding="ascii")


def _wait_for_banner(address: str, log: Path) -> None:
    """Return when the server greets. Connecting is the event: sshd listens a few milliseconds after it is started."""

    def greets() -> bool:
        with suppress(OSError), socket.create_connection((address, PORT), timeout=PATIENCE_S) as connection:
            return connection.recv(4) == b"SSH-"
        return False

    try:
        wait_until(greets, f"sshd on {address} greets")
    except AssertionError as late:
        late.add_note(log.read_text(encoding="utf-8")[-500:])
        raise


@contextmanager
def _claimed_network() -> Iterator[str]:
    """127.K.L, ours while a socket on its .254 stays bound. K is none of a lab's, which has sshds too."""
    while True:
        network = f"127.{random.randint(64, 223)}.{random.randint(1, 250)}"  # noqa: S311
        with socket.socket() as claim:
            try:
                claim.bind((f"{network}.254", CLAIM_PORT))
            except OSError:
                continue
            yield network
            return
