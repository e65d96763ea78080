"""What a hollow ring cannot read.

LabError
└── PacketError   bytes from the network that no Serf agent would send
"""

from __future__ import annotations

from inspector_lab.errors import LabError


class PacketError(LabError):
    """Bytes that mean nothing here. Counted, never answered."""
