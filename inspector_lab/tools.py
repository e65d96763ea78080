"""Where the programs are that a lab starts: on PATH, in the system's usual places, or unpacked below `.tools/`.

Set-up without root unpacks Debian packages into `.tools/root` and writes a small starter for each of their
programs into `.tools/bin`. Everything that starts `serf`, `sshd`, `ssh-keygen` … asks here. Standard library only:
set-up itself runs before anything is installed.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from inspector_lab.errors import ToolMissingError

REPOSITORY = Path(__file__).resolve().parent.parent
TOOLS = REPOSITORY / ".tools"

# Debian and Ubuntu keep what only root usually starts, Nagios plugins and PostgreSQL's server off a user's PATH.
# A * stands for a version, the newest first.
SYSTEM_FOLDERS = (
    "/usr/local/sbin",
    "/usr/sbin",
    "/sbin",
    "/usr/lib/nagios/plugins",
    "/usr/lib/monitoring-plugins",
    "/usr/lib/postgresql/*/bin",
)

# Program -> the Debian package that brings it. What make setup sees to. From dmidecode on: what the checks' tests hold
# them against, or run them on.
PACKAGES = {
    "serf": "serf",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "check_disk": "monitoring-plugins-basic",
    "initdb": "postgresql",
    "postgres": "postgresql",
    "dmidecode": "dmidecode",
    "ethtool": "ethtool",
    "smartctl": "smartmontools",
    "visudo": "sudo",
    "crontab": "cron",
    "chronyd": "chrony",
    "rpm": "rpm",
    "openssl": "openssl",
    "modprobe": "kmod",
    "runc": "runc",
    "etcd": "etcd-server",
    "prometheus-alertmanager": "prometheus-alertmanager",  # what the watch tells its alerts to
    # What a lab in namespaces lays its cables and cuts them with.
    "ip": "iproute2",
    "nft": "nftables",
}

# Packages that would start a daemon, put another one out, or bring a service that empties the machine's packet filter:
# only ever unpacked.
UNPACKED = frozenset({"chrony", "etcd-server", "nftables", "prometheus-alertmanager", "smartmontools"})


def search_path(tools: Path = TOOLS) -> str:
    """PATH for everything a lab starts: the user's own first, then ours, then the system's usual places."""
    system = [str(path) for folder in SYSTEM_FOLDERS for path in matching(Path("/"), folder.removeprefix("/"))]
    return os.pathsep.join([os.environ.get("PATH", os.defpath), str(tools / "bin"), *system])


def matching(root: Path, folder: str) -> list[Path]:
    """The folder below `root`; where its name has a * for a version, all that are there, the newest first."""
    if "*" not in folder:
        return [root / folder]
    head, _, tail = folder.partition("*")
    versions = (path.name for path in (root / head).glob("*") if path.name.isdecimal())
    return [root / f"{head}{version}{tail}" for version in sorted(versions, key=int, reverse=True)]


def locate(program: str, tools: Path = TOOLS) -> Path | None:
    """Absolute path of a program, or None. The path is not resolved: a starter must keep its own name."""
    found = shutil.which(program, path=search_path(tools))
    return Path(found).absolute() if found else None


def find(program: str, tools: Path = TOOLS) -> Path:
    """Absolute path of a program; raises ToolMissingError with the package to install."""
    found = locate(program, tools)
    if found is None:
        package = PACKAGES.get(program, program)
        raise ToolMissingError(f"{program} is not installed: run `make setup`, or install the Debian package {package}")
    return found


def missing_packages(tools: Path = TOOLS) -> list[str]:
    """Debian packages whose program is nowhere to be found, sorted."""
    return sorted({package for program, package in PACKAGES.items() if locate(program, tools) is None})


def sshd_helpers(tools: Path = TOOLS) -> dict[str, str]:
    """sshd_config lines that an *unpacked* sshd of 9.8 or newer needs to find its own helper programs.

    Since 9.8 sshd is split (sshd-session, since 10.0 also sshd-auth), and looks for the parts at compiled-in places.
    """
    if locate("sshd", tools) != tools / "bin" / "sshd":
        return {}
    folder = tools / "root" / "usr" / "lib" / "openssh"
    parts = {"SshdSessionPath": folder / "sshd-session", "SshdAuthPath": folder / "sshd-auth"}
    return {keyword: str(path) for keyword, path in parts.items() if path.exists()}
