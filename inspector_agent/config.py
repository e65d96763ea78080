"""agent.yml: where this node's Serf agent, its config centers and its cache are.

    ring: {rpc: "127.0.0.1:7373", auth_key_file: serf.key}
    config_center: [http://center-a:8080, http://center-b:8080]     # mirrors, asked in this order
    cache: /var/lib/inspector                                       # the last good releases
    root: /                                                         # what the checks look at
    query_prefix: ""                                                # where a shared ring has an "inspect" of its own
    poll_s: 60                                                      # how often to ask for news
    trusted_keys: [ops.pub, "ed25519:…"]                            # then nothing else is taken than what these signed
    secret_key_file: secrets.key                                    # of the hashes that stand for secret values
    defer: {load: 8}                                                # above it a CPU, checks that start programs wait
    witness: {ssh_port: 22, ping: auto}                             # how this node looks at others of its ring

All but `cache` may be left out. Relative paths are relative to the file. Every mistake of a file is reported at once.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from config_center.errors import TrustError
from inspector_agent import limits
from inspector_agent.config_values import is_url, read_small, short
from inspector_agent.errors import ConfigError
from inspector_agent.runner.kin import fork
from inspector_agent.witness.settings import KEYS as WITNESS_KEYS
from inspector_agent.witness.settings import WitnessSettings, read_witness

SYSTEM_FILE = Path("/etc/inspector/agent.yml")
RPC_DEFAULT = "127.0.0.1:7373"

_KEYS = (
    "ring", "config_center", "cache", "root", "query_prefix", "poll_s", "trusted_keys", "secret_key_file", "defer",
    "witness",
)  # fmt: skip
_RING_KEYS = ("rpc", "auth_key_file")
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):([0-9]{1,5})")
_PREFIX = re.compile(r"[A-Za-z0-9_.-]{0,32}")


@dataclass(frozen=True)
class AgentConfig:
    """A whole agent.yml, checked, with absolute paths.

    Attributes:
        rpc: `host:port` of the node's Serf agent.
        auth_key: Serf's rpc_auth; None without one.
        config_center: base URLs, in the order in which they are asked.
        root: the directory below which all checks look.
        query_prefix: stands before the names of our queries.
        poll_s: seconds between two questions for news; the agent adds jitter.
        trusted_keys: public keys as they are written; without any, unsigned releases are taken.
        secret_key: of the hashes that stand for secret values; b"": each start of the agent has a random one.
        defer_load: load average a CPU above which checks that start programs are held back; 0: they never are.
        witness: how this node looks at others.
    """

    rpc: str
    auth_key: str | None
    config_center: tuple[str, ...]
    cache: Path
    root: str
    query_prefix: str
    poll_s: float
    trusted_keys: tuple[str, ...] = ()
    secret_key: bytes = field(default=b"", repr=False)
    defer_load: float = 0.0
    witness: WitnessSettings = field(default_factory=WitnessSettings)


def load(path: Path) -> AgentConfig:
    """Read an agent.yml. Raises ConfigError.

    The YAML is parsed in a child, so that the parser's 0.8 MB do not stay: call it before there is an event loop.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    child = fork()
    if child == 0:
        _tell(path, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    try:
        told = json.loads(said)
    except ValueError:
        raise ConfigError(f"{path} says too much to be one") from None
    if told["error"]:
        raise ConfigError(told["error"])
    return parse(told["document"], path)


def _tell(path: Path, fd: int) -> NoReturn:
    """Read the file and write it to the pipe as JSON, or what is wrong with it."""
    try:
        told = {"document": _read_yaml(path), "error": ""}
    except ConfigError as error:
        told = {"document": {}, "error": str(error)}
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as pipe:
            size = 0
            for piece in json.JSONEncoder(default=str, skipkeys=True).iterencode(told):
                size += len(piece)
                if size > limits.config_said_bytes_max:  # escapes: one byte of the file can be six of JSON
                    break
                pipe.write(piece)
    finally:
        os._exit(0)


def _read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises ConfigError with every mistake that can be told without knowing the keys."""
    from config_center.settings import read_settings

    document, mistakes = read_settings(read_small(path, "the configuration"), str(path))
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    if not isinstance(document, dict):
        raise ConfigError(f"{path} is no mapping; it needs at least `cache: DIRECTORY`")
    return document


def parse(document: Mapping[Any, Any], path: Path) -> AgentConfig:
    """Check a decoded agent.yml; `path` is where it was read from. Raises ConfigError with every mistake."""
    reader = _Reader(document, path.absolute().parent)
    reader.know_keys(document, _KEYS, "")
    ring = reader.take("ring", dict, {})
    reader.know_keys(ring, _RING_KEYS, "ring.")
    config = AgentConfig(
        rpc=reader.address(ring.get("rpc", RPC_DEFAULT)),
        auth_key=reader.auth_key(ring.get("auth_key_file")),
        config_center=reader.centers(),
        cache=reader.directory("cache", None),
        root=str(reader.directory("root", "/")),
        query_prefix=reader.prefix(),
        poll_s=reader.seconds("poll_s", limits.poll_s_default),
        trusted_keys=reader.trusted_keys(),
        secret_key=reader.secret_key(),
        defer_load=reader.defer_load(),
        witness=reader.witness(),
    )
    if reader.mistakes:
        raise ConfigError("\n".join(f"{path}: {mistake}" for mistake in reader.mistakes))
    return config


class _Reader:
    """Takes values out of a document and notes what is wrong with them; what it returns then does not matter."""

    def __init__(self, document: Mapping[Any, Any], base: Path) -> None:
        self.mistakes: list[str] = []
        self._document = document
        self._base = base

    def know_keys(self, found: Mapping[Any, Any], known: tuple[str, ...], where: str) -> None:
        from config_center.mistakes import did_you_mean

        for key in found:
            if key not in known:
                self.mistakes.append(f"unknown key `{where}{key}`: {did_you_mean(str(key), known)}")

    def take(self, key: str, kind: type | tuple[type, ...], default: Any) -> Any:
        value = self._document.get(key, default)
        if isinstance(value, kind) and not isinstance(value, bool):
            return value
        self.mistakes.append(f"`{key}` cannot be {short(value)}")
        return default

    def address(self, value: object) -> str:
        found = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
        if not found or not 0 < int(found[2]) < 65_536:
            self.mistakes.append(f"`ring.rpc` is host:port of Serf's RPC, not {short(value)}")
        return str(value)

    def auth_key(self, value: object) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str) or not value:
            self.mistakes.append(f"`ring.auth_key_file` is the name of a file, not {short(value)}")
            return None
        path = self._base / value
        with suppress(UnicodeDecodeError):
            try:
                key = read_small(path, "`ring.auth_key_file`").decode().strip()
            except ConfigError as error:
                self.mistakes.append(str(error))
                return None
            if key:
                return key
        self.mistakes.append(f"`ring.auth_key_file` {path} holds no text: put Serf's rpc_auth into it")
        return None

    def secret_key(self) -> bytes:
        value = self.take("secret_key_file", str, "")
        if not value:
            return b""
        path = self._base / value
        try:
            mode = path.stat().st_mode & 0o777
            key = read_small(path, "`secret_key_file`").strip()
        except OSError as error:
            self.mistakes.append(f"`secret_key_file` {path} cannot be read: {error.strerror}")
            return b""
        except ConfigError as error:
            self.mistakes.append(str(error))
            return b""
        if mode & 0o077:
            self.mistakes.append(f"`secret_key_file` {path} can be read by others (mode {mode:04o}): chmod 600 it")
        if len(key) < limits.secret_key_bytes_min:
            few = f"{len(key)} bytes, less than {limits.secret_key_bytes_min}"
            self.mistakes.append(f"`secret_key_file` {path} has {few}: it could be guessed")
        return key

    def centers(self) -> tuple[str, ...]:
        value = self.take("config_center", (str, list), [])
        urls = [value] if isinstance(value, str) else value
        if len(urls) > limits.centers_max:
            self.mistakes.append(f"`config_center` has {len(urls)} mirrors, at most {limits.centers_max} are asked")
        for url in urls:
            if not isinstance(url, str) or not is_url(url):
                self.mistakes.append(f"`config_center` holds http:// or https:// addresses, not {short(url)}")
        return tuple(str(url).rstrip("/") for url in urls)

    def trusted_keys(self) -> tuple[str, ...]:
        from config_center.keys import find_public

        value = self.take("trusted_keys", (str, list), [])
        keys: list[str] = []
        for text in [value] if isinstance(value, str) else value[: limits.trusted_keys_max]:
            if not isinstance(text, str) or not text:
                self.mistakes.append(f"`trusted_keys` holds keys or names of .pub files, not {short(text)}")
                continue
            try:
                keys.append(find_public(text, self._base).text)
            except TrustError as error:
                self.mistakes.append(f"`trusted_keys`: {error}")
        if len(value) > limits.trusted_keys_max and not isinstance(value, str):
            self.mistakes.append(f"`trusted_keys` has {len(value)} keys, at most {limits.trusted_keys_max} are taken")
        return tuple(dict.fromkeys(keys))

    def directory(self, key: str, default: str | None) -> Path:
        value = self.take(key, str, default) if key in self._document or default else None
        if not value:
            self.mistakes.append(f"`{key}` is missing: name a directory")
        return self._base / (value or "")

    def prefix(self) -> str:
        value = str(self.take("query_prefix", str, ""))
        if not _PREFIX.fullmatch(value):
            self.mistakes.append(f"`query_prefix` has at most 32 letters, digits, `_`, `.`, `-`, unlike {short(value)}")
        return value

    def defer_load(self) -> float:
        defer = self.take("defer", dict, {})
        self.know_keys(defer, ("load",), "defer.")
        value = defer.get("load", 0.0) if defer else 0.0
        if defer and not (type(value) in {int, float} and 0 < value <= limits.defer_load_max):
            self.mistakes.append(f"`defer.load` is a load average a CPU, such as 8, not {short(value)}")
            return 0.0
        return float(value)

    def witness(self) -> WitnessSettings:
        found = self.take("witness", dict, {})
        self.know_keys(found, WITNESS_KEYS, "witness.")
        return read_witness(found, self.mistakes)

    def seconds(self, key: str, default: float) -> float:
        value = float(self.take(key, (int, float), default))
        if not limits.poll_s_min <= value <= limits.poll_s_max:
            self.mistakes.append(f"`{key}` is {limits.poll_s_min:g} to {limits.poll_s_max:g} seconds, not {value:g}")
        return value
