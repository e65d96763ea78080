"""What `make setup` does: the virtual environment, the pinned Python packages, the system's programs.

Safe to run again and quick when there is nothing to do: the Python side is stamped with a hash of what it was made
from, the programs are looked up. Standard library only, since nothing else is installed yet.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from inspector_lab import debian, tools
from inspector_lab.commands import call, succeeds
from inspector_lab.errors import SetupError

LOCK = "requirements.lock"
STAMP = "inspector-setup"
COMPILED = ("checks", "config_center", "inspector_agent", "inspector_coord", "inspector_lab")


def install(repository: str) -> int:
    """Bring everything the project needs. Returns the exit code: 0, or 1 after one sentence on stderr."""
    home = Path(repository)
    try:
        install_programs(home)
        install_python(home)
    except SetupError as failure:
        say(str(failure))
        return 1
    return 0


def say(sentence: str) -> None:
    """One line of set-up's own voice, on stderr."""
    sys.stderr.write(f"setup: {sentence}\n")
    sys.stderr.flush()


# --- the Python side ------------------------------------------------------------------------------------------


def fingerprint(home: Path) -> str:
    """Hash of everything the virtual environment is made from."""
    digest = hashlib.sha256(f"{sys.version_info[:2]} {home}".encode())
    for name in (LOCK, "pyproject.toml", "inspector_lab/installer.py"):
        digest.update((home / name).read_bytes())
    return digest.hexdigest()


def install_python(home: Path) -> None:
    """`.venv` with the pinned packages and the project itself, editable. Nothing if the stamp says so."""
    environment = home / ".venv"
    stamp = environment / STAMP
    wanted = fingerprint(home)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    python = environment / "bin" / "python"
    if not usable(python):
        make_environment(home, environment)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    say(f"Python packages into {environment.name}, as pinned in {LOCK}")
    call([*pip, "-r", str(home / LOCK)])
    call([*pip, "--no-build-isolation", "-e", str(home)])
    # Where Python may not write bytecode, every program that starts would compile what it imports.
    call([str(python), "-m", "compileall", "-q", *(str(home / name) for name in COMPILED)])
    stamp.write_text(wanted)


def usable(python: Path) -> bool:
    """Whether the environment's Python starts, has pip, and is the version that is setting up."""
    check = f"import pip, sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    return succeeds([str(python), "-c", check])


def make_environment(home: Path, environment: Path) -> None:
    """A fresh virtual environment. Debian ships Python without ensurepip: then pip comes from its own package."""
    say(f"virtual environment in {environment}")
    if environment.exists():
        shutil.rmtree(environment)
    create = [sys.executable, "-m", "venv", str(environment)]
    if has_ensurepip():
        call(create)
        return
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if debian.can_install():
        say(f"this Python has no ensurepip: installing {package}")
        debian.install([package])
        call(create)
        return
    wheel = debian.unpacked_pip(home / ".tools")
    if wheel is None:
        raise SetupError(f"Python {sys.executable} cannot make a virtual environment: install {package} and try again")
    call([*create, "--without-pip"])
    python = str(environment / "bin" / "python")
    call([python, "-m", "pip", "install", "--quiet", "--no-index", str(wheel)], environment={"PYTHONPATH": str(wheel)})


def has_ensurepip() -> bool:
    """Whether this Python can put pip into an environment by itself."""
    return succeeds([sys.executable, "-c", "import ensurepip; ensurepip.version()"])


# --- the system's side ----------------------------------------------------------------------------------------


def install_programs(home: Path) -> None:
    """The programs in `tools.PACKAGES`: by apt-get as root or with sudo, else unpacked into `.tools`.

    Those of `tools.UNPACKED` are unpacked whoever asks: a set-up must not change which daemons a machine runs.
    """
    folder = home / ".tools"
    missing = tools.missing_packages(folder)
    if not missing:
        return
    names = " ".join(missing)
    if shutil.which("apt-get") is None:
        raise SetupError(f"this machine has no apt-get: install what Debian calls {names}, then run make again")
    installed = [name for name in missing if name not in tools.UNPACKED] if debian.can_install() else []
    if installed:
        say(f"system packages: {' '.join(installed)}")
        debian.install(installed)
    unpacked = [name for name in missing if name not in installed]
    if unpacked:
        say(f"unpacking {' '.join(unpacked)} into {folder}")
        debian.unpack(unpacked, folder)
    still = tools.missing_packages(folder)
    if still:
        raise SetupError(f"could not get {' '.join(still)}: install with `apt-get install {' '.join(still)}` as root")
