"""What reading any part of agent.yml needs."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from inspector_agent import limits
from inspector_agent.errors import ConfigError


def short(value: object) -> str:
    """The value as a reader of the file would know it. What is nested could be of any size when it is written out."""
    if isinstance(value, list | dict | set):
        return "a mapping" if isinstance(value, dict) else "a list"
    return f"{value!r:.60}"


def is_url(text: str) -> bool:
    """Whether it is the address of a config center."""
    with suppress(ValueError):
        parts = urlsplit(text)
        port = parts.port  # noqa: F841 - asking for it is what raises
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query and not parts.fragment
    return False


def read_small(path: Path, what: str) -> bytes:
    """A small file. Raises ConfigError, which calls it `what`."""
    try:
        with path.open("rb") as file:
            raw = file.read(limits.config_bytes_max + 1)
    except OSError as error:
        raise ConfigError(f"{what} {path} cannot be read: {error.strerror or error}") from error
    if len(raw) > limits.config_bytes_max:
        raise ConfigError(f"{what} {path} has more than {limits.config_bytes_max} bytes: is it the right file?")
    return raw
