"""@group: from coordinator.yml, and from the group files that ClusterShell (clush, nodeset) already uses.

`@web` is looked up in coordinator.yml first, then in ClusterShell's default source; `@roles:web` in its source `roles`.
Of ClusterShell's configuration only the files are read (`autodir` of groups.conf: groups.d/*.yaml). A source that is a
shell command there is named, and not run: no text of a configuration file becomes a command here.
"""

from __future__ import annotations

import configparser
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template

from ClusterShell.Defaults import config_paths
from ClusterShell.NodeSet import NodeSet, NodeSetException
from ClusterShell.NodeUtils import GroupResolver, GroupResolverError, GroupSource, GroupSourceError, YAMLGroupLoader

from inspector_coord import limits
from inspector_coord.errors import ConfigError, TargetError

__all__ = ["Groups", "read_groups"]

OWN = "coordinator.yml"  # the name of our own source; it cannot be asked for by a colon, as it holds a dot


class Groups:
    """Resolves node set expressions with groups in them."""

    def __init__(
        self,
        own: Mapping[str, str],
        sources: Iterable[GroupSource] = (),
        default: str = "",
        commands: Sequence[str] = (),
    ) -> None:
        """`own`: group -> node set. `sources`: ClusterShell's; `default` names the one of plain @group among them.

        `commands`: sources that are shell commands, which are named to a person who misses a group.
        """
        self._own = dict(own)
        self._commands = tuple(commands)
        self._default = default
        known = {source.name: source for source in sources}
        self._theirs = known.get(default) or next(iter(known.values()), None)
        merged = GroupSource(OWN, groups={**(self._theirs.groups if self._theirs else {}), **self._own})
        self._resolver = GroupResolver(merged)
        for source in known.values():
            self._resolver.add_source(source)

    def names(self) -> tuple[str, ...]:
        """All groups that can be written without a source."""
        return tuple(sorted({*self._own, *(self._theirs.groups if self._theirs else {})}))

    def expand(self, expression: str) -> frozenset[str]:
        """The node names of an expression such as `n[001-010],@web!n003`. Raises TargetError."""
        try:
            return frozenset(NodeSet(expression, resolver=self._resolver))
        except (NodeSetException, GroupResolverError, GroupSourceError, RecursionError) as problem:
            why = str(problem) or "unknown group source"
            raise TargetError(f"target {expression!r} cannot be read: {why}; groups are {self.known()}") from problem

    def known(self) -> str:
        """The groups there are, for a person who asked for another."""
        names = self.names()
        text = ", ".join(f"@{name}" for name in names[:20]) + (", …" if len(names) > 20 else "")
        if self._commands:
            text += f"; not read, as they are shell commands in groups.conf: {', '.join(self._commands)}"
        return text or "none"


def read_groups(own: Mapping[str, str], configs: Sequence[Path] | None = None) -> Groups:
    """Groups of coordinator.yml and of ClusterShell.

    `configs`: groups.conf files; ClusterShell's own places by default. Raises ConfigError for one that cannot be used.
    """
    places = configs if configs is not None else [Path(place) for place in config_paths("groups.conf")]
    parser = configparser.ConfigParser(interpolation=None)
    try:
        found = parser.read(places)
        home = Path(found[-1]).parent if found else Path()
        sources = [source for folder in _folders(parser, home) for source in _yaml_sources(folder)] if found else []
    except (configparser.Error, GroupResolverError, OSError, UnicodeDecodeError, ValueError) as problem:
        raise ConfigError(f"ClusterShell's groups cannot be read: {problem}") from problem
    commands = [section for section in parser.sections() if section != "Main"]
    return Groups(own, sources, parser.get("Main", "default", fallback=""), commands)


def _folders(parser: configparser.ConfigParser, home: Path) -> list[Path]:
    listed = shlex.split(parser.get("Main", "autodir", fallback=""))
    folders = [Path(Template(folder).safe_substitute(CFGDIR=str(home))) for folder in listed]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir()]


def _yaml_sources(folder: Path) -> list[GroupSource]:
    sources: list[GroupSource] = []
    for file in sorted(folder.glob("*.yaml")):
        if file.stat().st_size > limits.config_bytes_max:
            raise ValueError(f"{file} has more than {limits.config_bytes_max} bytes")
        sources += YAMLGroupLoader(str(file))
    return sources
