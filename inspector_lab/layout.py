"""Where everything of a lab lies below its directory. Paths only: nothing here touches a disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class NodeLayout:
    """The files of one node."""

    home: Path

    @property
    def root(self) -> Path:
        """What checks look at instead of /."""
        return self.home / "root"

    @property
    def serf(self) -> Path:
        """Configuration of its Serf agent."""
        return self.home / "serf.json"

    @property
    def agent(self) -> Path:
        """Configuration of its inspection agent."""
        return self.home / "agent.yml"

    @property
    def sshd(self) -> Path:
        """Configuration of its sshd."""
        return self.home / "sshd_config"

    @property
    def cache(self) -> Path:
        """Where its inspection agent keeps releases."""
        return self.home / "cache"

    @property
    def scratch(self) -> Path:
        """Where Ansible keeps its files on this node."""
        return self.home / "tmp"

    @property
    def disk(self) -> Path:
        """Where a node in namespaces sees its own disk; nothing is there for anybody else."""
        return self.home / "disk"

    @property
    def skew(self) -> Path:
        """By how many seconds its inspection agent's clock is wrong; no file: by none."""
        return self.home / "clock-skew"

    def log(self, service: str) -> Path:
        """What a service of this node printed."""
        return self.home / "log" / f"{service}.log"


@dataclass(frozen=True)
class Layout:
    """The files of a lab."""

    home: Path

    @property
    def state(self) -> Path:
        """What was started here, and by whom: also the mark that this directory is a lab's."""
        return self.home / "lab.json"

    @property
    def services(self) -> Path:
        """What the keeper has to start."""
        return self.home / "services.json"

    @property
    def socket(self) -> Path:
        """Where the keeper takes orders."""
        return self.home / "keeper.sock"

    @property
    def keeper_log(self) -> Path:
        """What the keeper had to say after it was left alone."""
        return self.home / "keeper.log"

    @property
    def coordinator(self) -> Path:
        """For `inspector --config`."""
        return self.home / "coordinator.yml"

    @property
    def inventory(self) -> Path:
        """An ordinary Ansible inventory of the nodes."""
        return self.home / "inventory.yml"

    @property
    def fleet(self) -> Path:
        """The practice layers, to be edited."""
        return self.home / "fleet"

    @property
    def store(self) -> Path:
        """The config center's database: where `config-center` looks for the store of a fleet's directory."""
        return self.fleet / "published" / "center.db"

    @property
    def center_key(self) -> Path:
        """Secret key that signs what is published."""
        return self.home / "center"

    @property
    def center_public(self) -> Path:
        """Its public half, which agents and coordinator trust."""
        return self.home / "center.pub"

    @property
    def cache(self) -> Path:
        """Where the coordinator keeps releases."""
        return self.home / "cache"

    @property
    def ssh(self) -> Path:
        """Keys of the lab's sshds and of those who may log in."""
        return self.home / "ssh"

    @property
    def user_key(self) -> Path:
        """Private key that all nodes let in."""
        return self.ssh / "id_ed25519"

    @property
    def host_key(self) -> Path:
        """Private key that all nodes identify themselves with."""
        return self.ssh / "host_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The nodes' host key, for ssh clients."""
        return self.ssh / "known_hosts"

    @property
    def authorized_keys(self) -> Path:
        """The public half of `user_key`."""
        return self.ssh / "authorized_keys"

    @property
    def rpc_key(self) -> Path:
        """RPC auth key of all Serf agents."""
        return self.home / "rpc.key"

    @property
    def hollow(self) -> Path:
        """What the process that plays a hollow ring's members tells of itself: phase and figures."""
        return self.home / "hollow.json"

    @property
    def hollow_job(self) -> Path:
        """What that process is to play."""
        return self.home / "hollow-job.json"

    @property
    def hollow_churn(self) -> Path:
        """How many of its members are to go and come back; where it is missing, none."""
        return self.home / "hollow-churn.json"

    @property
    def world(self) -> Path:
        """What a keeper of nodes in namespaces has to make before it starts anything."""
        return self.home / "world.json"

    @property
    def disks(self) -> Path:
        """Where that keeper, and nobody else, sees the disks of all nodes."""
        return self.home / "disks"

    def log(self, service: str) -> Path:
        """What a service that belongs to no node printed."""
        return self.home / "log" / f"{service}.log"

    def node(self, name: str) -> NodeLayout:
        """The files of one node."""
        return NodeLayout(self.home / "nodes" / name)

    @property
    def made(self) -> tuple[Path, ...]:
        """Everything `up` makes but `state`: what it may clear away before it makes it anew."""
        return (
            self.services, self.socket, self.keeper_log, self.coordinator, self.inventory, self.fleet, self.center_key,
            self.center_public, self.cache, self.ssh, self.rpc_key, self.home / "log", self.home / "nodes",
            self.hollow, self.hollow_job, self.hollow_job.with_suffix(".release"), self.hollow_churn, self.world,
            self.disks,
        )  # fmt: skip
