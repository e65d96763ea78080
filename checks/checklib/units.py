"""Whether a unit of systemd is enabled, from its files alone, as `systemctl --root=… is-enabled` tells it."""

from __future__ import annotations

import errno

from checklib.errors import CannotTell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from checklib.root import Root

# systemd.unit(5), in order: the first that has the unit counts.
ADMIN, RUNTIME = "/etc/systemd/system", "/run/systemd/system"
DIRECTORIES = (ADMIN, RUNTIME, "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
_LINKED_BY = (".wants", ".requires", ".upholds")
_INSTALLING = ("WantedBy", "RequiredBy", "UpheldBy", "Alias")


def parse_install(text: str) -> dict[str, list[str]]:
    """The [Install] section of a unit file: its keys and all their words."""
    found: dict[str, list[str]] = {}
    section = ""
    for raw in text.replace("\\\n", " ").splitlines():
        line = raw.strip()
        if line.startswith("["):
            section = line
        elif section == "[Install]" and "=" in line and line[:1] not in {"#", ";"}:
            name, _, value = line.partition("=")
            found.setdefault(name.strip(), []).extend(value.split())
    return found


def enabled_state(unit: str, root: Root) -> str | None:
    """enabled, enabled-runtime, disabled, masked, masked-runtime, static, indirect or alias; None: no such unit."""
    template = _template_of(unit)
    for directory in DIRECTORIES:
        for name in dict.fromkeys((unit, template)):
            path = f"{directory}/{name}"
            target = _link_target(path, root)
            if target == "/dev/null":
                return "masked-runtime" if directory == RUNTIME else "masked"
            if target is not None and target.rpartition("/")[2] not in {unit, template}:
                return "alias"
            if root.exists(path):
                return _state_of(unit, template, path, root)
    return None


def has_units(root: Root) -> bool:
    """Whether there is a systemd below the root that could have units."""
    return any(root.exists(directory) for directory in DIRECTORIES)


def _state_of(unit: str, template: str, path: str, root: Root) -> str:
    text = root.text(path)
    if not text.strip():
        return "masked"
    install = parse_install(text)
    aliases = [alias for alias in install.get("Alias", []) if "/" not in alias]
    for directory, state in ((ADMIN, "enabled"), (RUNTIME, "enabled-runtime")):
        if _is_linked(unit, template, directory, aliases, root):
            return state
    if any(install.get(key) for key in _INSTALLING):
        return "disabled"
    return "indirect" if install.get("Also") else "static"


def _is_linked(unit: str, template: str, directory: str, aliases: list[str], root: Root) -> bool:
    """Another unit wants it, by a link of the administrator's, or one of its aliases is such a link."""
    for name in root.names(directory):
        if name.endswith(_LINKED_BY):
            for wanted in root.names(f"{directory}/{name}"):
                if wanted == unit or (unit == template and "@" in unit and _template_of(wanted) == template):
                    return True
    return any(_link_target(f"{directory}/{alias}", root) is not None for alias in aliases if alias != unit)


def _template_of(unit: str) -> str:
    """getty@tty1.service -> getty@.service; any other unit is its own."""
    name, at, rest = unit.partition("@")
    return f"{name}@.{rest.rpartition('.')[2]}" if at else unit


def _link_target(path: str, root: Root) -> str | None:
    """Where a link points; None where there is nothing, or no link."""
    try:
        return root.readlink(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno == errno.EINVAL:  # it is there, and no link
            return None
        raise CannotTell(f"{path}: {error.strerror}") from error
