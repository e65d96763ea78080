"""TCP to members that are gone: nothing answers, as where a machine is dead.

One socket listens for all members, so the kernel would complete a connection to any of their addresses, and a real
inspection agent that looks at a failed member would find its port open. A filter of that socket (socket(7),
SO_ATTACH_FILTER: a program of the classic BPF) drops what comes for those that are gone. Streams that are open have
filters of their own and go on.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import Collection

from inspector_lab.hollow import limits

SO_ATTACH_FILTER = 26  # <asm-generic/socket.h>; the socket module does not name it
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # <linux/bpf_common.h>: LD|W|ABS, JMP|JEQ|K, RET|K
DESTINATION = 0xFFF0_0000 + 16  # <linux/filter.h>: SKF_NET_OFF; and where an IPv4 header has the receiver
ALL_OF_IT = 0xFFFF_FFFF


def program(addresses: Collection[bytes]) -> bytes:
    """Drop packets for these IPv4 addresses, at most `limits.dark_addresses_max` of them, and take all others."""
    steps = [(LOAD_WORD, 0, 0, DESTINATION)]
    for address in list(addresses)[: limits.dark_addresses_max]:
        steps.append((JUMP_IF_EQUAL, 0, 1, int.from_bytes(address, "big")))
        steps.append((RETURN, 0, 0, 0))
    steps.append((RETURN, 0, 0, ALL_OF_IT))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def darken(listener: int, addresses: Collection[bytes]) -> bool:
    """Let a listening socket, by its descriptor, answer nothing at these addresses. False: the kernel has no room."""
    code = program(addresses)
    buffer = ctypes.create_string_buffer(code, len(code))
    which = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    with socket.socket(fileno=os.dup(listener)) as same:
        try:
            same.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, which)
        except OSError:
            return False
    return True
