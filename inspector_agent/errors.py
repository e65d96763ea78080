"""The agent's own exceptions.

    AgentError
    ├── WireError            a question or an answer that is malformed, too big, or breaks a rule of the format
    │   └── VersionError     …because it speaks another version of the format
    ├── ConfigError          agent.yml cannot be read, or says something that cannot be
    ├── FetchError           a config center does not give what it should, or what it gives cannot be kept
    └── SourceError          what `inspector-agent check` was pointed at is no release, or has no such item

The ring client has a tree of its own (`inspector_agent.ring.errors`).
"""

from __future__ import annotations


class AgentError(Exception):
    """Base of everything the agent raises on purpose."""


class WireError(AgentError, ValueError):
    """A message that cannot be read, or one that must not be sent. The text says what is wrong and where."""


class VersionError(WireError):
    """A message in a version of the format that this program does not speak.

    Attributes:
        version: the version the message names.
    """

    def __init__(self, version: int, spoken: int) -> None:
        advice = "update this program" if version > spoken else "update the sender"
        super().__init__(f"message of version {version}, this program speaks version {spoken}: {advice}")
        self.version = version


class ConfigError(AgentError):
    """agent.yml cannot be read, or says something that cannot be. The text says which file, what, and what to do."""


class FetchError(AgentError):
    """A config center does not give what it should, or it cannot be kept. The text says which URL or file, and why."""


class SourceError(AgentError):
    """What `inspector-agent check` was pointed at cannot be used. The text says what, why, and what to do."""
