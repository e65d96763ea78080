"""The key by which a config center knows this node again: made at first need, in the cache, for its owner alone.

Whoever has the key can speak for the node in the inventory, and for nothing else. With the cache it is lost, and the
center goes on to believe the lost one until somebody lifts that: `config-center nodes --forget NODE`.
"""

from __future__ import annotations

from config_center.errors import TrustError
from config_center.files import write_whole
from config_center.keys import SecretKey, generate, read_secret
from inspector_agent.kept import PRIVATE, Kept

KEY_FILE = "node.key"


def node_key(kept: Kept) -> SecretKey:
    """The node's key. Raises TrustError for one that is damaged or open to others, OSError where none can be kept."""
    path = kept.directory / KEY_FILE
    if not path.exists():
        with kept.locked():
            if not path.exists():
                write_whole(path, f"{generate().secret_text}\n".encode(), mode=PRIVATE)
    if refused := kept.refused():
        raise TrustError(refused)
    return read_secret(path)
