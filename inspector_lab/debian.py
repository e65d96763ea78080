"""Debian's packages, three ways: as root, with a sudo that asks no password, or unpacked without any right at all.

Without root, apt-get works on a state directory of its own below `.tools/apt`: it reads the machine's own sources,
so the packages come from wherever the machine gets its packages, checked against the same keys.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from inspector_lab.commands import call, succeeds
from inspector_lab.errors import SetupError
from inspector_lab.tools import matching

QUIET = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
# The first of a name counts: Chromium's own program comes before the script around it, which knows only /usr/lib.
PROGRAM_FOLDERS = (
    "usr/lib/chromium",
    "usr/bin",
    "usr/sbin",
    "bin",
    "sbin",
    "usr/lib/nagios/plugins",
    "usr/lib/postgresql/*/bin",
)


def privilege() -> list[str] | None:
    """What to put before a command so that it runs as root: nothing as root, sudo if it asks nothing, else None."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and succeeds([sudo, "-n", "true"]):
        return [sudo, "-n", "--preserve-env=DEBIAN_FRONTEND"]
    return None


def can_install() -> bool:
    """Whether packages can be installed into the system itself."""
    return shutil.which("apt-get") is not None and privilege() is not None


def install(packages: Sequence[str]) -> None:
    """Install into the system, without a question."""
    prefix = privilege()
    if prefix is None:
        raise SetupError(
            f"no right to install {' '.join(packages)}: run `apt-get install {' '.join(packages)}` as root"
        )
    call([*prefix, "apt-get", "-q", "update"], environment=QUIET)
    call([*prefix, "apt-get", "-q", "-y", "--no-install-recommends", "install", *packages], environment=QUIET)


# --- without root ---------------------------------------------------------------------------------------------


def unpack(packages: Sequence[str], tools: Path) -> None:
    """Packages and what they need that is not installed, into `tools/root`, with starters in `tools/bin`."""
    options = apt_options(tools)
    call(["apt-get", *options, "-q", "update"], environment=QUIET)
    plan = call(["apt-get", *options, "-s", "--no-install-recommends", "install", *packages], environment=QUIET)
    download(planned(plan), options, tools)
    write_starters(tools)
    shutil.rmtree(tools / "apt")  # 40 MB of package lists that nothing needs any more


def apt_options(tools: Path) -> list[str]:
    """Options that let apt-get work with a state directory of its own, beside the machine's real dpkg status."""
    state, cache = tools / "apt" / "state", tools / "apt" / "cache"
    (state / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (cache / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    return [
        "-o", f"Dir::State={state}",
        "-o", "Dir::State::status=/var/lib/dpkg/status",
        "-o", f"Dir::Cache={cache}",
        "-o", "Debug::NoLocking=1",
    ]  # fmt: skip


def planned(simulation: str) -> list[str]:
    """Names of the packages a simulated installation would bring: its lines `Inst NAME (VERSION …)`."""
    return re.findall(r"^Inst (\S+) ", simulation, flags=re.MULTILINE)


def download(names: Sequence[str], options: Sequence[str], tools: Path) -> None:
    """Fetch packages and lay their files below `tools/root`."""
    folder = tools / "apt" / "packages"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    call(["apt-get", *options, "-q", "download", *names], folder=folder, environment=QUIET)
    for package in sorted(folder.glob("*.deb")):
        call(["dpkg", "-x", str(package), str(tools / "root")])


def write_starters(tools: Path) -> None:
    """One small script a program in `tools/bin`, which lets it find the libraries unpacked beside it.

    It finds them from where it lies itself: a clone may be moved.
    """
    root = tools / "root"
    libraries = "".join(f"$tools/{folder.relative_to(tools)}:" for folder in library_folders(root))
    (tools / "bin").mkdir(exist_ok=True)
    for program in programs(root):
        starter = tools / "bin" / program.name
        # These two start ssh by a path that was compiled in.
        own_ssh = '-S "$tools/bin/ssh" ' if program.name in {"sftp", "scp"} else ""
        starter.write_text(
            '#!/bin/sh\ntools=$(cd "${0%/*}/.." && pwd) || exit\n'
            f'libraries="{libraries}$LD_LIBRARY_PATH"\n'
            # An empty name in that list would be the folder one stands in.
            f'LD_LIBRARY_PATH="${{libraries%:}}" exec "$tools/{program.relative_to(tools)}" {own_ssh}"$@"\n'
        )
        starter.chmod(starter.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def programs(root: Path) -> Iterator[Path]:
    """Executable files among the unpacked ones, each name once."""
    seen: set[str] = set()
    for folder in (found for name in PROGRAM_FOLDERS for found in matching(root, name)):
        for path in sorted(folder.glob("*")):
            if path.is_file() and os.access(path, os.X_OK) and path.name not in seen:
                seen.add(path.name)
                yield path


def library_folders(root: Path) -> list[Path]:
    """Folders below `root` that hold shared libraries."""
    return sorted({path.parent for top in ("lib", "usr/lib") for path in (root / top).rglob("lib*.so*")})


def unpacked_pip(tools: Path) -> Path | None:
    """pip's own wheel from Debian's package, unpacked; None where apt-get cannot help."""
    if shutil.which("apt-get") is None:
        return None
    options = apt_options(tools)
    call(["apt-get", *options, "-q", "update"], environment=QUIET)
    download(["python3-pip-whl"], options, tools)
    return next(iter(sorted((tools / "root").glob("usr/share/python-wheels/pip-*.whl"))), None)
