"""Lays a planned lab onto the disk: directories, keys, configuration, the nodes' root trees."""

from __future__ import annotations

import base64
import fcntl
import grp
import os
import pwd
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from config_center.keys import write_keypair
from inspector_lab import configs, limits, rootfs, tools
from inspector_lab.commands import call
from inspector_lab.errors import DirError, UpError
from inspector_lab.layout import Layout, NodeLayout
from inspector_lab.plan import Node, Plan, join_through, serf_start_s
from inspector_lab.services import ServiceSpec, save_services
from inspector_lab.state import load

SCRIPTS = Path(sys.executable).parent
# ssh, sshd and Ansible each have their own quoting; a path of these characters needs none but for spaces.
PLAIN_PATH = re.compile(r"[A-Za-z0-9 ._/+@,=:~-]+")


@contextmanager
def claimed_directory(home: Path) -> Iterator[Layout]:
    """The directory as ours alone while the block lasts; raises DirError when a lab runs there, or it is no lab's."""
    home = home.expanduser().absolute()
    if not PLAIN_PATH.fullmatch(str(home)):
        raise DirError(f"{home}: a lab's directory must be named with letters, digits, spaces and ._/+@,=:~- only")
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as failure:
        raise DirError(f"cannot make {home}: {failure.strerror}") from failure
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as failure:
            raise DirError(f"another `inspector-lab up` or `hollow` is at work in {home}") from failure
        layout = Layout(home)
        refuse_taken(layout)
        yield layout
    finally:
        os.close(handle)


def refuse_taken(layout: Layout) -> None:
    """Raise DirError unless the directory is empty, or that of a lab that does not run any more."""
    state = load(layout)
    if state is not None and state.running:
        raise DirError(
            f"a lab of {len(state.nodes) + state.hollow} nodes runs in {layout.home}: "
            f"use it, end it with `inspector-lab down --dir {layout.home}`, or choose another --dir"
        )
    if state is None and any(layout.home.iterdir()):
        raise DirError(f"{layout.home} is not empty and not a lab's: choose another --dir")


def this_host() -> configs.Host:
    """The user that runs the lab, as its sshds must know him; raises UpError when ssh could not let him in."""
    try:
        user = pwd.getpwuid(os.geteuid())
    except KeyError as failure:
        raise UpError(
            f"user id {os.geteuid()} has no name in /etc/passwd: sshd lets in only users it knows"
        ) from failure
    if Path(user.pw_shell).name in {"nologin", "false"} or not os.access(user.pw_shell, os.X_OK):
        raise UpError(
            f"user {user.pw_name} has no login shell ({user.pw_shell}): Ansible could not log in to the nodes"
        )
    sshd = dict(tools.sshd_helpers())
    if user.pw_uid != 0 and not terminals_need_no_chown():
        sshd["PermitTTY"] = "no"  # refused, a session goes on without one; granted, it would end in an error
    if user.pw_uid == 0 and root_is_locked():
        sshd["UsePAM"] = "yes"  # without PAM, sshd lets nobody in whose password is locked, with a key neither
    return configs.Host(user=user.pw_name, python=sys.executable, sshd=sshd)


def terminals_need_no_chown() -> bool:
    """Whether a new terminal belongs to the group tty at once. Else sshd must give it away, which only root may."""
    try:
        tty = grp.getgrnam("tty").gr_gid
        ours, theirs = os.openpty()
    except (KeyError, OSError):
        return False
    try:
        return os.fstat(theirs).st_gid == tty
    finally:
        os.close(ours)
        os.close(theirs)


def root_is_locked() -> bool:
    """Whether root has a locked password, as cloud images have it."""
    entries = (line.split(":") for line in Path("/etc/shadow").read_text().splitlines())
    return any(entry[0] == "root" and entry[1].startswith("!") for entry in entries)


# --- files ----------------------------------------------------------------------------------------------------


def write_lab(
    plan: Plan, layout: Layout, host: configs.Host, practice: Path, agent: Callable[[NodeLayout], list[str]]
) -> None:
    """Everything but lab.json. What an earlier lab left in the directory is cleared away first.

    agent  the command that starts the inspection agent of the node with these files
    """
    keys = write_shared(plan, layout, practice)
    layout.coordinator.write_text(configs.coordinator(plan, layout))
    layout.inventory.write_text(configs.inventory(plan, layout, host))
    for index, node in enumerate(plan.nodes):
        write_node(plan, node, layout, host)
        layout.node(node.name).serf.write_text(configs.serf(plan, node, join_through(plan, index), keys))
    save_services(layout, service_specs(plan, layout, agent))


def write_shared(plan: Plan, layout: Layout, practice: Path) -> dict[str, str]:
    """Folders, layers and keys of a lab, in place of what an earlier one left; returns the ring's keys."""
    clear_away(layout)
    for folder in (layout.ssh, layout.log("center").parent, layout.cache):
        folder.mkdir(mode=0o700)
    shutil.copytree(practice, layout.fleet)
    write_keypair(layout.center_key)
    return write_keys(plan, layout)


def clear_away(layout: Layout) -> None:
    """Remove what an earlier lab left in the directory."""
    for old in layout.made:
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        else:
            old.unlink(missing_ok=True)


def write_keys(plan: Plan, layout: Layout) -> dict[str, str]:
    """ssh keys and ring keys. Returns the ring's: rpc and gossip."""
    for key in (layout.user_key, layout.host_key):
        call(
            [str(tools.find("ssh-keygen")), "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(key)],
            failure=UpError,
        )
    layout.authorized_keys.write_bytes(layout.user_key.with_suffix(".pub").read_bytes())
    layout.known_hosts.write_text(configs.known_hosts(plan, layout.host_key.with_suffix(".pub").read_text()))
    keys = {"rpc": secrets.token_hex(16), "gossip": base64.b64encode(secrets.token_bytes(32)).decode()}
    layout.rpc_key.touch(mode=0o600)
    layout.rpc_key.write_text(keys["rpc"] + "\n")
    return keys


def write_node(plan: Plan, node: Node, layout: Layout, host: configs.Host) -> None:
    """One node's directory: its root tree and the configuration of its agent and sshd."""
    files = layout.node(node.name)
    for folder in (files.root, files.log("serf").parent, files.cache, files.scratch):
        folder.mkdir(mode=0o755, parents=True)
    write_tree(files.root, rootfs.tree(node))
    files.agent.write_text(configs.agent(plan, node, layout))
    files.sshd.write_text(configs.sshd(node, layout, host))


def write_tree(root: Path, tree: dict[str, rootfs.File]) -> None:
    """Files below a root, with their permissions."""
    for folder in sorted({(root / path).parent for path in tree}):
        folder.mkdir(parents=True, exist_ok=True)
    for path, file in tree.items():
        target = root / path
        if file.link:
            target.symlink_to(file.link)
        else:
            target.write_text(file.text)
            target.chmod(file.mode)


# --- services -------------------------------------------------------------------------------------------------


def service_specs(plan: Plan, layout: Layout, agent: Callable[[NodeLayout], list[str]]) -> list[ServiceSpec]:
    """What the keeper starts, and when: the center at once, each node's programs as its turn to join comes."""
    specs = [spec("", "center", center_command(plan, layout), layout.log("center"), 0.0)]
    serf, sshd = str(tools.find("serf")), str(tools.find("sshd"))
    for index, node in enumerate(plan.nodes):
        files, at_s = layout.node(node.name), serf_start_s(index)
        specs += [
            spec(node.name, "serf", [serf, "agent", f"-config-file={files.serf}"], files.log("serf"), at_s),
            spec(node.name, "sshd", [sshd, "-D", "-e", "-f", str(files.sshd)], files.log("sshd"), at_s),
            spec(node.name, "agent", agent(files), files.log("agent"), at_s + limits.agent_after_serf_s),
        ]
    return specs


def spec(node: str, name: str, argv: list[str], log: Path, at_s: float) -> ServiceSpec:
    """One service, as the keeper reads it."""
    return ServiceSpec(node=node, name=name, argv=argv, log=str(log), at_s=at_s)


def center_command(plan: Plan, layout: Layout) -> list[str]:
    """The config center on its own address."""
    host, port = plan.center.split(":")
    return [str(SCRIPTS / "config-center"), "serve", str(layout.store), "--host", host, "--port", port]


def check_sshd(layout: Layout, node: Node) -> None:
    """Let sshd judge its own configuration, so that a mistake is told at once and in its words."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # the init script's task; a container has none
    command = [str(tools.find("sshd")), "-t", "-f", str(layout.node(node.name).sshd)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UpError(f"sshd refuses its configuration: {done.stderr.strip()}")
